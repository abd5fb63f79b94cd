#include "xgrad/doctor/examples.hpp"

#include <algorithm>
#include <numeric>

#include "xgrad/data/draws.hpp"

namespace xgrad {

template <class T>
std::vector<std::int64_t> Examples<T>::choose(std::size_t count, std::uint64_t seed) const {
  std::vector<std::int64_t> all(size_);
  std::iota(all.begin(), all.end(), 0);
  count = std::min(count, size_);
  std::uint64_t state = detail::mixed(seed + 0x9e3779b97f4a7c15U);
  for (std::size_t i = 0; i < count; ++i) {  // Fisher, Yates
    state = detail::mixed(state + 0x9e3779b97f4a7c15U);
    std::swap(all[i], all[i + state % (size_ - i)]);
  }
  all.resize(count);
  return all;
}

template class Examples<float>;
template class Examples<double>;

}  // namespace xgrad
