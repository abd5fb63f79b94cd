// Operations that are run again by themselves.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

#include "xgrad/autograd/observe.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/tensor_function.hpp"
#include "xgrad/doctor/monitor.hpp"
#include "xgrad/doctor/not_finite.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/attention.hpp"
#include "xgrad/ops/convolution.hpp"
#include "xgrad/ops/cumprod.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/function.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/normalization.hpp"
#include "xgrad/ops/pooling.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"
#include "xgrad/ops/softmax.hpp"
#include "xgrad/ops/solve.hpp"
#include "xgrad/optimizers/sgd.hpp"

using namespace xgrad;

namespace {

using D = Tensor<double>;
using Tensors = std::vector<D>;
using Replay = OperationReplay<double>;

bool same_bits(const D& a, const D& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

D numbers(const Shape& shape, std::uint64_t seed) {
  Generator generator(seed);
  return uniform<double>(shape, 0.1, 2, generator);
}

struct Operation {
  std::string name;
  TensorFunction<double> f;
  std::vector<Shape> shapes;
};

template <class F>
Operation of(std::string name, F f, std::vector<Shape> shapes) {
  return {std::move(name), as_tensor_function<double>(std::move(f), "test"), std::move(shapes)};
}

std::vector<Operation> operations() {
  Indices labels(Indices::shape_type{3});
  labels.fill(1);
  const D weight = numbers({4}, 9);
  return {
      of("add", [](const D& x, const D& y) { return x + y; }, {{3, 4}, {4}}),
      of("divide", [](const D& x, const D& y) { return x / y; }, {{3, 1}, {1, 4}}),
      of("leaky_relu", [](const D& x) { return leaky_relu(x - 1.0, 0.25); }, {{3, 4}}),
      of("clamp", [](const D& x) { return clamp(x, 0.5, 1.5); }, {{3, 4}}),
      of("log", [](const D& x) { return log(x); }, {{3, 4}}),
      of("sum", [](const D& x) { return sum(x, 1); }, {{3, 4}}),
      of("mean", [](const D& x) { return mean(x, 0, {.keep_dims = true}); }, {{3, 4}}),
      of("prod", [](const D& x) { return prod(x, 1); }, {{3, 4}}),
      of("cumsum", [](const D& x) { return cumsum(x, 1); }, {{3, 4}}),
      of("sum_of_squares", [](const D& x) { return var(x, 1); }, {{3, 4}}),
      of("norm", [](const D& x) { return norm(x, 2, 0); }, {{3, 4}}),
      of("logsumexp", [](const D& x) { return logsumexp(x, 1); }, {{3, 4}}),
      of("softmax", [](const D& x) { return softmax(x, 0); }, {{3, 4}}),
      of("log_softmax", [](const D& x) { return log_softmax(x, 1); }, {{3, 4}}),
      of("matmul", [](const D& x, const D& y) { return matmul(x, y, {.transpose_a = true}); },
         {{4, 3}, {4, 2}}),
      of("dot", [](const D& x, const D& y) { return dot(x, y); }, {{5}, {5}}),
      of("linear", [](const D& x, const D& w) { return linear(x, w); }, {{3, 4}, {2, 4}}),
      of("linear", [](const D& x, const D& w, const D& b) { return linear(x, w, b); },
         {{3, 4}, {2, 4}, {2}}),
      of("convolution", [](const D& x, const D& w, const D& b) { return conv2d(x, w, b); },
         {{1, 2, 4, 4}, {3, 2, 2, 2}, {3}}),
      of("convolution_transpose",
         [](const D& x, const D& w) { return conv_transpose2d(x, w, D(), {.stride = 2}); },
         {{1, 2, 3, 3}, {2, 1, 2, 2}}),
      of("layer_norm", [](const D& x, const D& b) { return layer_norm(x, {4}, D(), b); },
         {{3, 4}, {4}}),
      of("group_norm", [](const D& x, const D& w) { return group_norm(x, 2, w, D()); },
         {{2, 4, 3}, {4}}),
      of("nll_loss",
         [=](const D& x) {
           return nll_loss(x, labels, {.weight = weight, .reduction = Reduction::none});
         },
         {{3, 4}}),
      of("cross_entropy", [=](const D& x) { return cross_entropy(x, labels, {.weight = weight}); },
         {{3, 4}}),
      of("concat",
         [](const D& x, const D& y) {
           return concat({x, y}, 1);
         },
         {{3, 4}, {3, 1}}),
      of("slice", [](const D& x) { return slice(x, 1, 1, 3); }, {{3, 4}}),
      of("transpose", [](const D& x) { return transpose(x); }, {{3, 4}}),
      of("broadcast_to",
         [](const D& x) {
           return broadcast_to(x, {3, 4});
         },
         {{4}}),
      of("index_select", [=](const D& x) { return index_select(x, 0, labels); }, {{3, 4}}),
      of("max", [](const D& x) { return max(x, 1); }, {{3, 4}}),
      of("cumprod", [](const D& x) { return cumprod(x, 0); }, {{3, 4}}),
      of("max_pool", [](const D& x) { return max_pool1d(x, 2); }, {{1, 2, 6}}),
      of("inverse", [](const D& x) { return inverse(x); }, {{3, 3}}),
      of("scaled_dot_product_attention",
         [](const D& q, const D& k, const D& v) {
           return scaled_dot_product_attention(q, k, v, {.causal = true});
         },
         {{3, 4}, {3, 4}, {3, 2}}),
      of("cube",
         [](const D& x) {
           return custom_function<double>(
               "cube", {x}, [](const Tensors& in) { return in[0] * in[0] * in[0]; },
               [](const Tensors& in, const D&, const D& gy) {
                 return Tensors{3 * square(in[0]) * gy};
               });
         },
         {{4}}),
  };
}

Tensors arguments(const Operation& o, std::uint64_t seed) {
  Tensors r;
  for (const Shape& s : o.shapes) r.push_back(parameter(numbers(s, seed++)));
  return r;
}

struct Net : Module<double> {
  Linear<double>& fc = add<Linear<double>>("fc", 3, 4);
  D forward(const D& x) override { return fc(x); }
};

// A step whose loss is made by f from the layer's outputs.
template <class F>
std::optional<Replay> replay_of(Net& net, const F& f, MonitorOptions options = {.trace = true}) {
  Sgd<double> optimizer(net.parameters(), {.learning_rate = 0.1});
  Monitor<double> monitor(net, optimizer, options);
  const D loss = f(net(numbers({5, 3}, 1)));
  monitor.before_backward(loss);
  loss.backward();
  monitor.before_step();
  optimizer.step();
  monitor.after_step();
  return monitor.replay();
}

bool is_finite(const D& x) {
  return std::all_of(x.data(), x.data() + x.size(), [](double v) { return std::isfinite(v); });
}

void set_bias(Net& net, double v) { net.fc.bias.set_value(D::filled({4}, v).value()); }

}  // namespace

BOOST_AUTO_TEST_SUITE(replay)

// Each operation on its own operands gives its own bits, and on others what the function gives.
BOOST_AUTO_TEST_CASE(operations_run_again) {
  for (const Operation& o : operations()) {
    BOOST_TEST_CONTEXT(o.name) {
      detail::OperationLog<double> log;
      const Tensors x = arguments(o, 1), other = arguments(o, 100);
      const D y = o.f(x).at(0), of_other = o.f(other).at(0);
      const auto& logged = log.operations();
      const auto it = std::find_if(logged.begin(), logged.end(),
                                   [&](const auto& l) { return l.rule->name == o.name; });
      BOOST_TEST_REQUIRE((it != logged.end()));
      const Replay again(*it, "here", D());
      BOOST_TEST(again.can_forward());
      BOOST_TEST(same_bits(again.forward(), it->output));
      // One operation: all it takes are the arguments.
      if (logged.size() != 2) continue;
      BOOST_TEST(again.operands().size() == x.size());
      BOOST_TEST(same_bits(again.forward(other), of_other));
      const D seed = numbers(y.shape(), 7);
      const Tensors expected = grad<double>({y}, x, {}, {seed}), found = again.backward(seed);
      for (std::size_t i = 0; i < x.size(); ++i) BOOST_TEST(same_bits(found[i], expected[i]));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_first_nan_is_made_again) {
  Net net;
  set_bias(net, -1);
  const auto r = replay_of(net, [](const D& y) { return mean(sqrt(y - 5.0)); });
  BOOST_TEST_REQUIRE(r.has_value());
  BOOST_TEST(r->operation() == "sqrt");
  BOOST_TEST(r->where() == "sqrt of fc");
  BOOST_TEST(r->operands().at(0).data()[0] < 0);
  BOOST_TEST(same_bits(r->forward(), r->output()));
  BOOST_TEST(std::isnan(r->forward().data()[0]));
  const D better = clamp(r->operands()[0], 0.0, 10.0);
  BOOST_TEST(is_finite(r->forward({better})));
  BOOST_TEST(!r->gradient().defined());
  BOOST_CHECK_THROW(r->forward({better, better}), std::invalid_argument);
}

// What the parameters become afterwards does not show.
BOOST_AUTO_TEST_CASE(operands_are_those_of_the_step) {
  Net net;
  set_bias(net, std::numeric_limits<double>::max());
  const D before = net.fc.bias.clone();
  const auto r = replay_of(net, [](const D& y) { return sum(y); });
  BOOST_TEST_REQUIRE(r.has_value());
  BOOST_TEST(r->operation() == "sum");
  net.fc.bias.mutable_data()[0] = 0;
  BOOST_TEST(r->operands()[0].data()[0] == before.data()[0]);
  BOOST_TEST(std::isinf(r->forward().item()));
}

// The slope of sqrt is infinite at 0; that of the square, recorded later, is not to blame.
BOOST_AUTO_TEST_CASE(the_first_infinite_gradient_is_made_again) {
  Net net;
  set_bias(net, -50);
  const auto r = replay_of(net, [](const D& y) {
    const D z = relu(y);
    const D first = sum(sqrt(z));
    return first + sum(square(z));
  });
  BOOST_TEST_REQUIRE(r.has_value());
  BOOST_TEST(r->operation() == "sqrt");
  BOOST_TEST(is_finite(r->gradient()));
  BOOST_TEST(std::isinf(r->backward().at(0).data()[0]));
  BOOST_TEST(is_finite(r->backward(D::filled({5, 4}, 0)).at(0)));
  BOOST_TEST(is_finite(r->forward()));
}

// A gradient that nothing but a parameter gets.
BOOST_AUTO_TEST_CASE(an_infinite_gradient_of_a_parameter_alone) {
  Net net;
  set_bias(net, 0);
  const auto r = replay_of(net, [&](const D& y) { return mean(y) + sum(sqrt(net.fc.bias)); });
  BOOST_TEST_REQUIRE(r.has_value());
  BOOST_TEST(r->operation() == "sqrt");
  BOOST_TEST(std::isinf(r->backward().at(0).data()[0]));
}

// Gradients of weights are told to be finite by their factors: as those of 1e160, whose products are not,
// and of 1e154, whose are, however near to the largest number.
BOOST_AUTO_TEST_CASE(an_infinite_gradient_of_a_weight_alone) {
  for (const bool by_matmul : {false, true}) {
    for (const double large : {1e160, 1.2e154, 1e100}) {
      const D x = D::filled({1, 3}, large);
      const D w = parameter(D::filled(by_matmul ? Shape{3, 1} : Shape{1, 3}, 1 / large));
      detail::OperationLog<double> log;
      const detail::KeepEntryValues keep;
      const D loss = large * sum(by_matmul ? matmul(x, w) : linear(x, w));
      const bool finite = large < 1e155;
      BOOST_TEST_CONTEXT(by_matmul << " " << large) {
        detail::GradientTrace<double> trace(detail::tape_of(loss, nullptr), log);
        loss.backward();
        BOOST_TEST(is_finite(w.gradient()) == finite);
        const auto culprit = trace.first_not_finite(1);
        BOOST_TEST_REQUIRE(culprit.has_value() == !finite);
        if (finite) continue;
        BOOST_TEST_REQUIRE(culprit->replay.has_value());
        BOOST_TEST(culprit->replay->operation() == (by_matmul ? "matmul" : "linear"));
        BOOST_TEST(std::isinf(culprit->replay->backward().at(1).data()[0]));
      }
    }
  }
}

// The factors say nothing of what was there before, of what a hook makes of it, and of other operations by
// the name.
BOOST_AUTO_TEST_CASE(an_infinite_gradient_that_is_no_product) {
  const double infinity = std::numeric_limits<double>::infinity();
  const D x = numbers({1, 3}, 1);
  const auto found = [&](const D& w, const auto& f) {
    detail::OperationLog<double> log;
    const detail::KeepEntryValues keep;
    const D loss = sum(f(w));
    detail::GradientTrace<double> trace(detail::tape_of(loss, nullptr), log);
    loss.backward();
    return trace.first_not_finite(1).has_value();
  };
  const auto plain = [&](const D& w) { return linear(x, w); };
  BOOST_TEST(!found(parameter(numbers({2, 3}, 2)), plain));
  D before = parameter(numbers({2, 3}, 2));
  before.set_gradient(D::filled({2, 3}, infinity));
  BOOST_TEST(found(before, plain));
  D hooked = parameter(numbers({2, 3}, 2));
  hooked.register_hook([&](const D& g) { return g * infinity; });
  BOOST_TEST(found(hooked, plain));
  BOOST_TEST(found(parameter(numbers({2, 3}, 2)), [&](const D& w) {
    return custom_function<double>(
        "linear", {x, w},
        [](const Tensors& in) { return matmul(in[0], in[1], {.transpose_b = true}); },
        [=](const Tensors& in, const D&, const D&) {
          return Tensors{in[0], D::filled({2, 3}, infinity)};
        });
  }));
}

// The pass's own numbers count: of operands that are written to afterwards, of each of several passes, and of what comes
// from the tape of another type.
BOOST_AUTO_TEST_CASE(an_infinite_gradient_of_passes_gone_by) {
  const auto trace_of = [](const auto& loss, const auto& log) {
    using T = typename std::decay_t<decltype(loss)>::value_type;
    return std::make_unique<detail::GradientTrace<T>>(detail::tape_of(loss, nullptr), log);
  };
  {
    detail::OperationLog<double> log;
    const detail::KeepEntryValues keep;
    D x = D::filled({1, 3}, 1e200);
    const D w = parameter(numbers({2, 3}, 2)), g = D::filled({1, 2}, 1e200);
    const D loss = sum(linear(x, w) * g);
    const auto trace = trace_of(loss, log);
    loss.backward();
    std::fill_n(x.mutable_data(), 3, 1.0);
    BOOST_TEST(trace->first_not_finite(1).has_value());
  }
  {
    detail::OperationLog<double> log;
    const detail::KeepEntryValues keep;
    const D x = D::filled({1, 3}, 1e200), w = parameter(numbers({2, 3}, 2));
    const D y = linear(x, w);
    const D large = sum(y * D::filled({1, 2}, 1e200)), small = sum(y * D::filled({1, 2}, 1e-250));
    const auto trace = trace_of(large + small, log);
    large.backward({.retain_graph = true});
    small.backward();
    BOOST_TEST(trace->first_not_finite(1).has_value());
  }
  {
    detail::OperationLog<float> log;
    const detail::KeepEntryValues keep;
    const auto x = Tensor<float>::filled({1, 3}, 1);
    const auto w = parameter(Tensor<float>::filled({2, 3}, 1e-20F));
    const auto loss = sum(linear(x, w)) + (1e45 * sum(w.to<double>())).to<float>();
    const auto trace = trace_of(loss, log);
    loss.backward();
    BOOST_TEST(std::isinf(w.gradient().data()[0]));
    BOOST_TEST(trace->first_not_finite(1).has_value());
  }
}

BOOST_AUTO_TEST_CASE(nothing_to_run_where_all_is_finite_or_nothing_is_traced) {
  Net net;
  const auto fine = [](const D& y) { return mean(square(y)); };
  BOOST_TEST(!replay_of(net, fine).has_value());
  const auto bad = [](const D& y) { return mean(log(-square(y))); };
  BOOST_TEST(!replay_of(net, bad, {.every = 1}).has_value());
}

// An operation that was recorded without a word on how it is run.
BOOST_AUTO_TEST_CASE(some_run_backward_only) {
  static const detail::Rule<double> rule = {
      "halves", [](const void*, Backward<double>& b) { b.add(0, b.gradient() / 2.0); }, nullptr};
  detail::OperationLog<double> log;
  const D x = parameter(numbers({1, 2}, 1)), y = D::filled({1, 2}, 3);
  detail::record(y, rule, {&x}, {});
  const Replay r(log.operations().at(0), "here", D());
  BOOST_TEST(!r.can_forward());
  BOOST_CHECK_THROW(r.forward(), std::logic_error);
  BOOST_TEST(same_bits(r.backward().at(0), D::filled({1, 2}, 0.5)));
}

BOOST_AUTO_TEST_CASE(logs_end_in_any_order) {
  auto first = std::make_unique<detail::OperationLog<double>>();
  auto second = std::make_unique<detail::OperationLog<double>>();
  const D x = parameter(numbers({4}, 1)), y = exp(x);
  first.reset();
  const D z = exp(y);
  BOOST_TEST(second->operations().size() == 2u);
  second.reset();
  BOOST_TEST(!detail::is_logged<double>());
}

// What was recorded and left does not pile up.
BOOST_AUTO_TEST_CASE(logs_forget_what_nobody_sees) {
  detail::OperationLog<double> log;
  const D x = parameter(numbers({4}, 1)), kept = exp(exp(x));
  for (int i = 0; i < 6000; ++i) exp(exp(x));
  BOOST_TEST(log.operations().size() < 9000u);
  BOOST_TEST(log.operations().at(1).output.is_same(kept));
  BOOST_TEST(same_bits(log.operations().at(0).operands.at(0), x));
}

BOOST_AUTO_TEST_SUITE_END()
