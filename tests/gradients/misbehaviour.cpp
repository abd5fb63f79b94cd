// Rules and functions that misbehave in ways that a derivative at one point, seen once, does not
// show; and functions that only look as if they did.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/gradient_check/check.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/function.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

using namespace xgrad;

namespace {

using D = Tensor<double>;
using Tensors = std::vector<D>;
using Seed = std::function<D(const D& gy)>;

const D kX = D::from({3}, {0.3, -1.2, 2.0});

// x^2 with something done to the gradient that comes in.
auto square_with(Seed seed) {
  return [=](const D& x) {
    return sum(custom_function<double>(
        "square", {x}, [](const Tensors& in) { return in[0] * in[0]; },
        [=](const Tensors& in, const D&, const D& gy) { return Tensors{2.0 * in[0] * seed(gy)}; }));
  };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(misbehaviour)

BOOST_AUTO_TEST_CASE(rules_that_are_not_linear_in_the_incoming_gradient) {
  struct Rule {
    const char* name;
    Seed seed;
  };
  const std::vector<Rule> rules = {
      {"ignored", [](const D& gy) { return D::filled(gy.shape(), 1); }},
      {"squared", [](const D& gy) { return gy * gy; }},
      {"magnitude", [](const D& gy) { return abs(gy); }},
      {"clipped to 1", [](const D& gy) { return clamp(gy, -1, 1); }},
      {"clipped to 100", [](const D& gy) { return clamp(gy, -100, 100); }},
      {"only positive", [](const D& gy) { return maximum(gy, D(0.0)); }},
      {"only large", [](const D& gy) { return where(abs(gy) < 0.01, 0.0, gy); }},
      {"a little added", [](const D& gy) { return gy + 1e-3 * (1.0 - gy); }},
      {"another one every time",
       [](const D& gy) {
         static int count = 0;
         return count++ % 7 == 0 ? gy : 2.0 * gy;
       }},
  };
  for (const Rule& rule : rules) {
    const auto r = check_gradients(square_with(rule.seed), {kX}, {.names = {"x"}});
    BOOST_TEST_CONTEXT(rule.name << "\n" << r.table()) {
      BOOST_TEST(!r.passed());
      BOOST_TEST(r.has(Problem::not_linear));
      BOOST_TEST(r.count(Verdict::fail) > 0);
    }
  }
  const auto right = check_gradients(square_with([](const D& gy) { return gy; }), {kX});
  BOOST_TEST(right.passed(), right.table());
}

BOOST_AUTO_TEST_CASE(a_rule_that_writes_to_its_input) {
  const auto f = [](const D& x) {
    return sum(custom_function<double>(
        "square", {x}, [](const Tensors& in) { return in[0] * in[0]; },
        [x](const Tensors& in, const D&, const D& gy) {
          const D g = 2.0 * in[0] * gy;
          auto* written = const_cast<double*>(x.data());  // past the tape's own guard
          for (std::size_t i = 0; i < x.size(); ++i) written[i] *= 1.001;
          return Tensors{g};
        }));
  };
  D x = parameter(kX);
  const auto r = detail::check_in_place([&](const Tensors& in) { return Tensors{f(in[0])}; }, {x},
                                        {.names = {"x"}});
  BOOST_TEST(!r.passed());
  BOOST_TEST(r.has(Problem::changes_inputs), r.table());
  BOOST_TEST(!r.has(Problem::zero_gradient), r.table());
  BOOST_TEST(r.count(Verdict::kink) + r.count(Verdict::pass) == 0, r.table());
  BOOST_TEST(std::equal(x.data(), x.data() + x.size(), kX.data()));
}

BOOST_AUTO_TEST_CASE(what_the_tape_refuses_is_reported) {
  const auto f = [](const D& x) {
    return sum(custom_function<double>(
        "square", {x}, [](const Tensors& in) { return in[0] * in[0]; },
        [x](const Tensors& in, const D&, const D& gy) {
          const D g = 2.0 * in[0] * gy;
          D written = x;
          written.mutable_data()[0] *= 1.001;
          return Tensors{g};
        }));
  };
  const auto r = check_gradients(f, {kX}, {.names = {"x"}});
  BOOST_TEST(!r.passed());
  BOOST_TEST(r.has(Problem::changes_inputs), r.table());
}

BOOST_AUTO_TEST_CASE(a_rule_that_writes_to_a_constant) {
  const D scale = D::filled({3}, 1.5);
  const auto f = [&](const D& x) {
    return sum(custom_function<double>(
        "scaled", {x}, [&](const Tensors& in) { return in[0] * scale; },
        [&](const Tensors&, const D&, const D& gy) {
          const D g = gy * scale;
          D written = scale;
          written.mutable_data()[0] *= 1.001;
          return Tensors{g};
        }));
  };
  const auto r = check_gradients(f, {kX});
  BOOST_TEST(!r.passed());
  BOOST_TEST(r.has(Problem::nondeterministic), r.table());
  BOOST_TEST(r.count(Verdict::kink) + r.count(Verdict::pass) == 0, r.table());
}

BOOST_AUTO_TEST_CASE(a_function_that_drifts) {
  for (const int after : {3, 5, 40, 70}) {
    for (const double factor : {1.01, 2.0, 1 + 1e-9}) {
      int count = 0;
      const auto f = [&](const D& x) { return sum(exp(x)) * (++count > after ? factor : 1.0); };
      const auto r = check_gradients(f, {kX});
      BOOST_TEST_CONTEXT(after << ", " << factor << "\n" << r.table()) {
        BOOST_TEST(!r.passed());
        BOOST_TEST(r.has(Problem::nondeterministic));
        BOOST_TEST(!r.has(Problem::zero_gradient));
      }
    }
  }
}

// A wrong value at one point alone is no kink when nothing bends there.
BOOST_AUTO_TEST_CASE(a_rule_that_is_wrong_at_zero) {
  const auto f = [](const D& x) {
    return custom_function<double>(
        "cumsum", {x}, [](const Tensors& in) { return cumsum(in[0], 0); },
        [](const Tensors& in, const D&, const D& gy) {
          return Tensors{where(in[0] == 0.0, 0.0, flip(cumsum(flip(gy, Axes{0}), 0), Axes{0}))};
        });
  };
  const auto r = check_gradients(f, {D::from({4}, {0.7, 0, -0.4, 1.1})},
                                 {.meant = {.kink_not_a_subgradient = true}});
  BOOST_TEST(!r.passed(), r.table());
  BOOST_TEST(r.count(Verdict::fail) == 2, r.table());
}

BOOST_AUTO_TEST_CASE(functions_that_differentiate_inside) {
  const D points = D::from({4, 1}, {0.1, 0.4, 0.6, 0.9});
  const auto net = [](const D& x, const D& w, const D& v) { return matmul(tanh(matmul(x, w)), v); };
  // The residual of u' = -u.
  const auto residual = [&](const D& w, const D& v) {
    const D x = parameter(points);
    const D u = net(x, w, v);
    return sum(square(grad(sum(u), x, {.create_graph = true}) + u));
  };
  const D w = D::from({1, 3}, {0.3, -0.8, 1.2}), v = D::from({3, 1}, {0.5, 1.0, -0.7});
  const auto r = check_gradients(residual, {w, v});
  BOOST_TEST(r.passed(), r.table());
  // With the tape on by itself, and the seed of ones given.
  const auto with_seed = [&](const D& a, const D& b) {
    const EnableGrad guard;
    const D x = parameter(points);
    const D u = net(x, a, b);
    return sum(
        square(grad<double>({u}, {x}, {.create_graph = true}, {D::filled(u.shape(), 1)})[0] + u));
  };
  const auto seeded = check_gradients(with_seed, {w, v});
  BOOST_TEST(seeded.passed(), seeded.table());
  // A gradient step inside, and a penalty on the gradient by the input that is checked.
  const auto inner_step = [&](const D& a) {
    const D b = a - 0.1 * grad(sum(square(tanh(a))), a, {.create_graph = true});
    return sum(exp(b));
  };
  const auto maml = check_gradients(inner_step, {w});
  BOOST_TEST(maml.passed(), maml.table());
  const auto wrong = check_gradients(
      [&](const D& a) {
        const D b = a - 0.1 * grad(sum(square(tanh(a))), a, {.create_graph = true}).detach();
        return sum(exp(b));
      },
      {w});
  BOOST_TEST(wrong.count(Verdict::fail) == 3, wrong.table());
}

BOOST_AUTO_TEST_CASE(a_function_that_throws_everywhere) {
  BOOST_CHECK_THROW(
      check_gradients(
          [](const D& x) -> D { throw std::runtime_error("no " + to_string(x.shape())); }, {kX}),
      std::runtime_error);
}

BOOST_AUTO_TEST_CASE(drowned_values_are_not_called_zero) {
  const auto f = [](const D& x) {
    return sum(custom_function<double>(
        "100 + sin", {x}, [](const Tensors& in) { return 100.0 + sin(in[0]); },
        [](const Tensors& in, const D&, const D& gy) { return Tensors{-cos(in[0]) * gy}; }));
  };
  const auto r = check_gradients(f, {D::from({2}, {1e-12, -2e-12})});
  BOOST_TEST(!r.passed());
  BOOST_TEST(!r.has(Problem::zero_gradient), r.table());
}

BOOST_AUTO_TEST_CASE(functions_of_float_are_told_apart) {
  const auto of_float = [](const Tensor<float>& x) { return exp(x); };
  const auto of_any = [](const auto& x) { return exp(x); };
  static_assert(!detail::takes_type<decltype(of_float), double>());
  static_assert(detail::takes_type<decltype(of_float), float>());
  BOOST_TEST(check_gradients(of_any, {kX}).passed());
}

BOOST_AUTO_TEST_CASE(weights_that_are_one_at_present) {
  const D ones = D::filled({3}, 1);
  const auto r = check_gradients([](const D& x, const D& w) { return exp(x) * w; }, {kX, ones});
  BOOST_TEST(r.passed(), r.table());
}

BOOST_AUTO_TEST_SUITE_END()
