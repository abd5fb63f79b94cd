// Operations of the user's own: map and custom_function.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <tuple>

#include "tests/message.hpp"
#include "xgrad/gradient_check/check.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/function.hpp"
#include "xgrad/ops/map.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"

using namespace xgrad;

namespace {

Tensor<double> random(const Shape& shape, std::uint64_t seed) {
  Generator g(seed);
  return uniform<double>(shape, -2, 2, g);
}

Tensor<double> cube(const Tensor<double>& x, double factor = 3) {
  return custom_function<double>(
      "cube", {x}, [](const auto& in) { return in[0] * in[0] * in[0]; },
      [factor](const auto& in, const auto&, const auto& gy) {
        return std::vector<Tensor<double>>{factor * square(in[0]) * gy};
      });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(user_operations)

BOOST_AUTO_TEST_CASE(map_values) {
  const auto x = random({37}, 1);
  const auto y = map([](auto v) { return v * sigmoid(2 * v); }, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = x.data()[i];
    BOOST_TEST(std::abs(y.data()[i] - v / (1 + std::exp(-2 * v))) < 1e-15);
  }
}

BOOST_AUTO_TEST_CASE(map_gradients_of_one_to_four_inputs) {
  const auto a = random({3, 4}, 1), b = random({4}, 2), c = random({3, 1}, 3), d = random({}, 4);
  const std::vector<GradientReport> reports = {
      check_gradients(
          [](const auto& x) { return map([](auto v) { return v * tanh(v) + 0.5; }, x); }, {a},
          {.order = 2}),
      check_gradients(
          [](const auto& x, const auto& y) {
            return map([](auto v, auto w) { return v * exp(-w) - 1; }, x, y);
          },
          {a, b}, {.order = 2}),
      check_gradients(
          [](const auto& x, const auto& y, const auto& z) {
            return map([](auto u, auto v, auto w) { return u * v / (1 + w * w); }, x, y, z);
          },
          {a, b, c}, {.order = 2}),
      check_gradients(
          [](const auto& x, const auto& y, const auto& z, const auto& s) {
            return map([](auto u, auto v, auto w,
                          auto t) { return where(u > v, u * w, v * t) + maximum(u, w); },
                       x, y, z, s);
          },
          {a, b, c, d})};
  for (const GradientReport& report : reports) BOOST_TEST(report.passed(), report.table());
}

BOOST_AUTO_TEST_CASE(map_of_the_same_tensor_twice) {
  Tensor<double> x = parameter(random({5}, 1));
  sum(map([](auto a, auto b) { return a * b; }, x, x)).backward();
  for (std::size_t i = 0; i < 5; ++i) BOOST_TEST(std::abs(x.grad()(i) - 2 * x.value()(i)) < 1e-15);
}

BOOST_AUTO_TEST_CASE(map_of_sixteen_tensors) {
  std::vector<Tensor<double>> x;
  for (std::uint64_t i = 0; i < 16; ++i)
    x.push_back(random(i % 3 == 0 ? Shape{5} : Shape{2, 5}, i));
  const auto f = [](auto a, auto b, auto c, auto d, auto e, auto g, auto h, auto i, auto j, auto k,
                    auto l, auto m, auto n, auto o, auto p, auto q) {
    return a * b + 2 * c * d + 3 * e * g + 4 * h * i + 5 * j * k + 6 * l * m + 7 * n * o + p * q;
  };
  const auto y = [&f](const std::vector<Tensor<double>>& in) {
    return std::apply([&f](const auto&... all) { return map(f, all...); },
                      std::tie(in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7], in[8], in[9],
                               in[10], in[11], in[12], in[13], in[14], in[15]));
  };
  const GradientReport report = check_gradients(y, x);
  BOOST_TEST(report.passed(), report.table());
}

BOOST_AUTO_TEST_CASE(map_copies_captures) {
  Tensor<double> x = parameter(Tensor<double>::from({2}, {1.0, 2.0}));
  Tensor<double> y;
  {
    const double scale = 3;
    const std::vector<double> table = {10, 20};
    y = map([scale, table](auto v) { return scale * v + table[1]; }, x);
  }
  BOOST_TEST(y.value()(1) == 26);
  sum(y).backward();
  BOOST_TEST(x.grad()(0) == 3);
}

BOOST_AUTO_TEST_CASE(map_agrees_with_the_library_in_float) {
  Generator g(1);
  const auto x = normal<float>({1000}, 0, 2, g);
  const auto own = map([](auto v) { return v * sigmoid(v); }, x), built_in = silu(x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    BOOST_TEST(std::abs(own.data()[i] - built_in.data()[i]) <=
               1e-6F * std::abs(built_in.data()[i]));
  }
}

// Whatever of base and exponent is a number, one of the formula's inputs, or made of one.
BOOST_AUTO_TEST_CASE(map_of_powers) {
  const auto x = exp(random({3, 5}, 1)), y = random({3, 5}, 2);
  const auto f = [](const auto& u, const auto& v) {
    return map(
        [](auto a, auto b) { return pow(a, b) + pow(a, 3) - pow(2.5, b) * pow(a + b * b, 1.5); }, u,
        v);
  };
  const auto by_operations = [](const auto& u, const auto& v) {
    return pow(u, v) + pow(u, 3) - pow(2.5, v) * pow(u + v * v, 1.5);
  };
  const auto report = check_gradients(f, {x, y}, {.order = 2});
  BOOST_TEST(report.passed(), report.table());
  const auto own = f(x, y), other = by_operations(x, y);
  for (std::size_t i = 0; i < x.size(); ++i)
    BOOST_TEST(std::abs(own.data()[i] - other.data()[i]) <= 1e-13 * std::abs(other.data()[i]));
}

BOOST_AUTO_TEST_CASE(map_with_numbers_anywhere) {
  const auto x = random({11}, 1);
  const auto f = [](auto v) {
    return maximum(v, 0.25) + maximum(-1, v) * minimum(v, 1) - minimum(0.5, +v) +
           where(v > 0.1, 2, 0.5) * v + where(v < 0.3 || v > 1, v, 3) + where(v > 0, 1.5, v * v);
  };
  const auto report = check_gradients([&](const auto& u) { return map(f, u); }, {x}, {.order = 2});
  BOOST_TEST(report.passed(), report.table());
  const auto own = map(f, x), by_operations = f(x);
  for (std::size_t i = 0; i < x.size(); ++i)
    BOOST_TEST(own.data()[i] == by_operations.data()[i], boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(map_of_powers_that_do_not_depend_on_an_input) {
  Tensor<double> x = parameter(Tensor<double>::from({2}, {0.0, 4.0}));
  sum(map([](auto v) { return pow(sqrt(v), 0) + pow(sqrt(v), 0.0 * v); }, x)).backward();
  BOOST_TEST(x.grad()(0) == 0);  // though the slope of the base is infinite
  Tensor<double> y = parameter(Tensor<double>::from({2}, {1.0, 2.0}));
  sum(map([](auto v, auto w) { return pow(-1.0, 2 + 0 * w) * v; }, y, x)).backward();
  BOOST_TEST(y.grad()(0) == 1);
}

BOOST_AUTO_TEST_CASE(map_that_ignores_an_input) {
  Tensor<double> x = parameter(random({3}, 1)), y = parameter(random({3}, 2));
  sum(map([](auto a, auto) { return a * 2; }, x, y)).backward();
  BOOST_TEST(x.grad()(0) == 2);
  BOOST_TEST(y.grad()(0) == 0);
}

BOOST_AUTO_TEST_CASE(map_error) {
  test::check_failure<std::invalid_argument>(
      [] { map([](auto a, auto b) { return a + b; }, random({2}, 1), random({3}, 1)); },
      "map: shapes do not broadcast: a (2), b (3)");
}

BOOST_AUTO_TEST_CASE(custom_function_is_differentiable_to_any_order) {
  const auto report =
      check_gradients([](const auto& x) { return cube(x); }, {random({3}, 1)}, {.order = 2});
  BOOST_TEST(report.passed(), report.table());
  const Tensor<double> x = parameter(Tensor<double>(2.0));
  const auto g2 = grad(grad(cube(x), x, {.create_graph = true}), x, {.create_graph = true});
  BOOST_TEST(g2.item() == 12);
  BOOST_TEST(grad(g2, x).item() == 6);
}

BOOST_AUTO_TEST_CASE(wrong_custom_gradient_is_caught) {
  const auto report =
      check_gradients([](const auto& x) { return cube(x, 3.00001); }, {random({3}, 1)});
  BOOST_TEST(!report.passed());
  BOOST_TEST(report.count(Verdict::fail) > 0u);
}

BOOST_AUTO_TEST_CASE(custom_function_sums_what_was_broadcast) {
  const auto f = [](const auto& x, const auto& b) {
    return custom_function<double>(
        "scale", {x, b}, [](const auto& in) { return in[0] * in[1]; },
        [](const auto& in, const auto&, const auto& gy) {
          return std::vector<Tensor<double>>{gy * in[1], gy * in[0]};
        });
  };
  const auto report = check_gradients(f, {random({3, 2}, 1), random({2}, 2)}, {.order = 2});
  BOOST_TEST(report.passed(), report.table());
}

BOOST_AUTO_TEST_CASE(custom_function_errors) {
  const auto run = [](BackwardFunction<double> backward) {
    const Tensor<double> x = parameter(random({2}, 1));
    sum(custom_function<double>(
            "mine", {x}, [](const auto& in) { return in[0]; }, std::move(backward)))
        .backward();
  };
  using Gradients = std::vector<Tensor<double>>;
  const auto refused = [&](const Gradients& g, const std::string& message) {
    test::check_failure<std::logic_error>(
        [&] { run([g](const auto&, const auto&, const auto&) { return g; }); }, message);
  };
  refused({}, "mine: backward returned 0 gradients for 1 inputs");
  refused({Tensor<double>::filled({3}, 1)}, "mine: backward returned shape (3) for input 0 (2)");
}

BOOST_AUTO_TEST_CASE(entries_are_freed) {
  const std::int64_t before = detail::live_nodes();
  {
    const Tensor<double> x = parameter(random({3}, 1));
    const auto y = cube(map([](auto v) { return v * v; }, x));
    sum(y).backward();
  }
  BOOST_TEST(detail::live_nodes() == before);
}

BOOST_AUTO_TEST_SUITE_END()
