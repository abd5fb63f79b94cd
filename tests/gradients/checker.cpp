// The gradient check itself: right gradients pass with tight bounds, wrong ones fail, and the
// report says where.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/message.hpp"
#include "xgrad/gradient_check/boost.hpp"
#include "xgrad/gradient_check/check.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/function.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"

using namespace xgrad;

namespace {

using D = Tensor<double>;
using Tensors = std::vector<D>;

const D kX = D::from({2, 3}, {0.3, -1.2, 2.0, 0.5, 0.01, -0.7});
const D kW = D::from({3, 2}, {0.3, -0.2, 1.0, 1.5, 0.4, -2.7});

// x^3 whose backward rule is multiplied by `factor`.
D cube(const D& x, double factor) {
  return custom_function<double>(
      "cube", {x}, [](const Tensors& in) { return in[0] * in[0] * in[0]; },
      [factor](const Tensors& in, const D&, const D& gy) {
        return Tensors{factor * 3.0 * square(in[0]) * gy};
      });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(checker)

BOOST_AUTO_TEST_CASE(right_gradients_pass) {
  XGRAD_CHECK_GRADIENTS([](const auto& x, const auto& w) { return tanh(matmul(x, w)); }, {kX, kW},
                        {.order = 2});
  XGRAD_CHECK_GRADIENTS([](const auto& x) { return sum(exp(x) / (1.0 + square(x))); }, {kX},
                        {.order = 2});
  XGRAD_CHECK_GRADIENTS([](const auto& x) { return cube(x, 1); }, {kX});
}

BOOST_AUTO_TEST_CASE(bounds_of_smooth_functions_are_tight) {
  const auto r = check_gradients(
      [](const auto& x, const auto& w) { return sum(sigmoid(matmul(x, w))); }, {kX, kW});
  for (const GradientElement& e : r.elements) {
    BOOST_TEST(e.bound <= 1e-10 * std::abs(e.numeric) + 1e-11);
    BOOST_TEST(std::abs(e.analytic - e.numeric) <= e.bound);
  }
}

BOOST_AUTO_TEST_CASE(small_errors_fail) {
  for (const double error : {1e-2, 1e-4, 1e-6, -1e-6, 1e-7, -1e-7}) {
    const auto r = check_gradients([=](const auto& x) { return cube(x, 1 + error); }, {kX});
    BOOST_TEST(r.count(Verdict::fail) == r.elements.size(), error);
    BOOST_TEST(!r.passed());
  }
}

BOOST_AUTO_TEST_CASE(one_wrong_element_is_named) {
  const auto wrong = [](const auto& x) {
    return custom_function<double>(
        "wrong", {x}, [](const Tensors& in) { return exp(in[0]); },
        [](const Tensors&, const D& y, const D& gy) {
          D g = (y * gy).clone();
          g.mutable_data()[4] *= 1 + 1e-6;
          return Tensors{g};
        });
  };
  const auto r = check_gradients(wrong, {kX}, {.names = {"x"}});
  BOOST_TEST(r.count(Verdict::fail) == 2);  // in both combinations
  BOOST_TEST(r.name_of(r.worst_first()[0]) == "x[1, 1]");
  BOOST_TEST(r.table().find("fail     x[1, 1]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(wrong_second_derivative_fails_in_second_order) {
  // The rule is right but reads x as a constant, so that its own derivative is lost.
  const auto detached = [](const auto& x) {
    return custom_function<double>(
        "square", {x}, [](const Tensors& in) { return in[0] * in[0]; },
        [](const Tensors& in, const D&, const D& gy) {
          return Tensors{2.0 * in[0].detach() * gy};
        });
  };
  BOOST_TEST(check_gradients(detached, {kX}).passed());
  const auto r = check_gradients(detached, {kX}, {.order = 2});
  BOOST_TEST(!r.passed());
  BOOST_TEST(r.count(Verdict::fail) == r.second_order.size());
}

BOOST_AUTO_TEST_CASE(wrong_mixed_derivative_breaks_symmetry) {
  const auto product = [](const auto& a, const auto& b) {
    return custom_function<double>(
        "product", {a, b}, [](const Tensors& in) { return in[0] * in[1]; },
        [](const Tensors& in, const D&, const D& gy) {
          return Tensors{gy * in[1].detach(), gy * in[0]};
        });
  };
  const auto r = check_gradients(product, {kX, kX}, {.order = 2});
  BOOST_TEST(r.has(Problem::not_symmetric));
  BOOST_TEST(r.symmetry_gap > 1e-3);
}

BOOST_AUTO_TEST_CASE(identities_hold_to_rounding) {
  const auto f = [](const auto& x, const auto& w) {
    return sigmoid(matmul(x, w)) * exp(sum(x, 0));
  };
  const D x = D::from({2, 2}, {0.3, -1.2, 2.0, 0.5}), w = D::from({2, 2}, {0.2, 0.1, -0.4, 1.5});
  const auto r = check_gradients(f, {x, w}, {.order = 2});
  BOOST_TEST(r.passed());
  BOOST_TEST(r.adjoint_gap <= 1e-15);
  BOOST_TEST(r.symmetry_gap <= 1e-15);
}

BOOST_AUTO_TEST_CASE(the_whole_jacobian) {
  const auto r = check_gradients([](const auto& x, const auto& w) { return matmul(x, w); },
                                 {kX, kW}, {.jacobian = true});
  BOOST_TEST(r.passed());
  BOOST_TEST(r.elements.size() == 4 * (6 + 6));
}

BOOST_AUTO_TEST_CASE(several_outputs) {
  XGRAD_CHECK_GRADIENTS(
      [](const auto& x, const auto& w) {
        return Tensors{exp(x), sum(w * w), D(3.0)};
      },
      {kX, kW});
}

BOOST_AUTO_TEST_CASE(a_list_of_inputs) {
  XGRAD_CHECK_GRADIENTS([](const Tensors& in) { return in[0] * in[1]; }, {kX, 2.0 * kX});
}

BOOST_AUTO_TEST_CASE(wrong_number_of_inputs) {
  xgrad::test::check_failure<std::invalid_argument>(
      [] {
        check_gradients([](const auto& x) { return x; }, {kX, kW});
      },
      "check_gradients: the function takes 1 tensors: 2 inputs given");
}

BOOST_AUTO_TEST_CASE(inputs_are_left_alone) {
  D x = kX.clone();
  const std::vector<double> before(x.data(), x.data() + x.size());
  check_gradients([](const auto& t) { return exp(t); }, {x}, {.order = 2});
  BOOST_TEST(std::vector<double>(x.data(), x.data() + x.size()) == before);
  BOOST_TEST(!x.requires_grad());
  BOOST_TEST(!x.has_grad());
}

BOOST_AUTO_TEST_CASE(inputs_checked_in_place_are_put_back) {
  D x = parameter(kX);
  const auto r =
      detail::check_in_place([&](const Tensors&) { return Tensors{sum(exp(x))}; }, {x}, {});
  BOOST_TEST(r.passed());
  BOOST_TEST(std::equal(x.data(), x.data() + x.size(), kX.data()));
}

BOOST_AUTO_TEST_CASE(coordinates_are_sampled_by_seed) {
  const D x = normal<double>({20, 30});
  const auto f = [](const auto& t) { return sum(square(t)); };
  const auto a = check_gradients(f, {x}, {.seed = 1, .samples = 12}),
             b = check_gradients(f, {x}, {.seed = 1, .samples = 12}),
             c = check_gradients(f, {x}, {.seed = 2, .samples = 12});
  BOOST_TEST(a.elements.size() == 12);
  BOOST_TEST(a.inputs[0].checked == 12);
  BOOST_TEST(a.json() == b.json());
  BOOST_TEST(a.json() != c.json());
}

BOOST_AUTO_TEST_CASE(a_quarter_of_the_samples_has_no_gradient) {
  D x = normal<double>({100});
  const auto r = check_gradients([](const auto& t) { return sum(relu(t)); }, {x}, {.samples = 20});
  BOOST_TEST(r.inputs[0].informative == 15);
  BOOST_TEST(r.passed());
}

BOOST_AUTO_TEST_CASE(random_numbers_are_the_same_at_every_evaluation) {
  const auto dropout = [](const auto& x) { return x * bernoulli<double>(x.shape(), 0.5); };
  manual_seed(3);
  const auto before = default_generator().state();
  BOOST_TEST(check_gradients(dropout, {normal<double>({30})}).count(Verdict::fail) == 0);
  (void)before;
  Generator own(7);
  const auto with_own = [&](const auto& x) { return x * normal<double>(x.shape(), 0, 1, own); };
  BOOST_TEST(check_gradients(with_own, {kX}, {.generators = {&own}}).passed());
  BOOST_TEST((own.state() == Generator::State{7, 0}));
  BOOST_TEST(check_gradients(with_own, {kX}).has(Problem::nondeterministic));
}

BOOST_AUTO_TEST_CASE(the_default_generator_is_left_alone) {
  manual_seed(11);
  const auto before = default_generator().state();
  check_gradients([](const auto& x) { return x * uniform<double>(x.shape()); }, {kX});
  BOOST_TEST((default_generator().state() == before));
}

BOOST_AUTO_TEST_CASE(steps_follow_the_magnitude_of_the_coordinate) {
  for (const double scale : {1e-8, 1e-3, 1.0, 1e3, 1e8}) {
    const D x = scale * D::from({3}, {0.7, 1.1, 1.9});
    const auto r = check_gradients([=](const auto& t) { return sum(sin(t / scale)) + 1.0; }, {x});
    BOOST_TEST(r.passed(), r.table());
  }
}

BOOST_AUTO_TEST_CASE(steps_stay_within_the_domain) {
  XGRAD_CHECK_GRADIENTS([](const auto& x) { return log(x) + sqrt(x); },
                        {D::from({4}, {1e-6, 1e-3, 1, 1e4})});
  XGRAD_CHECK_GRADIENTS([](const auto& x) { return asin(x); },
                        {D::from({3}, {0.99999, -0.9999, 0.2})});
}

BOOST_AUTO_TEST_CASE(periodic_functions_are_not_mistaken_for_constants) {
  XGRAD_CHECK_GRADIENTS([](const auto& x) { return sin(x * (2 * M_PI)); },
                        {D::from({3}, {16, 32, 1024})});
}

BOOST_AUTO_TEST_CASE(narrow_functions_are_not_missed) {
  const auto bump = [](const auto& x) { return sum(exp(-square((x - 1.0) * 1e4))); };
  const D x = D::from({2}, {1 + 5e-5, 1 - 3e-5});
  XGRAD_CHECK_GRADIENTS(bump, {x});
  const auto r = check_gradients([&](const auto& t) { return bump(t) + 0.0 * t; }, {x});
  BOOST_TEST(r.count(Verdict::fail) == 0);
}

// d(1 + erf(x))/dx at -9 is 8e-36, and its rounded value 0.
BOOST_AUTO_TEST_CASE(a_function_rounded_to_a_constant_is_inconclusive) {
  const auto r = check_gradients([](const auto& x) { return erf(x) + 1.0; }, {D(-9.0)});
  BOOST_TEST(r.count(Verdict::inconclusive) == 1);
}

// What rounding hides of a small element cannot matter beside a large one; what it does not
// hide fails.
BOOST_AUTO_TEST_CASE(small_elements_beside_large_ones) {
  const D x = D::from({2}, {1.3, 0.7}), scales = D::from({2}, {1e4, 1e-8});
  const auto f = [&](const D& t, double factor) {
    return sum(custom_function<double>(
        "scaled", {t}, [&](const Tensors& in) { return sin(in[0]) * scales; },
        [&, factor](const Tensors& in, const D&, const D& gy) {
          return Tensors{cos(in[0]) * scales * gy * D::from({2}, {1, factor})};
        }));
  };
  const auto right = check_gradients([&](const D& t) { return f(t, 1); }, {x});
  BOOST_TEST(right.passed(), right.table());
  const auto wrong = check_gradients([&](const D& t) { return f(t, 1e6); }, {x});
  BOOST_TEST(to_string(wrong.elements[1].verdict) == "fail", wrong.table());
}

BOOST_AUTO_TEST_CASE(a_function_that_is_not_finite) {
  BOOST_TEST(check_gradients([](const auto& x) { return log(x); }, {kX}).has(Problem::not_finite));
}

BOOST_AUTO_TEST_CASE(a_gradient_that_is_not_finite_fails) {
  const auto f = [](const D& x) {
    return custom_function<double>(
        "spoilt", {x}, [](const Tensors& in) { return sin(in[0]); },
        [](const Tensors& in, const D&, const D& gy) {
          return Tensors{cos(in[0]) * gy * D::from({2}, {std::nan(""), 1})};
        });
  };
  const auto r = check_gradients(f, {D::from({2}, {-1, 4})});
  BOOST_TEST(!r.passed());
  BOOST_TEST(r.count(Verdict::fail) > 0);
}

BOOST_AUTO_TEST_CASE(regularised_losses_are_checked_apart) {
  const auto data = [](const auto& w) { return mean(square(w - 1.0)) * 1e-5; };
  const auto penalty = [](const auto& w) { return sum(square(w)); };
  const auto r = check_regularized_gradients(data, penalty, {kW}, {.names = {"w"}});
  BOOST_TEST(r.passed(), r.table());
  BOOST_TEST(r.sum.has(Problem::penalty_dominates));
  const auto light =
      check_regularized_gradients(data, [](const auto& w) { return 1e-6 * sum(square(w)); }, {kW});
  BOOST_TEST(!light.sum.has(Problem::penalty_dominates));
}

BOOST_AUTO_TEST_CASE(a_penalty_does_not_hide_a_wrong_data_term) {
  const auto data = [](const auto& w) { return 1e-9 * sum(cube(w, 1.5)); };
  const auto r =
      check_regularized_gradients(data, [](const auto& w) { return sum(square(w)); }, {kW});
  BOOST_TEST(!r.data.passed());
  BOOST_TEST(r.penalty.passed());
}

BOOST_AUTO_TEST_CASE(the_report_as_json) {
  const auto r =
      check_gradients([](const auto& x) { return cube(x, 1.5); }, {kX}, {.names = {"x"}});
  const auto j = nlohmann::json::parse(r.json());
  BOOST_TEST(j["passed"] == false);
  BOOST_TEST(j["counts"]["fail"] == r.elements.size());
  BOOST_TEST(j["elements"].size() == r.elements.size());
  BOOST_TEST(j["elements"][0]["name"] == "x[0, 0]");
  BOOST_TEST(j["elements"][0]["analytic"].get<double>() == r.elements[0].analytic);
  BOOST_TEST(j["inputs"][0]["checked"] == 6);
}

BOOST_AUTO_TEST_CASE(readings_of_the_relative_error) {
  BOOST_TEST(reading_of(0.5) == std::string("wrong"));
  BOOST_TEST(reading_of(1e-3) == std::string("worrying"));
  BOOST_TEST(reading_of(1e-5) == std::string("good only with kinks"));
  BOOST_TEST(reading_of(1e-8) == std::string("good"));
  BOOST_TEST(reading_of(NAN) == std::string("wrong"));
}

BOOST_AUTO_TEST_CASE(for_other_frameworks) {
  const auto [ok, text] = gradients_agree([](const auto& x) { return cube(x, 2); }, {kX});
  BOOST_TEST(!ok);
  BOOST_TEST(text.find("gradient check FAILED: 12 elements, 12 fail") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
