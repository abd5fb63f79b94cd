// diagnose: what it measures, and that nothing of it stays.

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "xgrad/data/loader.hpp"
#include "xgrad/doctor/diagnose.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/sgd.hpp"

using namespace xgrad;

namespace {

// Two classes on two sides of a plane.
LabeledDataset<double> halves(std::size_t n, std::uint64_t seed = 1) {
  Generator generator(seed);
  Array<double> x = normal<double>({n, 5}, 0, 1, generator).value();
  Indices labels(Indices::shape_type{n});
  for (std::size_t i = 0; i < n; ++i) labels(i) = x(i, 0) + x(i, 1) > 0;
  return {std::move(x), std::move(labels)};
}

Sequential<double> net_of(std::size_t outputs = 2) {
  Generator generator(3);
  const LinearOptions options{.generator = &generator};
  return Sequential<double>{Linear<double>(5, 16, options), BatchNorm<double>(16), Tanh<double>(),
                            Dropout<double>(0.2), Linear<double>(16, outputs, options)};
}

const auto kLoss = [](const auto& y, const auto& labels) { return cross_entropy(y, labels); };

using Bits = std::vector<std::vector<double>>;

Bits bits_of(Module<double>& net, const Optimizer<double>& optimizer) {
  Bits r;
  const auto add = [&](const Tensor<double>& t) { r.emplace_back(t.data(), t.data() + t.size()); };
  for (const auto& t : net.state_dict()) {
    add(t.tensor);
    if (t.tensor.has_grad()) add(t.tensor.gradient());
  }
  for (const auto& [name, t] : optimizer.state_dict().tensors) add(t);
  net.apply([&](const std::string&, const Module<double>& m) {
    r.push_back({static_cast<double>(m.is_training())});
  });
  r.push_back({optimizer.learning_rate(), static_cast<double>(default_generator().state().draws)});
  return r;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(diagnosis)

BOOST_AUTO_TEST_CASE(leaves_everything_as_it_was) {
  const auto data = halves(300), validation = halves(100, 2);
  Sequential<double> net = net_of();
  Adam<double> optimizer(net.parameters(), {.learning_rate = 1e-2});
  cross_entropy(net(Tensor<double>(data.inputs())), data.labels()).backward();
  optimizer.step();  // there are gradients and a state now
  net.eval();
  const Bits before = bits_of(net, optimizer);
  const Diagnosis d =
      diagnose(net, data, kLoss, {.optimizer = &optimizer, .validation = validation});
  BOOST_TEST((bits_of(net, optimizer) == before));
  BOOST_TEST(d.count(Severity::error) == 0u, d.text());
  int calls = 0;
  const auto throws = [&](const auto& y, const auto& labels) -> Tensor<double> {
    if (++calls > 3) throw std::runtime_error("no more");
    return cross_entropy(y, labels);
  };
  BOOST_TEST(!diagnose(net, data, throws, {.optimizer = &optimizer}).skipped.empty());
  BOOST_TEST((bits_of(net, optimizer) == before));
}

BOOST_AUTO_TEST_CASE(knows_the_loss_of_guessing) {
  const auto data = halves(300);
  Sequential<double> net = net_of(4);
  for (const auto& p : net.parameters()) {
    if (p.name.starts_with("4")) {
      Tensor<double> t = p.tensor;
      t.set_value(Array<double>(Tensor<double>::filled(t.shape(), 30).value()));
    }
  }
  net.at("4.weight").mutable_data()[3] = 90;
  const auto expected = [&](const auto& loss) {
    const Diagnosis d = diagnose(net, data, loss);
    BOOST_TEST_REQUIRE(d.has("initial-loss"), d.text());
    return d.of("initial-loss").expected;
  };
  BOOST_TEST(expected(kLoss).find("1.38629 (log 4, of equal probabilities)") != std::string::npos);
  const auto hinge = [](const auto& y, const auto& l) { return multi_class_hinge(y, l); };
  BOOST_TEST(expected(hinge).find(": 3 (4 - 1, every margin") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(knows_the_variance_of_targets) {
  Generator generator(1);
  const Array<double> x = normal<double>({400, 5}, 0, 1, generator).value();
  Array<double> t = normal<double>({400, 1}, 0, 3, generator).value();
  const TargetDataset<double> data(x, t);
  Sequential<double> net{Linear<double>(5, 8), Tanh<double>(), Linear<double>(8, 1)};
  net.at("2.bias").mutable_data()[0] = 40;
  const auto mse = [](const auto& y, const auto& wanted) { return mse_loss(y, wanted); };
  const Diagnosis d = diagnose(net, data, mse, {.samples = 400});
  double mean = 0, variance = 0;
  for (const double v : t) mean += v / 400;
  for (const double v : t) variance += (v - mean) * (v - mean) / 400;
  BOOST_TEST_REQUIRE(d.has("initial-loss", Severity::error), d.text());
  BOOST_TEST(d.of("initial-loss").expected.find(detail::rounded(variance)) != std::string::npos,
             d.of("initial-loss").expected);
}

BOOST_AUTO_TEST_CASE(takes_loaders_penalties_and_wishes) {
  const auto data = halves(300);
  DataLoader loader(data, {.batch_size = 16, .shuffle = true});
  Sequential<double> net = net_of();
  const auto penalty = [&] { return -sum(square(net.at("0.weight"))); };
  const Diagnosis d = diagnose(net, loader, kLoss, {.penalty = penalty, .skip = {"overfit"}});
  BOOST_TEST(d.has("decay", Severity::error));
  BOOST_TEST((d.skipped.front() == Skipped{"duplicates", "there is no validation data"}));
  BOOST_TEST(std::count(d.skipped.begin(), d.skipped.end(), Skipped{"overfit", "not wanted"}) == 1);
  BOOST_TEST(loader.state().batch == 0u);
  const LabeledDataset<double> none(Array<double>(Array<double>::shape_type{0, 5}),
                                    Indices(Indices::shape_type{0}));
  BOOST_CHECK_THROW(diagnose(net, none, kLoss), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(names_targets_that_are_no_probabilities) {
  Generator generator(1);
  const TargetDataset<double> data(normal<double>({200, 5}, 0, 1, generator).value(),
                                   normal<double>({200, 3}, 0, 1, generator).value());
  Sequential<double> net = net_of(3);
  const auto loss = [](const auto& y, const auto& t) {
    return cross_entropy(y, t, {.any_targets = true});
  };
  BOOST_TEST(diagnose(net, data, loss).has("targets", Severity::error));
}

BOOST_AUTO_TEST_SUITE_END()
