// BatchNorm, LayerNorm, GroupNorm and RmsNorm: against PyTorch, in both modes, and their gradients.

#include "xgrad/modules/normalization.hpp"

#include "tests/modules/helpers.hpp"
#include "tests/modules/references.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/reductions.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;

const auto invalid = [](const auto& f) { return message_of<std::invalid_argument>(f); };

void backward(const Tensor<double>& y) { sum(y * wave(y.shape(), 100)).backward(); }

// The first part of every reference: a training step from the waves.
template <class Layer>
void check_step(Layer& layer, const Shape& shape, const Quantities& reference) {
  int k = 1;
  for (auto& p : layer.parameters()) p.tensor.set_value(wave(p.tensor.shape(), k++).value());
  const Tensor<double> x = parameter(wave(shape, 0));
  const Tensor<double> y = layer(x);
  check_quantity(reference, "y", y);
  backward(y);
  check_quantity(reference, "gx", x.grad());
  k = 0;
  for (auto& p : layer.parameters()) {
    check_quantity(reference, "g" + std::to_string(k++), p.tensor.grad());
  }
}

void check_batch_norm(const std::string& name, std::optional<double> momentum) {
  for_each_reference(name, 10, [&](const Shape& shape, const Quantities& reference) {
    BatchNorm<double> layer(shape[1], {.momentum = momentum});
    check_step(layer, shape, reference);
    layer(wave(shape, 0) * 3 + 1);
    check_quantity(reference, "mean", layer.running_mean);
    check_quantity(reference, "var", layer.running_var);
    BOOST_TEST(layer.num_batches_tracked.item() == 2);
    layer.eval();
    const Tensor<double> z = parameter(wave(shape, 7));
    const Tensor<double> y = layer(z);
    check_quantity(reference, "eval y", y);
    backward(y);
    check_quantity(reference, "eval gx", z.grad());
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(normalization)

BOOST_AUTO_TEST_CASE(batch_norm_is_pytorchs) { check_batch_norm("BatchNorm", 0.3); }

BOOST_AUTO_TEST_CASE(batch_norm_with_cumulative_average_is_pytorchs) {
  check_batch_norm("BatchNorm average", std::nullopt);
}

BOOST_AUTO_TEST_CASE(layer_norm_is_pytorchs) {
  for_each_reference("LayerNorm", 10, [](const Shape& shape, const Quantities& reference) {
    LayerNorm<double> layer(shape.back());
    check_step(layer, shape, reference);
  });
}

BOOST_AUTO_TEST_CASE(rms_norm_is_pytorchs) {
  for_each_reference("RmsNorm", 10, [](const Shape& shape, const Quantities& reference) {
    RmsNorm<double> layer(shape.back());
    check_step(layer, shape, reference);
  });
}

BOOST_AUTO_TEST_CASE(group_norm_is_pytorchs) {
  for_each_reference("GroupNorm", 10, [](const Shape& shape, const Quantities& reference) {
    GroupNorm<double> layer(2, shape[1]);
    check_step(layer, shape, reference);
  });
}

BOOST_AUTO_TEST_CASE(gradients_in_both_modes_and_orders) {
  for (const Shape& shape : {Shape{5, 3}, Shape{3, 3, 2}}) {
    BatchNorm<double> layer(3);
    layer.weight.set_value(wave({3}, 1).value());
    layer(standard_normal(shape, 3));
    const auto statistics = numbers(layer.running_mean);
    check_both_orders(layer, standard_normal(shape));
    BOOST_TEST(numbers(layer.running_mean) == statistics, boost::test_tools::per_element());
    layer.eval();
    check_both_orders(layer, standard_normal(shape));
    BatchNorm<double> plain(3, {.affine = false, .track = false});
    check_both_orders(plain, standard_normal(shape));
  }
  LayerNorm<double> layer_norm(Shape{3, 4});
  check_both_orders(layer_norm, standard_normal({2, 3, 4}));
  RmsNorm<double> rms_norm(4);
  check_both_orders(rms_norm, standard_normal({5, 4}));
  GroupNorm<double> group_norm(2, 4);
  check_both_orders(group_norm, standard_normal({3, 4, 2}));
}

BOOST_AUTO_TEST_CASE(weights_start_at_1_and_biases_at_0) {
  BatchNorm<double> batch(2);
  LayerNorm<double> layer(2);
  RmsNorm<double> rms(2);
  GroupNorm<double> group(1, 2), smallest(1, 1);
  for (Module<double>* m : std::initializer_list<Module<double>*>{&batch, &layer, &rms, &group}) {
    for (const auto& [name, p] : m->parameters()) {
      const double start = name == "weight" ? 1 : 0;
      BOOST_TEST(numbers(p) == (std::vector<double>{start, start}),
                 boost::test_tools::per_element());
    }
  }
  BOOST_TEST(invalid([] { GroupNorm<double> m(0, 4); }) ==
             "GroupNorm: 4 channels cannot be divided into 0 groups");
}

BOOST_AUTO_TEST_CASE(batch_norm_normalises_features_and_channels) {
  BatchNorm<double> features(4), channels(4);
  for (BatchNorm<double>* layer : {&features, &channels}) {
    const Shape shape = layer == &features ? Shape{50, 4} : Shape{10, 4, 3, 2};
    const Tensor<double> y = (*layer)(standard_normal(shape) * 5 + 3);
    const Axes others = layer == &features ? Axes{0} : Axes{0, 2, 3};
    for (const double m : numbers(mean(y, others))) BOOST_TEST(std::abs(m) < 1e-14);
    for (const double v : numbers(var(y, others, {.correction = 0}))) {
      BOOST_TEST(v == 1, boost::test_tools::tolerance(1e-5));  // eps
    }
  }
}

BOOST_AUTO_TEST_CASE(evaluation_uses_and_keeps_running_statistics) {
  BatchNorm<double> layer(2, {.eps = 0});
  layer.running_mean.set_value(Tensor<double>::from({2}, {1, 2}).value());
  layer.running_var.set_value(Tensor<double>::from({2}, {4, 9}).value());
  layer.eval();
  const std::vector<double> expected = {1, -1};
  BOOST_TEST(numbers(layer(Tensor<double>::from({1, 2}, {3, -1}))) == expected,
             boost::test_tools::per_element());
  BOOST_TEST(layer.num_batches_tracked.item() == 0);
  layer.train();
  layer(standard_normal({4, 2}));
  layer.reset_statistics();
  BOOST_TEST(layer.running_mean.data()[0] == 0);
  BOOST_TEST(layer.running_var.data()[0] == 1);
  BOOST_TEST(layer.num_batches_tracked.item() == 0);
}

BOOST_AUTO_TEST_CASE(training_without_recording_moves_the_statistics) {
  BatchNorm<double> layer(2);
  const NoGrad guard;
  layer(standard_normal({4, 2}));
  BOOST_TEST(layer.running_mean.data()[0] != 0);
}

BOOST_AUTO_TEST_CASE(without_tracking_there_are_no_buffers) {
  BatchNorm<double> layer(2, {.track = false});
  BOOST_TEST(layer.buffers().empty());
  const Tensor<double> x = standard_normal({4, 2});
  const auto training = numbers(layer(x));
  layer.eval();
  BOOST_TEST(numbers(layer(x)) == training, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(state_has_pytorchs_names) {
  const std::vector<std::string> expected = {"weight", "bias", "running_mean", "running_var",
                                             "num_batches_tracked"};
  BOOST_TEST(names(BatchNorm<double>(2).state_dict()) == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(errors) {
  BatchNorm<double> layer(3);
  BOOST_TEST(invalid([&] {
               layer(standard_normal({1, 3}));
             }) ==
             "batch_norm: a batch with one number per channel has no variance: x (1, 3); train on "
             "larger batches, or call eval(), in BatchNorm");
  BOOST_TEST(layer.num_batches_tracked.item() == 0);
  BOOST_TEST(invalid([&] {
               layer(standard_normal({4, 2}));
             }) == "batch_norm: x has not 3 channels on axis 1: x (4, 2), in BatchNorm");
  layer.eval();
  layer(standard_normal({1, 3}));
  BOOST_TEST(invalid([] { BatchNorm<double> m(3, {.momentum = 0}); }) ==
             "BatchNorm: momentum is not in (0, 1]: 0");
  BOOST_TEST(invalid([] { BatchNorm<double> m(3, {.momentum = 1.5}); }) ==
             "BatchNorm: momentum is not in (0, 1]: 1.5");
  BatchNorm<double> pairs(3, {.momentum = 1});
  pairs(standard_normal({2, 3}));
  BOOST_TEST(invalid([] { BatchNorm<double> m(0); }) ==
             "BatchNorm: there is nothing to normalise: shape (0)");
  BOOST_TEST(invalid([] { LayerNorm<double> m(3, {.eps = -1}); }) ==
             "LayerNorm: eps is not in [0, inf]: -1");
  BOOST_TEST(invalid([] { GroupNorm<double> m(3, 4); }) ==
             "GroupNorm: 4 channels cannot be divided into 3 groups");
  GroupNorm<double> groups(2, 4);
  BOOST_TEST(invalid([&] {
               groups(standard_normal({2, 6}));
             }) == "group_norm: x has not 4 channels on axis 1: x (2, 6), in GroupNorm");
}

BOOST_AUTO_TEST_SUITE_END()
