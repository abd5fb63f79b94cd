#pragma once

// Counts that cost an atomic operation only where two threads meet. Internal.
//
// A node belongs to the thread that made it, which counts with plain loads and stores. The first
// touch by another thread ends that: from then on the node is shared and everybody counts with
// atomic operations. Both sides need one look at the node and one at the thread:
//
//   owner   busy = 1; if (node.owner == mine) count, plainly; busy = 0
//   other   owner's mark = another one; membarrier; wait while busy; node.owner = 0; count, atomically
//
// The barrier, which the system runs on every core of the process, takes the place of a fence in
// the owner's path. A mark stands for all nodes made under it: sharing one shares them all, and
// what their thread makes later belongs to it again. Where the system has no such barrier every
// node is shared from the start.

#include <atomic>
#include <cstdint>

namespace xgrad::detail {

/// What a thread writes into the nodes it makes, and whether it is counting on one of them.
struct ThreadMark {
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};  // matches no node

  std::atomic<std::uint32_t> mark{kNone};
  std::atomic<std::uint32_t> busy{0};
  std::atomic<std::int64_t> live{0};  // nodes made less nodes freed; written by this thread only
};
inline constinit thread_local ThreadMark this_thread;

std::uint32_t first_mark();
/// The mark for a new node; 0 for one that is shared from the start.
inline std::uint32_t mark_of_new_node() {
  const std::uint32_t mark = this_thread.mark.load(std::memory_order_relaxed);
  return mark != ThreadMark::kNone ? mark : first_mark();
}

/// Takes a node from the thread it belongs to.
void share(std::atomic<std::uint32_t>& owner);

// Out of line, so that the other way is short enough to be part of its callers.
template <class Shared>
[[gnu::noinline, gnu::cold]] auto shared_change(std::atomic<std::uint32_t>& owner,
                                                const Shared& shared) {
  if (owner.load(std::memory_order_acquire) != 0) share(owner);
  return shared();
}

/// One change to a node: plain() when it belongs to this thread, shared() otherwise.
template <class Plain, class Shared>
[[gnu::always_inline]] inline auto owned_or_shared(std::atomic<std::uint32_t>& owner,
                                                   const Plain& plain, const Shared& shared) {
  ThreadMark& me = this_thread;
  me.busy.store(1, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (owner.load(std::memory_order_relaxed) == me.mark.load(std::memory_order_relaxed)) [[likely]] {
    const auto result = plain();
    me.busy.store(0, std::memory_order_release);
    return result;
  }
  me.busy.store(0, std::memory_order_release);
  return shared_change(owner, shared);
}

void count_live_elsewhere(std::int64_t amount);
/// Counts a node made (1) or freed (-1).
inline void count_live(std::int64_t amount) {
  if (this_thread.mark.load(std::memory_order_relaxed) == ThreadMark::kNone)
    return count_live_elsewhere(amount);
  std::atomic<std::int64_t>& live = this_thread.live;
  live.store(live.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

}  // namespace xgrad::detail
