// jacobian, hessian, vjp, jvp and hvp against derivatives known in closed form.

#include "xgrad/autograd/derivatives.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/message.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"

using namespace xgrad;

namespace {

using D = Tensor<double>;

const D kA = D::from({2, 3}, {1, 2, 3, 4, 5, 6.5});
const D kX = D::from({3}, {0.3, -0.7, 1.1});

void check_close(const D& a, const D& b, double tolerance = 1e-14) {
  BOOST_REQUIRE(a.shape() == b.shape());
  for (std::size_t i = 0; i < a.size(); ++i)
    BOOST_TEST(std::abs(a.data()[i] - b.data()[i]) <= tolerance);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(derivatives)

BOOST_AUTO_TEST_CASE(of_a_linear_function) {
  const auto f = [](const D& x) { return matmul(kA, x); };
  check_close(jacobian(f, kX), kA);
  check_close(vjp(f, kX, D::from({2}, {1, -1})), D::from({3}, {-3, -3, -3.5}));
  check_close(jvp(f, kX, D::from({3}, {1, 0, -1})), D::from({2}, {-2, -2.5}));
}

BOOST_AUTO_TEST_CASE(of_a_quadratic_form) {
  const D q = D::from({3, 3}, {2, 1, 0, 1, 3, -1, 0, -1, 5});
  const auto f = [&](const D& x) { return sum(x * matmul(q, x)); };
  check_close(hessian(f, kX), 2.0 * q);
  check_close(hvp(f, kX, kX), 2.0 * matmul(q, kX));
}

BOOST_AUTO_TEST_CASE(of_an_elementwise_function) {
  const D cosine = cos(kX);
  const D j = jacobian([](const D& x) { return sin(x); }, kX);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t k = 0; k < 3; ++k)
      BOOST_TEST(j.data()[3 * i + k] == (i == k ? cosine.data()[i] : 0));
  }
}

BOOST_AUTO_TEST_CASE(shapes_are_joined) {
  const auto f = [](const D& x) { return x * x; };
  BOOST_TEST(to_string(jacobian(f, kA).shape()) == "(2, 3, 2, 3)");
  BOOST_TEST(to_string(hessian([](const D& x) { return sum(x * x); }, kA).shape()) ==
             "(2, 3, 2, 3)");
  BOOST_TEST(to_string(jacobian([](const D& x) { return sum(x); }, kA).shape()) == "(2, 3)");
}

BOOST_AUTO_TEST_CASE(of_a_constant_are_zero) {
  const auto f = [](const D&) { return D::from({2}, {1, 2}); };
  check_close(jacobian(f, kX), D::filled({2, 3}, 0));
  check_close(vjp(f, kX, D::from({2}, {1, 1})), D::filled({3}, 0));
  check_close(jvp(f, kX, kX), D::filled({2}, 0));
  check_close(hessian([](const D& x) { return sum(x); }, kX), D::filled({3, 3}, 0));
}

BOOST_AUTO_TEST_CASE(in_float) {
  const auto h = hessian([](const Tensor<float>& x) { return sum(square(x)); },
                         Tensor<float>::from({2}, {1, 2}));
  BOOST_TEST(h.data()[0] == 2);
  BOOST_TEST(h.data()[1] == 0);
}

BOOST_AUTO_TEST_CASE(leave_the_input_alone) {
  D x = parameter(kX);
  jacobian([](const D& t) { return exp(t); }, x);
  BOOST_TEST(!x.has_grad());
}

BOOST_AUTO_TEST_CASE(work_inside_no_grad) {
  const NoGrad guard;
  check_close(vjp([](const D& x) { return square(x); }, kX, D::filled({3}, 1)), 2.0 * kX);
}

BOOST_AUTO_TEST_CASE(refuse_other_shapes) {
  const auto f = [](const D& x) { return square(x); };
  const auto refused = [](const auto& call, const std::string& message) {
    xgrad::test::check_failure<std::invalid_argument>(call, message);
  };
  refused([&] { vjp(f, kX, D(1.0)); }, "vjp: the cotangent has shape (), expected (3)");
  refused([&] { jvp(f, kX, D(1.0)); }, "jvp: the tangent has shape (), expected (3)");
  refused([&] { hvp(f, kX, kX); }, "hvp: the function returned shape (3), not one element");
  refused([&] { hessian(f, kX); }, "hessian: the function returned shape (3), not one element");
}

BOOST_AUTO_TEST_CASE(refuse_more_axes_than_a_tensor_has) {
  const D x = D::filled({1, 1, 1, 1, 1}, 2);
  BOOST_CHECK_THROW(jacobian([](const D& t) { return square(t); }, x), std::invalid_argument);
  BOOST_CHECK_THROW(hessian([](const D& t) { return sum(square(t)); }, x), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
