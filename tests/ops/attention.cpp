#include "xgrad/ops/attention.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "tests/ops/threads.hpp"
#include "tests/rounds.hpp"
#include "xgrad/autograd/derivatives.hpp"
#include "xgrad/gradient_check/check.hpp"
#include "xgrad/kernels/pool.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/diagonals.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/softmax.hpp"

namespace xgrad::test {
namespace {

template <class T>
using Operands = std::vector<Tensor<T>>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Case {
  Shape query, key, value;
  bool causal = false;
  std::ptrdiff_t offset = 0;
  Shape mask = {}, bias = {};  // () : none
};

template <class T>
AttentionOptions<T> options_of(const Case& c) {
  Generator generator(5);
  AttentionOptions<T> o{.causal = c.causal, .offset = c.offset};
  if (c.mask.rank() > 0) o.mask = bernoulli<T>(c.mask, 0.7, generator);
  if (c.bias.rank() > 0) o.bias = normal<T>(c.bias, 0, 1, generator);
  return o;
}

// What the operation is, with all weights in memory.
template <class T>
Tensor<T> plainly(const Operands<T>& x, const AttentionOptions<T>& o) {
  const auto width = static_cast<T>(x[0].shape().back());
  Tensor<T> s = matmul(x[0], x[1], {.transpose_b = true}) / std::sqrt(width);
  const Shape pairs = {s.shape()[s.rank() - 2], s.shape()[s.rank() - 1]};
  if (o.bias.defined()) s = s + o.bias;
  if (o.mask.defined()) s = where(o.mask, s, static_cast<T>(-kInfinity));
  if (o.causal) s = where(tril(ones<T>(pairs), o.offset), s, static_cast<T>(-kInfinity));
  return matmul(softmax(s), x[2]);
}

template <class T>
Operands<T> with_gradients(const Tensor<T>& y, const Operands<T>& x) {
  Generator generator(9);
  Operands<T> all = grad(std::vector{y}, x, {}, std::vector{normal<T>(y.shape(), 0, 1, generator)});
  all.insert(all.begin(), y);
  return all;
}

template <class T>
double largest_difference(const Tensor<T>& a, const Tensor<T>& b) {
  BOOST_TEST_REQUIRE((a.shape() == b.shape()));
  double most = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::abs(static_cast<double>(a.data()[i] - b.data()[i])));
    size = std::max(size, std::abs(static_cast<double>(b.data()[i])));
  }
  return most / size;
}

template <class T>
void check_case(const Case& c) {
  Generator generator(3);
  Operands<T> x;
  for (const Shape& s : {c.query, c.key, c.value})
    x.push_back(normal<T>(s, 0, 1.5, generator).requires_grad_());
  const AttentionOptions<T> o = options_of<T>(c);
  const auto y = with_gradients(scaled_dot_product_attention(x[0], x[1], x[2], o), x);
  const auto expected = with_gradients(plainly(x, o), x);
  for (std::size_t i = 0; i < y.size(); ++i) {
    BOOST_TEST(largest_difference(y[i], expected[i]) < 30 * std::numeric_limits<T>::epsilon(),
               i << ": " << largest_difference(y[i], expected[i]));
  }
}

// Numbers that the generator gives again each time.
template <class T>
Tensor<T> dropped(const Operands<T>& x, double p) {
  Generator generator(Generator::State{7, 3});
  const Tensor<T> bias = x.size() > 3 ? x[3] : Tensor<T>();
  return scaled_dot_product_attention(
      x[0], x[1], x[2], {.bias = bias, .causal = true, .dropout = p, .generator = &generator});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(attention)

// Lengths beyond a block of either kind, and widths that fill no register.
BOOST_AUTO_TEST_CASE(blocks_are_put_together) {
  const Case cases[] = {
      {{3, 200, 20}, {3, 431, 20}, {3, 431, 9}},
      {{1, 301, 64}, {1, 301, 64}, {1, 301, 64}, true},
      {{2, 100, 5}, {2, 499, 5}, {2, 499, 33}, true, 399},
      {{9, 97, 16}, {9, 193, 16}, {9, 193, 70}, false, 0, {9, 1, 193}},
      {{2, 2, 97, 16}, {2, 2, 390, 16}, {2, 2, 390, 8}, false, 0, {2, 1, 97, 390}, {2, 1, 390}},
  };
  for (const Case& c : cases) {
    BOOST_TEST_CONTEXT("query " << to_string(c.query) << ", key " << to_string(c.key)) {
      check_case<float>(c);
      check_case<double>(c);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_query_that_sees_nothing_gives_0_and_gradients_of_0) {
  using D = Tensor<double>;
  Operands<double> x = {normal<double>({4, 3}), normal<double>({5, 3}), normal<double>({5, 2})};
  for (D& t : x) t.requires_grad_();
  D mask = ones<double>({4, 5}), bias = zeros<double>({4, 5});
  for (std::size_t j = 0; j < 5; ++j) {
    mask.mutable_data()[5 + j] = 0;
    bias.mutable_data()[10 + j] = -kInfinity;
  }
  for (const bool learned : {false, true}) {
    D b = bias.clone().requires_grad_(learned);
    Operands<double> of = x;
    if (learned) of.push_back(b);
    for (const bool recorded : {false, true}) {
      const D y = scaled_dot_product_attention(x[0], x[1], x[2], {.mask = mask, .bias = b});
      for (std::size_t e = 2; e < 6; ++e) BOOST_TEST(y.data()[e] == 0);
      const auto g =
          grad(std::vector{y}, of, {.create_graph = recorded}, std::vector{ones<double>({4, 2})});
      for (const D& t : g) {
        for (std::size_t i = 0; i < t.size(); ++i) BOOST_TEST(std::isfinite(t.data()[i]));
      }
      for (std::size_t e = 3; e < 9; ++e) BOOST_TEST(g[0].data()[e] == 0);
      for (std::size_t e = 5; learned && e < 15; ++e) BOOST_TEST(g[3].data()[e] == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(dropout_leaves_out_weights_and_scales_the_others) {
  constexpr std::size_t n = 230;
  const Tensor<double> q = normal<double>({n, 4}), k = normal<double>({n, 4});
  const Tensor<double> kept = scaled_dot_product_attention(q, k, eye<double>(n), {.causal = true}),
                       some = dropped<double>({q, k, eye<double>(n)}, 0.3);
  std::size_t zeros = 0, all = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j, ++all) {
      const double p = kept.data()[i * n + j], is = some.data()[i * n + j];
      zeros += is == 0;
      if (is != 0) BOOST_TEST(std::abs(is * 0.7 - p) <= 1e-15);
    }
  }
  const double share = static_cast<double>(zeros) / static_cast<double>(all);
  BOOST_TEST(std::abs(share - 0.3) < 4 * std::sqrt(0.21 / static_cast<double>(all)));
  const Tensor<double> none = dropped<double>({q, k, eye<double>(n)}, 1);
  for (std::size_t i = 0; i < n * n; ++i) BOOST_TEST_REQUIRE(none.data()[i] == 0);
}

BOOST_AUTO_TEST_CASE(dropout_is_repeated_by_the_backward_pass) {
  Operands<double> x = {normal<double>({2, 5, 3}), normal<double>({2, 6, 3}),
                        normal<double>({2, 6, 2})};
  for (const bool biased : {false, true}) {
    if (biased) x.push_back(normal<double>({2, 5, 6}));
    const auto r = check_gradients([](const Operands<double>& v) { return dropped(v, 0.4); }, x,
                                   {.samples = kCheckedCoordinates, .jacobian = true, .order = 2});
    BOOST_TEST(r.passed(), r.table());
  }
}

// Two keys, one of which has nearly all the weight: by the closed form the gradient of the scores is
// p1 p2 (g1 - g2), with p2 = e^-d / (1 + e^-d), to the last digits. With one key it is 0.
BOOST_AUTO_TEST_CASE(gradients_next_to_a_sure_key) {
  for (const double d : {0.5, 3.0, 20.0, 36.0, 200.0}) {
    for (const bool first : {true, false}) {
      const Tensor<double> q = parameter(Tensor<double>::filled({1, 1}, 1).value()),
                           v(xt::xarray<double>{{0.7, 0.1, 1.3}, {-0.4, 0.3, 0.9}});
      Array<double> keys(Array<double>::shape_type{2, 1});
      keys.data()[0] = first ? d : 0;
      keys.data()[1] = first ? 0 : d;
      const Tensor<double> k = parameter(keys);
      const auto g = grad({sum(scaled_dot_product_attention(q, k, v, {.scale = 1}))}, {q, k});
      const double p = 1 / (1 + std::exp(-d)), other = std::exp(-d) * p;
      const double slope = p * other * (2.1 - 0.8);  // of the first score
      BOOST_TEST(std::abs(g[1].data()[0] / slope - 1) < 1e-14);
      BOOST_TEST(std::abs(g[1].data()[1] / -slope - 1) < 1e-14);
      BOOST_TEST(std::abs(g[0].data()[0] / (slope * (first ? d : -d)) - 1) < 1e-14);
    }
  }
  const Tensor<double> q = parameter(normal<double>({3, 5}).value()),
                       k = parameter(normal<double>({1, 5}).value()), v = normal<double>({1, 7});
  const Tensor<double> y = scaled_dot_product_attention(q, k, v);
  const auto g = grad({sum(y * y)}, {q, k});
  for (const Tensor<double>& t : g) {
    for (std::size_t i = 0; i < t.size(); ++i) BOOST_TEST(t.data()[i] == 0);
  }
}

BOOST_AUTO_TEST_CASE(dropout_does_not_depend_on_type_and_threads) {
  const Operands<float> x = {normal<float>({9, 150, 8}), normal<float>({9, 200, 8}),
                             normal<float>({9, 200, 8})};
  Operands<double> wide;
  for (const auto& t : x)
    wide.push_back(
        Tensor<double>::from(t.shape(), std::vector<double>(t.data(), t.data() + t.size())));
  const Tensor<double> expected = dropped(wide, 0.2);
  const Threads three(3);
  check_identical(dropped(wide, 0.2), expected);
  const Tensor<float> y = dropped(x, 0.2);
  for (std::size_t i = 0; i < y.size(); ++i)
    BOOST_TEST(std::abs(static_cast<double>(y.data()[i]) - expected.data()[i]) < 1e-5);
}

// Of the weights of 2048 queries and keys, 16 MiB, none are kept, nor ever in memory.
BOOST_AUTO_TEST_CASE(memory_grows_with_the_length) {
  Operands<float> x;
  for (int i = 0; i < 3; ++i) x.push_back(normal<float>({1, 2048, 8}).requires_grad_());
  trim_pool();
  const std::size_t before = pool_statistics().in_use;
  const Tensor<float> y = scaled_dot_product_attention(x[0], x[1], x[2]);
  BOOST_TEST(pool_statistics().in_use - before < 200'000);
  sum(y).backward();
  const PoolStatistics after = pool_statistics();
  BOOST_TEST(after.in_use + after.cached - before < 12'000'000);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
