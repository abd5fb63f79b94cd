// Programs whose check would prove nothing: each is refused, with the reason, unless the caller
// says it is meant.

#include <boost/test/unit_test.hpp>
#include <functional>

#include "xgrad/gradient_check/check.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/function.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"

using namespace xgrad;

namespace {

using D = Tensor<double>;
using Tensors = std::vector<D>;

struct Program {
  const char* name;
  TensorFunction<double> f;
  Tensors inputs;
  Problem problem;
};

const D kX = D::from({2, 2}, {0.3, -1.2, 2.0, 0.5});
const D kOnes = D::filled({2, 2}, 1);

std::vector<Program> programs() {
  return {
      {"no inputs", [](const Tensors&) { return Tensors{D(1.0)}; }, {}, Problem::no_inputs},
      {"an input without elements",
       [](const Tensors& in) { return Tensors{sum(in[0]) + 1.0}; },
       {D::filled({0, 3}, 0)},
       Problem::empty_input},
      {"no outputs", [](const Tensors&) { return Tensors{}; }, {kX}, Problem::empty_output},
      {"an output without elements",
       [](const Tensors&) { return Tensors{D::filled({0}, 0)}; },
       {kX},
       Problem::empty_output},
      {"a constant", [](const Tensors&) { return Tensors{D(3.0)}; }, {kX}, Problem::no_gradient},
      {"times zero",
       [](const Tensors& in) { return Tensors{0.0 * in[0]}; },
       {kX},
       Problem::zero_gradient},
      {"detached",
       [](const Tensors& in) { return Tensors{exp(in[0].detach()) * 0.0}; },
       {kX},
       Problem::no_gradient},
      {"one input of two is not used",
       [](const Tensors& in) { return Tensors{exp(in[0])}; },
       {kX, kX},
       Problem::unused_input},
      {"the second is only looked at",
       [](const Tensors& in) { return Tensors{exp(in[0]) * (in[1] > -5.0)}; },
       {kX, kX},
       Problem::unused_input},
      {"a step function",
       [](const Tensors& in) { return Tensors{floor(in[0])}; },
       {kX},
       Problem::zero_gradient},
      {"a sign",
       [](const Tensors& in) { return Tensors{sign(in[0])}; },
       {kX},
       Problem::zero_gradient},
      {"a dead relu",
       [](const Tensors& in) { return Tensors{relu(in[0] - 10.0)}; },
       {kX},
       Problem::zero_gradient},
      {"a saturated sigmoid",
       [](const Tensors& in) { return Tensors{sigmoid(in[0] + 800.0)}; },
       {kX},
       Problem::zero_gradient},
      {"a clamped value",
       [](const Tensors& in) { return Tensors{minimum(in[0] + 10.0, D(1.0))}; },
       {kX},
       Problem::zero_gradient},
      {"x - x",
       [](const Tensors& in) { return Tensors{in[0] - in[0]}; },
       {kX},
       Problem::zero_gradient},
      {"a branch that is never taken",
       [](const Tensors& in) { return Tensors{where(in[0] > -5.0, in[0], exp(in[0]))}; },
       {kX},
       Problem::constant_mask},
      {"a branch that is always taken",
       [](const Tensors& in) { return Tensors{where(in[0] < -5.0, in[0], exp(in[0]))}; },
       {kX},
       Problem::constant_mask},
      {"a mask of ones",
       [](const Tensors& in) { return Tensors{exp(in[0]) * kOnes}; },
       {kX},
       Problem::constant_mask},
      {"dropout that drops nothing",
       [](const Tensors& in) { return Tensors{in[0] * bernoulli<double>(in[0].shape(), 1.0)}; },
       {kX},
       Problem::constant_mask},
      {"an operation that returns no gradient",
       [](const Tensors& in) {
         return Tensors{custom_function<double>(
             "constant", in, [](const Tensors& t) { return 0.0 * t[0] + 1.0; },
             [](const Tensors&, const D&, const D& gy) { return Tensors{0.0 * gy}; })};
       },
       {kX},
       Problem::zero_gradient},
      {"something else every time",
       [](const Tensors& in) {
         static double count = 0;
         return Tensors{in[0] * ++count};
       },
       {kX},
       Problem::nondeterministic},
  };
}

const Meant kAllMeant = {
    .zero_gradient = true, .unused_input = true, .empty = true, .constant_mask = true};

}  // namespace

BOOST_AUTO_TEST_SUITE(vacuous)

BOOST_AUTO_TEST_CASE(are_refused_with_the_reason) {
  BOOST_TEST(programs().size() >= 20);
  for (const Program& p : programs()) {
    const auto r = check_gradients(p.f, p.inputs);
    BOOST_TEST_CONTEXT(p.name << "\n" << r.table()) {
      BOOST_TEST(!r.passed());
      BOOST_TEST(r.has(p.problem));
    }
  }
}

BOOST_AUTO_TEST_CASE(pass_when_meant) {
  for (const Program& p : programs()) {
    if (p.problem == Problem::nondeterministic) continue;
    const auto r = check_gradients(p.f, p.inputs, {.meant = kAllMeant});
    BOOST_TEST(r.passed(), p.name << "\n" << r.table());
  }
}

// What the tape does not know of is a wrong gradient, not an unused input.
BOOST_AUTO_TEST_CASE(a_lost_gradient_is_a_failure) {
  const auto detached =
      check_gradients([](const auto& x) { return exp(x.detach()) + 0.0 * x; }, {kX});
  BOOST_TEST(detached.count(Verdict::fail) == detached.elements.size());
  const auto frozen = check_gradients([](const auto& x, const auto& y) { return x * y.detach(); },
                                      {kX, kX}, {.meant = kAllMeant});
  BOOST_TEST(frozen.count(Verdict::fail) == frozen.elements.size() / 2);
}

BOOST_AUTO_TEST_CASE(texts_name_the_input) {
  const auto r = check_gradients([](const auto& x, const auto&) { return exp(x); }, {kX, kX},
                                 {.names = {"x", "w"}});
  BOOST_TEST(r.problems.at(0).text == "w (2, 2) does not reach the outputs");
  BOOST_TEST(r.table().find("problem unused_input: w (2, 2) does not reach the outputs") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
