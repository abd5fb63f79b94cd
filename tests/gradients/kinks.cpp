// Points where a function has no derivative, and points 1e-9 beside them.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <set>

#include "tests/rounds.hpp"
#include "xgrad/gradient_check/check.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/function.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/regularization.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

using namespace xgrad;

namespace {

using D = Tensor<double>;
using Tensors = std::vector<D>;
using Unary = std::function<D(const D&)>;

Verdict verdict_at(const Unary& f, double x) {
  const auto r = check_gradients(f, {D::from({1}, {x})}, {.meant = {.zero_gradient = true}});
  return r.elements.at(0).verdict;
}

// One function, where its kink is, and what the check says there. Beside it there is a
// derivative: pass.
struct Kinked {
  const char* name;
  Unary f;
  double kink;
  Verdict at_kink;
};

Indices filled_indices(std::size_t n, std::int64_t value) {
  Indices all(Indices::shape_type{n});
  std::fill(all.begin(), all.end(), value);
  return all;
}

// Every element beside a constant, as two neighbours.
D beside(const D& x, double constant) {
  return xgrad::stack({x, D::filled(x.shape(), constant)}, -1);
}

const std::vector<Kinked> kFunctions = {
    {"relu", [](const D& x) { return relu(x); }, 0, Verdict::kink},
    {"leaky_relu", [](const D& x) { return leaky_relu(x, 0.01); }, 0, Verdict::kink},
    {"prelu", [](const D& x) { return prelu(x, D(0.25)); }, 0, Verdict::kink},
    {"elu", [](const D& x) { return elu(x); }, 0, Verdict::pass},  // smooth once
    {"elu_2", [](const D& x) { return elu(x, 2); }, 0, Verdict::kink},
    {"maxout",
     [](const D& x) {
       return maxout(flatten(xgrad::stack({2.0 * x - 1.0, 0.5 * x + 2.0}, -1)), 2);
     },
     2, Verdict::kink},
    {"abs", [](const D& x) { return abs(x); }, 0, Verdict::kink},
    {"maximum", [](const D& x) { return maximum(x, D(1.5)); }, 1.5, Verdict::kink},
    {"max", [](const D& x) { return max(beside(x, 1.5), -1); }, 1.5, Verdict::kink},
    {"clamp", [](const D& x) { return clamp(x, -1, 1); }, 1, Verdict::kink},
    {"hinge",
     [](const D& x) { return multi_class_hinge(beside(0.5 * x, 0), filled_indices(x.size(), 0)); },
     2, Verdict::kink},
    {"l1",
     [](const D& x) {
       return l1_penalty<double>({{"x", x}}, 0.1) + 3.0;
     },
     0, Verdict::kink},
};

// relu with the subgradient `at_zero`.
D relu_with(const D& x, double at_zero) {
  return custom_function<double>(
      "relu_with", {x}, [](const Tensors& in) { return relu(in[0]); },
      [at_zero](const Tensors& in, const D&, const D& gy) {
        return Tensors{gy * where(in[0] == 0.0, at_zero, in[0] > 0.0)};
      });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kinks)

BOOST_AUTO_TEST_CASE(at_the_kink) {
  for (const Kinked& k : kFunctions) {
    BOOST_TEST_CONTEXT(k.name)
    BOOST_TEST(to_string(verdict_at(k.f, k.kink)) == to_string(k.at_kink));
  }
}

BOOST_AUTO_TEST_CASE(beside_the_kink) {
  for (const Kinked& k : kFunctions) {
    for (const double distance : {1e-9, -1e-9, 1e-6, -1e-6, 1e-3, -1e-3, 1e-11, -1e-11}) {
      BOOST_TEST_CONTEXT(k.name << " at " << distance)
      BOOST_TEST(to_string(verdict_at(k.f, k.kink + distance)) == "pass");
    }
  }
}

BOOST_AUTO_TEST_CASE(subgradients_within_the_one_sided_derivatives) {
  for (const double at_zero : {0.0, 0.3, 1.0}) {
    BOOST_TEST(
        to_string(verdict_at([=](const D& x) { return relu_with(x, at_zero); }, 0)) == "kink",
        at_zero);
  }
}

BOOST_AUTO_TEST_CASE(wrong_subgradients_fail) {
  for (const double at_zero : {2.0, 1.001, -0.001, -1.0}) {
    BOOST_TEST(
        to_string(verdict_at([=](const D& x) { return relu_with(x, at_zero); }, 0)) == "fail",
        at_zero);
    BOOST_TEST(to_string(verdict_at(
                   [=](const D& x) { return sum(tanh(3.0 * relu_with(x, at_zero))); }, 0)) ==
               "fail");
  }
}

BOOST_AUTO_TEST_CASE(wrong_slopes_beside_the_kink_fail) {
  const auto wrong = [](double factor) {
    return [factor](const D& x) {
      return custom_function<double>(
          "wrong", {x}, [](const Tensors& in) { return relu(in[0]); },
          [factor](const Tensors& in, const D&, const D& gy) {
            return Tensors{factor * gy * (in[0] > 0.0)};
          });
    };
  };
  for (const double distance : {1e-11, 1e-9, 1e-7, 1e-5}) {
    for (const double factor : {0.5, 1 - 1e-6, 1 + 1e-6, 2.0}) {
      BOOST_TEST(to_string(verdict_at(wrong(factor), distance)) == "fail",
                 distance << " " << factor);
    }
  }
}

BOOST_AUTO_TEST_CASE(several_kinks_at_once_are_no_failure) {
  // x in disguise: 1 everywhere, but relu'(0) - relu'(0) = 0.
  const auto identity = [](const D& x) { return relu(x) - relu(-x); };
  BOOST_TEST(to_string(verdict_at(identity, 0)) == "kink_not_a_subgradient");
  BOOST_TEST(to_string(verdict_at(identity, 1e-9)) == "pass");
  const auto report = check_gradients(identity, {D::from({1}, {0})});
  BOOST_TEST(!report.passed());
  const auto meant =
      check_gradients(identity, {D::from({1}, {0})},
                      {.meant = {.zero_gradient = true, .kink_not_a_subgradient = true}});
  BOOST_TEST(meant.passed(), meant.table());
}

BOOST_AUTO_TEST_CASE(several_kinks_in_one_operation) {
  const D c = D::from({2}, {1, -1});
  const auto f = [&](const D& x) { return sum(relu(x * c) * c); };  // x again
  BOOST_TEST(to_string(verdict_at(f, 0)) == "kink_not_a_subgradient");
}

// relu(x) and x / (1 + x^2) touch at 0 without crossing: the maximum is at a tie there and
// nowhere near.
BOOST_AUTO_TEST_CASE(ties_that_show_at_one_point_only) {
  const auto f = [](const D& x) {
    const D y = x / (1.0 + square(x)), r = relu(x);
    return 0.7 * y - 1.1 * r + 0.9 * maximum(y, r);
  };
  BOOST_TEST(to_string(verdict_at(f, 0)) == "kink_not_a_subgradient");
  BOOST_TEST(to_string(verdict_at(f, 1e-9)) == "pass");
}

BOOST_AUTO_TEST_CASE(jumps) {
  BOOST_TEST(to_string(verdict_at([](const D& x) { return floor(x); }, 2)) == "kink");
  BOOST_TEST(to_string(verdict_at([](const D& x) { return floor(x) + square(x); }, 2.5)) == "pass");
  BOOST_TEST(to_string(verdict_at([](const D& x) { return sign(x) + x; }, 1e-3)) == "pass");
}

BOOST_AUTO_TEST_CASE(smooth_once_but_not_twice) {
  BOOST_TEST(to_string(verdict_at([](const D& x) { return relu(x) * relu(x) + x; }, 0)) == "pass");
  BOOST_TEST(to_string(verdict_at([](const D& x) { return abs(x) * x + x; }, 0)) == "pass");
  BOOST_TEST(to_string(verdict_at([](const D& x) { return abs(x) * x + x; }, 1e-9)) == "pass");
}

BOOST_AUTO_TEST_CASE(networks_of_relus_do_not_flake) {
  for (std::uint64_t seed = 0; seed < test::rounds(300); ++seed) {
    Generator g(seed);
    const D x = normal<double>({3, 4}, 0, 1, g), w = normal<double>({4, 8}, 0, 1, g),
            v = normal<double>({8, 1}, 0, 1, g);
    const auto r =
        check_gradients([](const auto& a, const auto& b,
                           const auto& c) { return sum(square(matmul(relu(matmul(a, b)), c))); },
                        {x, w, v}, {.seed = seed, .samples = 6});
    BOOST_TEST(r.passed(), "seed " << seed << "\n" << r.table(5));
  }
}

// Each function at its kink and beside it, in company of random other elements, 10,000
// times altogether (2,000 with a sanitizer).
BOOST_AUTO_TEST_CASE(no_flakes) {
  std::set<std::string> wrong;
  for (std::uint64_t seed = 0; seed < test::rounds(10000); ++seed) {
    const Kinked& k = kFunctions[seed % kFunctions.size()];
    Generator g(seed);
    D x = normal<double>({4}, 0, 1, g);
    x.mutable_data()[0] = k.kink;
    x.mutable_data()[1] = k.kink + 1e-9;
    x.mutable_data()[2] = k.kink - 1e-9;
    const auto r = check_gradients(k.f, {x}, {.seed = seed});
    for (const GradientElement& e : r.elements) {
      const Verdict expected = e.position == 0 ? k.at_kink : Verdict::pass;
      if (e.verdict != expected)
        wrong.insert(k.name + std::string(" ") + to_string(e.verdict) + " seed " +
                     std::to_string(seed));
    }
  }
  BOOST_TEST(wrong.empty(), wrong.size() << ", first " << (wrong.empty() ? "" : *wrong.begin()));
}

BOOST_AUTO_TEST_SUITE_END()
