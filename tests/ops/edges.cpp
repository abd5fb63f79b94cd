// Derivatives where an infinite slope meets 0, where a square leaves the range, and where a slope
// is not to be read off a rounded output. References are closed forms.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/map.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/softmax.hpp"

namespace {

using xgrad::Reduction;
using xgrad::Tensor;
using D = Tensor<double>;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <class T>
Tensor<T> vector(std::vector<T> v) {
  return Tensor<T>::from({v.size()}, v);
}

// The gradients of sum f(x) at x, in a plain and in a recorded pass.
template <class T, class F>
void check_slopes(const F& f, std::vector<T> x, const std::vector<T>& expected, double ulps = 4) {
  for (const bool recorded : {false, true}) {
    const Tensor<T> leaf = vector(x).requires_grad_(true);
    const Tensor<T> g = grad(xgrad::sum(f(leaf)), leaf, {.create_graph = recorded});
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double got = g.data()[i], wanted = expected[i];
      const double bound = ulps * std::numeric_limits<T>::epsilon() * std::abs(wanted);
      BOOST_TEST(
          (got == wanted || std::abs(got - wanted) <= bound),
          "at " << x[i] << (recorded ? ", recorded: " : ": ") << got << ", expected " << wanted);
    }
  }
}

double logistic(double x) {
  const long double e = std::exp(-std::abs(static_cast<long double>(x)));
  return static_cast<double>(e / ((1 + e) * (1 + e)));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(edges)

BOOST_AUTO_TEST_CASE(an_infinite_slope_of_one_operand_leaves_the_other_alone) {
  D x = vector<double>({0, 0.25}).requires_grad_(true), y = vector<double>({3, 3});
  y.requires_grad_(true);
  xgrad::sum(map([](auto a, auto b) { return b * b + sqrt(a); }, x, y)).backward();
  BOOST_TEST(y.gradient().data()[0] == 6);
  BOOST_TEST(y.gradient().data()[1] == 6);
  BOOST_TEST(x.gradient().data()[0] == kInf);
  BOOST_TEST(x.gradient().data()[1] == 1);
}

BOOST_AUTO_TEST_CASE(operands_of_products_quotients_and_powers) {
  const auto pair = [](const auto& f, double a, double b) {
    const D x = D(a).requires_grad_(true), y = D(b).requires_grad_(true);
    const auto g = xgrad::grad({f(x, y)}, {x, y});
    return std::vector<double>{g[0].item(), g[1].item()};
  };
  const auto product = [](const auto& x, const auto& y) { return x * y; };
  const auto quotient = [](const auto& x, const auto& y) { return x / y; };
  const auto power = [](const auto& x, const auto& y) { return pow(x, y); };
  BOOST_TEST(pair(product, 2, kInf) == (std::vector<double>{kInf, 2}));
  BOOST_TEST(pair(quotient, 1, 0) == (std::vector<double>{kInf, -kInf}));
  BOOST_TEST(pair(power, 0, 0.5) == (std::vector<double>{kInf, 0}));
  BOOST_TEST(pair(power, 0, 0) == (std::vector<double>{0, 0}));
  BOOST_TEST(pair(power, 0, -1) == (std::vector<double>{-kInf, -kInf}));
}

BOOST_AUTO_TEST_CASE(power_zero_has_slope_zero) {
  check_slopes<double>([](const auto& x) { return pow(x, 0.); }, {kInf, -kInf, kNan, 0},
                       {0, 0, 0, 0});
}

BOOST_AUTO_TEST_CASE(branches_that_are_not_taken) {
  check_slopes<double>([](const auto& x) { return where(x > 0, log(x), 0); }, {0, -1, 2},
                       {0, 0, 0.5});
  check_slopes<double>([](const auto& x) { return sqrt(relu(x)); }, {-1, 4}, {0, 0.25});
}

BOOST_AUTO_TEST_CASE(losses_of_infinite_errors) {
  const auto huber = [](double delta) {
    return [=](const auto& x) {
      return huber_loss(x, D::filled(x.shape(), 0), {delta, Reduction::sum});
    };
  };
  check_slopes<double>(huber(1), {kInf, -kInf, 0.5, 1e200}, {1, -1, 0.5, 1});
  check_slopes<double>(huber(kInf), {kInf, -kInf, 7}, {kInf, -kInf, 7});
}

BOOST_AUTO_TEST_CASE(losses_of_certain_predictions) {
  const D x = vector<double>({kInf, -kInf}), t = vector<double>({1, 0});
  BOOST_TEST(binary_cross_entropy_with_logits(x, t).item() == 0);
  check_slopes<double>(
      [&](const auto& l) {
        return binary_cross_entropy_with_logits(l, t, {.reduction = Reduction::sum});
      },
      {kInf, -kInf}, {0, 0});
  check_slopes<double>(
      [](const auto& p) { return binary_cross_entropy(p, D::filled({1}, 0), {Reduction::sum}); },
      {1e-310}, {1});
  const D log_t = vector<double>({-kInf, 0.}), input = vector<double>({-1, -2});
  const auto kl = [&](const auto& l) {
    return kl_div(input, l, {.log_target = true, .reduction = Reduction::sum});
  };
  BOOST_TEST(kl(log_t).item() == 2);
  check_slopes<double>(kl, {-kInf, 0}, {0, 3});
}

BOOST_AUTO_TEST_CASE(classes_of_probability_zero_do_not_count) {
  const D t = D::from({1, 3}, {0.5, 0.5, 0});
  D x = D::from({1, 3}, {0, 0, -kInf});
  x.requires_grad_(true);
  const D loss = cross_entropy(x, t);
  BOOST_TEST(std::abs(loss.item() - std::log(2.)) < 1e-15);
  const D g = grad(loss, x);
  for (int i = 0; i < 3; ++i) BOOST_TEST(std::abs(g.data()[i]) < 1e-15);
}

BOOST_AUTO_TEST_CASE(ignored_samples_touch_nothing) {
  xgrad::Indices labels = {0, -100};
  for (const double bad : {-kInf, kNan}) {
    for (const double smoothing : {0., 0.1}) {
      for (const bool recorded : {false, true}) {
        D x = D::from({2, 2}, {1, 2, bad, bad});
        x.requires_grad_(true);
        const D loss =
            cross_entropy(x, labels, {.label_smoothing = smoothing, .ignore_index = -100});
        BOOST_TEST(std::isfinite(loss.item()));
        const D g = grad(loss, x, {.create_graph = recorded});
        BOOST_TEST(std::abs(g.data()[0]) > 0.1);
        BOOST_TEST(g.data()[2] == 0);
        BOOST_TEST(g.data()[3] == 0);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(activations_far_out) {
  const auto gelu_tanh = [](const auto& x) { return gelu(x, xgrad::GeluForm::tanh); };
  check_slopes<float>(gelu_tanh, {3e19F, -3e19F, 1e30F, -1e30F}, {1, 0, 1, 0});
  check_slopes<double>(gelu_tanh, {1e155, -1e155, 1e300, kInf, -kInf}, {1, 0, 1, 1, 0});
  check_slopes<double>([](const auto& x) { return softsign(x); }, {1e200, 1e100, -1e10},
                       {0, 1e-200, 1 / (1 + 1e10) / (1 + 1e10)});
}

BOOST_AUTO_TEST_CASE(gradient_of_logsumexp_is_softmax) {
  const auto f = [](const auto& x) { return logsumexp(x); };
  check_slopes<float>(f, {1e4F, 1e4F, 1e4F, 1e4F}, {0.25F, 0.25F, 0.25F, 0.25F});
  check_slopes<float>(f, {1e8F, 1e8F, 1e8F, 1e8F}, {0.25F, 0.25F, 0.25F, 0.25F});
  check_slopes<double>(f, {1e20, 1e20}, {0.5, 0.5});
  const auto loss = [](const auto& x) {
    return cross_entropy(reshape(x, {1, 4}), xgrad::Indices{0});
  };
  check_slopes<float>(loss, {1e8F, 1e8F, 1e8F, 1e8F}, {-0.75F, 0.25F, 0.25F, 0.25F});
}

BOOST_AUTO_TEST_CASE(slopes_keep_their_precision) {
  const double scale = 1.0507009873554805, alpha = 1.6732632423543772;
  check_slopes<double>([](const auto& x) { return elu(x); }, {-700}, {std::exp(-700.)});
  check_slopes<double>([](const auto& x) { return celu(x, 2); }, {-700}, {std::exp(-350.)});
  check_slopes<double>([](const auto& x) { return selu(x); }, {-700},
                       {scale * alpha * std::exp(-700.)});
  check_slopes<float>([](const auto& x) { return elu(x); }, {-15}, {std::exp(-15.F)});
  check_slopes<double>([](const auto& x) { return expm1(x); }, {-40, -700},
                       {std::exp(-40.), std::exp(-700.)});
  check_slopes<float>([](const auto& x) { return sigmoid(x); }, {15, -15, 40},
                      {static_cast<float>(logistic(15)), static_cast<float>(logistic(15)),
                       static_cast<float>(logistic(40))});
  check_slopes<float>([](const auto& x) { return tanh(x); }, {7, -20},
                      {static_cast<float>(4 * logistic(14)), static_cast<float>(4 * logistic(40))});
  check_slopes<double>([](const auto& x) { return tanh(x); }, {20, -300},
                       {4 * logistic(40), 4 * logistic(600)});
  check_slopes<float>([](const auto& x) { return atan(x); }, {1e18F}, {1e-36F});
}

BOOST_AUTO_TEST_CASE(second_derivatives_keep_it_too) {
  const D x = D(-40.).requires_grad_(true);
  const D slope = grad(log_sigmoid(x), x, {.create_graph = true});
  const double expected = -logistic(40);
  BOOST_TEST(std::abs(grad(slope, x).item() - expected) <= 1e-15 * std::abs(expected));
}

BOOST_AUTO_TEST_CASE(prelu_has_its_slopes_along_axis_1) {
  const D x = D::filled({2, 3, 3}, -1), slope = vector<double>({1, 2, 3});
  const D y = prelu(x, slope);
  for (std::size_t i = 0; i < y.size(); ++i) {
    BOOST_TEST(y.data()[i] == -1 - static_cast<double>(i / 3 % 3));
  }
  BOOST_CHECK_THROW(prelu(D::filled({2, 4, 3}, -1), slope), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(numbers_are_flat_in_maximum_and_minimum) {
  check_slopes<double>([](const auto& x) { return maximum(x, 0.5); }, {0.5, 1, 0, kInf},
                       {0, 1, 0, 1});
  check_slopes<double>([](const auto& x) { return minimum(0.5, x); }, {0.5, 1, 0}, {0, 0, 1});
  const auto mapped = [](const auto& x) { return map([](auto v) { return maximum(v, 0.5); }, x); };
  check_slopes<double>(mapped, {0.5, 1, 0}, {0, 1, 0});
}

BOOST_AUTO_TEST_CASE(limits_that_are_none) {
  check_slopes<double>([](const auto& x) { return clamp(x, -kInf, kInf); }, {kInf, -kInf, 1},
                       {1, 1, 1});
  BOOST_TEST(celu(D(-3.), kInf).item() == -3);
}

BOOST_AUTO_TEST_SUITE_END()
