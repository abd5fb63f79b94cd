#include "xgrad/autograd/pass.hpp"

#include <array>
#include <utility>

#include "xgrad/base/errors.hpp"

namespace xgrad::detail {
namespace {

constexpr unsigned kPassShift = 38, kOthersShift = 32;
constexpr std::uint64_t kOthers = std::uint64_t{63} << kOthersShift;
constexpr std::size_t kMost = 64;  // passes under way

// The numbers of the passes under way; 0 where there is none.
std::array<std::atomic<std::uint32_t>, kMost> under_way{};
std::atomic<std::uint32_t> last_number{0};

std::uint32_t enter() {
  thread_local std::uint32_t likely = 0;
  for (std::uint32_t i = 0; i < kMost; ++i) {
    const std::uint32_t at = (likely + i) % kMost;
    std::uint32_t nobody = 0;
    if (under_way[at].load(std::memory_order_relaxed) != 0) continue;
    const std::uint32_t count = last_number.fetch_add(1, std::memory_order_relaxed) % 0xFFFFF + 1;
    const auto number = static_cast<std::uint32_t>(count * kMost + at);
    if (!under_way[at].compare_exchange_strong(nobody, number, std::memory_order_acq_rel)) continue;
    likely = at;
    return number;
  }
  fail<std::logic_error>("backward", "more than ", kMost, " passes are under way");
}

bool is_under_way(std::uint64_t number) {
  return number != 0 && under_way[number % kMost].load(std::memory_order_acquire) == number;
}

// Changes the word of a node to change(word), and its count by `hold`.
template <class T, class Change>
std::uint64_t exchange_word(Node<T>* n, std::int32_t hold, const Change& change) {
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

// Lists that the passes of this thread have grown, so that a pass need not ask for memory.
template <class T>
std::vector<Visit<T>>& spare() {
  thread_local std::vector<Visit<T>> list;
  return list;
}

}  // namespace

template <class T>
Pass<T>::Pass() : number_(enter()), visits_(std::move(spare<T>())) {
  visits_.clear();
}

template <class T>
Pass<T>::~Pass() {
  for (const auto& [node, place] : others_) {
    Visit<T>& v = visits_[place];
    v.other = false;
    if (!v.counted) continue;
    exchange_word(v.node, 0,
                  [](std::uint64_t word) { return word - (std::uint64_t{1} << kOthersShift); });
  }
  under_way[number_ % kMost].store(0, std::memory_order_release);
  for (std::uint32_t place = 0; place < visits_.size(); ++place) forget(place);
  constexpr std::size_t kLongest = std::size_t{1} << 17;
  if (visits_.capacity() <= kLongest) spare<T>() = std::move(visits_);
}

template <class T>
auto Pass<T>::claim(Node<T>* n, std::uint32_t place) -> Claim {
  Claim claim = Claim::mine;
  exchange_word(n, 1, [&](std::uint64_t word) {
    if (word == kReleased) {
      claim = Claim::released;
      return word;
    }
    if (const std::uint64_t first = word >> kPassShift; first != number_ && is_under_way(first)) {
      claim = Claim::shared;
      return word + (std::uint64_t{1} << kOthersShift);
    }
    claim = Claim::mine;
    return number_ << kPassShift | (word & kOthers) | place;
  });
  return claim;
}

template <class T>
std::uint32_t Pass<T>::add(Node<T>* n) {
  const auto place = static_cast<std::uint32_t>(visits_.size());
  visits_.push_back({n});
  const Claim c = claim(n, place);
  if (c != Claim::mine) {
    others_.emplace(n, place);
    visits_[place].other = true;
    visits_[place].counted = c == Claim::shared;
  }
  return place;
}

template <class T>
bool Pass<T>::release(std::uint32_t place) {
  Node<T>* const n = visits_[place].node;
  const auto alone = [this](std::uint64_t word) {
    return word >> kPassShift == number_ && (word & kOthers) == 0;
  };
  if (!alone(
          exchange_word(n, 0, [&](std::uint64_t word) { return alone(word) ? kReleased : word; })))
    return false;
  if (visits_[place].sink) {  // is looked for later
    others_.emplace(n, place);
    visits_[place].other = true;
  }
  return true;
}

template <class T>
void Pass<T>::forget(std::uint32_t place) {
  Visit<T>& v = visits_[place];
  if (v.gradient != nullptr) drop(std::exchange(v.gradient, nullptr));
  if (v.other) return;  // until the end: the table knows its address
  if (Node<T>* n = std::exchange(v.node, nullptr)) drop_node(n);
}

template <class T>
std::uint32_t Pass<T>::find_other(const Node<T>* n) const {
  const auto it = others_.find(n);
  return it == others_.end() ? kNone : it->second;
}

template class Pass<float>;
template class Pass<double>;

}  // namespace xgrad::detail
