// Modules as functions of their parameters, and the derivatives of each sample.

#include "xgrad/modules/functional.hpp"

#include "tests/modules/helpers.hpp"
#include "tests/modules/references.hpp"
#include "xgrad/autograd/derivatives.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/data/dataset.hpp"
#include "xgrad/gradient_check/check.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/losses.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/modules/shapes.hpp"
#include "xgrad/modules/weight_norm.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;
using D = Tensor<double>;
using List = TensorList<double>;

const auto same = boost::test_tools::per_element();

Sequential<double> small_net() {
  return Sequential<double>{Linear<double>(3, 4), Tanh<double>(), Linear<double>(4, 2)};
}

// Other numbers for all parameters.
NamedTensors<double> others(const Module<double>& net, double factor = 0.5) {
  NamedTensors<double> r = net.parameters();
  for (auto& p : r) p.tensor = parameter(p.tensor * factor + 0.1);
  return r;
}

std::string failure(Module<double>& net, const NamedTensors<double>& tensors) {
  const auto before = net.parameters();
  const auto own = numbers(net(wave({2, 3}, 0)));
  const std::string text = message_of<std::invalid_argument>([&] {
    functional_call(net, tensors, wave({2, 3}, 0));
  });
  for (const auto& p : before) BOOST_TEST(net.at(p.name).is_same(p.tensor));
  BOOST_TEST(numbers(net(wave({2, 3}, 0))) == own, same);
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(functional)

BOOST_AUTO_TEST_CASE(other_tensors_as_parameters) {
  auto net = small_net();
  const D x = wave({5, 3}, 0);
  const auto own = numbers(net(x));
  const auto given = others(net);
  const D y = functional_call(net, given, x);
  const D by_hand = matmul(tanh(matmul(x, transpose(given[0].tensor)) + given[1].tensor),
                           transpose(given[2].tensor)) +
                    given[3].tensor;
  const auto of_y = numbers(y), of_hand = numbers(by_hand);
  for (std::size_t i = 0; i < of_y.size(); ++i)
    BOOST_TEST(of_y[i] == of_hand[i], boost::test_tools::tolerance(1e-14));
  BOOST_TEST(numbers(net(x)) == own, same);
  sum(y).backward();
  for (const auto& p : net.parameters()) BOOST_TEST(!p.tensor.has_grad());
  for (const auto& p : given) BOOST_TEST(p.tensor.has_grad());
}

BOOST_AUTO_TEST_CASE(a_scope_hides_and_restores) {
  auto net = small_net();
  auto& first = dynamic_cast<Linear<double>&>(net[0]);
  const D weight = first.weight;
  const auto given = others(net), deeper = others(net, 2);
  {
    const ParameterScope<double> scope(net, given);
    BOOST_TEST(first.weight.is_same(given[0].tensor));
    BOOST_TEST(net.at("0.weight").is_same(weight));  // what optimizers and files see
    BOOST_TEST(net.parameters()[0].tensor.is_same(weight));
    {
      const ParameterScope<double> inner(net, deeper);
      BOOST_TEST(first.weight.is_same(deeper[0].tensor));
    }
    BOOST_TEST(first.weight.is_same(given[0].tensor));
    const auto fail = [&] { functional_call(net, deeper, wave({2, 4}, 0)); };
    BOOST_CHECK_THROW(fail(), std::invalid_argument);
    BOOST_TEST(first.weight.is_same(given[0].tensor));
  }
  BOOST_TEST(first.weight.is_same(weight));
  {
    const ParameterScope<double> scope(net, net.parameters());
    BOOST_TEST(first.weight.is_same(weight));
  }
  {
    const ParameterScope<double> scope(net, given);
    first.weight = D::filled({4, 3}, 7);  // stays
    BOOST_TEST(first.weight.is_same(weight));
  }
  BOOST_TEST(first.weight.is_same(weight));
  BOOST_TEST(weight.data()[0] == 7);
  const D shared = parameter(D::filled({4, 3}, 8));
  {
    const ParameterScope<double> scope(net, given);
    first.weight = shared;  // another parameter from here on
  }
  BOOST_TEST(first.weight.is_same(shared));
  first.weight = weight;
  {
    const ParameterScope<double> scope(net, given);
    first.weight = exp(weight);
  }
  BOOST_TEST(first.weight.data()[0] == std::exp(7.0));
  BOOST_TEST(net.at("0.weight").is_same(weight));
  first.weight = exp(weight);  // covered by a result: shown again afterwards
  const D covering = first.weight;
  functional_call(net, given, wave({2, 3}, 0));
  BOOST_TEST(first.weight.is_same(covering));
  BOOST_TEST(net.at("0.weight").is_same(weight));
}

BOOST_AUTO_TEST_CASE(refuses_what_does_not_fit_before_anything_changes) {
  auto net = small_net();
  auto given = others(net);
  given[1].name = "1.bias";
  BOOST_TEST(failure(net, given) == "functional_call: there is no parameter or buffer \"1.bias\"");
  given.erase(given.begin() + 1);
  BOOST_TEST(failure(net, given) == "functional_call: parameters are missing: 0.bias");
  given[0].tensor = wave({3, 4}, 0);
  BOOST_TEST(failure(net, given) ==
             "functional_call: shapes differ: 0.weight (4, 3), given (3, 4)");
  given[0].tensor = {};
  BOOST_TEST(failure(net, given) == "functional_call: the tensor for \"0.weight\" is undefined");
  given = others(net);
  given.push_back(given[3]);
  BOOST_TEST(failure(net, given) == "functional_call: a tensor is given twice: 2.bias");
}

BOOST_AUTO_TEST_CASE(a_part_of_the_parameters) {
  auto net = small_net();
  const NamedTensors<double> bias = {{"2.bias", parameter(D::from({2}, {3, 4}))}};
  const D x = wave({5, 3}, 0), y = functional_call(net, bias, x, {.partial = true});
  sum(y).backward();
  BOOST_TEST(net.at("0.weight").has_grad());
  BOOST_TEST(!net.at("2.bias").has_grad());
  BOOST_TEST(numbers(bias[0].tensor.gradient()) == (std::vector<double>{5, 5}), same);
}

BOOST_AUTO_TEST_CASE(a_parameter_of_several_places_is_replaced_in_all) {
  Sequential<double> net{Linear<double>(3, 3), Linear<double>(3, 3)};
  net.tie({"0.weight", "1.weight"});
  const D zero = D::filled({3, 3}, 0), bias = D::filled({3}, 2);
  const NamedTensors<double> given = {{"1.weight", zero}, {"0.bias", bias}, {"1.bias", bias}};
  BOOST_TEST(
      numbers(functional_call(net, given, wave({1, 3}, 0))) == (std::vector<double>{2, 2, 2}),
      same);
  auto both = given;
  both.push_back({"0.weight", zero});
  BOOST_TEST(failure(net, both) == "functional_call: a tensor is given twice: 0.weight");
}

// One step of MAML on (w x - t)^2: the derivative of the outer loss is
// 2 x2 (w' x2 - t2) (1 - 2 rate x^2), w' = w - 2 rate x (w x - t).
BOOST_AUTO_TEST_CASE(maml_has_the_gradient_of_second_order) {
  Linear<double> net(1, 1, {.bias = false});
  net.weight = D::from({1, 1}, {0.7});
  const auto at = [](double v) { return D::from({1, 1}, {v}); };
  const double x = 1.3, t = -0.4, x2 = -0.6, t2 = 0.9, rate = 0.1;
  NamedTensors<double> fast = net.parameters();
  const D inner = sum(square(net(at(x)) - t));
  const auto g = grad(std::vector{inner}, tensors_of(fast), {.create_graph = true});
  fast[0].tensor = fast[0].tensor - rate * g[0];
  sum(square(functional_call(net, fast, at(x2)) - t2)).backward();
  const double w = 0.7, after = w - 2 * rate * x * (w * x - t);
  const double expected = 2 * x2 * (after * x2 - t2) * (1 - 2 * rate * x * x);
  BOOST_TEST(net.weight.grad().data()[0] == expected, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(a_hypernetwork_learns) {
  auto net = small_net();
  const D x = wave({4, 3}, 0), w = wave({26, 2}, 1);
  const auto f = [&](const D& z) {
    const D all = tanh(matmul(w, z));
    NamedTensors<double> given = net.parameters();
    std::ptrdiff_t at = 0;
    for (auto& p : given) {
      const auto size = static_cast<std::ptrdiff_t>(p.tensor.size());
      p.tensor = reshape(slice(all, 0, at, at + size), p.tensor.shape());
      at += size;
    }
    return functional_call(net, given, x);
  };
  check_passes(check_gradients(f, {D::from({2}, {0.3, -0.8})}, {.order = 2}));
}

BOOST_AUTO_TEST_CASE(derived_parameters_and_buffers) {
  WeightNorm<double> normed(Linear<double>(3, 2));
  auto given = normed.parameters();
  for (auto& p : given) p.tensor = parameter(p.tensor * 2.);
  const D x = wave({4, 3}, 0), y = functional_call(normed, given, x);
  sum(y).backward();
  for (auto& p : given) BOOST_TEST(p.tensor.has_grad(), p.name);
  BOOST_TEST(numbers(y) != numbers(normed(x)), same);
  const std::string derived = "inner.weight";
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               functional_call(normed, {{derived, wave({2, 3}, 0)}}, x, {.partial = true});
             }) == "functional_call: there is no parameter or buffer \"inner.weight\"");

  BatchNorm<double> norm(3);
  NamedTensors<double> state = norm.state_dict();
  for (auto& s : state) s.tensor = s.tensor.clone();
  const auto mean = numbers(norm.at("running_mean"));
  functional_call(norm, state, x);
  BOOST_TEST(numbers(norm.at("running_mean")) == mean, same);
  const auto is_mean = [](const auto& s) { return s.name == "running_mean"; };
  BOOST_TEST(numbers(std::find_if(state.begin(), state.end(), is_mean)->tensor) != mean, same);
  norm.running_mean = D::filled({3}, 9);
  BOOST_TEST(numbers(norm.at("running_mean")) == std::vector<double>(3, 9), same);
}

BOOST_AUTO_TEST_CASE(ensembles_by_their_stacked_parameters) {
  auto a = small_net(), b = small_net(), c = small_net();
  const D x = wave({5, 3}, 0);
  NamedTensors<double> stacked = stack_parameters<double>({&a, &b, &c});
  BOOST_TEST(stacked[0].tensor.shape() == (Shape{3, 4, 3}));
  for (auto& s : stacked) s.tensor = parameter(s.tensor);
  const D y = ensemble_call(a, stacked, x);
  BOOST_TEST(numbers(y) == numbers(stack(List{a(x), b(x), c(x)})), same);
  sum(square(y)).backward();
  sum(square(b(x))).backward();
  BOOST_TEST(
      numbers(select(stacked[0].tensor.gradient(), 0, 1)) == numbers(b.at("0.weight").gradient()),
      same);
  Linear<double> other(3, 2);
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               stack_parameters<double>({&a, &other});
             }) == "stack_parameters: modules differ: 4 parameters, 2");
  Sequential<double> named;
  named.append(std::make_unique<Linear<double>>(3, 2), "only");
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               stack_parameters<double>({&other, &named});
             }) == "stack_parameters: modules differ: weight (2, 3), only.weight (2, 3)");
  Linear<double> wider(4, 2);
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               stack_parameters<double>({&other, &wider});
             }) == "stack_parameters: modules differ: weight (2, 3), weight (2, 4)");
  BOOST_TEST(message_of<std::invalid_argument>([&] { named_like(other, List{D(1.0)}); }) ==
             "named_like: 1 tensors for 2 parameters");
  stacked[1].tensor = wave({2, 4}, 0);
  BOOST_TEST(message_of<std::invalid_argument>([&] { ensemble_call(a, stacked, x); }) ==
             "ensemble_call: the first axes differ: 0.weight (3, 4, 3), 0.bias (2, 4)");
}

// --- Each sample by itself ---

BOOST_AUTO_TEST_CASE(per_sample_gradients_are_a_loop) {
  Sequential<double> net{Linear<double>(3, 4), BatchNorm<double>(4), Tanh<double>(),
                         Linear<double>(4, 2)};
  net(wave({6, 3}, 5));  // statistics
  net.eval();
  net.at("3.bias").requires_grad_(false);
  const LabeledBatch<double> batch{wave({4, 3}, 0), labels(4, 2)};
  const auto loss = [](const D& y, const Indices& t) { return cross_entropy(y, t); };
  const auto g = per_sample_gradients(net, loss, batch);
  BOOST_TEST(g.size() == 5U);
  for (std::size_t i = 0; i < 4; ++i) {
    net.zero_grad();
    loss(net(slice(batch.inputs, 0, static_cast<std::ptrdiff_t>(i),
                   static_cast<std::ptrdiff_t>(i) + 1)),
         Indices{batch.labels(i)})
        .backward();
    for (const auto& p : g) {
      BOOST_TEST(numbers(select(p.tensor, 0, static_cast<std::ptrdiff_t>(i))) ==
                     numbers(net.at(p.name).gradient()),
                 same);
    }
  }
  net.zero_grad();
  cross_entropy(net(batch.inputs), batch.labels, {.reduction = Reduction::sum}).backward();
  for (const auto& p : g) {
    const auto total = numbers(sum(p.tensor, 0)), whole = numbers(net.at(p.name).gradient());
    for (std::size_t k = 0; k < whole.size(); ++k)
      BOOST_TEST(std::abs(total[k] - whole[k]) < 1e-14);
  }
}

BOOST_AUTO_TEST_CASE(per_sample_gradients_of_other_batches) {
  auto net = small_net();
  const TargetBatch<double> batch{wave({3, 3}, 0), wave({3, 2}, 1)};
  const auto g = per_sample_gradients(
      net, [](const D& y, const TargetBatch<double>& b) { return mse_loss(y, b.targets); }, batch);
  const auto by_targets = per_sample_gradients(
      net, [](const D& y, const D& t) { return mse_loss(y, t); }, batch);
  const auto by_number = per_sample_gradients(
      net,
      [&](std::size_t i) {
        const auto at = static_cast<std::ptrdiff_t>(i);
        return mse_loss(net(slice(batch.inputs, 0, at, at + 1)),
                        slice(batch.targets, 0, at, at + 1));
      },
      3);
  for (std::size_t i = 0; i < g.size(); ++i) {
    BOOST_TEST(numbers(g[i].tensor) == numbers(by_targets[i].tensor), same);
    BOOST_TEST(numbers(g[i].tensor) == numbers(by_number[i].tensor), same);
    BOOST_TEST(!net.parameters()[i].tensor.has_grad());
  }
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               per_sample_gradients(
                   net, [](const D& y, const D&) { return y; }, batch);
             }) ==
             "per_sample_gradients: the loss of a sample has the shape (1, 2), not one number");
}

// With labels of several axes, inside NoGrad, and for a loss that no parameter has to do with.
BOOST_AUTO_TEST_CASE(per_sample_gradients_of_any_labels) {
  Linear<double> net(3, 2);
  LabeledBatch<double> batch{wave({3, 3}, 0), Indices(Indices::shape_type{3, 2})};
  for (std::size_t i = 0; i < 6; ++i) batch.labels.data()[i] = static_cast<std::int64_t>(i);
  const auto loss = [](const D& y, const Indices& t) {
    return t(0, 0) == 4 ? D(1.0) : sum(y) * static_cast<double>(10 * t(0, 0) + t(0, 1));
  };
  const NoGrad guard;
  const auto g = per_sample_gradients(net, loss, batch);
  BOOST_TEST(numbers(g[1].tensor) == (std::vector<double>{1, 1, 23, 23, 0, 0}), same);
}

BOOST_AUTO_TEST_CASE(per_sample_gradients_refuse_statistics_of_the_batch) {
  Sequential<double> net{Linear<double>(3, 4), BatchNorm<double>(4)};
  const TargetBatch<double> batch{wave({3, 3}, 0), wave({3, 4}, 1)};
  BOOST_TEST(message_of<std::logic_error>([&] {
               per_sample_gradients(
                   net, [](const D& y, const D& t) { return mse_loss(y, t); }, batch);
             }) ==
             "per_sample_gradients: batch normalisation in training mode mixes the samples, which "
             "have no losses of their own: use eval(): 1");
}

// --- Derivatives ---

BOOST_AUTO_TEST_CASE(jacobians_by_several_inputs_and_by_parameters) {
  const D a = D::from({2}, {2, -1}), b = D::from({3}, {0.5, 1, 4}), unused = D(3.0);
  const auto outer = [](const D& x, const D& y, const D&) {
    return reshape(x, Shape{2, 1}) * square(y);
  };
  const auto j = jacobian(outer, {a, b, unused});
  BOOST_TEST(j[0].shape() == (Shape{2, 3, 2}));
  BOOST_TEST(j[1].shape() == (Shape{2, 3, 3}));
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t k = 0; k < 3; ++k) {
      const double y = b.data()[k];
      for (std::size_t l = 0; l < 2; ++l)
        BOOST_TEST(j[0].data()[(3 * i + k) * 2 + l] == (l == i ? y * y : 0));
      for (std::size_t l = 0; l < 3; ++l)
        BOOST_TEST(j[1].data()[(3 * i + k) * 3 + l] == (l == k ? 2 * a.data()[i] * y : 0));
    }
  }
  BOOST_TEST(numbers(j[2]) == std::vector<double>(6, 0), same);
  const auto h =
      hessian([&](const List& x) { return sum(outer(x[0], x[1], x[2])); }, {a, b, unused});
  BOOST_TEST(numbers(h[0][0]) == std::vector<double>(4, 0), same);
  BOOST_TEST(numbers(h[0][1]) == (std::vector<double>{1, 2, 8, 1, 2, 8}), same);
  BOOST_TEST(numbers(h[1][0]) == (std::vector<double>{1, 1, 2, 2, 8, 8}), same);
  BOOST_TEST(numbers(h[1][1]) == (std::vector<double>{2, 0, 0, 0, 2, 0, 0, 0, 2}), same);
  BOOST_TEST(numbers(h[2][2]) == std::vector<double>(1, 0), same);

  Linear<double> net(2, 2);
  const auto of_net = parameter_jacobian(net, reshape(a, Shape{1, 2}));
  BOOST_TEST(of_net[0].name == "weight");
  BOOST_TEST(numbers(of_net[0].tensor) == (std::vector<double>{2, -1, 0, 0, 0, 0, 2, -1}), same);
  BOOST_TEST(numbers(of_net[1].tensor) == (std::vector<double>{1, 0, 0, 1}), same);
  net.bias.requires_grad_(false);
  const auto of_weight = parameter_jacobian(net, reshape(a, Shape{1, 2}));
  BOOST_TEST(of_weight.size() == 1U);
  BOOST_TEST(numbers(of_weight[0].tensor) == numbers(of_net[0].tensor), same);
  const auto loss = [&](const List& p) {
    return sum(square(functional_call(net, named_like(net, p), reshape(a, Shape{1, 2}))));
  };
  const auto blocks = hessian(loss, tensors_of(net.parameters()));
  BOOST_TEST(numbers(blocks[1][0]) == (std::vector<double>{4, -2, 0, 0, 0, 0, 4, -2}), same);
}

BOOST_AUTO_TEST_SUITE_END()
