// Writing in place to what a pending backward pass needs is reported.

#include "tests/autograd/helpers.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad::test {
namespace {

void check_refused(const D& y, const std::string& message) {
  check_failure<std::logic_error>([&] { y.backward({.retain_graph = true}); }, message);
}

constexpr const char* kInput0 =
    "backward: multiply needs its input 0 (2), which was written in place after it was recorded "
    "(version 0, now 1)";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(versions, NothingLeft)

BOOST_AUTO_TEST_CASE(set_value) {
  D x = leaf({1, 2});
  const D y = sum(x * x);
  x.set_value({3, 4});
  check_refused(y, kInput0);
  BOOST_TEST(!x.has_grad());
}

BOOST_AUTO_TEST_CASE(mutable_value) {
  D x = leaf({1, 2}), c = D::from({2}, {5, 6});
  const D y = sum(x * c);
  c.mutable_value() += 1.0;
  check_refused(y,
                "backward: multiply needs its input 1 (2), which was written in place after it was "
                "recorded (version "
                "0, now 1)");
}

BOOST_AUTO_TEST_CASE(gradients_are_untouched_after_the_refusal) {
  D x = leaf({1, 2}), w = leaf({3, 4});
  sum(5.0 * x + w).backward();
  const D y = sum(x * w) + sum(exp(w));
  x.mutable_data()[0] = 9;
  check_refused(y, kInput0);
  is(x.gradient(), {5, 5});
  is(w.gradient(), {1, 1});
}

BOOST_AUTO_TEST_CASE(through_a_view) {
  D x = leaf({1, 2}), c = D::from({2}, {5, 6}), view = reshape(c, {1, 2});
  const D y = sum(x * c);
  view.mutable_value() += 1.0;
  BOOST_CHECK_THROW(y.backward(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(through_a_detached_tensor) {
  const D x = leaf({1, 2});
  D z = x.detach();
  const D y = sum(x * x);
  z.mutable_data()[0] = 7;
  check_refused(y, kInput0);
}

BOOST_AUTO_TEST_CASE(of_a_saved_output) {
  const D x = leaf({1, 2}), e = exp(x);
  const D y = sum(e);
  D z = e.detach();
  z.mutable_data()[0] = 7;
  check_refused(y,
                "backward: exp needs its output (2), which was written in place after it was "
                "recorded (version 0, now "
                "1)");
}

BOOST_AUTO_TEST_CASE(of_an_interior_input) {
  const D x = leaf({1, 2}), a = x + 1.0, y = sum(a * a);
  D z = a.detach();
  z.mutable_data()[0] = 7;
  check_refused(y, kInput0);
}

BOOST_AUTO_TEST_CASE(what_no_rule_reads_may_be_written) {
  D x = leaf({1, 2});
  const D y = sum(3.0 * x + 1.0);
  x.set_value({100, 200});
  y.backward();
  is(x.gradient(), {3, 3});
}

BOOST_AUTO_TEST_CASE(writing_before_recording_is_fine) {
  D x = leaf({1, 2});
  x.set_value({3, 4});
  x.mutable_data()[0] = 5;
  sum(x * x).backward();
  is(x.gradient(), {10, 8});
}

BOOST_AUTO_TEST_CASE(grad_asks_only_for_what_it_needs) {
  D x = leaf({1, 2}), w = leaf({3, 4});
  const D y = sum(x * x) + sum(w * w);
  w.set_value({0, 0});
  is(grad(y, x, {.retain_graph = true}), {2, 4});
  BOOST_CHECK_THROW((void)grad(y, w), std::logic_error);
}

BOOST_AUTO_TEST_CASE(shape_of_what_is_written) {
  D x = leaf({1, 2});
  check_failure<std::invalid_argument>(
      [&] {
        x.set_value({1, 2, 3});
      },
      "set_value: the value has shape (3), the tensor (2)");
  is(x, {1, 2});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
