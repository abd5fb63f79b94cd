#include "xgrad/base/errors.hpp"

#include <limits>

#include "tests/message.hpp"

using namespace xgrad::detail;
using xgrad::test::message_of;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

BOOST_AUTO_TEST_SUITE(errors)

BOOST_AUTO_TEST_CASE(parts) {
  const auto failing = [] { fail("clamp", "low ", 0.1, ", high ", 7, ", flag ", true); };
  BOOST_TEST(message_of<std::invalid_argument>(failing) == "clamp: low 0.1, high 7, flag true");
  const auto missing = [] { fail<std::out_of_range>("Table", "no column ", quote("a\nb")); };
  BOOST_TEST(message_of<std::out_of_range>(missing) == R"(Table: no column "a\nb")");
}

BOOST_AUTO_TEST_CASE(only_when_it_does_not_hold) {
  BOOST_CHECK_NO_THROW(require(true, "op", "never"));
  const auto broken = [] { require<std::logic_error>(false, "op", "not so"); };
  BOOST_TEST(message_of<std::logic_error>(broken) == "op: not so");
}

BOOST_AUTO_TEST_CASE(values_in_intervals) {
  const auto elu = [] { require_in("elu", "alpha", -1e-9, "[0, inf)"); };
  BOOST_TEST(message_of<std::invalid_argument>(elu) == "elu: alpha is not in [0, inf): -1e-09");
  const auto heads = [] { require_in("Heads", "count", std::size_t{0}, "[1, inf)"); };
  BOOST_TEST(message_of<std::invalid_argument>(heads) == "Heads: count is not in [1, inf): 0");
}

BOOST_AUTO_TEST_CASE(ends) {
  constexpr Interval kPart = "[0, 1)", kPositive = "(0, inf)", kAll = "[-inf, inf]",
                     kSign = "[-1, 1]";
  BOOST_TEST((kPart.contains(0) && kPart.contains(0.5) && !kPart.contains(1)));
  BOOST_TEST((!kPart.contains(-1e-300) && !kPart.contains(kNan)));
  BOOST_TEST((!kPositive.contains(0) && kPositive.contains(5e-324) && !kPositive.contains(kInf)));
  BOOST_TEST((kAll.contains(kInf) && kAll.contains(-kInf) && !kAll.contains(kNan)));
  BOOST_TEST((kSign.contains(-1) && kSign.contains(1) && !kSign.contains(-1.5)));
}

BOOST_AUTO_TEST_SUITE_END()
