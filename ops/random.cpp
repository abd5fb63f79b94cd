#include "xgrad/ops/random.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "xgrad/autograd/trace.hpp"
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
  return detail::source("uniform", t, [=, g = detail::FollowedGenerator(generator)] {
    return uniform<T>(shape, low, high, g.get());
  });
}

template <class T>
Tensor<T> normal(const Shape& shape, std::type_identity_t<T> mean,
                 std::type_identity_t<T> deviation, Generator& generator) {
  detail::require_in("normal", "deviation", deviation, "[0, inf]");
  Tensor<T> t = Tensor<T>::uninitialized(shape);
  kernels::fill_normal(t.mutable_data(), t.size(), mean, deviation, generator.next());
  return detail::source("normal", t, [=, g = detail::FollowedGenerator(generator)] {
    return normal<T>(shape, mean, deviation, g.get());
  });
}

template <class T>
Tensor<T> bernoulli(const Shape& shape, double probability, Generator& generator) {
  detail::require_in("bernoulli", "probability", probability, "[0, 1]");
  Tensor<T> t = Tensor<T>::uninitialized(shape);
  kernels::fill_bernoulli(t.mutable_data(), t.size(), probability, T(1), generator.next());
  return detail::source("bernoulli", t, [=, g = detail::FollowedGenerator(generator)] {
    return bernoulli<T>(shape, probability, g.get());
  });
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

namespace {

void require_weights(const std::vector<double>& w, std::size_t row, std::size_t positive) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    detail::require(w[i] >= 0 && std::isfinite(w[i]), "multinomial",
                    "a weight is negative or not finite: row ", row, ", position ", i, ": ", w[i]);
    found += w[i] > 0 ? 1 : 0;
  }
  detail::require(found >= positive, "multinomial", "row ", row, " has ", found,
                  " positive weights: ", positive, " needed");
}

// Where the running sum passes a uniform part of the whole.
void draw_again(const std::vector<double>& w, const double* u, std::size_t n, std::int64_t* to) {
  std::vector<double> sums(w.size());
  std::partial_sum(w.begin(), w.end(), sums.begin());
  std::size_t last = w.size() - 1;
  while (w[last] == 0) --last;
  for (std::size_t k = 0; k < n; ++k) {
    const auto at = std::upper_bound(sums.begin(), sums.end(), u[k] * sums.back()) - sums.begin();
    to[k] = std::min<std::int64_t>(at, static_cast<std::int64_t>(last));
  }
}

// The first of exponential times with these rates (Efraimidis, Spirakis 2006).
void draw_once(const std::vector<double>& w, const double* u, std::size_t n, std::int64_t* to) {
  std::vector<std::pair<double, std::int64_t>> times;
  for (std::size_t i = 0; i < w.size(); ++i) {
    if (w[i] > 0) times.emplace_back(-std::log1p(-u[i]) / w[i], static_cast<std::int64_t>(i));
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(n);
  std::partial_sort(times.begin(), middle, times.end());
  for (std::size_t k = 0; k < n; ++k) to[k] = times[k].second;
}

}  // namespace

template <class T>
Indices multinomial(const Tensor<T>& weights, std::size_t draws, MultinomialOptions options,
                    Generator& generator) {
  detail::require(weights.rank() == 1 || weights.rank() == 2, "multinomial",
                  "weights are not (n) or (m, n): ", weights.shape());
  detail::read_on_host(weights, "multinomial");
  const std::size_t n = weights.size(-1), rows = weights.rank() == 1 ? 1 : weights.size(0);
  std::vector<std::vector<double>> w;
  for (std::size_t r = 0; r < rows; ++r) {
    w.emplace_back(weights.data() + r * n, weights.data() + (r + 1) * n);
    require_weights(w[r], r, options.replacement ? 1 : std::max<std::size_t>(draws, 1));
  }
  Indices result = make_indices(weights.rank() == 1 ? Shape{draws} : Shape{rows, draws});
  const std::size_t each = options.replacement ? draws : n;
  std::vector<double> u(rows * each);
  kernels::fill_uniform(u.data(), u.size(), 0.0, 1.0, generator.next());
  for (std::size_t r = 0; r < rows; ++r) {
    (options.replacement ? draw_again : draw_once)(w[r], u.data() + r * each, draws,
                                                   result.data() + r * draws);
  }
  return result;
}

#define XGRAD_INSTANTIATE(T)                                                                    \
  template Tensor<T> uniform<T>(const Shape&, std::type_identity_t<T>, std::type_identity_t<T>, \
                                Generator&);                                                    \
  template Tensor<T> normal<T>(const Shape&, std::type_identity_t<T>, std::type_identity_t<T>,  \
                               Generator&);                                                     \
  template Tensor<T> bernoulli<T>(const Shape&, double, Generator&);                            \
  template Indices multinomial(const Tensor<T>&, std::size_t, MultinomialOptions, Generator&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
