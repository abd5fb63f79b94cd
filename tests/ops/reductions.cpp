#include "xgrad/ops/reductions.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "tests/ops/failure.hpp"
#include "tests/ops/reference_rows.hpp"
#include "tests/ops/threads.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/cumprod.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct NamedAxes {
  const char* name;
  Axes axes;
  bool keep_dims = false;
};
const std::vector<NamedAxes> kAxes = {
    {"all", {}}, {"0", 0}, {"1", 1, true}, {"-1", -1}, {"0 2", {0, 2}, true}, {"0 1", {0, 1}}};

using Reduce = std::function<D(const D& x, const Axes& axes, bool keep_dims)>;

Reduce norm_of(double p) {
  return [p](const D& x, const Axes& a, bool keep) { return norm(x, p, a, {keep}); };
}

const std::vector<std::pair<std::string, Reduce>> kReductions = {
    {"sum", [](const D& x, const Axes& a, bool keep) { return sum(x * x, a, {keep}); }},
    {"mean", [](const D& x, const Axes& a, bool keep) { return mean(x * x, a, {keep}); }},
    {"prod", [](const D& x, const Axes& a, bool keep) { return prod(x, a, {keep}); }},
    {"var", [](const D& x, const Axes& a, bool keep) { return var(x, a, {.keep_dims = keep}); }},
    {"biased var", [](const D& x, const Axes& a,
                      bool keep) { return var(x, a, {.correction = 0, .keep_dims = keep}); }},
    {"stddev",
     [](const D& x, const Axes& a, bool keep) { return stddev(x, a, {.keep_dims = keep}); }},
    {"norm", norm_of(2)},
    {"norm 1", norm_of(1)},
    {"norm 3", norm_of(3)},
    {"norm 1.5", norm_of(1.5)},
    {"norm inf", norm_of(kInfinity)},
    {"logsumexp", [](const D& x, const Axes& a, bool keep) { return logsumexp(x, a, {keep}); }},
    {"max", [](const D& x, const Axes& a, bool keep) { return max(x, a, {keep}); }},
    {"min", [](const D& x, const Axes& a, bool keep) { return min(x, a, {keep}); }},
};

std::vector<Row> reduction_rows() {
  std::vector<Row> rows;
  for (const auto& [name, f] : kReductions) {
    for (const NamedAxes& a : kAxes) {
      rows.push_back({name + " " + a.name, {wave({2, 3, 4})}, [f = f, a](const Tensors& x) {
                        return f(x[0], a.axes, a.keep_dims);
                      }});
    }
  }
  for (const NamedAxes& a : kAxes) {
    rows.push_back({std::string("prod of zeros ") + a.name,
                    {holes({2, 3, 4})},
                    [a](const Tensors& x) { return prod(x[0], a.axes); }});
  }
  for (int axis = 0; axis < 3; ++axis) {
    rows.push_back({"cumprod " + std::to_string(axis), {wave({2, 3, 4})}, [axis](const Tensors& x) {
                      return cumprod(x[0] * x[0], axis);
                    }});
    rows.push_back({"cumprod of zeros " + std::to_string(axis),
                    {holes({2, 3, 4})},
                    [axis](const Tensors& x) { return cumprod(x[0], axis); }});
    rows.push_back({"cumsum " + std::to_string(axis), {wave({2, 3, 4})}, [axis](const Tensors& x) {
                      return cumsum(x[0] * x[0], axis);
                    }});
  }
  return rows;
}

const RegisterRows registered("reductions", reduction_rows());

D gradient(const D& y, const D& x) { return grad(sum(y), x); }

}  // namespace

BOOST_AUTO_TEST_SUITE(reductions)

BOOST_AUTO_TEST_CASE(shapes) {
  const D x = wave({2, 3, 4});
  for (const auto& [name, f] : kReductions) {
    BOOST_TEST_CONTEXT(name) {
      BOOST_TEST(to_string(f(x, {}, false).shape()) == "()");
      BOOST_TEST(to_string(f(x, {}, true).shape()) == "(1, 1, 1)");
      BOOST_TEST(to_string(f(x, -2, false).shape()) == "(2, 4)");
      BOOST_TEST(to_string(f(x, {2, 0}, false).shape()) == "(3)");
      BOOST_TEST(to_string(f(x, {2, 0}, true).shape()) == "(1, 3, 1)");
      BOOST_TEST(to_string(f(x, std::vector<std::ptrdiff_t>{1}, true).shape()) == "(2, 1, 4)");
    }
  }
}

BOOST_AUTO_TEST_CASE(alternating_axes_of_many) {
  const D x = wave({2, 3, 2, 1, 3, 2, 1, 2});
  const D y = sum(x, {0, 2, 4, 7});
  BOOST_TEST(to_string(y.shape()) == "(3, 1, 2, 1)");
  const D z = sum(sum(sum(sum(x, 7), 4), 2), 0);
  check_close(y, z);
  check_close(max(x, {0, 2, 4, 7}), max(max(max(max(x, 7), 4), 2), 0));
}

BOOST_AUTO_TEST_CASE(of_a_scalar) {
  const D x = parameter(D(-3.0));
  for (const auto& [name, f] : kReductions) {
    if (name == "var" || name == "stddev") continue;
    BOOST_TEST_CONTEXT(name) {
      const D y = f(x, {}, true);
      BOOST_TEST(to_string(y.shape()) == "()");
      BOOST_TEST(to_string(gradient(y, x).shape()) == "()");
    }
  }
  BOOST_TEST(sum(x).item() == -3);
  BOOST_TEST(norm(x).item() == 3);
  BOOST_TEST(gradient(norm(x), x).item() == -1);
  BOOST_TEST(std::isnan(var(x).item()));
  BOOST_TEST(argmax(x) == 0);
}

BOOST_AUTO_TEST_CASE(of_nothing) {
  const D x = parameter(D::uninitialized({0, 3}));
  const std::vector<std::pair<Reduce, double>> expected = {{kReductions[0].second, 0},
                                                           {kReductions[1].second, kNaN},
                                                           {kReductions[2].second, 1},
                                                           {kReductions[3].second, kNaN},
                                                           {norm_of(2), 0},
                                                           {norm_of(1), 0},
                                                           {norm_of(3), 0},
                                                           {kReductions[11].second, -kInfinity}};
  for (const auto& [f, value] : expected) {
    check_close(f(x, {}, false), D(value));
    check_close(f(x, 0, false), D::filled({3}, value));
    BOOST_TEST(to_string(f(x, 1, false).shape()) == "(0)");
    const D y = f(x, 0, false);
    BOOST_TEST(to_string(gradient(y, x).shape()) == "(0, 3)");
    BOOST_TEST(to_string(grad(sum(f(x, {}, false)), x, {.create_graph = true}).shape()) ==
               "(0, 3)");
  }
  BOOST_TEST(to_string(cumsum(x, 0).shape()) == "(0, 3)");
  BOOST_TEST(to_string(max(x, 1).shape()) == "(0)");
}

BOOST_AUTO_TEST_CASE(errors) {
  const D x = wave({2, 3}), nothing = D::uninitialized({0, 3});
  using std::invalid_argument;
  using std::out_of_range;
  check_failure<out_of_range>([&] { sum(x, 2); }, "sum: axis 2 is out of range [-2, 1]: x (2, 3)");
  check_failure<out_of_range>([&] { mean(x, -3); },
                              "mean: axis -3 is out of range [-2, 1]: x (2, 3)");
  check_failure<out_of_range>([&] { sum(D(1.0), 0); },
                              "sum: axis 0 is out of range: x () has no axes");
  check_failure<invalid_argument>(
      [&] {
        prod(x, {0, -2});
      },
      "prod: axis 0 is given twice: x (2, 3)");
  check_failure<invalid_argument>([&] { norm(x, 0); }, "norm: p is not in (0, inf]: 0");
  check_failure<invalid_argument>([&] { norm(x, kNaN); }, "norm: p is not in (0, inf]: nan");
  check_failure<invalid_argument>([&] { max(nothing); },
                                  "max: no elements along the reduced axes: x (0, 3)");
  check_failure<invalid_argument>([&] { min(nothing, 0); },
                                  "min: no elements along the reduced axes: x (0, 3)");
  check_failure<invalid_argument>([&] { argmin(nothing); },
                                  "argmin: no elements along the reduced axes: x (0, 3)");
  check_failure<out_of_range>([&] { argmax(x, 2); },
                              "argmax: axis 2 is out of range [-2, 1]: x (2, 3)");
  check_failure<out_of_range>([&] { cumsum(D(1.0), 0); },
                              "cumsum: axis 0 is out of range: x () has no axes");
}

BOOST_AUTO_TEST_CASE(equal_extrema_share_the_gradient) {
  const D x = parameter(D::from({2, 3}, {1, 5, 5, 5, 2, 1}));
  check_close(gradient(max(x), x), D::from({2, 3}, {0, 1. / 3, 1. / 3, 1. / 3, 0, 0}));
  check_close(gradient(max(x, 1), x), D::from({2, 3}, {0, 0.5, 0.5, 1, 0, 0}));
  check_close(gradient(min(x, {0, 1}), x), D::from({2, 3}, {0.5, 0, 0, 0, 0, 0.5}));
  const D cube = parameter(D::from({2, 1, 2}, {4, 0, 4, 4}));
  check_close(gradient(max(cube, {0, 2}), cube), D::from({2, 1, 2}, {1. / 3, 0, 1. / 3, 1. / 3}));
  check_close(grad(sum(max(x, 1) * D::from({2}, {2, 3})), x, {.create_graph = true}),
              D::from({2, 3}, {0, 1, 1, 3, 0, 0}));
}

BOOST_AUTO_TEST_CASE(nan_is_an_extremum) {
  const D x = parameter(D::from({2, 2}, {1, kNaN, 3, 2}));
  check_close(max(x, 1), D::from({2}, {kNaN, 3}));
  check_close(min(x, 0), D::from({2}, {1, kNaN}));
  check_close(gradient(max(x, 1), x), D::from({2, 2}, {0, 1, 1, 0}));
}

BOOST_AUTO_TEST_CASE(positions_of_extrema) {
  const D x = D::from({2, 4}, {1, kNaN, 3, kNaN, 5, 5, 2, 1});
  BOOST_TEST((argmax(x, 1) == Indices{1, 0}));
  BOOST_TEST((argmin(x, -1) == Indices{1, 3}));
  BOOST_TEST((argmax(x, 0) == Indices{1, 0, 0, 0}));
  BOOST_TEST((argmin(x, 0, {.keep_dims = true}) == Indices{{0, 0, 1, 0}}));
  BOOST_TEST(argmax(x) == 1);
  BOOST_TEST(argmin(D::from({2, 2}, {3, 1, 1, 2})) == 1);
}

BOOST_AUTO_TEST_CASE(kinks_of_norms) {
  const D x = parameter(D::from({4}, {3, 0, -4, 0})), zero = parameter(D::filled({3}, 0));
  check_close(gradient(norm(x), x), D::from({4}, {0.6, 0, -0.8, 0}));
  for (const double p : {1.0, 1.5, 2.0, 3.0, kInfinity}) {
    BOOST_TEST_CONTEXT("p = " << p) {
      BOOST_TEST(gradient(norm(x, p), x).data()[1] == 0);
      check_close(gradient(norm(zero, p), zero), D::filled({3}, 0));
      const D g = grad(norm(zero, p), zero, {.create_graph = true});
      if (!g.requires_grad()) continue;
      const D h = grad(sum(g * wave({3})), zero, {.allow_unused = true});
      if (h.defined()) check_close(h, D::filled({3}, 0));
    }
  }
}

BOOST_AUTO_TEST_CASE(deviation_of_equal_numbers) {
  const D x = parameter(D::filled({3}, 2.5));
  check_close(stddev(x), D(0.0));
  check_close(gradient(stddev(x), x), D::filled({3}, 0));
}

BOOST_AUTO_TEST_CASE(logsumexp_of_infinities) {
  const D x = parameter(D::from({3, 2}, {-kInfinity, -kInfinity, -kInfinity, 1, 1000, 1000}));
  const D y = logsumexp(x, 1);
  check_close(y, D::from({3}, {-kInfinity, 1, 1000 + std::log(2)}));
  const D expected = D::from({3, 2}, {0, 0, 0, 1, 0.5, 0.5});
  check_close(gradient(logsumexp(x, 1), x), expected);
  const D g = grad(sum(y), x, {.create_graph = true});
  check_close(g, expected);
  // d/dx sum(w p) = p (w - sum(w p)) in each row
  const D h = gradient(g * D::from({3, 2}, {1, 2, 1, 2, 1, 2}), x);
  check_close(h, D::from({3, 2}, {0, 0, 0, 0, -0.25, 0.25}));
}

BOOST_AUTO_TEST_CASE(prod_has_derivatives_of_every_order) {
  const D x = parameter(D::from({4}, {2, 0, 0, 5}));
  D d = prod(x);
  // d^4 prod / dx0 dx1 dx2 dx3 = 1
  for (const std::size_t i : {0U, 1U, 2U, 3U}) {
    D direction = D::filled({4}, 0);
    direction.mutable_data()[i] = 1;
    d = sum(grad(d, x, {.create_graph = true}) * direction);
  }
  BOOST_TEST(d.item() == 1);
}

BOOST_AUTO_TEST_CASE(var_of_large_numbers_is_precise) {
  Tensor<float> x = Tensor<float>::uninitialized({100000});
  float* const p = x.mutable_data();
  for (std::size_t i = 0; i < x.size(); ++i) p[i] = 4096.0F + static_cast<float>(i % 2);
  BOOST_TEST(std::abs(var(x, {}, {.correction = 0}).item() - 0.25F) < 1e-6F);
  BOOST_TEST(std::abs(mean(x).item() - 4096.5F) < 1e-3F);
}

// Rows are taken several at a time, columns one row after the other.
BOOST_AUTO_TEST_CASE(running_sums_of_rows_and_of_columns) {
  const D rows = parameter(wave({21, 30})), columns = parameter(transpose(rows).detach());
  const D gy = wave({21, 30}, 1);
  const D y = cumsum(rows, 1), t = cumsum(columns, 0);
  check_close(y, transpose(t));
  sum(gy * (y + square(rows))).backward();  // the gradient is added to another one
  sum(transpose(gy) * (t + square(columns))).backward();
  check_close(rows.gradient(), transpose(columns.gradient()));
}

BOOST_AUTO_TEST_CASE(the_same_for_any_number_of_threads) {
  for (const Shape& shape : {Shape{300000}, Shape{700, 500}, Shape{3, 400, 300}}) {
    for (const auto& [name, f] : kReductions) {
      for (const Axes& axes : {Axes{}, Axes{0}, Axes{-1}}) {
        BOOST_TEST_CONTEXT(name << " " << to_string(shape)) {
          check_threads([&f = f, &axes](const Tensors& x) { return f(x[0], axes, false); },
                        {wave(shape)});
        }
      }
    }
    check_threads([](const Tensors& x) { return cumsum(x[0], 0); }, {wave(shape)});
    check_threads([](const Tensors& x) { return cumsum(x[0], -1); }, {wave(shape)});
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
