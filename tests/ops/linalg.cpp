// Matrix products against triple loops, their gradients against closed forms, and their
// error messages.

#include "xgrad/ops/linalg.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <span>
#include <vector>

#include "tests/message.hpp"
#include "xgrad/gradient_check/check.hpp"
#include "xgrad/kernels/gemm.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

using namespace xgrad;

namespace {

Tensor<double> random(const Shape& shape, std::uint64_t seed) {
  Generator g(seed);
  return uniform<double>(shape, -1, 1, g);
}

double at(const Tensor<double>& x, std::size_t i, std::size_t j, bool transposed) {
  return transposed ? x.data()[j * x.shape()[1] + i] : x.data()[i * x.shape()[1] + j];
}

Tensor<double> by_loops(const Tensor<double>& a, const Tensor<double>& b, MatmulOptions o) {
  const std::size_t m = a.shape()[o.transpose_a ? 1 : 0], k = a.shape()[o.transpose_a ? 0 : 1];
  const std::size_t n = b.shape()[o.transpose_b ? 0 : 1];
  std::vector<double> y(m * n, 0);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t l = 0; l < k; ++l)
        y[i * n + j] += at(a, i, l, o.transpose_a) * at(b, l, j, o.transpose_b);
    }
  }
  return Tensor<double>::from({m, n}, y);
}

void require_close(const Tensor<double>& a, const Tensor<double>& b) {
  BOOST_TEST_REQUIRE(to_string(a.shape()) == to_string(b.shape()));
  for (std::size_t i = 0; i < a.size(); ++i)
    BOOST_TEST(std::abs(a.data()[i] - b.data()[i]) < 1e-13);
}

const MatmulOptions kTransposed[] = {{}, {true, false}, {false, true}, {true, true}};

}  // namespace

BOOST_AUTO_TEST_SUITE(linalg)

BOOST_AUTO_TEST_CASE(matrices) {
  for (const MatmulOptions o : kTransposed) {
    const auto a = random(o.transpose_a ? Shape{4, 3} : Shape{3, 4}, 1);
    const auto b = random(o.transpose_b ? Shape{5, 4} : Shape{4, 5}, 2);
    require_close(matmul(a, b, o), by_loops(a, b, o));
  }
}

BOOST_AUTO_TEST_CASE(gradients_with_transposition) {
  for (const MatmulOptions o : kTransposed) {
    const auto a = random(o.transpose_a ? Shape{4, 3} : Shape{3, 4}, 1);
    const auto b = random(o.transpose_b ? Shape{5, 4} : Shape{4, 5}, 2);
    const auto report = check_gradients(
        [o](const auto& x, const auto& y) { return matmul(x, y, o); }, {a, b}, {.order = 2});
    BOOST_TEST(report.passed(), report.table());
  }
}

BOOST_AUTO_TEST_CASE(vectors_and_batches) {
  const auto v = random({4}, 1), w = random({4}, 2), m = random({4, 3}, 3),
             s = random({2, 5, 4}, 4);
  BOOST_TEST(to_string(matmul(v, w).shape()) == "()");
  BOOST_TEST(to_string(matmul(v, m).shape()) == "(3)");
  BOOST_TEST(to_string(matmul(s, v).shape()) == "(2, 5)");
  BOOST_TEST(to_string(matmul(s, m).shape()) == "(2, 5, 3)");
  BOOST_TEST(to_string(matmul(random({2, 1, 5, 4}, 5), random({3, 4, 6}, 6)).shape()) ==
             "(2, 3, 5, 6)");
  const auto first = Tensor<double>::from({5, 4}, std::vector<double>(s.data(), s.data() + 20));
  const auto y = matmul(s, m), y0 = matmul(first, m);
  for (std::size_t i = 0; i < y0.size(); ++i) BOOST_TEST(y.data()[i] == y0.data()[i]);
}

BOOST_AUTO_TEST_CASE(gradients_of_batches) {
  const auto product = [](const auto& x, const auto& y) { return matmul(x, y); };
  for (const auto& [a, b] : std::vector<std::pair<Shape, Shape>>{{{2, 3, 4}, {4, 2}},
                                                                 {{3, 4}, {2, 4, 2}},
                                                                 {{2, 1, 2, 3}, {2, 3, 2}},
                                                                 {{4}, {4, 2}},
                                                                 {{2, 3, 4}, {4}},
                                                                 {{4}, {4}}}) {
    const auto report = check_gradients(product, {random(a, 1), random(b, 2)}, {.order = 2});
    BOOST_TEST(report.passed(), report.table());
  }
}

BOOST_AUTO_TEST_CASE(weight_gradients_accumulate_in_place) {
  Tensor<double> w = parameter(random({3, 2}, 1));
  const auto x = random({4, 3}, 2);
  sum(matmul(x, w)).backward();
  const Tensor<double> once = w.gradient().clone();
  const double* memory = w.grad().data();
  sum(matmul(x, w)).backward();
  BOOST_TEST(w.grad().data() == memory);
  for (std::size_t i = 0; i < once.size(); ++i)
    BOOST_TEST(w.grad().data()[i] == 2 * once.data()[i]);
}

// Gradients are computed at the same time, but not into the same memory.
BOOST_AUTO_TEST_CASE(both_factors_the_same) {
  for (const std::size_t n : {3u, 200u}) {
    Tensor<double> a = parameter(random({n, n}, 1));
    const auto gy = random({n, n}, 2);
    matmul(a, a).backward(gy);
    require_close(a.gradient(),
                  matmul(gy, a, {.transpose_b = true}) + matmul(a, gy, {.transpose_a = true}));
    a.zero_grad();
    linear(a, a).backward(gy);
    require_close(a.gradient(), matmul(gy, a) + matmul(gy, a, {.transpose_a = true}));
  }
}

BOOST_AUTO_TEST_CASE(products_do_not_write_the_same_matrix) {
  const std::vector<double> a(4, 1);
  std::vector<double> c(4, 7);
  const kernels::Product<double> p{false, false, 2, 2, 2, a.data(), a.data(), 0.0, c.data()};
  const std::array products{p, p};
  test::check_failure<std::invalid_argument>(
      [&] { kernels::gemm(std::span<const kernels::Product<double>>(products)); },
      "gemm: two products would write the same matrix");
  BOOST_TEST(c == std::vector<double>(4, 7));
}

// Large enough for several threads, against loops.
BOOST_AUTO_TEST_CASE(large_linear_layer) {
  Tensor<double> x = parameter(random({130, 170}, 1)), w = parameter(random({190, 170}, 2)),
                 b = parameter(random({190}, 3));
  const auto gy = random({130, 190}, 4);
  const auto y = linear(x, w, b);
  y.backward(gy);
  require_close(y, by_loops(x, w, {.transpose_b = true}) + b);
  require_close(x.gradient(), by_loops(gy, w, {}));
  require_close(w.gradient(), by_loops(gy, x, {.transpose_a = true}));
  require_close(b.gradient(), sum(gy, 0));
}

BOOST_AUTO_TEST_CASE(empty_products) {
  BOOST_TEST(matmul(random({0, 3}, 1), random({3, 2}, 2)).size() == 0u);
  const auto zero =
      matmul(Tensor<double>::uninitialized({2, 0}), Tensor<double>::uninitialized({0, 3}));
  for (const double v : zero.value()) BOOST_TEST(v == 0);
  const auto bias = random({3}, 1);
  require_close(linear(random({2, 0}, 1), random({3, 0}, 1), bias), broadcast_to(bias, {2, 3}));
}

BOOST_AUTO_TEST_CASE(linear_is_x_wt_plus_b) {
  const auto x = random({3, 4}, 1), w = random({5, 4}, 2), b = random({5}, 3);
  require_close(linear(x, w, b), matmul(x, w, {.transpose_b = true}) + b);
  require_close(linear(x, w), matmul(x, w, {.transpose_b = true}));
  const auto f = [](const auto& u, const auto& v, const auto& c) { return linear(u, v, c); };
  const auto report = check_gradients(f, {random({2, 3, 4}, 4), w, b}, {.order = 2});
  BOOST_TEST(report.passed(), report.table());
}

BOOST_AUTO_TEST_CASE(outer_and_dot) {
  const auto a = random({3}, 1), b = random({2}, 2);
  const auto y = outer(a, b);
  BOOST_TEST(y.value()(2, 1) == a.value()(2) * b.value()(1));
  BOOST_TEST(std::abs(dot(a, a).item() - sum(square(a)).item()) < 1e-15);
}

BOOST_AUTO_TEST_CASE(errors) {
  const auto matrix = random({2, 3}, 1), vector = random({3}, 2), scalar = Tensor<double>(1.0);
  test::check_failure<std::invalid_argument>(
      [&] {
        matmul(matrix, random({4, 5}, 3));
      },
      "matmul: inner sizes differ: a (2, 3), b (4, 5)");
  test::check_failure<std::invalid_argument>([&] { matmul(scalar, matrix); },
                                             "matmul: a scalar is no matrix: a (), b (2, 3)");
  test::check_failure<std::invalid_argument>(
      [&] { matmul(vector, matrix, {.transpose_a = true}); },
      "matmul: a vector cannot be transposed: a (3), b (2, 3)");
  test::check_failure<std::invalid_argument>(
      [&] {
        matmul(random({2, 2, 3}, 1), random({3, 3, 2}, 1));
      },
      "matmul: batches do not broadcast: a (2, 2, 3), b (3, 3, 2)");
  test::check_failure<std::invalid_argument>([&] { dot(vector, random({4}, 1)); },
                                             "dot: sizes differ: a (3), b (4)");
  test::check_failure<std::invalid_argument>([&] { outer(matrix, vector); },
                                             "outer: both must be vectors: a (2, 3), b (3)");
  test::check_failure<std::invalid_argument>(
      [&] {
        linear(vector, random({5, 4}, 1));
      },
      "linear: input sizes differ: x (3), weight (5, 4)");
  test::check_failure<std::invalid_argument>(
      [&] {
        linear(matrix, random({5, 3}, 1), random({4}, 1));
      },
      "linear: the bias does not fit the weight: bias (4), weight (5, 3)");
}

BOOST_AUTO_TEST_CASE(threads_do_not_change_the_result) {
  const int before = num_threads();
  for (const auto& [m, k, n] :
       {std::array<std::size_t, 3>{517, 300, 257}, {128, 784, 512}, {1000, 64, 333}}) {
    const auto run = [&, m = m, k = k, n = n](int threads) {
      set_num_threads(threads);
      Generator g(7);
      const auto random = [&](const Shape& s) { return parameter(uniform<float>(s, -1, 1, g)); };
      const auto x = random({m, k}), weight = random({n, k}), bias = random({n});
      const auto y = linear(x, weight, bias);
      y.backward(uniform<float>(y.shape(), -1, 1, g));
      return std::array{y.detach(), x.gradient(), weight.gradient(), bias.gradient()};
    };
    const auto one = run(1);
    for (const int threads : {2, 3, 4}) {
      const auto more = run(threads);
      for (std::size_t i = 0; i < one.size(); ++i)
        BOOST_TEST(std::equal(one[i].data(), one[i].data() + one[i].size(), more[i].data()));
    }
  }
  set_num_threads(before);
}

BOOST_AUTO_TEST_SUITE_END()
