#include "xgrad/ops/creation.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>

#include "tests/ops/failure.hpp"
#include "tests/ops/reference_rows.hpp"

namespace xgrad::test {
namespace {}  // namespace

BOOST_AUTO_TEST_SUITE(creation)

BOOST_AUTO_TEST_CASE(constants) {
  is(zeros<double>({2, 2}), {{0, 0}, {0, 0}});
  is(ones<double>({3}), {1, 1, 1});
  is(full<double>({}, 7), 7);
  BOOST_TEST(zeros<float>({0, 3}).size() == 0U);
  BOOST_TEST(!ones<double>({2}).requires_grad());
}

BOOST_AUTO_TEST_CASE(constants_like_another) {
  const D x = parameter(wave({2, 1}));
  is(zeros_like(x), D::from({2, 1}, {0, 0}).value());
  is(ones_like(x), D::from({2, 1}, {1, 1}).value());
  is(full_like(x, 2), D::from({2, 1}, {2, 2}).value());
  BOOST_TEST(!zeros_like(x).requires_grad());
}

BOOST_AUTO_TEST_CASE(arange_stops_before_stop) {
  is(arange<double>(4), {0, 1, 2, 3});
  is(arange<double>(1, 2, 0.25), {1, 1.25, 1.5, 1.75});
  is(arange<double>(3, 0, -1), {3, 2, 1});
  is(arange<double>(0, 1.5), {0, 1});
  for (const D& none : {arange<double>(0), arange<double>(2, 1), arange<double>(1, 2, -1)}) {
    BOOST_TEST(none.size() == 0U);
  }
}

// start + i step, not a running sum.
BOOST_AUTO_TEST_CASE(arange_does_not_drift) {
  const D x = arange<double>(0, 1000, 0.1);
  BOOST_TEST(x.size() == 10000U);
  BOOST_TEST(x.data()[9999] == 9999 * 0.1);
}

BOOST_AUTO_TEST_CASE(linspace_includes_both_ends) {
  is(linspace<double>(0, 1, 5), {0, 0.25, 0.5, 0.75, 1});
  is(linspace<double>(3, 1, 3), {3, 2, 1});
  is(linspace<double>(2, 5, 1), {2});
  BOOST_TEST(linspace<double>(0, 1, 0).size() == 0U);
  const D x = linspace<double>(0.1, 0.7, 1000);
  BOOST_TEST(x.data()[0] == 0.1);
  BOOST_TEST(x.data()[999] == 0.7);
}

BOOST_AUTO_TEST_CASE(identity) {
  is(eye<double>(2), {{1, 0}, {0, 1}});
  is(eye<double>(2, 3), {{1, 0, 0}, {0, 1, 0}});
  is(eye<double>(3, 1), D::from({3, 1}, {1, 0, 0}).value());
  BOOST_TEST(eye<double>(0).size() == 0U);
}

BOOST_AUTO_TEST_CASE(indices_as_numbers) {
  is(from_indices<double>(Indices{{3, -1}}), {{3, -1}});
  BOOST_TEST((from_indices<float>(Indices{2}).value() == Array<float>{2}));
}

BOOST_AUTO_TEST_CASE(errors) {
  check_failure<std::invalid_argument>(
      [] { arange<double>(0, 1, 0); },
      "arange: no number of steps that an array can have: start 0, stop 1, step 0");
  check_failure<std::invalid_argument>(
      [] { arange<double>(0, std::numeric_limits<double>::infinity()); },
      "arange: no number of steps that an array can have: start 0, stop inf, step 1");
  check_failure<std::invalid_argument>(
      [] { arange<double>(0, 1e300); },
      "arange: no number of steps that an array can have: start 0, stop 1e+300, step 1");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
