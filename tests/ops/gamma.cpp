// The gamma function's derivatives against mpmath, with the bounds of docs/precision.md, and numbers
// from distributions: moments, gradients against closed forms and against the quantile function.

#include "xgrad/ops/gamma.hpp"

#include <algorithm>
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <numbers>

#include "tests/data/references.hpp"
#include "tests/ops/failure.hpp"
#include "tests/ops/threads.hpp"
#include "xgrad/gradient_check/boost.hpp"
#include "xgrad/kernels/gamma.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/distributions.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"
#include "xgrad/ops/softmax.hpp"

namespace xgrad::test {
namespace {

using Floats = boost::mpl::list<float, double>;
using D = Tensor<double>;
using xgrad_test::Rows;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

const Rows& rows() {
  static const Rows all = xgrad_test::read_rows("gamma.txt");
  return all;
}

/// Units in the last place of T that `size` has.
template <class T>
double units(double error, double size) {
  return std::abs(error) / std::ldexp(1., std::ilogb(size) + 1 - std::numeric_limits<T>::digits);
}

/// The largest error in units of the exact value, or of the terms that it is a sum of.
template <class T, class F>
double worst(const std::string& sign, const std::string& name, const F& f) {
  const std::vector<double>&x = rows().at(sign + " x"), &exact = rows().at(sign + " " + name);
  const bool of_terms = sign == "negative" && name != "lgamma";
  const std::vector<double>& size = of_terms ? rows().at(name + " terms") : exact;
  const Tensor<T> y = f(Tensor<T>(xgrad_test::shaped<T>({x.size()}, x)));
  double most = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (exact[i] == 0) {
      BOOST_TEST(y.data()[i] == 0);
    } else if (std::abs(exact[i]) < std::numeric_limits<T>::max()) {
      most = std::max(most, units<T>(static_cast<double>(y.data()[i]) - exact[i], size[i]));
    }
  }
  return most;
}

void check_passes(const GradientReport& report) {
  BOOST_CHECK_MESSAGE(report.passed(), report.table());
}

struct Named {
  std::string name;
  std::size_t order;
  double positive, negative;  // bounds in double, as in docs/precision.md
};
const std::vector<Named> kOrders = {{"digamma", 0, 2.5, 6},
                                    {"trigamma", 1, 3, 6},
                                    {"polygamma 2", 2, 3, 8},
                                    {"polygamma 3", 3, 4, 10},
                                    {"polygamma 6", 6, 8, 16}};

}  // namespace

BOOST_AUTO_TEST_SUITE(gamma_functions)

BOOST_AUTO_TEST_CASE_TEMPLATE(are_mpmaths, T, Floats) {
  constexpr double kRounded = 0.51;  // what is computed in double for float
  const bool is_double = sizeof(T) == 8;
  const auto log_gamma = [](const Tensor<T>& x) { return lgamma(x); };
  BOOST_TEST((worst<T>("positive", "lgamma", log_gamma) <= (is_double ? 3 : kRounded)));
  BOOST_TEST((worst<T>("negative", "lgamma", log_gamma) <= (is_double ? 3 : kRounded)));
  for (const Named& p : kOrders) {
    const auto f = [&](const Tensor<T>& x) {
      return p.order == 0 ? digamma(x) : polygamma(p.order, x);
    };
    const double positive = worst<T>("positive", p.name, f);
    const double negative = worst<T>("negative", p.name, f);
    BOOST_TEST_MESSAGE(p.name << ": " << positive << ", " << negative);
    BOOST_TEST(positive <= (is_double ? p.positive : kRounded), p.name << ": " << positive);
    BOOST_TEST(negative <= (is_double ? p.negative : kRounded), p.name << ": " << negative);
  }
}

BOOST_AUTO_TEST_CASE(at_the_ends) {
  const D x = D::from({7}, {0, -0.0, -1, -kInfinity, kInfinity, kNaN, 1e300});
  const auto is = [&](const D& y, const std::vector<double>& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double v = y.data()[i];
      BOOST_TEST((std::isnan(expected[i]) ? std::isnan(v) : v == expected[i]), i << ": " << v);
    }
  };
  is(lgamma(x), {kInfinity, kInfinity, kInfinity, kInfinity, kInfinity, kNaN});
  is(digamma(x), {-kInfinity, kInfinity, kNaN, kNaN, kInfinity, kNaN, std::log(1e300)});
  is(polygamma(1, x), {kInfinity, kInfinity, kInfinity, kNaN, 0, kNaN, 1e-300});
  is(polygamma(2, x), {-kInfinity, kInfinity, kNaN, kNaN, 0, kNaN, 0});
  BOOST_TEST(digamma(D(-1e17)).item() != digamma(D(-1e17)).item());
}

BOOST_AUTO_TEST_CASE(gradients_of_negative_numbers) {
  const D x = D::from({4}, {-0.3, -1.7, -2.4, -5.5});
  check_passes(check_gradients([](const auto& v) { return lgamma(v); }, {x}, {.order = 2}));
  check_passes(check_gradients([](const auto& v) { return digamma(v); }, {x}, {.order = 2}));
  check_passes(check_gradients([](const auto& v) { return polygamma(4, v); }, {x}, {.order = 2}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(distributions)

// The slope of the quantile function, by differences of it.
BOOST_AUTO_TEST_CASE(gamma_quantiles_move_as_they_do) {
  const std::vector<double>&a = rows().at("shape"), &z = rows().at("number");
  BOOST_REQUIRE(a.size() > 50);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto s = kernels::gamma_slope(a[i], z[i]);
    const double slope = rows().at("slope")[i], second = rows().at("second")[i];
    BOOST_TEST(s.slope == slope, boost::test_tools::tolerance(1e-13));
    BOOST_TEST(s.by_a + s.by_z * s.slope == second, boost::test_tools::tolerance(1e-12));
  }
}

// On either side of where the slope of large shapes begins: it is smooth.
BOOST_AUTO_TEST_CASE(gamma_slopes_of_large_shapes) {
  for (const double w : {-6., -2., 0., 1., 5.}) {
    const double a = 1e6 - 0.5, z = a + 1000 * w;
    const auto series = kernels::gamma_slope(a, z), other = kernels::gamma_slope(a + 1, z);
    BOOST_TEST(other.slope - series.slope == series.by_a, boost::test_tools::tolerance(2e-5));
    BOOST_TEST(other.by_z == series.by_z, boost::test_tools::tolerance(2e-6));
    BOOST_TEST(other.by_a == series.by_a, boost::test_tools::tolerance(5e-6));
  }
}

BOOST_AUTO_TEST_CASE(gamma_samples_are_differentiated_twice) {
  const D a = parameter(D::from({5}, {0.2, 1, 2.5, 30, 400}));
  const D rate = parameter(D::from({5}, {1, 2, 0.5, 4, 1}));
  Generator g(3);
  const D x = sample_gamma(a, rate, {}, g);
  const auto first = grad<double>({sum(x)}, {a, rate}, {.create_graph = true});
  const D second = grad(sum(first[0]), a, {.retain_graph = true});
  const D mixed = grad(sum(first[0]), rate);
  for (std::size_t i = 0; i < 5; ++i) {
    const double r = rate.data()[i];
    const auto s = kernels::gamma_slope(a.data()[i], x.data()[i] * r);
    const auto close = boost::test_tools::tolerance(1e-10);
    BOOST_TEST(first[0].data()[i] == s.slope / r, close);
    BOOST_TEST(first[1].data()[i] == -x.data()[i] / r, close);
    BOOST_TEST(second.data()[i] == (s.by_a + s.by_z * s.slope) / r, close);
    BOOST_TEST(mixed.data()[i] == -s.slope / (r * r), close);
  }
  const D again = grad(sum(sample_gamma(a, rate, {}, g)), a, {.create_graph = true});
  const D twice = grad(sum(again), a, {.create_graph = true});
  BOOST_CHECK_THROW(static_cast<void>(grad(sum(twice), a)), std::logic_error);
}

namespace {

/// The mean of x (n, k) over its first axis is `expected`, within 5 standard errors.
void check_means(const D& x, const std::vector<double>& expected) {
  const D error = 5 * stddev(x, 0) / std::sqrt(static_cast<double>(x.size(0)));
  const D m = mean(x, 0);
  for (std::size_t k = 0; k < expected.size(); ++k) {
    BOOST_TEST(std::abs(m.data()[k] - expected[k]) <= error.data()[k],
               k << ": " << m.data()[k] << ", not " << expected[k] << " +- " << error.data()[k]);
  }
}

/// Of each sample of its own: the gradient by a parameter (k) broadcast to (n, k).
D sample_gradients(const std::function<D(const D&)>& f, const D& p, std::size_t n) {
  const D each = parameter(broadcast_to(p, {n, p.size()}));
  return grad(sum(f(each)), each);
}

constexpr std::size_t kSamples = 1 << 15;

}  // namespace

BOOST_AUTO_TEST_CASE(gamma_numbers_have_their_moments) {
  const std::vector<double> a = {0.05, 0.4, 1, 1.7, 6, 50, 1e4};
  const D shape = D::from({a.size()}, a);
  Generator g(11);
  const D x = sample_gamma(shape, 2, {kSamples}, g), z = x * 2.;
  std::vector<double> m, v, third, logs;
  for (const double s : a) {
    m.push_back(s);
    v.push_back(s * s + s);
    third.push_back(s * (s + 1) * (s + 2));
    logs.push_back(kernels::polygamma(0, s));
  }
  BOOST_TEST(x.shape() == (Shape{kSamples, a.size()}));
  check_means(z, m);
  check_means(square(z), v);
  check_means(z * z * z, third);
  check_means(log(z), logs);
}

// Kolmogorov's distance from the distribution function, which for whole shapes has a closed form.
BOOST_AUTO_TEST_CASE(gamma_numbers_have_their_distribution) {
  Generator g(13);
  for (const double a : {1., 2., 3.}) {
    constexpr std::size_t n = 1 << 18;
    const D z = sample_gamma(D::filled({n}, a), 1, {}, g);
    std::vector<double> p;
    for (std::size_t i = 0; i < n; ++i) {
      const double v = z.data()[i];
      const double tail = a == 1 ? 1 : a == 2 ? 1 + v : 1 + v + v * v / 2;
      p.push_back(1 - std::exp(-v) * tail);
    }
    std::sort(p.begin(), p.end());
    double most = 0;
    for (std::size_t i = 0; i < n; ++i) {
      most = std::max(most, std::abs(p[i] - (static_cast<double>(i) + 0.5) / n));
    }
    BOOST_TEST(most * std::sqrt(n) < 2);  // in 7 of 10 000 cases it is not
  }
}

// d/da of E z = a, of E z^2 = a^2 + a, and of E log z = digamma(a).
BOOST_AUTO_TEST_CASE(gamma_gradients_are_those_of_the_moments) {
  const std::vector<double> a = {0.4, 1, 1.7, 6, 50};
  std::vector<double> one(a.size(), 1), twice, trigamma;
  for (const double s : a) {
    twice.push_back(2 * s + 1);
    trigamma.push_back(kernels::polygamma(1, s));
  }
  const D shape = D::from({a.size()}, a);
  Generator g(12);
  const auto of = [&](auto&& f) {
    return sample_gradients([&](const D& p) { return f(sample_gamma(p, 1, {}, g)); }, shape,
                            kSamples);
  };
  check_means(of([](const D& z) { return z; }), one);
  check_means(of([](const D& z) { return square(z); }), twice);
  check_means(of([](const D& z) { return log(z); }), trigamma);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(small_gamma_numbers_are_positive, T, Floats) {
  Generator g(4);
  const Tensor<T> a = parameter(Tensor<T>::filled({4000}, T(1e-3)));
  const Tensor<T> z = sample_gamma(a, 1, {}, g);
  BOOST_TEST(min(z).item() == std::numeric_limits<T>::min());
  sum(log(z)).backward();
  for (const T v : a.grad()) BOOST_TEST((std::isfinite(v) && v > 0));
}

BOOST_AUTO_TEST_CASE(reparameterised_normal_and_uniform_numbers) {
  const D mean = D::from({2}, {1, -3}), deviation = D::from({2}, {0.5, 2});
  Generator g(5);
  const D x = sample_normal(mean, deviation, {kSamples}, g);
  check_means(x, {1, -3});
  check_means(square(x), {1.25, 13});
  const D u = sample_uniform(mean - 1., mean + deviation, {kSamples}, g);
  check_means(u, {0.75, -2.5});
  check_means(square(u), {0.75 * 0.75 + 2.25 / 12, 7});
  const auto normal_of = [](const D& m, const D& s) {
    Generator same(6);
    return square(sample_normal(m, s, {3}, same));
  };
  check_passes(check_gradients(normal_of, {mean, deviation}, {.order = 2}));
  const auto uniform_of = [](const D& low, const D& high) {
    Generator same(6);
    return square(sample_uniform(low, high, {3}, same));
  };
  check_passes(check_gradients(uniform_of, {mean, mean + deviation}, {.order = 2}));
  check_passes(check_gradients(normal_of, {mean, D(0.3)}, {.order = 2}));
}

// A class is the largest with its probability, whatever the temperature.
BOOST_AUTO_TEST_CASE(gumbel_softmax_draws_classes) {
  const D logits = D::from({4}, {0, 1, -1, 2});
  Generator g(7);
  const D hard = gumbel_softmax(broadcast_to(logits, {kSamples, 4}), {.tau = 0.7, .hard = true}, g);
  const D p = softmax(logits, 0);
  check_means(hard, std::vector<double>(p.data(), p.data() + 4));
  BOOST_TEST(min(sum(hard, 1)).item() == 1);
  BOOST_TEST(max(sum(square(hard), 1)).item() == 1);
  const D cold = gumbel_softmax(logits, {.tau = 1e-3}, g);
  BOOST_TEST(max(cold).item() > 0.999);
}

BOOST_AUTO_TEST_CASE(gumbel_softmax_has_the_gradient_of_the_soft_sample) {
  const D logits = D::from({2, 3}, {0.3, 1, -1, 2, 0.1, 0.4}), w = D::from({3}, {1, -2, 0.5});
  const auto sample = [&](bool hard, std::ptrdiff_t axis) {
    return [=](const D& x) {
      Generator same(8);
      return gumbel_softmax(x, {.tau = 0.6, .hard = hard, .axis = axis}, same) * w;
    };
  };
  check_passes(check_gradients(sample(false, -1), {logits}, {.order = 2}));
  check_passes(check_gradients(sample(false, 0), {logits}, {.order = 2}));
  for (const std::ptrdiff_t axis : {0, 1}) {
    const D x = parameter(logits);
    const D soft = grad(sum(sample(false, axis)(x)), x), hard = grad(sum(sample(true, axis)(x)), x);
    for (std::size_t i = 0; i < 6; ++i) BOOST_TEST(soft.data()[i] == hard.data()[i]);
    const D y = sample(true, axis)(D(logits)) / w;
    BOOST_TEST(min(sum(y, axis)).item() == 1);
    BOOST_TEST(max(sum(y, axis)).item() == 1);
  }
}

BOOST_AUTO_TEST_CASE(the_same_numbers_for_any_number_of_threads) {
  check_threads(
      [](const Tensors& x) {
        Generator g(9);
        return sample_gamma(x[0], 1, {}, g);
      },
      {D::filled({60000}, 0.7)});
}

BOOST_AUTO_TEST_CASE(multinomial_draws_by_weight) {
  const D w = D::from({4}, {1, 0, 3, 6});
  Generator g(10);
  const Indices with = multinomial(broadcast_to(w, {2, 4}), kSamples, {.replacement = true}, g);
  for (std::size_t r = 0; r < 2; ++r) {
    D hits = zeros<double>({kSamples, 4});
    for (std::size_t i = 0; i < kSamples; ++i) {
      hits.mutable_data()[4 * i + static_cast<std::size_t>(with(r, i))] = 1;
    }
    check_means(hits, {0.1, 0, 0.3, 0.6});
  }
  // Without replacement: 2 of weights 1, 3, 6; the pair (0, 2) in this order has 1/10 3/9.
  const Indices pairs = multinomial(broadcast_to(w, {kSamples, 4}), 2, {}, g);
  D is = zeros<double>({kSamples, 3});
  for (std::size_t i = 0; i < kSamples; ++i) {
    BOOST_TEST_REQUIRE(pairs(i, 0) != pairs(i, 1));
    is.mutable_data()[3 * i] = pairs(i, 0) == 0 && pairs(i, 1) == 2;
    is.mutable_data()[3 * i + 1] = pairs(i, 0) == 3 && pairs(i, 1) == 0;
    is.mutable_data()[3 * i + 2] = pairs(i, 0) == 1 || pairs(i, 1) == 1;
  }
  check_means(is, {1. / 30, 0.6 / 4, 0});
  BOOST_TEST(multinomial(w, 3, {}, g).size() == 3U);
  Generator one(1), two(1);
  BOOST_TEST(
      (multinomial(w, 50, {true}, one) == multinomial(Tensor<float>(w.value()), 50, {true}, two)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
