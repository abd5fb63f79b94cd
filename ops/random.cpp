#include "xgrad/ops/random.hpp"

#include <cmath>
#include <string>

#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

Indices make_indices(const Shape& shape) {
  detail::checked_elements(shape, sizeof(std::int64_t));
  return Indices(Indices::shape_type(shape.begin(), shape.end()));
}

}  // namespace

template <class T>
Tensor<T> uniform(const Shape& shape, std::type_identity_t<T> low, std::type_identity_t<T> high,
                  Generator& generator) {
  if (!(low <= high) || !std::isfinite(low) || !std::isfinite(high)) {
    detail::fail("uniform", "not an interval: low ", low, ", high ", high);
  }
  Tensor<T> t = Tensor<T>::uninitialized(shape);
  kernels::fill_uniform(t.mutable_data(), t.size(), low, high, generator.next());
  return t;
}

template <class T>
Tensor<T> normal(const Shape& shape, std::type_identity_t<T> mean,
                 std::type_identity_t<T> deviation, Generator& generator) {
  detail::require_in("normal", "deviation", deviation, "[0, inf]");
  Tensor<T> t = Tensor<T>::uninitialized(shape);
  kernels::fill_normal(t.mutable_data(), t.size(), mean, deviation, generator.next());
  return t;
}

template <class T>
Tensor<T> bernoulli(const Shape& shape, double probability, Generator& generator) {
  detail::require_in("bernoulli", "probability", probability, "[0, 1]");
  Tensor<T> t = Tensor<T>::uninitialized(shape);
  kernels::fill_bernoulli(t.mutable_data(), t.size(), probability, T(1), generator.next());
  return t;
}

Indices random_integers(const Shape& shape, std::int64_t low, std::int64_t high,
                        Generator& generator) {
  if (low >= high) {
    detail::fail("random_integers", "empty range: low ", low, ", high ", high);
  }
  Indices r = make_indices(shape);
  kernels::fill_integers(r.data(), r.size(), low, high, generator.next());
  return r;
}

Indices random_permutation(std::size_t n, Generator& generator) {
  Indices r = make_indices({n});
  kernels::fill_permutation(r.data(), n, generator.next());
  return r;
}

#define XGRAD_INSTANTIATE(T)                                                                    \
  template Tensor<T> uniform<T>(const Shape&, std::type_identity_t<T>, std::type_identity_t<T>, \
                                Generator&);                                                    \
  template Tensor<T> normal<T>(const Shape&, std::type_identity_t<T>, std::type_identity_t<T>,  \
                               Generator&);                                                     \
  template Tensor<T> bernoulli<T>(const Shape&, double, Generator&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
