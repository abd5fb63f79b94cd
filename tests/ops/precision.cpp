// Sums of many numbers, means that are rounded and squares that leave the range of the type: against
// closed forms.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "xgrad/autograd/derivatives.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/convolution.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/normalization.hpp"
#include "xgrad/ops/pooling.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/resizing.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/softmax.hpp"

namespace xgrad::test {
namespace {

using F = Tensor<float>;

F full(const Shape& shape, float value) { return F::filled(shape, value); }

template <class T>
Tensor<T> row(const std::vector<T>& values) {
  Tensor<T> x = Tensor<T>::uninitialized({values.size()});
  std::copy(values.begin(), values.end(), x.mutable_data());
  return x;
}

std::vector<double> numbers(const auto& x) { return {x.data(), x.data() + x.size()}; }

void check_close(const auto& x, const std::vector<double>& expected, double bound) {
  const std::vector<double> got = numbers(x);
  BOOST_TEST_REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (got[i] == expected[i]) continue;
    const double error = std::abs(got[i] - expected[i]);
    BOOST_TEST(error <= bound * std::max(std::abs(expected[i]), std::numeric_limits<double>::min()),
               "number " << i << ": " << got[i] << ", expected " << expected[i]);
  }
}

// A leaf of ones, and its gradient by f.
template <class Function>
F gradient_of(const F& w, const Function& f) {
  F leaf = w.clone().requires_grad_();
  sum(f(leaf)).backward();
  return leaf.gradient();
}

BOOST_AUTO_TEST_SUITE(precision)

// --- n equal numbers v: every error is at most 2 log2(n) eps ---

constexpr std::size_t kMany = std::size_t{1} << 20;
constexpr float kValue = 0.1F;

double bound() {
  return 2 * std::log2(static_cast<double>(kMany)) * std::numeric_limits<float>::epsilon();
}

void check_many(const char* name, const F& x, double expected) {
  BOOST_TEST_CONTEXT(name) { check_close(x, std::vector<double>(x.size(), expected), bound()); }
}

BOOST_AUTO_TEST_CASE(reductions_of_many_equal_numbers) {
  const double v = static_cast<double>(kValue), n = kMany;
  for (const Shape& shape : {Shape{1, kMany, 1},
                             {1, kMany / 2, 2},
                             {2, kMany / 4, 2},
                             {1, kMany / 33, 33},
                             {kMany / 8, 8, 1}}) {
    BOOST_TEST_CONTEXT("shape " << shape[0] << " " << shape[1] << " " << shape[2]) {
      const F x = full(shape, kValue);
      const double along = static_cast<double>(shape[1]);
      check_many("sum", sum(x), v * static_cast<double>(x.size()));
      check_many("sum", sum(x, 1), v * along);
      check_many("mean", mean(x, 1), v);
      check_many("norm", norm(x, 2, 1), v * std::sqrt(along));
      check_many("norm 1", norm(x, 1, 1), v * along);
      check_many("norm 3", norm(x, 3, 1), v * std::cbrt(along));
      check_many("logsumexp", logsumexp(x, 1), v + std::log(along));
      check_many("softmax", softmax(x, 1), 1 / along);
      check_many("var", var(x, 1), 0);
      check_many("stddev", stddev(x, 1), 0);
      const F y = cumsum(x, 1);
      double worst = 0;
      for (std::size_t o = 0, at = 0; o < shape[0]; ++o) {
        for (std::size_t i = 0; i < shape[1]; ++i) {
          for (std::size_t j = 0; j < shape[2]; ++j, ++at) {
            const double expected = v * static_cast<double>(i + 1);
            worst = std::max(worst, std::abs(static_cast<double>(y.data()[at]) / expected - 1));
          }
        }
      }
      BOOST_TEST(worst <= bound());
    }
  }
  check_many("dot", dot(full({kMany}, kValue), full({kMany}, 1)), v * n);
}

// The gradient of an operand that is repeated along an axis is a sum along it.
BOOST_AUTO_TEST_CASE(gradients_of_repeated_operands) {
  const double v = static_cast<double>(kValue), n = kMany;
  const auto of = [](const Shape& wide, const Shape& narrow) {
    const F x = full(wide, kValue);
    return gradient_of(full(narrow, 1), [&](const F& w) { return x * w; });
  };
  const auto added = [](const Shape& wide, const Shape& narrow) {
    const F x = full(wide, 1);
    return gradient_of(full(narrow, 1), [&](const F& w) { return (x + w) * kValue; });
  };
  check_many("number", of({kMany}, {}), v * n);
  check_many("columns", of({kMany / 2, 2}, {2}), v * n / 2);
  check_many("column", of({kMany / 2, 2}, {1}), v * n);
  check_many("rows", of({2, kMany / 2}, {2, 1}), v * n / 2);
  check_many("middle", of({2, kMany / 8, 4}, {2, 1, 4}), v * n / 8);
  check_many("first and last", of({512, 4, kMany / 2048}, {4, 1}), v * n / 4);
  check_many("added columns", added({kMany / 2, 2}, {2}), v * n / 2);
  check_many("added middle", added({2, kMany / 8, 4}, {2, 1, 4}), v * n / 8);
  const F x = full({kMany / 2, 2}, 1), weight = full({2, 2}, kValue / 2);
  check_many("bias",
             gradient_of(full({2}, 1), [&](const F& b) { return linear(x, weight, b) * kValue; }),
             v * n / 2);
}

// So is that of a row that is chosen again and again.
BOOST_AUTO_TEST_CASE(gradients_of_repeated_rows) {
  const Indices zeros(Indices::shape_type{kMany / 2}, 0);
  const double n = kMany / 2;
  const auto of = [](const Shape& shape, const auto& f) {
    F leaf = full(shape, 1).requires_grad_();
    sum(f(leaf) * kValue).backward();
    return leaf.gradient();
  };
  check_many("index_select",
             reshape(of({1, 2}, [&](const F& x) { return index_select(x, 0, zeros); }), Shape{2}),
             static_cast<double>(kValue) * n);
  check_many("gather", of({1}, [&](const F& x) { return gather(x, 0, zeros); }),
             static_cast<double>(kValue) * n);
}

BOOST_AUTO_TEST_CASE(statistics_of_many_rows) {
  F x = F::uninitialized({kMany / 2, 2});  // +-1 around 1000
  for (std::size_t i = 0; i < x.size(); ++i) x.mutable_data()[i] = i / 2 % 2 == 0 ? 999.F : 1001.F;
  BatchStatistics<float> batch;
  F weight = full({2}, 1).requires_grad_(), bias = full({2}, 0).requires_grad_();
  const F y = batch_norm(x, weight, bias, {.eps = 0, .statistics = &batch});
  check_many("mean", batch.mean, 1000);
  check_many("variance", batch.variance, 1);
  sum(y * y * kValue).backward();
  check_many("weight", weight.gradient(), 2 * static_cast<double>(kValue) * kMany / 2);
  for (const double g : numbers(bias.gradient())) BOOST_TEST(std::abs(g) < 1);
  const F rows = reshape(x, Shape{1, 2, kMany / 2});
  const F z = batch_norm(rows, {}, {}, {.eps = 0, .statistics = &batch});
  check_many("mean of runs", batch.mean, 1000);
  check_many("variance of runs", batch.variance, 1);
  check_many("layer", square(layer_norm(reshape(x, Shape{kMany}), {kMany}, {}, {}, {.eps = 0})), 1);
}

// --- Means that are not numbers of the type. ---

const std::vector<float> kPattern = {0, 8, 16, -24, 40, 8, 0, 32, -8, 16, 24, -40};

F shifted_pattern(float shift) {
  std::vector<float> x = kPattern;
  for (float& v : x) v += shift;
  return row(x);
}

// f of numbers around a center that is large beside their differences is f of the differences, with
// the same gradient.
void check_shift(const char* name, const auto& f) {
  BOOST_TEST_CONTEXT(name) {
    const auto both = [&](float shift) {
      F x = shifted_pattern(shift).requires_grad_();
      const F y = f(x);
      const auto size = static_cast<std::ptrdiff_t>(y.size());
      sum(y * row(std::vector<float>(kPattern.begin(), kPattern.begin() + size))).backward();
      return std::pair{numbers(y), numbers(x.gradient())};
    };
    const auto [y, g] = both(0);
    for (const float shift : {1e8F, -1e8F, 12345678.F * 8}) {
      const auto [shifted_y, shifted_g] = both(shift);
      for (std::size_t i = 0; i < y.size(); ++i)
        BOOST_TEST(std::abs(shifted_y[i] - y[i]) <= 2e-6 * (1 + std::abs(y[i])));
      for (std::size_t i = 0; i < g.size(); ++i)
        BOOST_TEST(std::abs(shifted_g[i] - g[i]) <= 4e-6 * (1 + std::abs(g[i])));
    }
  }
}

BOOST_AUTO_TEST_CASE(what_subtracts_a_mean_does_not_see_a_shift) {
  const NormOptions none{.eps = 0};
  const auto as = [](const Shape& shape, const auto& f) {
    return [=](const F& x) { return reshape(f(reshape(x, shape)), Shape{x.size()}); };
  };
  check_shift("var", [](const F& x) { return reshape(var(x), Shape{1}); });
  check_shift("stddev", [](const F& x) { return reshape(stddev(x), Shape{1}); });
  check_shift("var 0", [](const F& x) { return var(reshape(x, Shape{4, 3}), 0); });
  check_shift("stddev 1", [](const F& x) { return stddev(reshape(x, Shape{2, 6}), 1); });
  check_shift("var 0 2", [](const F& x) { return var(reshape(x, Shape{2, 3, 2}), {0, 2}); });
  check_shift("stddev 0 2", [](const F& x) { return stddev(reshape(x, Shape{2, 3, 2}), {0, 2}); });
  check_shift("layer", as({2, 6}, [&](const F& x) { return layer_norm(x, {6}, {}, {}, none); }));
  check_shift("group", as({1, 4, 3}, [&](const F& x) { return group_norm(x, 2, {}, {}, none); }));
  check_shift("group of columns",
              as({2, 6}, [&](const F& x) { return group_norm(x, 2, {}, {}, none); }));
  check_shift("batch", as({4, 3}, [&](const F& x) { return batch_norm(x, {}, {}, {.eps = 0}); }));
  check_shift("batch of runs",
              as({2, 2, 3}, [&](const F& x) { return batch_norm(x, {}, {}, {.eps = 0}); }));
}

BOOST_AUTO_TEST_CASE(numbers_beside_each_other) {
  const float next = std::nextafter(1.F, 2.F), step = next - 1;
  const F x = row<float>({1, next, 1, next});
  check_close(stddev(x, {}, {.correction = 0}), {static_cast<double>(step) / 2}, 1e-6);
  check_close(layer_norm(x, {4}, {}, {}, {.eps = 0}), {-1, 1, -1, 1}, 1e-6);
  check_close(batch_norm(reshape(x, Shape{4, 1}), {}, {}, {.eps = 0}), {-1, 1, -1, 1}, 1e-6);
  check_close(batch_norm(reshape(x, Shape{1, 1, 4}), {}, {}, {.eps = 0}), {-1, 1, -1, 1}, 1e-6);
}

BOOST_AUTO_TEST_CASE(equal_numbers_have_no_deviation) {
  for (const std::size_t n : {3U, 7U, 100U, 1000U}) {
    F x = full({n}, kValue).requires_grad_();
    const F y = stddev(x);
    BOOST_TEST(y.item() == 0);
    y.backward();
    for (const double g : numbers(x.gradient())) BOOST_TEST(g == 0);
  }
  F x = row<float>({1e8F, 1e8F + 8, 1e8F + 16}).requires_grad_();
  const F y = var(x);
  BOOST_TEST(y.item() == 64);
  y.backward();
  check_close(x.gradient(), {-8, 0, 8}, 0);
}

// --- Squares, powers and sums beyond the range of the type. ---

template <class T>
void check_norm(double p, const std::vector<T>& x, double expected,
                const std::vector<double>& slopes) {
  BOOST_TEST_CONTEXT("p " << p << ", first " << x[0]) {
    for (const bool columns : {false, true}) {
      Tensor<T> leaf = row(x).requires_grad_();
      const Tensor<T> y = columns ? norm(reshape(leaf, Shape{x.size(), 1}), p, 0) : norm(leaf, p);
      const double eps = 8 * std::numeric_limits<T>::epsilon();
      check_close(y, {expected}, eps);
      sum(y).backward();
      check_close(leaf.gradient(), slopes, eps);
      leaf.zero_grad();
      const Tensor<T> again =
          columns ? norm(reshape(leaf, Shape{x.size(), 1}), p, 0) : norm(leaf, p);
      check_close(grad(sum(again), leaf, {.create_graph = true}), slopes, 2 * eps);
    }
  }
}

BOOST_AUTO_TEST_CASE(norms_whose_squares_leave_the_range) {
  for (const float s : {1e-23F, 1e-30F, 1e-36F, 1e19F, 1e25F, 1e37F}) {
    check_norm<float>(2, {3 * s, 4 * s}, 5 * static_cast<double>(s), {0.6, 0.8});
    check_norm<float>(2, {s}, static_cast<double>(s), {1});
  }
  for (const double s : {1e-170, 1e-200, 1e-300, 1e160, 1e300}) {
    check_norm<double>(2, {3 * s, 4 * s}, 5 * s, {0.6, 0.8});
  }
  for (const float s : {1e-20F, 1.F, 1e20F}) {
    const double d = static_cast<double>(s);
    check_norm<float>(3, {3 * s, 4 * s, 5 * s}, 6 * d, {0.25, 4. / 9, 25. / 36});
  }
  check_norm<float>(2, {0, 0}, 0, {0, 0});
  const float infinity = std::numeric_limits<float>::infinity();
  BOOST_TEST(norm(row<float>({1, -infinity})).item() == infinity);
  BOOST_TEST(std::isnan(norm(row<float>({1, NAN, 1e30F})).item()));
  for (const float s : {1e-25F, 1e25F}) {
    F x = row<float>({0, 2 * s, 4 * s}).requires_grad_();
    const F y = stddev(x);
    check_close(y, {2 * static_cast<double>(s)}, 1e-6);
    y.backward();
    check_close(x.gradient(), {-0.5, 0, 0.5}, 1e-6);
  }
  check_close(mean(row<float>({3e38F, 2e38F, 3e38F, -1e38F})), {1.75e38}, 1e-6);
}

BOOST_AUTO_TEST_CASE(angles_of_vectors_of_any_size) {
  for (const double eps : {1e-8, 1e-50}) {
    const CosineOptions options{.axis = 0, .eps = eps};
    F zero = full({3}, 0).requires_grad_();
    const F y = cosine_similarity(zero, row<float>({1, 2, 3}), options);
    BOOST_TEST(y.item() == 0);
    y.backward();
    for (const double g : numbers(zero.gradient())) BOOST_TEST(std::isfinite(g));
  }
  for (const float s : {1e-30F, 1e-20F, 1.F, 1e20F, 1e37F}) {
    F a = row<float>({3 * s, 4 * s}).requires_grad_();
    const F y = cosine_similarity(a, row<float>({4 / s, 3 / s}), {.axis = 0, .eps = 1e-50});
    check_close(y, {0.96}, 1e-6);
    y.backward();
    check_close(a.gradient(),
                {0.224 / (5 * static_cast<double>(s)), -0.168 / (5 * static_cast<double>(s))},
                1e-5);
  }
}

BOOST_AUTO_TEST_CASE(normalisations_without_eps) {
  for (const float s : {1e-30F, 1.F, 1e25F}) {
    F x = F::uninitialized({3, 2});
    std::copy_n(std::vector<float>{0, 0, s, 3 * s, 5 * s, 5 * s}.data(), 6, x.mutable_data());
    const F y = layer_norm(x, {2}, {}, {}, {.eps = 0});
    check_close(y, {0, 0, -1, 1, 0, 0}, 1e-6);
    F leaf = x.clone().requires_grad_();
    const F r = rms_norm(leaf, {2}, {}, {.eps = 0});
    const double root = std::sqrt(5.);
    check_close(r, {0, 0, 1 / root, 3 / root, 1, 1}, 1e-6);
    sum(r * 3).backward();
    for (const double g : numbers(leaf.gradient())) BOOST_TEST(std::isfinite(g));
    F z = layer_norm(leaf, {2}, {}, {}, {.eps = 0});
    for (const double g : numbers(grad(sum(z), leaf))) BOOST_TEST(std::isfinite(g));
    check_close(group_norm(x, 1, {}, {}, {.eps = 0}), {0, 0, -1, 1, 0, 0}, 1e-6);
    const F columns = transpose(x), b = batch_norm(columns, {}, {}, {.eps = 0});
    check_close(transpose(b), {0, 0, -1, 1, 0, 0}, 1e-6);
  }
}

// A statistic that stays as it is stays so.
BOOST_AUTO_TEST_CASE(running_statistics_do_not_drift) {
  const BatchStatistics<float> batch{full({1}, 0.1F), full({1}, 0.1F), 1U << 30};
  F mean = full({1}, 0.1F), variance = full({1}, 0.1F);
  for (int i = 0; i < 1000; ++i) update_running_statistics(batch, 0.1, mean, variance);
  BOOST_TEST(mean.item() == 0.1F);
  BOOST_TEST(variance.item() == 0.1F, boost::test_tools::tolerance(1e-6F));
}

// Windows and kernels that see many numbers, and gradients of weights that all of an image adds to.
BOOST_AUTO_TEST_CASE(images_of_many_numbers) {
  const double v = static_cast<double>(kValue), n = kMany;
  const auto by_weight = [](const Shape& image, const Shape& kernel, std::size_t groups) {
    const F x = full(image, kValue);
    return gradient_of(full(kernel, 1),
                       [&](const F& w) { return conv2d(x, w, {}, {.groups = groups}); });
  };
  check_many("a row", by_weight({1, 1, 1, kMany}, {1, 1, 1, 1}, 1), v * n);
  check_many("rows", by_weight({1, 2, 1 << 10, 1 << 9}, {2, 2, 1, 1}, 1), v * n / 2);
  check_many("three in a row", by_weight({1, 1, 1, kMany + 2}, {1, 1, 1, 3}, 1), v * n);
  check_many("images", by_weight({1 << 16, 1, 4, 4}, {1, 1, 1, 1}, 1), v * n);
  check_many("depthwise", by_weight({1, 2, 1 << 10, 1 << 10}, {2, 1, 1, 1}, 2), v * n);
  check_many("depthwise images", by_weight({1 << 16, 2, 4, 4}, {2, 1, 1, 1}, 2), v * n);
  check_many("average", adaptive_avg_pool1d(full({1, 1, kMany}, kValue), 1), v);
  check_many("average of rows", adaptive_avg_pool2d(full({1, 1, kMany / 2, 2}, kValue), 1), v);
  check_many("nearest",
             gradient_of(full({1, 1, 1}, 1),
                         [](const F& x) { return upsample(x, {.size = kMany}) * kValue; }),
             v * n);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xgrad::test
