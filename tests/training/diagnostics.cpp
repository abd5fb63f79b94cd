// The steps of a first training: each finds what it is there to find, and leaves no trace.

#include "xgrad/training/diagnostics.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>

#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/sgd.hpp"

using namespace xgrad;

namespace {

using Loader = DataLoader<LabeledDataset<float>>;

LabeledDataset<float> data(float separation = 1) {
  Generator g(1);
  Indices labels = random_integers({120}, 0, 4, g);
  Array<float> x(normal<float>({120, 4}, 0, 0.3F, g).value());
  for (std::size_t i = 0; i < 120; ++i)
    x.data()[4 * i + static_cast<std::size_t>(labels.data()[i])] += separation;
  return {std::move(x), std::move(labels)};
}

Sequential<float> make_net() {
  manual_seed(3);
  Sequential<float> net{Linear<float>(4, 32), BatchNorm<float>(32), Relu<float>()};
  net.append(Dropout<float>(0.1)).append(Linear<float>(32, 4));
  return net;
}

std::string bits(const NamedTensors<float>& tensors) {
  std::string r;
  for (const auto& t : tensors) {
    r += t.name;
    r.append(reinterpret_cast<const char*>(t.tensor.data()), t.tensor.size() * sizeof(float));
    if (t.tensor.has_grad())
      r.append(reinterpret_cast<const char*>(t.tensor.grad().data()),
               t.tensor.size() * sizeof(float));
  }
  return r;
}

History curves(const std::vector<double>& train, const std::vector<double>& validation = {}) {
  History h;
  for (std::size_t i = 0; i < train.size(); ++i) {
    Figures row{{"train loss", train[i]}};
    if (!validation.empty()) row.emplace_back("validation loss", validation[i]);
    h.add(row);
  }
  return h;
}

bool found(const History& h, CurveFinding f) {
  const auto all = read_curves(h);
  return std::find(all.begin(), all.end(), f) != all.end();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(diagnostics)

BOOST_AUTO_TEST_CASE(leave_everything_bit_for_bit) {
  for (const bool trained : {false, true}) {
    const auto samples = data();
    Loader loader(samples, {.batch_size = 16, .shuffle = true, .seed = 2});
    Sequential<float> net = make_net();
    Adam<float> adam(net.parameters(), {.learning_rate = 0.005});
    const auto task = classification<float>();
    const auto step = [&] {
      for (const auto& batch : loader) {
        detail::train_step(net, adam, task, batch);
        break;
      }
    };
    if (trained) step();
    net.eval();
    const auto state = [&] {
      const auto o = adam.state_dict();
      std::string r = bits(net.state_dict()) + bits(o.tensors);
      for (const auto& [name, v] : o.numbers) r += name + std::to_string(v);
      const auto g = default_generator().state();
      const auto l = loader.state();
      return r + std::to_string(g.draws) + "/" + std::to_string(g.seed) + "/" +
             std::to_string(l.epoch) + "/" + std::to_string(l.batch) +
             std::to_string(net.is_training());
    };
    const std::string before = state();
    check_initial_loss(net, loader, task, std::log(4));
    BOOST_TEST((state() == before));
    overfit_small_sample(net, adam, loader, task, {.steps = 20});
    BOOST_TEST((state() == before));
    learning_rate_range_test(net, adam, loader, task);
    BOOST_TEST((state() == before));
    step();
    BOOST_TEST((state() != before));
  }
}

BOOST_AUTO_TEST_CASE(initial_loss) {
  const auto samples = data();
  Loader loader(samples, {.batch_size = 120});
  Sequential<float> net = make_net();
  Tensor<float> last = net.at("4.weight");
  const auto task = classification<float>();
  BOOST_TEST(check_initial_loss(net, loader, task, std::log(4)).passed);
  std::fill_n(last.mutable_data(), last.size(), 0.0F);
  std::fill_n(Tensor<float>(net.at("4.bias")).mutable_data(), 4, 0.0F);
  const auto exact = check_initial_loss(net, loader, task, std::log(4), 1e-6);
  BOOST_TEST(exact.passed);
  BOOST_TEST(exact.text.ends_with("as it should be"));
  for (std::size_t i = 0; i < last.size(); ++i) last.mutable_data()[i] = i % 2 == 0 ? 9.0F : -9.0F;
  last.mutable_data()[0] = 70;
  const auto high = check_initial_loss(net, loader, task, std::log(4));
  BOOST_TEST(!high.passed);
  BOOST_TEST(high.text.find("too high") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(overfitting_a_sample) {
  const auto samples = data();
  Loader loader(samples, {.batch_size = 10});
  Sequential<float> net = make_net();
  const auto task = classification<float>();
  Adam<float> good(net.parameters(), {.learning_rate = 0.02});
  const auto ok = overfit_small_sample(net, good, loader, task, {.target_loss = 0.02});
  BOOST_TEST(ok.passed);
  BOOST_TEST(ok.losses.size() < 300U);
  Sgd<float> slow(net.parameters(), {.learning_rate = 1e-7});
  const auto low = overfit_small_sample(net, slow, loader, task, {.steps = 50});
  BOOST_TEST(!low.passed);
  BOOST_TEST(low.text.find("does not go down") != std::string::npos);
  Sequential<float> plain{Linear<float>(4, 8), Linear<float>(8, 4)};
  Sgd<float> wild(plain.parameters(), {.learning_rate = 1e6});
  const auto high = overfit_small_sample(plain, wild, loader, task);
  BOOST_TEST(!high.passed);
  BOOST_TEST(high.text.find("explodes") != std::string::npos);
}

// f(w) = w^2 / 2 by gradient descent: w <- (1 - rate) w, so the loss explodes beyond a rate of 2.
BOOST_AUTO_TEST_CASE(range_test) {
  const auto samples = data();
  Loader loader(samples, {.batch_size = 16, .shuffle = true});
  Sequential<float> net = make_net();
  Sgd<float> sgd(net.parameters(), {.learning_rate = 1});
  const auto r = learning_rate_range_test(net, sgd, loader, classification<float>(),
                                          {.low = 1e-5, .high = 1e3, .steps = 120});
  BOOST_TEST(r.suggestion > 1e-3);
  BOOST_TEST(r.suggestion < 10);
  BOOST_TEST(r.rates.size() == r.losses.size());
  BOOST_TEST(r.rates[0] == 1e-5);
  BOOST_TEST(r.csv().starts_with("learning rate,loss,smoothed loss\n1e-05,"));

  double w = 1;
  const auto parabola = detail::run_range_test({.low = 1e-4, .high = 1e3}, [&](double rate) {
    const double loss = w * w / 2;
    w -= rate * w;
    return loss;
  });
  BOOST_TEST(parabola.suggestion > 0.005);
  BOOST_TEST(parabola.suggestion < 2);
  BOOST_TEST(parabola.rates.back() > 2);
  BOOST_TEST(parabola.rates.back() < 100);
  const auto flat = detail::run_range_test({}, [](double) { return 1.0; });
  BOOST_TEST(flat.suggestion == 0);
  BOOST_CHECK_THROW(learning_rate_range_test(net, sgd, loader, classification<float>(), {.low = 0}),
                    std::invalid_argument);
  Loader none(samples, {.batch_size = 1000, .drop_last = true});
  BOOST_CHECK_THROW(learning_rate_range_test(net, sgd, none, classification<float>()),
                    std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(curves_are_read) {
  using F = CurveFinding;
  const std::vector<double> falling{1, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.01};
  BOOST_TEST(found(curves(falling), F::still_improving));
  BOOST_TEST(!found(curves(falling), F::flat_start));
  BOOST_TEST(found(curves({1, 0.99, 0.99, 0.98, 0.98, 0.7, 0.3, 0.2, 0.2, 0.2}), F::flat_start));
  BOOST_TEST(found(curves({1, 0.5, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4}), F::early_plateau));
  BOOST_TEST(found(curves({1, 2, 4, 8, 16, 32}), F::diverged));
  BOOST_TEST(found(curves({1, 2, 4, 8, 16, std::nan("")}), F::diverged));
  const std::vector<double> rising{1, 0.9, 0.8, 0.7, 0.7, 0.75, 0.8, 0.85, 0.9, 1};
  BOOST_TEST(found(curves(falling, rising), F::overfitting));
  BOOST_TEST(!found(curves(falling, falling), F::overfitting));
  BOOST_TEST(found(curves(falling, falling), F::small_gap));
  BOOST_TEST(!found(curves(falling, rising), F::small_gap));
  BOOST_CHECK_THROW(read_curves(curves({1, 0.5})), std::invalid_argument);
  BOOST_TEST(grid_settings(coarse_space(0.01), 3).size() == 12U);
}

BOOST_AUTO_TEST_SUITE_END()
