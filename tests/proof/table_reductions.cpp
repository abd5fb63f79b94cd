#include <algorithm>
#include <cmath>

#include "row.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/softmax.hpp"

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

Line running_sum(const Line& v) {
  Line y;
  Number s = 0;
  for (const Number x : v) y.push_back(s += x);
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
          reduce(position_of_largest, {1}), position()),
      prove(
          "argmin",
          []<class T>(const Values<T>& x) {
            return xgrad::from_indices<T>(argmin(x, -1, {.keep_dims = true}));
          },
          reduce(position_of_smallest, {2}, true), position()),
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
