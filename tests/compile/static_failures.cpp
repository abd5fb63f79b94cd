// What fails in a program without the tape.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <stdexcept>

#include "passes.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/ops/math.hpp"

using namespace xgrad;
using namespace xgrad::test;

BOOST_AUTO_TEST_SUITE(without_the_tape)

// A pass that fails on its way leaves no gradient that it began.
BOOST_AUTO_TEST_CASE(failing_passes) {
  static bool fails = false;
  static const detail::Rule<double> rule = {
      "passed_on", [](const void*, Backward<double>& b) { b.add(0, b.gradient()); }, nullptr};
  const auto passed_on = [](const Tensor<double>& x) {
    const Tensor<double> y =
        Tensor<double>::from(x.shape(), std::vector<double>(x.data(), x.data() + x.size()));
    detail::record(y, rule, {&x}, {});
    detail::log_again(y, [](const List<double>& in) { return in[0].clone(); });
    detail::describe_arrays(
        y, [](const auto& a) { std::copy_n(a.x[0], 3, a.y); },
        [](const auto& a) {
          if (fails) throw std::runtime_error("on the way back");
          std::copy_n(a.gy, 3, a.gx[0]);
        });
    return y;
  };
  const List<double> p = parameters<double>({{3}, {3}});
  const auto step = compile([&] {
    const Tensor<double> loss = sum(passed_on(sin(p[0])) * p[1]);
    loss.backward();
    return loss;
  });
  const auto forget = [&] {
    for (const Tensor<double>& t : p) Tensor<double>(t).zero_grad();
  };
  step();
  forget();
  step();
  BOOST_TEST(step.statistics().without_tape == 1);
  const Tensor<double> once = p[1].gradient().clone();
  forget();
  fails = true;
  BOOST_CHECK_THROW(step(), std::runtime_error);
  BOOST_TEST((!p[0].has_grad() && !p[1].has_grad()));
  fails = false;
  step();
  BOOST_TEST(same_bits(p[1].gradient(), once));
}

BOOST_AUTO_TEST_SUITE_END()
