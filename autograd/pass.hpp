#pragma once

// What a backward pass knows about the nodes it walks. Internal.
//
// A pass keeps a list of its nodes; a node knows its place in the list of the one pass that came
// first, so that a look costs no search. A pass that finds a node taken by another one that is
// still under way, in another thread or around it, keeps the place in a table of its own. So
// passes may share nodes, and each sees its own gradients. Whoever shares a node does not let go
// of what it saved.
//
// Node::pass is one word: the pass (its number and its place among those under way), how many
// others are there as well, and the place in the list. kReleased stands for an entry whose inputs
// and saved values a pass has let go.

#include <cstdint>
#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "xgrad/autograd/node.hpp"

namespace xgrad::detail {

constexpr std::uint64_t kReleased = std::numeric_limits<std::uint32_t>::max();
constexpr unsigned kPassShift = 38, kOthersShift = 32;
constexpr std::uint64_t kOthers = std::uint64_t{63} << kOthersShift;

template <class T>
bool is_released(const Node<T>* n) {
  return n->pass.load(std::memory_order_acquire) == kReleased;
}

/// Which pass was the first to take the node; tests ask.
template <class T>
std::uint64_t pass_number(const Node<T>* n) {
  return n->pass.load(std::memory_order_relaxed) >> kPassShift;
}

/// Whether the pass of this number has not ended.
bool is_under_way(std::uint64_t number);

/// Changes the word of a node to change(word), and its count by `hold`. Returns the word before.
template <class T, class Change>
[[gnu::always_inline]] inline std::uint64_t exchange_word(Node<T>* n, std::int32_t hold,
                                                          const Change& change) {
  return owned_or_shared(
      n->owner,
      [&] {
        const std::uint64_t word = n->pass.load(std::memory_order_relaxed);
        n->pass.store(change(word), std::memory_order_relaxed);
        add_plainly(n->weak, hold);
        return word;
      },
      [&] {
        if (hold != 0) add_atomically(n->weak, hold);
        std::uint64_t word = n->pass.load(std::memory_order_acquire);
        while (!n->pass.compare_exchange_weak(word, change(word), std::memory_order_acq_rel)) {
        }
        return word;
      });
}

/// A node in a pass.
template <class T>
struct Visit {
  Node<T>* node;                // held
  Node<T>* gradient = nullptr;  // what was gathered so far, an owned handle
  bool other = false;           // the node does not know its place
  bool counted = false;         // ... and that this one is there, too
  bool sink = false;            // its gradient was asked for
  bool reached = false;
  bool useful = false;   // leads to a sink
  bool partly = false;   // ... but not by every input that requires a gradient
  bool written = false;  // something it saved was written in place
};

/// Memory of the pool, as long tapes need much at once.
template <class T>
using Visits = std::vector<Visit<T>, PoolAllocator<Visit<T>>>;

template <class T>
class Pass {
 public:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  Pass();
  ~Pass();
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  /// The place of a node, kNone when it was not added.
  std::uint32_t find(const Node<T>* n) const {
    const std::uint64_t word = n->pass.load(std::memory_order_relaxed);
    const auto place = static_cast<std::uint32_t>(word);
    if (word >> kPassShift == number_ && place < visits_.size() && visits_[place].node == n)
      return place;
    return others_.empty() ? kNone : find_other(n);
  }
  /// Adds a node that is not there yet.
  std::uint32_t add(Node<T>* n) {
    const auto place = static_cast<std::uint32_t>(visits_.size());
    visits_.push_back({n});
    if (const Claim c = claim(n, place); c != Claim::mine) [[unlikely]] {
      add_other(n, place);
      visits_[place].counted = c == Claim::shared;
    }
    return place;
  }
  /// Whether this pass may let go of what an entry saved; nobody walks it any more when it may.
  bool release(std::uint32_t place) {
    Node<T>* const n = visits_[place].node;
    const auto alone = [this](std::uint64_t word) {
      return word >> kPassShift == number_ && (word & kOthers) == 0;
    };
    const std::uint64_t before =
        exchange_word(n, 0, [&](std::uint64_t word) { return alone(word) ? kReleased : word; });
    if (!alone(before)) return false;
    if (visits_[place].sink) add_other(n, place);  // is looked for later
    return true;
  }

  Visit<T>& operator[](std::uint32_t place) { return visits_[place]; }
  const Visit<T>& operator[](std::uint32_t place) const { return visits_[place]; }
  std::size_t size() const { return visits_.size(); }
  /// Lets go of a node that was visited.
  void forget(std::uint32_t place) {
    Visit<T>& v = visits_[place];
    if (v.gradient != nullptr) drop(std::exchange(v.gradient, nullptr));
    if (v.other) return;  // until the end: the table knows its address
    if (Node<T>* n = std::exchange(v.node, nullptr)) drop_node(n);
  }

 private:
  enum class Claim { mine, shared, released };
  Claim claim(Node<T>* n, std::uint32_t place) {
    Claim claim = Claim::mine;
    exchange_word(n, 1, [&](std::uint64_t word) {
      if (word == kReleased) {
        claim = Claim::released;
        return word;
      }
      const std::uint64_t first = word >> kPassShift;
      if (first != 0 && first != number_ && is_under_way(first)) {
        claim = Claim::shared;
        return word + (std::uint64_t{1} << kOthersShift);
      }
      claim = Claim::mine;
      return number_ << kPassShift | (word & kOthers) | place;
    });
    return claim;
  }
  void add_other(Node<T>* n, std::uint32_t place);
  std::uint32_t find_other(const Node<T>* n) const;

  std::uint64_t number_;  // 26 bits, the last 6 of them its place among those under way
  Visits<T> visits_;
  std::unordered_map<const Node<T>*, std::uint32_t> others_;
};

}  // namespace xgrad::detail
