#include "xgrad/doctor/examples.hpp"

#include <algorithm>

#include "xgrad/kernels/random.hpp"

namespace xgrad {

template <class T>
std::vector<std::int64_t> Examples<T>::choose(std::size_t count, std::uint64_t seed) const {
  std::vector<std::int64_t> all(size_);
  kernels::fill_permutation(all.data(), all.size(), {seed, 0});
  all.resize(std::min(count, size_));
  return all;
}

template class Examples<float>;
template class Examples<double>;

}  // namespace xgrad
