#include "xgrad/ops/distributions.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/axis.hpp"
#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/gamma.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/softmax.hpp"

namespace xgrad {

using detail::Rule;

namespace {

// `draws`, and behind it the broadcast shape of the parameters.
template <class T>
struct Parameter {
  const char* name;
  const Tensor<T>& value;
};
template <class T>
Shape shape_of_samples(const char* operation, const Parameter<T>& a, const Parameter<T>& b,
                       const Shape& draws) {
  Shape shape = draws, both;
  detail::require(detail::broadcast(a.value.shape(), b.value.shape(), both), operation,
                  "shapes do not broadcast: ", a.name, " ", a.value.shape(), ", ", b.name, " ",
                  b.value.shape());
  for (const std::size_t size : both) shape.push_back(size);
  return shape;
}

template <class T>
void require_positive(const char* operation, const char* name, const Tensor<T>& x) {
  const T* const end = x.data() + x.size();
  const T* const wrong = std::find_if(x.data(), end, [](T v) { return !(v > 0) || std::isinf(v); });
  if (wrong == end) return;
  detail::fail(operation, name, " is not in (0, inf): ", *wrong, " at position ", wrong - x.data());
}

// -log(-log u) for u uniform in (0, 1).
template <class T>
Tensor<T> gumbel(const Shape& shape, Generator& generator) {
  constexpr T kLeast = sizeof(T) == 4 ? T(0x1p-25F) : static_cast<T>(0x1p-54);
  return -log(-log1p(-maximum(uniform<T>(shape, T(0), T(1), generator), Tensor<T>(kLeast))));
}

// 1 at the (first) largest element along an axis, 0 elsewhere.
template <class T>
Tensor<T> one_hot_of(const Tensor<T>& x, std::ptrdiff_t axis) {
  const Indices chosen = argmax(x, axis, {.keep_dims = true});
  const Tensor<T> classes = arange<T>(static_cast<double>(x.size(axis)));
  Shape along(std::vector<std::size_t>(x.rank(), 1));
  along[static_cast<std::size_t>(axis)] = x.size(axis);
  return reshape(classes, along) == from_indices<T>(chosen);
}

// --- The slope of gamma numbers z by their shape parameter a ---

template <class T>
void third_backward(const void*, Backward<T>&) {
  detail::fail<std::logic_error>("sample_gamma",
                                 "derivatives by the concentration end with the second: detach() "
                                 "the second ones where they are constants");
}
template <class T>
const Rule<T> kSecondSlope = {"sample_gamma second slope", &third_backward<T>, nullptr};

template <class T>
struct SecondSlopes {
  Tensor<T> by_a, by_z;
};

template <class T>
SecondSlopes<T> second_slopes(const Tensor<T>& a, const Tensor<T>& z) {
  const SecondSlopes<T> y{Tensor<T>::uninitialized(a.shape()), Tensor<T>::uninitialized(a.shape())};
  kernels::gamma_second_slopes(a.data(), z.data(), y.by_a.node()->data, y.by_z.node()->data,
                               a.size());
  detail::record<T>(y.by_a, kSecondSlope<T>, {&a, &z}, {});
  detail::log_again(y.by_a, [](const auto& x) { return second_slopes(x[0], x[1]).by_a; });
  detail::record<T>(y.by_z, kSecondSlope<T>, {&a, &z}, {});
  detail::log_again(y.by_z, [](const auto& x) { return second_slopes(x[0], x[1]).by_z; });
  return y;
}

template <class T>
void gamma_slope_backward(const void*, Backward<T>& b) {
  const Tensor<T> a = b.input(0), z = b.input(1);
  const SecondSlopes<T> slopes = second_slopes(a, z);
  b.add(0, b.gradient() * slopes.by_a);
  b.add(1, b.gradient() * slopes.by_z);
}

template <class T>
const Rule<T> kGammaSlope = {"sample_gamma slope", &gamma_slope_backward<T>, nullptr};

template <class T>
Tensor<T> gamma_slope(const Tensor<T>& a, const Tensor<T>& z) {
  Tensor<T> y = Tensor<T>::uninitialized(a.shape());
  kernels::gamma_slopes(a.data(), z.data(), y.node()->data, a.size());
  detail::record<T>(y, kGammaSlope<T>, {&a, &z}, {.inputs = 3});
  detail::log_again(y, [](const auto& x) { return gamma_slope(x[0], x[1]); });
  return y;
}

template <class T>
void sample_gamma_backward(const void*, Backward<T>& b) {
  b.add(0, b.gradient() * gamma_slope(b.input(0), b.output()));
}

template <class T>
const Rule<T> kSampleGamma = {"sample_gamma", &sample_gamma_backward<T>, nullptr};

template <class T>
Tensor<T> standard_gamma(const Tensor<T>& a, Generator::State draw) {
  Tensor<T> z = Tensor<T>::uninitialized(a.shape());
  kernels::fill_gamma(a.data(), z.node()->data, a.size(), draw);
  detail::record<T>(z, kSampleGamma<T>, {&a}, {.inputs = 1, .output = true});
  detail::log_again(z, [draw](const auto& x) { return standard_gamma(x[0], draw); });
  return z;
}

// f(a, b, generator) for numbers that depend on two tensors: one operation, which looks at them and
// draws each time.
template <class T, class F>
Tensor<T> sampled(const char* name, const Tensor<T>& a, const Tensor<T>& b, Generator& generator,
                  const F& f) {
  if (detail::tracer == nullptr) return f(a, b, generator);
  return detail::as_one(
      name,
      [f, g = detail::FollowedGenerator(generator)](const Tensor<T>& x, const Tensor<T>& y) {
        return f(x, y, g.get());
      },
      a, b);
}

// --- The samplers, after the axes of the draws are known ---

template <class T>
Tensor<T> normal_of(const Tensor<T>& mean, const Tensor<T>& deviation, const Shape& shape,
                    Generator& generator) {
  const T* const end = deviation.data() + deviation.size();
  const T* const wrong = std::find_if(deviation.data(), end, [](T v) { return v < 0; });
  detail::require(wrong == end, "sample_normal", "a deviation is negative at position ",
                  wrong - deviation.data());
  return mean + deviation * normal<T>(shape, T(0), T(1), generator);
}

template <class T>
Tensor<T> uniform_of(const Tensor<T>& low, const Tensor<T>& high, const Shape& shape,
                     Generator& generator) {
  const Tensor<T> width = high - low;
  const T* const end = width.data() + width.size();
  const T* const wrong = std::find_if(width.data(), end, [](T v) { return v < 0; });
  detail::require(wrong == end, "sample_uniform", "low is above high at position ",
                  wrong - width.data());
  return low + width * uniform<T>(shape, T(0), T(1), generator);
}

template <class T>
Tensor<T> gamma_of(const Tensor<T>& concentration, const Tensor<T>& rate, const Shape& shape,
                   Generator& generator) {
  require_positive("sample_gamma", "concentration", concentration);
  require_positive("sample_gamma", "rate", rate);
  return standard_gamma(broadcast_to(concentration, shape), generator.next()) / rate;
}

}  // namespace

template <class T>
Tensor<T> sample_normal(const Tensor<T>& mean, const std::type_identity_t<Tensor<T>>& deviation,
                        const Shape& draws, Generator& generator) {
  const Shape shape =
      shape_of_samples<T>("sample_normal", {"mean", mean}, {"deviation", deviation}, draws);
  return sampled(
      "sample_normal", mean, deviation, generator,
      [shape](const auto& m, const auto& d, Generator& g) { return normal_of(m, d, shape, g); });
}

template <class T>
Tensor<T> sample_uniform(const Tensor<T>& low, const std::type_identity_t<Tensor<T>>& high,
                         const Shape& draws, Generator& generator) {
  const Shape shape = shape_of_samples<T>("sample_uniform", {"low", low}, {"high", high}, draws);
  return sampled(
      "sample_uniform", low, high, generator,
      [shape](const auto& l, const auto& h, Generator& g) { return uniform_of(l, h, shape, g); });
}

template <class T>
Tensor<T> gumbel_softmax(const Tensor<T>& logits, GumbelSoftmaxOptions options,
                         Generator& generator) {
  constexpr const char* kName = "gumbel_softmax";
  detail::require_in(kName, "tau", options.tau, "(0, inf)");
  const auto axis =
      static_cast<std::ptrdiff_t>(normalize_axis(kName, options.axis, logits.shape(), "logits"));
  const Tensor<T> noisy = logits + gumbel<T>(logits.shape(), generator);
  const Tensor<T> soft = softmax(noisy / options.tau, axis);
  if (!options.hard) return soft;
  const auto hot_of = [axis](const Tensor<T>& x) { return one_hot_of(x, axis); };
  const Tensor<T> hot = detail::as_one("one_hot", hot_of, soft.detach());
  return hot + (soft - soft.detach());
}

template <class T>
Tensor<T> sample_gamma(const Tensor<T>& concentration, const std::type_identity_t<Tensor<T>>& rate,
                       const Shape& draws, Generator& generator) {
  const Shape shape =
      shape_of_samples<T>("sample_gamma", {"concentration", concentration}, {"rate", rate}, draws);
  return sampled(
      "sample_gamma", concentration, rate, generator,
      [shape](const auto& c, const auto& r, Generator& g) { return gamma_of(c, r, shape, g); });
}

#define XGRAD_INSTANTIATE(T)                                                                       \
  template Tensor<T> sample_normal(const Tensor<T>&, const Tensor<T>&, const Shape&, Generator&);  \
  template Tensor<T> sample_uniform(const Tensor<T>&, const Tensor<T>&, const Shape&, Generator&); \
  template Tensor<T> gumbel_softmax(const Tensor<T>&, GumbelSoftmaxOptions, Generator&);           \
  template Tensor<T> sample_gamma(const Tensor<T>&, const Tensor<T>&, const Shape&, Generator&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
