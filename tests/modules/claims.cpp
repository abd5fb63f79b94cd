// What is said of activations, initialisation and regularisation, shown on small problems.

#include <algorithm>
#include <cstdint>
#include <memory>

#include "tests/modules/helpers.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/branches.hpp"
#include "xgrad/modules/initialization.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/regularization.hpp"
#include "xgrad/optimizers/adagrad.hpp"
#include "xgrad/optimizers/sgd.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;

// w -= rate g for all parameters; returns the loss before the last step.
template <class Loss>
double descend(const NamedTensors<double>& parameters, int steps, double rate, const Loss& loss) {
  double last = 0;
  for (int i = 0; i < steps; ++i) {
    for (auto p : parameters) p.tensor.zero_grad();
    const Tensor<double> value = loss(i);
    value.backward();
    last = value.item();
    for (auto p : parameters) {
      if (!p.tensor.has_grad()) continue;
      const Tensor<double> g = p.tensor.gradient();
      double* const w = p.tensor.mutable_data();
      for (std::size_t k = 0; k < g.size(); ++k) w[k] -= rate * g.data()[k];
    }
  }
  return last;
}

// Numbers in (-1, 1) as a function of two inputs.
struct Data {
  Tensor<double> x = standard_normal({64, 2}, 3);
  Tensor<double> y = tanh(matmul(x, Tensor<double>::from({2, 1}, {1, -2})));
};

// Units of the hidden layer that are 0 for every sample.
std::size_t dead_units(Linear<double>& hidden, const Tensor<double>& x) {
  const NoGrad guard;
  const Tensor<double> h = sum(relu(hidden(x)), 0);
  const auto all = numbers(h);
  return static_cast<std::size_t>(std::count(all.begin(), all.end(), 0));
}

template <class Activation>
Sequential<double> two_layers(std::uint64_t seed = 3) {
  Generator generator(seed);
  const GeneratorScope scope(generator);
  return Sequential<double>{Linear<double>(2, 32), Activation(), Linear<double>(32, 1)};
}

// The share of the targets' variance that training leaves, when the hidden units start with
// this bias.
template <class Activation>
double unexplained(double bias) {
  const Data data;
  Sequential<double> net = two_layers<Activation>();
  constant_(net.at("0.bias"), bias);
  const auto loss = [&](int) { return mse_loss(net(data.x), data.y); };
  return descend(net.parameters(), 2000, 0.02, loss) / variance(data.y);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(claims)

// --- Activations ---

// A rate that is too large throws units to where relu is 0 for all data; they do not come back.
BOOST_AUTO_TEST_CASE(a_large_rate_kills_relus) {
  const Data data;
  const auto dead_after = [&](double rate) {
    Sequential<double> net = two_layers<Relu<double>>();
    auto& hidden = static_cast<Linear<double>&>(net[0]);
    const auto loss = [&](int) { return mse_loss(net(data.x), data.y - 2); };
    BOOST_TEST(dead_units(hidden, data.x) == 0U);
    descend(net.parameters(), 3, rate, loss);
    const std::size_t dead = dead_units(hidden, data.x);
    descend(net.parameters(), 200, 0.01, loss);
    BOOST_TEST(dead_units(hidden, data.x) >= dead);
    return dead;
  };
  BOOST_TEST(dead_after(0.1) == 0U);
  BOOST_TEST(dead_after(0.3) > 16U);
}

// Adagrad's steps do not grow with the gradient: where the loss is a hundred times as large,
// descent kills most units at a tenth of Adagrad's rate.
BOOST_AUTO_TEST_CASE(adagrad_spares_relus) {
  const Data data;
  const auto dead_after = [&](const auto& make, std::uint64_t seed) {  // of 32 units
    Sequential<double> net = two_layers<Relu<double>>(seed);
    const auto optimizer = make(net.parameters());
    for (int t = 0; t < 100; ++t) {
      optimizer->step([&] { return 100 * mse_loss(net(data.x), data.y - 2); });
    }
    return dead_units(static_cast<Linear<double>&>(net[0]), data.x);
  };
  const auto descent = [](const auto& p) {
    return std::make_unique<Sgd<double>>(p, SgdOptions{.learning_rate = 0.003});
  };
  const auto adagrad = [](const auto& p) {
    return std::make_unique<Adagrad<double>>(p, AdagradOptions{.learning_rate = 0.03});
  };
  BOOST_TEST(dead_after(descent, 3) > 16U);
  BOOST_TEST(dead_after(adagrad, 3) == 0U);
  std::size_t by_descent = 0, by_adagrad = 0;  // of 192 units
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U, 6U}) {
    by_descent += dead_after(descent, seed);
    by_adagrad += dead_after(adagrad, seed);
  }
  BOOST_TEST(by_descent > 64U);
  BOOST_TEST(by_adagrad < 10U);
}

// With a bias of -3 every relu is dead and only the last bias learns. A slope on the negative side,
// fixed or learned, or an exponential one, is a cure.
BOOST_AUTO_TEST_CASE(dead_relus_and_their_cures) {
  BOOST_TEST(unexplained<Relu<double>>(0) < 0.1);
  BOOST_TEST(unexplained<Relu<double>>(-3) > 0.99);
  BOOST_TEST(unexplained<LeakyRelu<double>>(-3) < 0.95);
  BOOST_TEST(unexplained<Elu<double>>(-3) < 0.4);
  BOOST_TEST(unexplained<Prelu<double>>(-3) < 0.3);
}

// The slope of a sigmoid is at most 1/4: ten of them leave less than 1e-6 of a gradient, relu all.
BOOST_AUTO_TEST_CASE(sigmoids_saturate) {
  const auto gradient_through = [](const auto& f, double at) {
    const Tensor<double> x = parameter(Tensor<double>::filled({1}, at));
    Tensor<double> y = x;
    for (int i = 0; i < 10; ++i) y = f(y);
    y.backward();
    return x.grad().data()[0];
  };
  const auto sigmoid_of = [](const Tensor<double>& v) { return sigmoid(v); };
  const auto relu_of = [](const Tensor<double>& v) { return relu(v); };
  BOOST_TEST(gradient_through(sigmoid_of, 1.0) < std::pow(0.25, 10));
  BOOST_TEST(gradient_through(relu_of, 1.0) == 1);
  const Tensor<double> far = parameter(Tensor<double>::from({2}, {-20, 20}));
  sum(sigmoid(far)).backward();
  BOOST_TEST(far.grad().data()[0] < 1e-8);
  BOOST_TEST(far.grad().data()[1] < 1e-8);
}

// Sigmoid's outputs are positive, so the gradients of all weights of a unit have one sign; tanh's
// have both.
BOOST_AUTO_TEST_CASE(outputs_that_are_not_centred_give_gradients_of_one_sign) {
  const auto signs = [](const Tensor<double>& h) {
    Linear<double> unit(50, 1);
    sum(unit(h)).backward();
    const auto g = numbers(unit.weight.gradient());
    return std::count_if(g.begin(), g.end(), [](double v) { return v > 0; });
  };
  const Tensor<double> x = standard_normal({1, 50});
  BOOST_TEST(signs(sigmoid(x)) == 50);
  BOOST_TEST(signs(tanh(x)) > 10);
  BOOST_TEST(signs(tanh(x)) < 40);
}

// Half of what relu gives is 0 and the rest positive; elu's negative side brings the mean nearer to
// 0, selu's to 0.
BOOST_AUTO_TEST_CASE(elu_and_selu_are_nearer_to_mean_zero) {
  const Tensor<double> x = standard_normal({200000});
  BOOST_TEST(moments(relu(x)).first == 0.3989, boost::test_tools::tolerance(0.01));
  BOOST_TEST(std::abs(moments(elu(x)).first) < 0.2);
  BOOST_TEST(std::abs(moments(selu(x)).first) < 0.01);
}

// --- Initial weights ---

// With all weights 0 no gradient reaches them; with all weights alike all units stay alike.
BOOST_AUTO_TEST_CASE(weights_that_are_all_alike_do_not_learn) {
  const Data data;
  const auto trained = [&](double start) {
    Sequential<double> net = two_layers<Tanh<double>>();
    for (const auto& p : net.parameters()) constant_(p.tensor, start);
    descend(net.parameters(), 50, 0.1, [&](int) { return mse_loss(net(data.x), data.y - 2); });
    BOOST_TEST(net.at("2.bias").item() < start - 0.5);  // the last bias does
    return numbers(net.at("2.weight"));
  };
  for (const double w : trained(0)) BOOST_TEST(w == 0);
  const auto alike = trained(0.1);
  for (const double w : alike) BOOST_TEST(w == alike[0], boost::test_tools::tolerance(1e-12));
}

// --- Batch normalisation ---

// Scale and shift can take it back: with the batch's deviation and mean it is the identity.
BOOST_AUTO_TEST_CASE(batch_normalisation_can_learn_to_do_nothing) {
  BatchNorm<double> layer(3);
  const Tensor<double> x = standard_normal({16, 3}) * 4 + 7;
  layer.weight.set_value(sqrt(var(x, {0}, {.correction = 0}) + 1e-5).value());
  layer.bias.set_value(mean(x, {0}).value());
  const auto y = numbers(layer(x)), expected = numbers(x);
  for (std::size_t i = 0; i < y.size(); ++i) BOOST_TEST(std::abs(y[i] - expected[i]) < 1e-12);
}

// The output for a sample depends on the others in its batch, by noise of about 1 / sqrt(n).
BOOST_AUTO_TEST_CASE(batch_normalisation_of_small_batches_is_noisy) {
  const auto noise = [](std::size_t n) {
    BatchNorm<double> layer(200);
    std::vector<double> first(200), square(200);
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      Tensor<double> x = standard_normal({n, 200}, seed);
      std::fill_n(x.mutable_data(), 200, 1.0);  // the same sample in every batch
      const auto y = numbers(layer(x));
      for (std::size_t k = 0; k < 200; ++k) first[k] += y[k] / 50, square[k] += y[k] * y[k] / 50;
    }
    double variance = 0;
    for (std::size_t k = 0; k < 200; ++k) variance += (square[k] - first[k] * first[k]) / 200;
    return std::sqrt(variance);
  };
  BOOST_TEST(noise(4) > 0.35);
  BOOST_TEST(noise(64) < 0.2);
}

namespace {

Sequential<double> deep_net(bool normalised) {
  Generator generator(2);
  const GeneratorScope scope(generator);
  Sequential<double> net;
  for (std::size_t i = 0; i < 12; ++i) {
    Linear<double> layer(i == 0 ? 2 : 16, 16);
    he_normal_(layer.weight);
    zeros_(layer.bias);
    net.append(std::move(layer));
    if (normalised) net.append(BatchNorm<double>(16));
    net.append(Relu<double>());
  }
  net.append(Linear<double>(16, 1));
  return net;
}

// What 100 steps leave of the targets' variance.
double unexplained_by_deep_net(bool normalised, double rate) {
  const Data data;
  Sequential<double> net = deep_net(normalised);
  const auto loss = [&](int) { return mse_loss(net(data.x), data.y); };
  return descend(net.parameters(), 100, rate, loss) / variance(data.y);
}

}  // namespace

// Twelve layers: without normalisation a rate of 0.01 works and ten times as much diverges, with it
// the larger one is the better one.
BOOST_AUTO_TEST_CASE(batch_normalisation_allows_a_larger_rate) {
  BOOST_TEST(unexplained_by_deep_net(false, 0.01) < 0.2);
  BOOST_TEST(!(unexplained_by_deep_net(false, 0.1) < 1));  // NaN counts
  BOOST_TEST(unexplained_by_deep_net(true, 0.01) < 0.2);
  BOOST_TEST(unexplained_by_deep_net(true, 0.1) < 0.01);
}

// Scaling the weights before it changes nothing, so that a bad initialisation does not matter.
BOOST_AUTO_TEST_CASE(batch_normalisation_undoes_the_scale_of_weights) {
  Sequential<double> net{Linear<double>(4, 3), BatchNorm<double>(3, {.eps = 0})};
  const Tensor<double> x = standard_normal({16, 4});
  const auto before = numbers(net(x));
  for (const char* name : {"0.weight", "0.bias"}) {
    Tensor<double> w = net.at(name);
    w.set_value((w.detach() * 100).value());
  }
  const auto after = numbers(net(x));
  for (std::size_t i = 0; i < before.size(); ++i)
    BOOST_TEST(std::abs(before[i] - after[i]) < 1e-12);
}

// --- Residual blocks ---

// A block of He's layers has the variance of its input, so every block doubles it; a last layer
// that starts at zero leaves it as it is.
BOOST_AUTO_TEST_CASE(zero_initialised_residuals_keep_the_variance) {
  const auto output_variance = [](bool zero_last) {
    Generator generator(3);
    const GeneratorScope scope(generator);
    Sequential<double> net;
    for (int i = 0; i < 20; ++i) {
      Sequential<double> branch{Relu<double>(), Linear<double>(64, 64), Relu<double>(),
                                Linear<double>(64, 64)};
      he_normal_(branch.at("1.weight"));
      he_normal_(branch.at("3.weight"));
      net.append(Residual<double>(std::move(branch), {.zero_last = zero_last}));
    }
    const NoGrad guard;
    return variance(net(standard_normal({64, 64})));
  };
  const double of_input = variance(standard_normal({64, 64}));
  BOOST_TEST(output_variance(true) == of_input, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(output_variance(false) > 1e4 * of_input);
}

// --- Penalties ---

namespace {

// Weights of a regression on 20 features of which 3 matter.
std::vector<double> fitted(bool l1) {
  const Tensor<double> x = standard_normal({100, 20}, 5);
  std::vector<double> truth(20);
  truth[2] = 1, truth[7] = -2, truth[11] = 1.5;
  const Tensor<double> y =
      matmul(x, Tensor<double>::from({20}, truth)) + 0.3 * standard_normal({100}, 6);
  const NamedTensors<double> w = {{"w", parameter(Tensor<double>::filled({20}, 0.1))}};
  for (const double rate : {0.1, 0.01, 0.001}) {
    descend(w, 300, rate, [&](int) {
      const Tensor<double> fit = mse_loss(matmul(x, w[0].tensor), y);
      return fit + (l1 ? l1_penalty(w, 0.3) : l2_penalty(w, 0.3));
    });
  }
  return numbers(w[0].tensor);
}

std::ptrdiff_t near_zero(const std::vector<double>& w) {
  return std::count_if(w.begin(), w.end(), [](double v) { return std::abs(v) < 1e-3; });
}

}  // namespace

BOOST_AUTO_TEST_CASE(l1_makes_weights_zero_and_l2_makes_them_small) {
  const auto with_l1 = fitted(true), with_l2 = fitted(false);
  BOOST_TEST(near_zero(with_l1) == 17);
  BOOST_TEST(near_zero(with_l2) <= 2);
  for (const std::size_t k : {2U, 7U, 11U}) BOOST_TEST(std::abs(with_l1[k]) > 0.7);
  BOOST_TEST(std::abs(with_l2[7]) < 2);
}

BOOST_AUTO_TEST_SUITE_END()
