#include <algorithm>
#include <cmath>

#include "row.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/cumprod.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/softmax.hpp"
#include "xgrad/ops/sorting.hpp"

namespace proof {
namespace {

using Line = std::vector<Number>;

Number product(const Line& v) {
  Number p = 1;
  for (const Number x : v) p *= x;
  return p;
}

Number variance(const Line& v, Number correction) {
  Number s = 0;
  for (const Number x : v) s += (x - average(v)) * (x - average(v));
  return s / (static_cast<Number>(v.size()) - correction);
}

Number power_norm(const Line& v, Number p) {
  Number s = 0;
  for (const Number x : v) s += std::pow(std::fabs(x), p);
  return std::pow(s, 1 / p);
}

// NaN when one element is.
Number largest(const Line& v) {
  Number m = v[0];
  for (const Number x : v) m = x > m || std::isnan(x) ? x : m;
  return m;
}
Number smallest(const Line& v) {
  Number m = v[0];
  for (const Number x : v) m = x < m || std::isnan(x) ? x : m;
  return m;
}
Number largest_size(const Line& v) {
  Number m = 0;
  for (const Number x : v) m = std::fabs(x) > m || std::isnan(x) ? std::fabs(x) : m;
  return m;
}

// NaN after all numbers.
bool is_below(Number a, Number b) { return a < b || (std::isnan(b) && !std::isnan(a)); }
Line ascending(Line v) {
  std::sort(v.begin(), v.end(), is_below);
  return v;
}
Line descending(Line v) {
  std::sort(v.rbegin(), v.rend(), is_below);
  return v;
}
Line running(Number (*f)(const Line&), const Line& v) {
  Line y;
  for (std::size_t i = 0; i < v.size(); ++i)
    y.push_back(f(Line(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(i) + 1)));
  return y;
}
Line running_maximum(const Line& v) { return running(largest, v); }
Line running_minimum(const Line& v) { return running(smallest, v); }

// Between the sorted elements, on the straight line.
template <int percent>
Number quantile_of(const Line& v) {
  const Line s = ascending(v);
  if (std::isnan(s.back())) return s.back();
  const Number place = Number(percent) / 100 * static_cast<Number>(s.size() - 1);
  const auto i = static_cast<std::size_t>(place);
  const Number share = place - static_cast<Number>(i);
  return share == 0 ? s[i] : (1 - share) * s[i] + share * s[i + 1];
}

Line places_in_order(const Line& v) {
  const Line s = ascending(v);
  Line places;
  for (const Number x : s)
    places.push_back(static_cast<Number>(
        std::find_if(v.begin(), v.end(),
                     [x](Number y) { return !is_below(x, y) && !is_below(y, x); }) -
        v.begin()));
  return places;
}

// One of each line along the last axis: the largest.
Reference largest_one(const References& in) {
  return reduce(largest, {in[0].rank() - 1}, true)(in);
}

Line running_sum(const Line& v) {
  Line y;
  Number s = 0;
  for (const Number x : v) y.push_back(s += x);
  return y;
}

Line running_product(const Line& v) {
  Line y;
  Number p = 1;
  for (const Number x : v) y.push_back(p *= x);
  return y;
}

// Positions have another shape than xgrad::argmax gives without an axis: a single number.
Number position_of_largest(const Line& v) {
  return static_cast<Number>(std::max_element(v.begin(), v.end()) - v.begin());
}
Number position_of_smallest(const Line& v) {
  return static_cast<Number>(std::min_element(v.begin(), v.end()) - v.begin());
}

const std::vector<std::vector<Shape>> kShapes = {{{1, 1, 1}}, {{1, 3, 1}}, {{3, 1, 2}}};
const std::vector<std::vector<Shape>> kShapesAndEmpty = {
    {{1, 1, 1}}, {{1, 3, 1}}, {{3, 1, 2}}, {{2, 0, 3}}, {{0, 2, 3}}};

const std::vector<std::vector<Shape>> kAnyShape = {
    {{1, 1, 1}}, {{1, 3, 1}}, {{3, 1, 2}}, {{2, 0, 3}}, {{0, 2, 3}}, {{}}, {{5}}};
// Without lines of no elements along axis 1 or 2.
const std::vector<std::vector<Shape>> kShapesAndNoLines = {
    {{1, 1, 1}}, {{1, 3, 1}}, {{3, 1, 2}}, {{0, 2, 3}}};
const std::vector<std::vector<Shape>> kShapesAndScalar = {
    {{1, 1, 1}}, {{1, 3, 1}}, {{3, 1, 2}}, {{}}};

Row cube(std::vector<std::vector<Shape>> shapes = kShapes) {
  return {.arguments = {{{2, 3, 4}}}, .shapes = std::move(shapes), .large = {{128, 32, 64}}};
}

// Numbers away from 0, where norms have no second derivative.
Row positive(std::vector<std::vector<Shape>> shapes = kShapes) {
  Row r = cube(std::move(shapes));
  r.arguments[0].low = 0.3;
  return r;
}

Row position() {
  Row r = cube(kShapesAndNoLines);
  r.differentiable = false;
  return r;
}

template <class T>
using Values = xgrad::Tensor<T>;

}  // namespace

std::vector<Row> reduction_rows() {
  Row scalar = {.arguments = {{{}}}};
  return {
      prove(
          "sum", [](const auto& x) { return sum(x); }, reduce(add_up), cube(kShapesAndEmpty)),
      prove(
          "sum: 0-d", [](const auto& x) { return sum(x); }, reduce(add_up), scalar),
      prove(
          "sum: axis", [](const auto& x) { return sum(x, 1); }, reduce(add_up, {1}),
          cube(kShapesAndEmpty)),
      prove(
          "sum: axes kept",
          [](const auto& x) {
            return sum(x, {0, -1}, {.keep_dims = true});
          },
          reduce(add_up, {0, 2}, true), cube(kShapesAndEmpty)),
      prove(
          "mean", [](const auto& x) { return mean(x); }, reduce(average), cube(kAnyShape)),
      prove(
          "mean: axis kept", [](const auto& x) { return mean(x, -1, {.keep_dims = true}); },
          reduce(average, {2}, true), cube(kShapesAndEmpty)),
      prove(
          "prod", [](const auto& x) { return prod(x); }, reduce(product), positive(kAnyShape)),
      prove(
          "prod: axis", [](const auto& x) { return prod(x, 1); }, reduce(product, {1}),
          cube(kShapesAndEmpty)),
      prove(
          "var", [](const auto& x) { return var(x); },
          reduce([](const Line& v) { return variance(v, 1); }), cube({{{1, 3, 1}}, {{3, 1, 2}}})),
      prove(
          "var: biased", [](const auto& x) { return var(x, {}, {.correction = 0}); },
          reduce([](const Line& v) { return variance(v, 0); }), cube(kAnyShape)),
      prove(
          "var: biased over axes",
          [](const auto& x) {
            return var(x, {0, 1}, {.correction = 0});
          },
          reduce([](const Line& v) { return variance(v, 0); }, {0, 1}),
          cube({{{1, 3, 1}}, {{3, 1, 2}}})),
      prove(
          "stddev", [](const auto& x) { return stddev(x, 1); },
          reduce([](const Line& v) { return std::sqrt(variance(v, 1)); }, {1}),
          cube({{{1, 3, 1}}, {{0, 3, 2}}})),
      prove(
          "norm", [](const auto& x) { return norm(x); },
          reduce([](const Line& v) { return power_norm(v, 2); }), cube(kAnyShape)),
      prove(
          "norm: 1 over an axis", [](const auto& x) { return norm(x, 1, 0); },
          reduce([](const Line& v) { return power_norm(v, 1); }, {0}), positive()),
      prove(
          "norm: 3", [](const auto& x) { return norm(x, 3, -1); },
          reduce([](const Line& v) { return power_norm(v, 3); }, {2}), positive()),
      prove(
          "norm: infinite",
          [](const auto& x) { return norm(x, std::numeric_limits<double>::infinity(), 2); },
          reduce(largest_size, {2}), positive()),
      prove(
          "logsumexp", [](const auto& x) { return logsumexp(x); }, reduce(log_sum_exp),
          cube(kAnyShape)),
      prove(
          "logsumexp: axis kept",
          [](const auto& x) { return logsumexp(x, 1, {.keep_dims = true}); },
          reduce(log_sum_exp, {1}, true), cube(kShapesAndEmpty)),
      prove(
          "cumsum", [](const auto& x) { return cumsum(x, 1); }, along(running_sum, 1),
          cube(kShapesAndEmpty)),
      prove(
          "cumsum: last axis", [](const auto& x) { return cumsum(x, -1); }, along(running_sum, 2),
          cube(kShapesAndEmpty)),
      prove(
          "cumprod", [](const auto& x) { return cumprod(x, 1); }, along(running_product, 1),
          cube(kShapesAndEmpty)),
      prove(
          "cumprod: last axis", [](const auto& x) { return cumprod(x, -1); },
          along(running_product, 2), cube(kShapesAndEmpty)),
      prove(
          "max", [](const auto& x) { return max(x); }, reduce(largest), cube(kShapesAndScalar)),
      prove(
          "max: axis", [](const auto& x) { return max(x, 1); }, reduce(largest, {1}),
          cube(kShapesAndNoLines)),
      prove(
          "min", [](const auto& x) { return min(x); }, reduce(smallest), cube(kShapesAndScalar)),
      prove(
          "min: axes kept",
          [](const auto& x) {
            return min(x, {0, 2}, {.keep_dims = true});
          },
          reduce(smallest, {0, 2}, true), cube({{{1, 1, 1}}, {{1, 3, 1}}, {{2, 0, 3}}})),
      prove(
          "argmax",
          []<class T>(const Values<T>& x) { return xgrad::from_indices<T>(argmax(x, 1)); },
          reduce(position_of_largest, {1}), on_host(position())),
      prove(
          "argmin",
          []<class T>(const Values<T>& x) {
            return xgrad::from_indices<T>(argmin(x, -1, {.keep_dims = true}));
          },
          reduce(position_of_smallest, {2}, true), on_host(position())),
      prove(
          "sum: terms",
          []<class T>(const Values<T>& x) {
            return sum(std::vector<Values<T>>{x, x, x});
          },
          elementwise([](Number x) { return 3 * x; }), cube(kAnyShape)),
      prove(
          "sort", [](const auto& x) { return sort(x, 1).values; }, along(ascending, 1),
          on_host(cube(kShapesAndEmpty))),
      prove(
          "sort: descending",
          [](const auto& x) { return sort(x, -1, {.descending = true}).values; },
          along(descending, 2), on_host(cube(kShapesAndEmpty))),
      prove(
          "argsort",
          []<class T>(const Values<T>& x) { return xgrad::from_indices<T>(argsort(x, 1)); },
          along(places_in_order, 1), on_host(position())),
      prove(
          "topk", [](const auto& x) { return topk(x, 1).values; }, largest_one,
          on_host(cube({{{1, 1, 1}}, {{1, 3, 1}}, {{3, 1, 2}}, {{0, 2, 3}}, {{2, 0, 3}}}))),
      prove(
          "cummax", [](const auto& x) { return cummax(x, 1).values; }, along(running_maximum, 1),
          on_host(cube(kShapesAndEmpty))),
      prove(
          "cummin", [](const auto& x) { return cummin(x, -1).values; }, along(running_minimum, 2),
          on_host(cube(kShapesAndEmpty))),
      prove(
          "quantile", [](const auto& x) { return quantile(x, 0.75, 1); },
          reduce(quantile_of<75>, {1}), cube(kShapesAndNoLines)),
      prove(
          "quantile: all", [](const auto& x) { return quantile(x, 0.25); }, reduce(quantile_of<25>),
          cube(kShapesAndScalar)),
      prove(
          "median", [](const auto& x) { return median(x, 2, {.keep_dims = true}); },
          reduce(quantile_of<50>, {2}, true), cube(kShapesAndNoLines)),
      prove(
          "median: all", [](const auto& x) { return median(x); }, reduce(quantile_of<50>),
          cube(kShapesAndScalar)),
      prove("bucketize",
            []<class T>(const Values<T>& x) {
              return xgrad::from_indices<T>(bucketize(x, {T(-1), T(0), T(0.5)}));
            },
            elementwise([](Number x) {
              return Number(is_below(-1, x)) + Number(is_below(0, x)) + Number(is_below(0.5L, x));
            }),
            {.arguments = {{{3, 4}, -2, 2}},
             .elementwise = true,
             .differentiable = false,
             .reads_on_host = true}),
      prove(
          "softmax", [](const auto& x) { return softmax(x); }, along(soft_max, 2),
          cube(kShapesAndEmpty)),
      prove(
          "softmax: axis", [](const auto& x) { return softmax(x, 0); }, along(soft_max, 0),
          cube(kShapesAndEmpty)),
      prove(
          "log_softmax", [](const auto& x) { return log_softmax(x); }, along(log_soft_max, 2),
          cube(kShapesAndEmpty)),
      prove(
          "log_softmax: axis", [](const auto& x) { return log_softmax(x, 1); },
          along(log_soft_max, 1), cube(kShapesAndEmpty)),
  };
}

}  // namespace proof
