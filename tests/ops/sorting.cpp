// Order, and functions of two numbers, where it gets difficult: NaN, equal elements, zeros with
// signs, infinities.

#include "xgrad/ops/sorting.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "tests/ops/failure.hpp"
#include "tests/ops/reference_rows.hpp"
#include "tests/ops/threads.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad::test {
namespace {

using In = const Tensors&;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN(),
                 kInf = std::numeric_limits<double>::infinity();

D gradient_of(const D& y, const D& x) { return grad(sum(y), x); }

}  // namespace

BOOST_AUTO_TEST_SUITE(sorting)

BOOST_AUTO_TEST_CASE(nan_is_the_largest_and_equal_elements_keep_their_order) {
  const D x = D::from({6}, {1, kNan, -kInf, 1, kInf, 0});
  BOOST_TEST((argsort(x) == Indices{2, 5, 0, 3, 4, 1}));
  BOOST_TEST((argsort(x, 0, {.descending = true}) == Indices{1, 4, 0, 3, 5, 2}));
  BOOST_TEST((topk(x, 4).indices == Indices{1, 4, 0, 3}));
  BOOST_TEST((topk(x, 4, 0, {.largest = false}).indices == Indices{2, 5, 0, 3}));
  BOOST_TEST((topk(x, 0).values.size() == 0U));
}

BOOST_AUTO_TEST_CASE(each_of_equal_elements_has_its_own_gradient) {
  const D x = parameter(D::from({4}, {2, 1, 2, 2}));
  const D w = D::from({4}, {1, 2, 3, 4});
  check_close(gradient_of(sort(x).values * w, x), D::from({4}, {2, 1, 3, 4}));
  check_close(gradient_of(topk(x, 2).values * D::from({2}, {5, 7}), x), D::from({4}, {5, 0, 7, 0}));
}

BOOST_AUTO_TEST_CASE(running_extrema_take_the_latest) {
  const D x = parameter(D::from({6}, {1, 3, 3, 2, kNan, 9}));
  BOOST_TEST((cummax(x, 0).indices == Indices{0, 1, 2, 2, 4, 4}));
  BOOST_TEST((cummin(x, 0).indices == Indices{0, 0, 0, 0, 4, 4}));
  check_close(gradient_of(cummax(x, -1).values, x), D::from({6}, {1, 1, 2, 0, 2, 0}));
}

BOOST_AUTO_TEST_CASE(quantiles_between_elements) {
  const D x = parameter(D::from({2, 4}, {4, 1, 3, 2, 10, 40, 20, 30}));
  check_close(quantile(x, 0.25, 1), D::from({2}, {1.75, 17.5}));
  check_close(median(x, 1), D::from({2}, {2.5, 25}));
  BOOST_TEST(quantile(x, 1).item() == 40);
  check_close(gradient_of(quantile(x, 0.25, 1), x),
              D::from({2, 4}, {0, 0.25, 0, 0.75, 0.25, 0, 0.75, 0}));
  check_close(median(D::from({2, 3}, {1, kNan, 2, 3, 1, 2}), 1), D::from({2}, {kNan, 2}));
  check_close(quantile(D::from({3}, {-kInf, 0, kInf}), 0.25), D(-kInf));
}

BOOST_AUTO_TEST_CASE(elements_at_a_bound) {
  const D x = D::from({5}, {-1, 0, 0.5, 2, kNan});
  BOOST_TEST((bucketize(x, {0, 0.5}) == Indices{0, 0, 1, 2, 2}));
  BOOST_TEST((bucketize(x, {0, 0.5}, {.right = true}) == Indices{0, 1, 2, 2, 2}));
  BOOST_TEST((bucketize(x, {}) == Indices{0, 0, 0, 0, 0}));
}

BOOST_AUTO_TEST_CASE(same_for_any_number_of_threads_when_sorted) {
  check_threads([](In x) { return sort(x[0], 0).values; }, {wave({300, 500})});
  check_threads([](In x) { return quantile(x[0], 0.3, 1); }, {wave({3000, 50})});
}

BOOST_AUTO_TEST_CASE(angles_of_every_direction) {
  for (const double y : {0.0, -0.0, 1.0, -1.0, kInf, -kInf, 1e-320, 1e300}) {
    for (const double x : {0.0, -0.0, 1.0, -1.0, kInf, -kInf, 1e-320, -1e300}) {
      const double angle = atan2(D(y), D(x)).item(), expected = std::atan2(y, x);
      BOOST_TEST(std::abs(angle - expected) <= 1e-15 * std::abs(expected), y << ", " << x);
      BOOST_TEST(std::signbit(angle) == std::signbit(expected), y << ", " << x);
    }
  }
  const D y = parameter(D::from({3}, {3e200, 3e-200, 0})),
          x = parameter(D::from({3}, {4e200, 4e-200, 0}));
  check_close(gradient_of(atan2(y, x), y) * D::from({3}, {1e200, 1e-200, 1}),
              D::from({3}, {0.16, 0.16, 0}));
}

BOOST_AUTO_TEST_CASE(sums_of_exponentials_without_overflow) {
  const D a = parameter(D::from({5}, {1000, -kInf, kInf, kInf, 0})),
          b = parameter(D::from({5}, {1000, -kInf, kInf, -kInf, -800}));
  check_close(logaddexp(a, b), D::from({5}, {1000 + std::log(2.0), -kInf, kInf, kInf, 0}));
  check_close(gradient_of(logaddexp(a, b), a), D::from({5}, {0.5, 0.5, 0.5, 1, 1}));
}

BOOST_AUTO_TEST_CASE(x_log_y_at_zero) {
  const D x = parameter(D::from({4}, {0, 0, 0, 2})), y = parameter(D::from({4}, {0, kInf, 3, 1}));
  check_close(xlogy(x, y), zeros_like(x));
  check_close(gradient_of(xlogy(x, y), y), D::from({4}, {0, 0, 0, 2}));
  check_close(gradient_of(xlogy(x, y), x), D::from({4}, {-kInf, kInf, std::log(3.0), 0}));
  BOOST_TEST(std::isnan(xlogy(D(0), D(kNan)).item()));
}

BOOST_AUTO_TEST_CASE(halves_are_rounded_to_even) {
  const D x = D::from({8}, {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 1e300, kInf});
  check_close(round(x), D::from({8}, {-2, -2, 0, 0, 2, 2, 1e300, kInf}));
  check_close(ceil(x), D::from({8}, {-2, -1, 0, 1, 2, 3, 1e300, kInf}));
}

BOOST_AUTO_TEST_CASE(rolled_further_than_the_axis_is_long) {
  const D x = D::from({2, 3}, {1, 2, 3, 4, 5, 6});
  is(roll(x, {4}, {1}), {{3, 1, 2}, {6, 4, 5}});
  is(roll(x, {-1, 1}, {0, -1}), {{6, 4, 5}, {3, 1, 2}});
}

BOOST_AUTO_TEST_CASE(a_grid) {
  const auto grid = meshgrid(std::vector{D::from({2}, {1, 2}), D::from({3}, {5, 6, 7})});
  is(grid[0], {{1, 1, 1}, {2, 2, 2}});
  is(grid[1], {{5, 6, 7}, {5, 6, 7}});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
