#include "xgrad/ops/random.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

namespace xgrad {
namespace {

std::string text(double v) {
  std::string s = std::to_string(v);
  return s;
}

Indices make_indices(const Shape& shape) {
  detail::checked_elements(shape, sizeof(std::int64_t));
  return Indices(Indices::shape_type(shape.begin(), shape.end()));
}

}  // namespace

template <class T>
Tensor<T> uniform(const Shape& shape, std::type_identity_t<T> low, std::type_identity_t<T> high,
                  Generator& generator) {
  if (!(low <= high) || !std::isfinite(low) || !std::isfinite(high)) {
    throw std::invalid_argument("uniform: not an interval: low " + text(low) + ", high " +
                                text(high));
  }
  Tensor<T> t = Tensor<T>::uninitialized(shape);
  kernels::fill_uniform(t.mutable_data(), t.size(), low, high, generator.next());
  return t;
}

template <class T>
Tensor<T> normal(const Shape& shape, std::type_identity_t<T> mean,
                 std::type_identity_t<T> deviation, Generator& generator) {
  if (!(deviation >= T(0)))
    throw std::invalid_argument("normal: deviation " + text(deviation) + " is not at least 0");
  Tensor<T> t = Tensor<T>::uninitialized(shape);
  kernels::fill_normal(t.mutable_data(), t.size(), mean, deviation, generator.next());
  return t;
}

template <class T>
Tensor<T> bernoulli(const Shape& shape, double probability, Generator& generator) {
  if (!(probability >= 0 && probability <= 1)) {
    throw std::invalid_argument("bernoulli: probability " + text(probability) +
                                " is not in [0, 1]");
  }
  Tensor<T> t = Tensor<T>::uninitialized(shape);
  kernels::fill_bernoulli(t.mutable_data(), t.size(), probability, T(1), generator.next());
  return t;
}

Indices random_integers(const Shape& shape, std::int64_t low, std::int64_t high,
                        Generator& generator) {
  if (low >= high) {
    throw std::invalid_argument("random_integers: empty range: low " + std::to_string(low) +
                                ", high " + std::to_string(high));
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
