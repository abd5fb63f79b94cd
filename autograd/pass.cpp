#include "xgrad/autograd/pass.hpp"

#include <array>
#include <utility>

#include "xgrad/base/errors.hpp"

namespace xgrad::detail {
namespace {

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

// Lists that the passes of this thread have grown, so that a pass need not ask for memory.
template <class T>
Visits<T>& spare() {
  thread_local Visits<T> list;
  return list;
}

}  // namespace

bool is_under_way(std::uint64_t number) {
  return number != 0 && under_way[number % kMost].load(std::memory_order_acquire) == number;
}

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
void Pass<T>::add_other(Node<T>* n, std::uint32_t place) {
  others_.emplace(n, place);
  visits_[place].other = true;
}

template <class T>
std::uint32_t Pass<T>::find_other(const Node<T>* n) const {
  const auto it = others_.find(n);
  return it == others_.end() ? kNone : it->second;
}

template class Pass<float>;
template class Pass<double>;

}  // namespace xgrad::detail
