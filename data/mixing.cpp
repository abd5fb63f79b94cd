#include "xgrad/data/mixing.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "xgrad/base/errors.hpp"
#include "xgrad/data/draws.hpp"

namespace xgrad {
namespace {

// The logarithm of a number of Gamma(a): Marsaglia, Tsang 2000, and G(a) = G(a + 1) U^(1/a)
// below 1.
double log_gamma_number(double a, Draws& draws) {
  const double boost = a < 1 ? std::log1p(-draws.uniform()) / a : 0;
  const double d = (a < 1 ? a + 1 : a) - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    double x;
    draws.normal(&x, 1, 1);
    const double v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log1p(-draws.uniform()) < x * x / 2 + d - d * v + d * std::log(v)) {
      return std::log(d * v) + boost;
    }
  }
}

void check(const char* operation, MixOptions options) {
  detail::require_in(operation, "alpha", options.alpha, "[0, inf)");
}

double share(MixOptions options, Generator& generator) {
  const Generator::State draw = generator.next();
  return options.alpha == 0 ? 1 : detail::symmetric_beta(options.alpha, draw);
}

std::vector<std::int64_t> partners(std::size_t n, Generator& generator) {
  std::vector<std::int64_t> r(n);
  kernels::fill_permutation(r.data(), n, generator.next());
  return r;
}

// l x + (1 - l) x[p] by row.
template <class T>
Tensor<T> mix_rows(const Tensor<T>& x, const std::vector<std::int64_t>& p, double l) {
  Tensor<T> r = Tensor<T>::uninitialized(x.shape());
  const std::size_t row = p.empty() ? 0 : x.size() / p.size();
  const T a = static_cast<T>(l), b = static_cast<T>(1 - l);
  T* to = r.mutable_data();
  for (std::size_t i = 0; i < p.size(); ++i) {
    const T* own = x.data() + i * row;
    const T* other = x.data() + static_cast<std::size_t>(p[i]) * row;
    for (std::size_t j = 0; j < row; ++j) *to++ = a * own[j] + b * other[j];
  }
  return r;
}

struct Span {
  std::size_t from, to;
};

// A stretch of this length about a random centre, within [0, n).
Span stretch(std::size_t n, double length, Draws& draws) {
  const double size = static_cast<double>(n);
  const double centre = std::floor(draws.uniform() * size), half = std::floor(length * size) / 2;
  const auto limited = [&](double v) {
    return static_cast<std::size_t>(std::clamp(std::floor(v), 0.0, size));
  };
  return {limited(centre - half), limited(centre + half)};
}

template <class T>
std::size_t samples(const char* operation, const TargetBatch<T>& batch) {
  const Shape &x = batch.inputs.shape(), &t = batch.targets.shape();
  if (x.rank() > 0 && t.rank() > 0 && x[0] == t[0]) return x[0];
  detail::fail(operation, "the numbers of samples differ: inputs ", x, ", targets ", t);
}

}  // namespace

double detail::symmetric_beta(double alpha, Generator::State draw) {
  Draws draws(draw.seed, draw.draws, 0);
  const double a = log_gamma_number(alpha, draws), b = log_gamma_number(alpha, draws);
  return 1 / (1 + std::exp(b - a));
}

template <class T>
TargetBatch<T> with_probabilities(const LabeledBatch<T>& batch, std::size_t classes) {
  const std::size_t n = batch.labels.size();
  for (const std::int64_t label : batch.labels) {
    if (label >= 0 && static_cast<std::size_t>(label) < classes) continue;
    detail::fail<std::out_of_range>("with_probabilities", "label ", label, " of ", classes,
                                    " classes");
  }
  Tensor<T> targets = Tensor<T>::filled({n, classes}, 0);
  T* t = targets.mutable_data();
  for (std::size_t i = 0; i < n; ++i) {
    t[i * classes + static_cast<std::size_t>(batch.labels.data()[i])] = 1;
  }
  return {batch.inputs, targets};
}

template <class T>
TargetBatch<T> mixup(const TargetBatch<T>& batch, MixOptions options, Generator& generator) {
  check("mixup", options);
  const std::size_t n = samples("mixup", batch);
  const double l = share(options, generator);
  const auto p = partners(n, generator);
  return {mix_rows(batch.inputs, p, l), mix_rows(batch.targets, p, l)};
}

template <class T>
TargetBatch<T> cutmix(const TargetBatch<T>& batch, MixOptions options, Generator& generator) {
  check("cutmix", options);
  const Shape& shape = batch.inputs.shape();
  if (shape.rank() != 3 && shape.rank() != 4) {
    detail::fail("cutmix", "not images: ", shape);
  }
  const std::size_t n = samples("cutmix", batch);
  const double side = std::sqrt(1 - share(options, generator));
  const auto p = partners(n, generator);
  const Generator::State draw = generator.next();
  Draws draws(draw.seed, draw.draws, 0);
  const std::size_t height = shape[shape.rank() - 2], width = shape.back();
  const Span y = stretch(height, side, draws), x = stretch(width, side, draws);

  Tensor<T> inputs = batch.inputs.clone();
  const std::size_t planes = n == 0 ? 0 : inputs.size() / n / (height * width);
  T* to = inputs.mutable_data();
  for (std::size_t i = 0; i < n * planes; ++i) {
    const std::size_t other = static_cast<std::size_t>(p[i / planes]) * planes + i % planes;
    for (std::size_t row = y.from; row < y.to; ++row) {
      std::copy_n(batch.inputs.data() + (other * height + row) * width + x.from, x.to - x.from,
                  to + (i * height + row) * width + x.from);
    }
  }
  const double covered = static_cast<double>((y.to - y.from) * (x.to - x.from));
  const double left = 1 - covered / static_cast<double>(height * width);
  return {inputs, mix_rows(batch.targets, p, left)};
}

#define XGRAD_INSTANTIATE(T)                                                       \
  template TargetBatch<T> with_probabilities(const LabeledBatch<T>&, std::size_t); \
  template TargetBatch<T> mixup(const TargetBatch<T>&, MixOptions, Generator&);    \
  template TargetBatch<T> cutmix(const TargetBatch<T>&, MixOptions, Generator&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
