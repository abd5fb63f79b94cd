// Every elementwise function over the whole range, on each instruction set that was compiled and
// that this machine has, against long double; docs/precision.md has the bounds. With
// XGRAD_PRECISION=<mantissas per exponent> in the environment it takes more points than the usual 6,
// and prints what it finds.

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/precision/exact.hpp"
#include "tests/precision/sweep.hpp"
#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/formulas/activations.hpp"
#include "xgrad/kernels/formulas/arithmetic.hpp"
#include "xgrad/kernels/formulas/elementary.hpp"
#include "xgrad/kernels/formulas/special.hpp"
#include "xgrad/kernels/formulas/trigonometry.hpp"

namespace {

using exact::Real;
using xgrad::Isa;
namespace f = xgrad::primitives;

template <class T>
using Kernel = xgrad::kernels::ForwardKernel<T>;

/// The forward kernel of F for each instruction set.
template <class F, class T>
std::map<Isa, Kernel<T>> kernels() {
  using xgrad::kernels::elementwise_kernels;
  std::map<Isa, Kernel<T>> found{
      {Isa::baseline, elementwise_kernels<Isa::baseline, F, T>().forward}};
#if defined(__x86_64__) && !defined(XGRAD_WITHOUT_AVX2)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    found[Isa::avx2] = elementwise_kernels<Isa::avx2, F, T>().forward;
  }
#endif
#if defined(__x86_64__) && !defined(XGRAD_WITHOUT_AVX512)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    found[Isa::avx512] = elementwise_kernels<Isa::avx512, F, T>().forward;
  }
#endif
  return found;
}

/// What a kernel makes of columns of arguments.
template <class T>
std::vector<T> results(Kernel<T> kernel, const void* functor, const std::vector<const T*>& in,
                       std::size_t n) {
  xgrad::kernels::Loop loop{.rank = 1, .inputs = in.size(), .extent = {n}, .stride = {}};
  for (std::size_t i = 0; i < in.size(); ++i) loop.stride[i][0] = 1;
  std::vector<T> y(n);
  kernel(functor, loop, in.data(), y.data());
  return y;
}

template <class T>
struct Worst {
  double distance = 0;
  T at = 0;

  void see(double d, T x) {
    if (d > distance) *this = {d, x};
  }
};

/// Bounds by "function type instruction set", as docs/precision.md has them.
std::map<std::string, double> read_page() {
  std::ifstream file(std::string(XGRAD_SOURCE_DIR) + "/docs/precision.md");
  BOOST_REQUIRE(file);
  std::map<std::string, double> bounds;
  for (std::string line, bar, name; std::getline(file, line);) {
    std::istringstream row(line);
    if (!(row >> bar >> name) || bar != "|" || name.front() != '`') continue;
    name = name.substr(1, name.size() - 2);
    for (const char* column : {" float baseline", " float avx2", " float avx512",
                               " double baseline", " double avx2", " double avx512"}) {
      double bound = -1;
      row >> bar >> bound;
      bounds[name + column] = bound;
    }
  }
  return bounds;
}

const std::map<std::string, double>& page() {
  static const std::map<std::string, double> bounds = read_page();
  return bounds;
}

int asked_points() {
  const char* asked = std::getenv("XGRAD_PRECISION");
  return asked != nullptr ? std::atoi(asked) : 0;
}

/// Prints when a table is asked for, and holds the worst against the page.
template <class T>
void report(const std::string& name, Isa isa, const Worst<T>& worst) {
  const std::string row = name + (sizeof(T) == 4 ? " float " : " double ") + xgrad::to_string(isa);
  if (asked_points() > 0) {
    std::cout << std::left << std::setw(34) << row << std::setw(10) << std::setprecision(3)
              << worst.distance << " at " << std::setprecision(17) << worst.at << '\n';
  }
  BOOST_REQUIRE_MESSAGE(page().contains(row), "docs/precision.md has no bound for " << row);
  BOOST_TEST(worst.distance <= page().at(row),
             row << ": " << worst.distance << " at " << std::setprecision(17) << worst.at);
}

template <class T>
const std::vector<T>& arguments() {
  static const std::vector<T> x = sweep::points<T>(asked_points() > 0 ? asked_points() : 6);
  return x;
}

template <class T, class F>
void check(const std::string& name, const F& functor, Real (*exact)(Real)) {
  const std::vector<T>& x = arguments<T>();
  std::vector<Real> right;
  for (T v : x) right.push_back(exact(v));
  for (const auto& [isa, kernel] : kernels<F, T>()) {
    const std::vector<T> y = results<T>(kernel, &functor, {x.data()}, x.size());
    Worst<T> worst;
    for (std::size_t i = 0; i < x.size(); ++i) worst.see(sweep::distance(y[i], right[i]), x[i]);
    report(name, isa, worst);
  }
}

template <class F>
void both(const std::string& name, const F& functor, Real (*exact)(Real)) {
  check<float>(name, functor, exact);
  check<double>(name, functor, exact);
}

/// Bases and exponents: all pairs of hard ones, and pairs whose power is in range, and about
/// its ends.
template <class T>
void power_arguments(std::vector<T>& x, std::vector<T>& y) {
  using L = std::numeric_limits<T>;
  const T hard[] = {0,
                    -T(0),
                    1,
                    -1,
                    2,
                    -2,
                    3,
                    -3,
                    T(0.5),
                    T(-0.5),
                    T(0.1),
                    T(1.5),
                    -T(2.5),
                    1 + L::epsilon(),
                    1 - L::epsilon() / 2,
                    -1 - L::epsilon(),
                    T(1e5) + 1,
                    T(-1e5) - 1,
                    L::max(),
                    -L::max(),
                    L::min(),
                    -L::min(),
                    L::denorm_min(),
                    -L::denorm_min(),
                    L::infinity(),
                    -L::infinity(),
                    L::quiet_NaN()};
  for (T a : hard) {
    for (T b : hard) {
      x.push_back(a);
      y.push_back(b);
    }
  }
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> unit(-1, 1);
  const double end = 1.05 * L::max_exponent;
  for (int i = 0; i < 20000; ++i) {
    const T base = static_cast<T>(std::exp2(unit(random) * (i % 2 == 0 ? 1 : end / 1.1)));
    const double exponent = unit(random) * end / std::log2(static_cast<double>(base));
    x.push_back(i % 5 == 0 ? -base : base);
    y.push_back(static_cast<T>(i % 5 == 0 ? std::round(exponent) : exponent));
  }
}

template <class T>
void check_power() {
  std::vector<T> x, y;
  power_arguments(x, y);
  const f::Power power{};
  for (const auto& [isa, kernel] : kernels<f::Power, T>()) {
    const std::vector<T> z = results<T>(kernel, &power, {x.data(), y.data()}, x.size());
    Worst<T> worst;
    for (std::size_t i = 0; i < x.size(); ++i) {
      worst.see(sweep::distance(z[i], std::pow(Real(x[i]), Real(y[i]))), x[i]);
    }
    report("pow", isa, worst);
  }
}

BOOST_AUTO_TEST_SUITE(precision)

BOOST_AUTO_TEST_CASE(exponentials_and_logarithms) {
  both("exp", f::Exp{}, std::exp);
  both("expm1", f::Expm1{}, std::expm1);
  both("log", f::Log{}, std::log);
  both("log1p", f::Log1p{}, std::log1p);
  both("sinh", f::Sinh{}, std::sinh);
  both("cosh", f::Cosh{}, std::cosh);
  both("tanh", f::Tanh{}, std::tanh);
  both("sigmoid", f::Sigmoid{}, exact::sigmoid);
  both("softplus", f::Softplus{}, exact::softplus);
  check_power<float>();
  check_power<double>();
}

BOOST_AUTO_TEST_CASE(arithmetic) {
  both("sqrt", f::Sqrt{}, std::sqrt);
  both("rsqrt", f::Rsqrt{}, exact::rsqrt);
  both("square", f::Square{}, exact::square);
  both("reciprocal", f::Reciprocal{}, exact::reciprocal);
  both("abs", f::Abs{}, std::fabs);
  both("sign", f::Sign{}, exact::sign);
  both("floor", f::Floor{}, std::floor);
  both("relu", f::Relu{}, exact::relu);
  both("negative", f::Negative{}, exact::negative);
}

BOOST_AUTO_TEST_CASE(circle) {
  both("sin", f::Sin{}, std::sin);
  both("cos", f::Cos{}, std::cos);
  both("tan", f::Tan{}, std::tan);
  both("asin", f::Asin{}, std::asin);
  both("acos", f::Acos{}, std::acos);
  both("atan", f::Atan{}, std::atan);
}

BOOST_AUTO_TEST_CASE(normal_distribution) {
  both("erf", f::Erf{}, std::erf);
  both("ndtr", f::Ndtr{}, exact::ndtr);
}

BOOST_AUTO_TEST_CASE(activations) {
  both("log_sigmoid", f::LogSigmoid{}, exact::log_sigmoid);
  both("elu", f::ExponentialLinear{1, 1, 1}, exact::elu);
  both("celu", f::ExponentialLinear{2, 1, 2}, exact::celu);
  both("selu", f::ExponentialLinear{1.6732632423543772, 1.0507009873554805, 1}, exact::selu);
  both("gelu", f::Gelu{}, exact::gelu);
  both("gelu_tanh", f::GeluTanh{}, exact::gelu_tanh);
  both("silu", f::Silu{}, exact::silu);
  both("softsign", f::Softsign{}, exact::softsign);
  both("mish", f::Mish{}, exact::mish);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
