// Losses as modules: against PyTorch, and their gradients.

#include "xgrad/modules/losses.hpp"

#include "tests/modules/helpers.hpp"
#include "tests/modules/references.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;

void check_value(const Quantities& reference, const Tensor<double>& x, const Tensor<double>& y) {
  check_quantity(reference, "y", y);
  y.backward();
  check_quantity(reference, "gx", x.grad());
}

template <class Loss>
void check_targets(const std::string& name, Loss&& loss) {
  for_each_reference(name, 10, [&](const Shape& shape, const Quantities& reference) {
    const Tensor<double> x = parameter(wave(shape, 0));
    check_value(reference, x, loss(x, unit(shape, 3)));
  });
}

template <class Make>
void check_labels(const std::string& name, const Make& make) {
  for_each_reference(name, 10, [&](const Shape& shape, const Quantities& reference) {
    const Tensor<double> x = parameter(wave(shape, 0));
    auto loss = make(shape[1]);
    check_value(reference, x, loss(x, labels(shape[0], shape[1])));
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(losses)

BOOST_AUTO_TEST_CASE(are_pytorchs) {
  check_targets("Mse", MseLoss<double>());
  check_targets("Mae", MaeLoss<double>());
  check_targets("Huber", HuberLoss<double>({.delta = 0.7}));
  check_targets("SmoothL1", SmoothL1Loss<double>({.beta = 0.3}));
  check_targets("BinaryCrossEntropyWithLogits", BinaryCrossEntropyWithLogitsLoss<double>());
  check_targets("Kl", KlLoss<double>());
  check_targets("Cosine", CosineLoss<double>());
  check_labels("Nll", [](std::size_t) { return NllLoss<double>(); });
  check_labels("CrossEntropy", [](std::size_t) { return CrossEntropyLoss<double>(); });
  check_labels("CrossEntropy smooth weighted", [](std::size_t c) {
    return CrossEntropyLoss<double>({.weight = unit({c}, 9), .label_smoothing = 0.1});
  });
  check_labels("MultiClassHinge", [](std::size_t) { return MultiClassHingeLoss<double>(); });
  check_labels("MultiClassSquaredHinge",
               [](std::size_t) { return MultiClassSquaredHingeLoss<double>(); });
}

BOOST_AUTO_TEST_CASE(binary_cross_entropy_is_pytorchs) {
  for_each_reference("BinaryCrossEntropy", 10, [](const Shape& shape, const Quantities& reference) {
    const Tensor<double> x = parameter(wave(shape, 0));
    BinaryCrossEntropyLoss<double> loss;
    check_value(reference, x, loss(x * 0.3 + 0.5, unit(shape, 3)));
  });
}

BOOST_AUTO_TEST_CASE(gradients_of_both_orders) {
  const auto x = standard_normal({4, 3});
  const auto t = unit({4, 3}, 2);
  const auto check = [&](auto&& loss, const Tensor<double>& input, const auto& target) {
    BOOST_TEST_CONTEXT(loss.type_name()) {
      check_passes(check_gradients([&](const Tensor<double>& v) { return loss(v, target); },
                                   {input}, {.order = 2}));
    }
  };
  check(MseLoss<double>(), x, t);
  check(MaeLoss<double>(), x, t);
  check(HuberLoss<double>({.delta = 0.5}), x, t);
  check(SmoothL1Loss<double>({.beta = 0.5}), x, t);
  check(CosineLoss<double>(), x, t);
  BinaryCrossEntropyLoss<double> of_probabilities;
  check_passes(check_gradients([&](const auto& v) { return of_probabilities(sigmoid(v), t); }, {x},
                               {.order = 2}));
  check(BinaryCrossEntropyWithLogitsLoss<double>(), x, t);
  check(KlLoss<double>(), x, t);
  check(PoissonNllLoss<double>(), x, t);
  check(SigmoidFocalLoss<double>(), x, t);
  const Indices y = labels(4, 3);
  check(FocalLoss<double>({.gamma = 1.5}), x, y);
  check(NllLoss<double>(), x, y);
  check(CrossEntropyLoss<double>(), x, y);
  check(CrossEntropyLoss<double>({.label_smoothing = 0.1, .any_targets = true}), x, t);
  check(MultiClassHingeLoss<double>(), x, y);
  check(MultiClassSquaredHingeLoss<double>(), x, y);
}

// Labels as probabilities of 0 and 1.
BOOST_AUTO_TEST_CASE(cross_entropy_of_probabilities) {
  const CrossEntropyOptions<double> options{.weight = unit({3}, 9), .label_smoothing = 0.1};
  CrossEntropyLoss<double> loss(options);
  const auto x = standard_normal({4, 3});
  const Indices y = labels(4, 3);
  Tensor<double> t = Tensor<double>::filled({4, 3}, 0);
  for (std::size_t i = 0; i < 4; ++i) {
    t.mutable_data()[3 * i + static_cast<std::size_t>(y.data()[i])] = 1;
  }
  CrossEntropyLoss<double> summed({.weight = options.weight, .reduction = Reduction::sum});
  BOOST_TEST(summed(x, t).item() == summed(x, y).item(), boost::test_tools::tolerance(1e-13));
  BOOST_TEST(loss(x, t).item() == cross_entropy(x, t, options).item());
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               loss(x, unit({4, 2}, 0));
             }).ends_with(", in CrossEntropyLoss"));
}

BOOST_AUTO_TEST_CASE(losses_of_three_tensors) {
  const auto a = standard_normal({4, 3}), b = unit({4, 3}, 1), c = unit({4, 3}, 2);
  const auto check = [&](auto&& loss, auto&& f) {
    BOOST_TEST(loss(a, b, c).item() == f(a, b, c).item());
    check_passes(
        check_gradients([&](const auto& x, const auto& y, const auto& z) { return loss(x, y, z); },
                        {a, b, c}, {.order = 2}));
    loss.register_forward_hook([](Module<double>&, const auto& x, const auto& y) {
      return y * static_cast<double>(x.size());
    });
    BOOST_TEST(loss(a, b, c).item() == 12 * f(a, b, c).item());
  };
  check(GaussianNllLoss<double>({.full = true}), [](const auto& x, const auto& t, const auto& v) {
    return gaussian_nll_loss(x, t, v, {.full = true});
  });
  check(TripletMarginLoss<double>({.margin = 2}), [](const auto& x, const auto& p, const auto& n) {
    return triplet_margin_loss(x, p, n, {.margin = 2});
  });
}

BOOST_AUTO_TEST_CASE(errors_name_the_module) {
  MseLoss<double> mse;
  const std::string text = message_of<std::invalid_argument>([&] {
    mse(wave({2, 3}, 0), wave({3, 2}, 0));
  });
  BOOST_TEST(text.starts_with("mse_loss: "));
  BOOST_TEST(text.ends_with(", in MseLoss"));
  CrossEntropyLoss<double> cross_entropy;
  BOOST_TEST(message_of<std::logic_error>([&] {
               static_cast<Module<double>&>(cross_entropy)(wave({2, 3}, 0));
             }) ==
             "forward: a CrossEntropyLoss does not take a single tensor, in CrossEntropyLoss");
}

BOOST_AUTO_TEST_SUITE_END()
