// Gradients of each sample's loss in one pass, beside the loop that they are.

#include <cmath>

#include "tests/modules/helpers.hpp"
#include "tests/modules/references.hpp"
#include "xgrad/data/dataset.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/convolution.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/functional.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/pooling.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/modules/shapes.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/slicing.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;
using D = Tensor<double>;

D of_sample(const D& x, std::size_t i) {
  const auto at = static_cast<std::ptrdiff_t>(i);
  return slice(x, 0, at, at + 1);
}

// A loss in which no number of a prediction counts as much as another one.
D weighted(const D& y, std::size_t i) {
  return sum(square(y) * wave(y.shape(), static_cast<int>(i)));
}

NamedTensors<double> by_loop(Module<double>& net, const D& x,
                             const detail::SampleLoss<double>& loss) {
  return per_sample_gradients(
      net, [&](std::size_t i) { return loss(net(of_sample(x, i)), i); }, x.size(0));
}

void check_equal(const NamedTensors<double>& ours, const NamedTensors<double>& loop) {
  BOOST_TEST_REQUIRE(ours.size() == loop.size());
  for (std::size_t k = 0; k < loop.size(); ++k) {
    BOOST_TEST(ours[k].name == loop[k].name);
    BOOST_TEST_REQUIRE((ours[k].tensor.shape() == loop[k].tensor.shape()));
    double largest = 0;
    for (std::size_t e = 0; e < loop[k].tensor.size(); ++e) {
      const double expected = loop[k].tensor.data()[e];
      largest = std::max(largest, std::abs(expected));
      BOOST_TEST(std::abs(ours[k].tensor.data()[e] - expected) <= 1e-13 * (1 + std::abs(expected)),
                 loop[k].name << " " << e);
    }
    BOOST_TEST(largest > 0, loop[k].name);
  }
}

// All at once, and the same numbers.
void check_at_once(Module<double>& net, const D& x,
                   const detail::SampleLoss<double>& loss = weighted) {
  const auto ours = detail::sample_gradients_at_once(net, x, loss);
  BOOST_TEST_REQUIRE(ours.has_value());
  check_equal(*ours, by_loop(net, x, loss));
  for (const auto& p : net.parameters()) BOOST_TEST(!p.tensor.has_grad());
}

// Not possible at once: what is public gives the numbers of the loop.
void check_loop(Module<double>& net, const D& x) {
  BOOST_TEST(!detail::sample_gradients_at_once<double>(net, x, weighted).has_value());
  const auto loss = [](const D& y, const D& t) { return mse_loss(y, t); };
  const TargetBatch<double> batch{x, wave(net(x).shape(), 7)};
  const auto ours = per_sample_gradients(net, loss, batch, {.at_once = true});
  const auto loop = by_loop(
      net, x, [&](const D& y, std::size_t i) { return loss(y, of_sample(batch.targets, i)); });
  check_equal(ours, loop);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sample_gradients)

BOOST_AUTO_TEST_CASE(of_linear_layers) {
  Sequential<double> net{Linear<double>(3, 4), Tanh<double>(),
                         Linear<double>(4, 5, {.bias = false}), Gelu<double>(),
                         Linear<double>(5, 2)};
  check_at_once(net, wave({4, 3}, 0));
  check_at_once(net, wave({2, 6, 3}, 1));  // rows of a sample
  check_at_once(net, wave({1, 3}, 2));
  net.at("2.weight").requires_grad_(false);
  net.at("4.bias").requires_grad_(false);
  check_at_once(net, wave({3, 3}, 0));
  Linear<double> alone(3, 2);
  check_at_once(alone, wave({3, 3}, 0));
  const auto loss = [](const D& y, const D& t) { return mse_loss(y, t); };
  const TargetBatch<double> batch{wave({3, 3}, 0), wave({3, 2}, 1)};
  check_equal(per_sample_gradients(alone, loss, batch, {.at_once = true}),
              per_sample_gradients(alone, loss, batch));
}

BOOST_AUTO_TEST_CASE(of_convolutions) {
  Sequential<double> images{
      Conv2d<double>(2, 4, 3, {.stride = {1, 2}, .padding = 1, .groups = 2}),
      Silu<double>(),
      Conv2d<double>(4, 4, {3, 2}, {.padding = "same", .dilation = 2, .groups = 4}),
      AvgPool2d<double>(2, {.stride = 1}),
      Conv2d<double>(4, 3, 3, {.padding = 1, .bias = false, .padding_mode = PaddingMode::reflect}),
      MaxPool2d<double>({2, 1}),
      Flatten<double>(),
      Linear<double>(18, 2)};
  check_at_once(images, wave({3, 2, 6, 8}, 0));
  Sequential<double> lines{Conv1d<double>(2, 3, 3, {.padding = 2, .dilation = 2}), Relu<double>(),
                           GlobalAvgPool<double>()};
  check_at_once(lines, wave({4, 2, 7}, 0));
  Sequential<double> volumes{Conv3d<double>(1, 2, 2, {.stride = {1, 2, 1}}), MaxPool3d<double>(2),
                             Flatten<double>()};
  check_at_once(volumes, wave({2, 1, 3, 6, 4}, 0));
}

// What a layer says of itself at several places is added up, and what a loss says of parameters.
BOOST_AUTO_TEST_CASE(of_parameters_that_are_used_more_than_once) {
  Sequential<double> net{Linear<double>(3, 3), Tanh<double>(), Linear<double>(3, 3)};
  net.tie({"0.weight", "2.weight"});
  check_at_once(net, wave({4, 3}, 0));
  check_at_once(net, wave({4, 3}, 0), [&](const D& y, std::size_t i) {
    const double factor = 0.1 * static_cast<double>(i + 1);
    return weighted(y, i) + factor * sum(square(net.at("0.weight"))) + sum(exp(net.at("2.bias")));
  });
}

BOOST_AUTO_TEST_CASE(of_modules_in_evaluation_mode) {
  Sequential<double> net{Conv2d<double>(1, 2, 2), BatchNorm<double>(2), Dropout<double>(0.5),
                         Flatten<double>(), Linear<double>(8, 2)};
  const D x = wave({3, 1, 3, 3}, 0);
  net(x);
  net.eval();
  check_loop(net, x);  // scale and shift are learned
  for (const char* name : {"1.weight", "1.bias"}) net.at(name).requires_grad_(false);
  check_at_once(net, x);
}

BOOST_AUTO_TEST_CASE(what_is_not_known_is_a_loop) {
  const D x = wave({3, 4}, 0);
  Sequential<double> slopes{Linear<double>(4, 2), Prelu<double>(2)};
  check_loop(slopes, x);
  Sequential<double> norms{Linear<double>(4, 2), LayerNorm<double>(2)};
  check_loop(norms, x);
  Sequential<double> hooked{Linear<double>(4, 3), Linear<double>(3, 2)};
  check_at_once(hooked, x);
  hooked[0].register_forward_hook([](Module<double>&, const D&, const D& y) { return 2 * y; });
  check_loop(hooked, x);
  Sequential<double> noise{Linear<double>(4, 2), Dropout<double>(0.5)};
  BOOST_TEST(!detail::sample_gradients_at_once<double>(noise, x, weighted).has_value());
  Conv2d<double> alone(1, 2, 2);  // x without channels: each is an image without a batch
  const D image = wave({1, 3, 4}, 0);
  BOOST_TEST(!detail::sample_gradients_at_once<double>(alone, image, weighted).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
