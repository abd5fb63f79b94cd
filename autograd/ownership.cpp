#include "xgrad/autograd/ownership.hpp"

#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

#include "xgrad/autograd/node.hpp"

#if __has_include(<linux/membarrier.h>)
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace xgrad::detail {
namespace {

#if __has_include(<linux/membarrier.h>)
bool register_barrier() {
  return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}
void barrier() { syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0); }
#else
bool register_barrier() { return false; }
void barrier() {}
#endif

// Never destroyed: tensors may be freed by destructors that run after every other static's.
struct Threads {
  std::mutex mutex;
  std::vector<ThreadMark*> all;  // guarded by mutex, as all below
  std::uint32_t last = 0;
  std::int64_t gone_live = 0;              // of threads that ended
  std::atomic<std::int64_t> late_live{0};  // counted by threads that own nothing
  const bool has_barrier = register_barrier();

  std::uint32_t next_mark() {
    do ++last;
    while (last == 0 || last == ThreadMark::kNone);
    return last;
  }
};

Threads& threads() {
  static Threads* const t = new Threads;
  return *t;
}

// A child process has the thread that forked and no other.
void only_this_thread() {
  std::vector<ThreadMark*>& all = threads().all;
  std::erase_if(all, [](const ThreadMark* m) { return m != &this_thread; });
  threads().mutex.unlock();
}
[[maybe_unused]] const int kForks = pthread_atfork(
    [] { threads().mutex.lock(); }, [] { threads().mutex.unlock(); }, &only_this_thread);

thread_local bool gone = false;

// While it lives nodes can belong to this thread.
struct Registration {
  Registration() {
    Threads& t = threads();
    const std::lock_guard lock(t.mutex);
    t.all.push_back(&this_thread);
    if (t.has_barrier) this_thread.mark.store(t.next_mark(), std::memory_order_relaxed);
  }
  ~Registration() {
    Threads& t = threads();
    const std::lock_guard lock(t.mutex);
    std::erase(t.all, &this_thread);
    t.gone_live += this_thread.live.exchange(0, std::memory_order_relaxed);
    this_thread.mark.store(ThreadMark::kNone, std::memory_order_relaxed);
    gone = true;
  }
};

bool registered() {
  if (gone) return false;
  thread_local const Registration registration;
  return true;
}

}  // namespace

std::uint32_t first_mark() {
  if (!registered()) return 0;
  const std::uint32_t mark = this_thread.mark.load(std::memory_order_relaxed);
  return mark == ThreadMark::kNone ? 0 : mark;
}

void share(std::atomic<std::uint32_t>& owner) {
  Threads& t = threads();
  const std::lock_guard lock(t.mutex);
  const std::uint32_t mark = owner.load(std::memory_order_relaxed);
  const auto belongs = [mark](const ThreadMark* m) {
    return m->mark.load(std::memory_order_relaxed) == mark;
  };
  if (const auto it = std::find_if(t.all.begin(), t.all.end(), belongs);
      mark != 0 && it != t.all.end()) {
    (*it)->mark.store(t.next_mark(), std::memory_order_relaxed);
    barrier();
    while ((*it)->busy.load(std::memory_order_acquire) != 0) std::this_thread::yield();
  }
  owner.store(0, std::memory_order_release);
}

void count_live_elsewhere(std::int64_t amount) {
  threads().late_live.fetch_add(amount, std::memory_order_relaxed);
}

std::int64_t live_nodes() {
  Threads& t = threads();
  const std::lock_guard lock(t.mutex);
  std::int64_t live = t.gone_live + t.late_live.load(std::memory_order_relaxed);
  for (const ThreadMark* m : t.all) live += m->live.load(std::memory_order_relaxed);
  return live;
}

}  // namespace xgrad::detail
