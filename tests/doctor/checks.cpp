// Each check by itself: it speaks of a fault that was made, and passes where there is none.

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "xgrad/doctor/diagnose.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"
#include "xgrad/ops/softmax.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/sgd.hpp"

using namespace xgrad;

namespace {

const std::vector<std::string> kChecks{
    "runs",          "inputs-finite", "input-scale",    "targets",        "labels",
    "duplicates",    "leak",          "parameters",     "symmetry",       "decay",
    "initial-loss",  "loss-mean",     "loss-direction", "double-softmax", "mixed-samples",
    "ignores-input", "signal",        "gradient",       "overfit",        "labels-unrelated",
    "learning-rate"};

using Loss = std::function<Tensor<double>(const Tensor<double>&, const Indices&)>;
using LossOfTargets = std::function<Tensor<double>(const Tensor<double>&, const Tensor<double>&)>;
using Function = std::function<Tensor<double>(const Tensor<double>&)>;

Array<double> numbers(std::size_t n, std::size_t m, std::uint64_t seed) {
  Generator generator(seed);
  return normal<double>({n, m}, 0, 1, generator).value();
}

// A program of three classes that is healthy, of which a test changes something.
struct Case {
  Array<double> inputs = numbers(240, 4, 1), validation = numbers(80, 4, 2);
  Indices labels = of(inputs);
  Sequential<double> net{make()};
  Loss loss = [](const auto& y, const auto& l) { return cross_entropy(y, l); };
  DiagnoseOptions<double> options = {};
  double rate = 0.01;

  static Indices of(const Array<double>& x) {
    Indices r(Indices::shape_type{x.shape(0)});
    for (std::size_t i = 0; i < r.size(); ++i) r(i) = (x(i, 0) > -0.4) + (x(i, 0) > 0.4);
    return r;
  }
  static Sequential<double> make() {
    manual_seed(3);
    return Sequential<double>{Linear<double>(4, 16), Relu<double>(), Linear<double>(16, 3)};
  }
  // That check alone.
  Diagnosis found(const std::string& check) {
    const LabeledDataset<double> train(inputs, labels), other(validation, of(validation));
    Adam<double> optimizer(net.parameters(), {.learning_rate = rate});
    options.validation = Examples<double>(other);
    if (options.optimizer == nullptr) options.optimizer = &optimizer;
    for (const auto& c : kChecks) {
      if (c != check && c != "runs") options.skip.push_back(c);
    }
    Diagnosis d = diagnose(net, train, loss, options);
    options.optimizer = nullptr;
    return d;
  }
  bool errs(const std::string& check, const std::string& as = "") {
    return found(check).has(as.empty() ? check : as, Severity::error);
  }
  bool warns(const std::string& check, const std::string& as = "") {
    const Diagnosis d = found(check);
    const std::string name = as.empty() ? check : as;
    return d.has(name, Severity::warning) && !d.has(name, Severity::error);
  }
  bool passes(const std::string& check) {
    const Diagnosis d = found(check);
    return d.healthy() && std::count(d.passed.begin(), d.passed.end(), check) == 1;
  }
  bool is_silent(const std::string& check) { return found(check).healthy(); }
};

Tensor<double> filled(const Shape& shape, double v) { return Tensor<double>::filled(shape, v); }

// The findings of one check over a regression from 3 features.
Diagnosis of_targets(const std::string& check, Array<double> targets, const LossOfTargets& loss,
                     DiagnoseOptions<double> options = {}) {
  const TargetDataset<double> data(numbers(200, 3, 5), std::move(targets));
  manual_seed(4);
  Sequential<double> net{Linear<double>(3, 8), Tanh<double>(), Linear<double>(8, 1)};
  for (const auto& c : kChecks) {
    if (c != check) options.skip.push_back(c);
  }
  return diagnose(net, data, loss, options);
}

// sum over pairs: near for one class, apart by a margin for two.
Tensor<double> contrastive(const Tensor<double>& y, const Indices& labels) {
  const std::size_t n = labels.size();
  const auto a = reshape(y, {n, 1, 3}), b = reshape(y, {1, n, 3});
  Array<double> alike(Array<double>::shape_type{n, n});
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) alike(i, j) = labels(i) == labels(j);
  }
  const Tensor<double> same(alike), far = sum(square(a - b), 2);
  return mean(same * far + (1.0 - same) * relu(4.0 - far));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(checks)

BOOST_AUTO_TEST_CASE(all_pass_where_nothing_is_wrong) {
  for (const std::string& c : kChecks) BOOST_TEST(Case().passes(c), c);
}

BOOST_AUTO_TEST_CASE(runs) {
  Case wide;
  wide.inputs = numbers(240, 5, 1);
  BOOST_TEST(wide.errs("runs"));
  Case unrecorded;
  unrecorded.loss = [](const auto& y, const auto& l) { return cross_entropy(y, l).detach(); };
  BOOST_TEST(unrecorded.errs("runs"));
}

BOOST_AUTO_TEST_CASE(inputs_finite) {
  Case c;
  c.inputs(17, 2) = std::nan("");
  const Diagnosis d = c.found("inputs-finite");
  BOOST_TEST_REQUIRE(d.has("inputs-finite", Severity::error));
  BOOST_TEST(d.of("inputs-finite").samples == std::vector<std::size_t>{17},
             boost::test_tools::per_element());
  c.options = {.predict = [&](const auto& x) {  // the model fills it itself
    Array<double> v = x.value();
    for (double& e : v) e = std::isnan(e) ? 0 : e;
    return c.net(Tensor<double>(v));
  }};
  BOOST_TEST(c.is_silent("inputs-finite"));
}

BOOST_AUTO_TEST_CASE(input_scale) {
  Case c;
  c.inputs *= 100;
  BOOST_TEST(c.errs("input-scale"));
  c.options = {.predict = [&](const auto& x) { return c.net(x / 100.0); }};
  BOOST_TEST(c.is_silent("input-scale"));
  Case far;
  far.inputs += 15;
  far.inputs *= 0.5;
  BOOST_TEST(far.warns("input-scale"));
  Case corner, offset;
  for (std::size_t i = 0; i < 240; ++i) {
    const double v = corner.inputs(i, 3);
    corner.inputs(i, 3) = -0.4 + 0.01 * v;
    offset.inputs(i, 3) = -4 + 0.1 * v;
  }
  BOOST_TEST(corner.is_silent("input-scale"));
  BOOST_TEST(offset.warns("input-scale"));
  Case uneven;
  for (std::size_t i = 0; i < 240; ++i) uneven.inputs(i, 3) *= 0.01, uneven.inputs(i, 2) *= 2;
  BOOST_TEST(uneven.is_silent("input-scale"));
  for (std::size_t i = 0; i < 240; ++i) {
    for (std::size_t j = 1; j < 4; ++j) uneven.inputs(i, j) *= 0.002;
  }
  BOOST_TEST(uneven.warns("input-scale"));
}

BOOST_AUTO_TEST_CASE(targets) {
  const LossOfTargets mse = [](const auto& y, const auto& t) { return mse_loss(y, t); };
  const Array<double> good = numbers(200, 1, 6);
  BOOST_TEST(of_targets("targets", good, mse).healthy());
  Array<double> bad = good * 0.0 + 3;
  BOOST_TEST(of_targets("targets", bad, mse).has("targets", Severity::error));
  bad = good + 30;
  BOOST_TEST(of_targets("targets", bad, mse).has("targets", Severity::warning));
  bad = xt::floor(xt::abs(good) * 2);
  for (std::size_t k = 0; k < 7; ++k) bad(k) = static_cast<double>(k);
  BOOST_TEST(of_targets("targets", bad, mse).of("targets").title ==
             "the targets look like numbers of classes");
}

// Cross entropy and the loss with a sigmoid inside take probabilities; a logistic loss of +-1 does
// not.
BOOST_AUTO_TEST_CASE(targets_of_logistic_losses) {
  const Array<double> sides = xt::sign(numbers(200, 1, 6));
  const LossOfTargets logistic = [](const auto& y, const auto& t) {
    return mean(softplus(-(y * t)));
  };
  const LossOfTargets entropy = [](const auto& y, const auto& t) {
    return mean(softplus(y) - y * t);
  };
  BOOST_TEST(of_targets("double-softmax", sides, logistic).healthy());
  BOOST_TEST(of_targets("double-softmax", sides, entropy).has("targets", Severity::error));
}

BOOST_AUTO_TEST_CASE(labels) {
  Case c;
  c.labels(100) = 3;
  BOOST_TEST(c.errs("labels"));
  c.labels(100) = -1;
  BOOST_TEST(c.errs("labels"));
  Case ignoring;
  ignoring.loss = [](const auto& y, const auto& l) {
    return cross_entropy(y, l, {.ignore_index = 255});
  };
  ignoring.labels(100) = 255;
  BOOST_TEST(ignoring.is_silent("labels"));
  Case same;
  same.labels = same.labels * 0 + 1;
  BOOST_TEST(same.errs("labels"));
  Case few;
  few.labels = few.labels / 2;
  BOOST_TEST(few.warns("labels"));
  Case rare;
  for (std::size_t i = 0; i < 236; ++i) rare.labels(i) = 1;
  BOOST_TEST(rare.warns("labels", "class-balance"));
}

BOOST_AUTO_TEST_CASE(duplicates) {
  Case c;
  std::copy_n(c.inputs.data(), 4 * 20, c.validation.data());
  BOOST_TEST(c.errs("duplicates"));
  // Of inputs that are few, new samples are among the old ones as often as those among each other.
  Case coarse;
  for (Array<double>* x : {&coarse.inputs, &coarse.validation}) {
    for (double& v : *x) v = std::round(1.2 * v);
  }
  BOOST_TEST(coarse.passes("duplicates"));
}

BOOST_AUTO_TEST_CASE(leak) {
  const auto standardized = [](Case& c, std::size_t known) {
    for (std::size_t j = 0; j < 4; ++j) {
      const auto at = [&](std::size_t i) -> double& {
        return i < 240 ? c.inputs(i, j) : c.validation(i - 240, j);
      };
      double mean = 0, squares = 0;
      for (std::size_t i = 0; i < known; ++i) mean += at(i) / static_cast<double>(known);
      for (std::size_t i = 0; i < known; ++i) squares += std::pow(at(i) - mean, 2);
      const double s = std::sqrt(squares / static_cast<double>(known));
      for (std::size_t i = 0; i < 320; ++i) at(i) = (at(i) - mean) / s;
    }
  };
  Case all, train;
  standardized(all, 320);
  BOOST_TEST(all.errs("leak"));
  standardized(train, 240);
  BOOST_TEST(train.passes("leak"));
  train.validation = train.validation * 40 + 10;
  BOOST_TEST(train.errs("leak", "validation-scale"));
  Case grid;  // of a symmetric grid, divided at random: centred as a whole
  for (std::size_t i = 0; i < 320; ++i) {
    const std::size_t k = i * 77 % 320;
    for (std::size_t j = 0; j < 4; ++j) {
      (k < 240 ? grid.inputs(k, j) : grid.validation(k - 240, j)) =
          (static_cast<double>(i) - 159.5) / 40;
    }
  }
  BOOST_TEST(!grid.errs("leak"));
}

BOOST_AUTO_TEST_CASE(parameters) {
  Case c;
  NamedTensors<double> some = c.net.parameters();
  some.pop_back();
  Sgd<double> less(some, {.learning_rate = 0.1});
  c.options.optimizer = &less;
  BOOST_TEST(c.errs("parameters"));
  Case more;  // a temperature that is learned with the model, and another that nothing depends on
  const Tensor<double> temperature = parameter(filled({1}, 1)), unused = parameter(filled({1}, 1));
  more.loss = [&](const auto& y, const auto& l) { return cross_entropy(y * temperature, l); };
  BOOST_TEST(more.errs("parameters"));
  NamedTensors<double> all = more.net.parameters();
  all.push_back({"temperature", temperature});
  Sgd<double> with(all, {.learning_rate = 0.1});
  more.options = {.optimizer = &with};
  BOOST_TEST(more.is_silent("parameters"));
  all.push_back({"unused", unused});
  Sgd<double> strange(all, {.learning_rate = 0.1});
  more.options = {.optimizer = &strange};
  BOOST_TEST(more.errs("parameters"));
  Case detached;
  detached.options.predict = [&](const auto& x) {
    return detached.net.at("2.bias") + matmul(detached.net(x).detach(), filled({3, 3}, 1));
  };
  BOOST_TEST(detached.errs("parameters"));
  Case zero;
  zero.options.predict = [&](const auto& x) {
    return zero.net(x) + 0.0 * sum(zero.net.at("0.bias"));
  };
  zero.net.at("0.bias").set_value(Array<double>(filled({16}, -50).value()));
  BOOST_TEST(zero.errs("parameters", "zero-gradient"));
}

BOOST_AUTO_TEST_CASE(symmetry) {
  Case c;
  c.net.at("0.weight").set_value(Array<double>(filled({16, 4}, 0.1).value()));
  BOOST_TEST(c.errs("symmetry"));
  Case last;
  last.net.at("2.weight").set_value(Array<double>(filled({3, 16}, 0).value()));
  BOOST_TEST(last.passes("symmetry"));
}

BOOST_AUTO_TEST_CASE(decay) {
  Case c;
  Sgd<double> strong(c.net.parameters(), {.learning_rate = 0.1, .weight_decay = 10});
  c.options.optimizer = &strong;
  BOOST_TEST(c.errs("decay"));
  Sgd<double> weak(c.net.parameters(), {.learning_rate = 0.1, .weight_decay = 1e-3});
  c.options = {.optimizer = &weak};
  BOOST_TEST(c.passes("decay"));
  c.options = {.penalty = [&] { return 20.0 * sum(square(c.net.at("0.weight"))); }};
  BOOST_TEST(c.found("decay").has("decay", Severity::warning));
}

BOOST_AUTO_TEST_CASE(initial_loss) {
  Case c;
  c.net.at("2.weight").set_value(Array<double>(c.net.at("2.weight").value() * 50.0));
  BOOST_TEST(c.errs("initial-loss"));
  Case sure;
  sure.options.predict = [&](const auto& x) {
    const auto first = slice(x, 1, 0, 1);
    const auto scores = concat({-0.4 - first, 0.0 * first, first - 0.4}, 1);
    return 10.0 * scores + 0.0 * sum(sure.net.at("0.bias"));
  };
  BOOST_TEST(sure.warns("initial-loss"));
  Case known;
  known.options.expected_loss = 0.05;
  BOOST_TEST(known.found("initial-loss").has("initial-loss"));
}

BOOST_AUTO_TEST_CASE(squares_of_one_hot_labels_are_no_fault) {
  for (const std::string check :
       {"initial-loss", "loss-direction", "double-softmax", "loss-mean"}) {
    Case c;
    c.loss = [](const auto& y, const auto& l) {
      Array<double> t(Array<double>::shape_type{l.size(), 3});
      t.fill(0);
      for (std::size_t i = 0; i < l.size(); ++i) t(i, static_cast<std::size_t>(l(i))) = 1;
      return mse_loss(y, Tensor<double>(t));
    };
    BOOST_TEST(c.passes(check), check);
  }
}

// One of pairs, which no sample has by itself: a warning, and nothing said of what it is not.
BOOST_AUTO_TEST_CASE(contrastive_losses_are_no_error) {
  Case c;
  c.loss = contrastive;
  BOOST_TEST(c.warns("loss-mean"));
  for (const std::string& check : kChecks) {
    Case other;
    other.loss = contrastive;
    BOOST_TEST(other.found(check).count(Severity::error) == 0u, check);
  }
}

BOOST_AUTO_TEST_CASE(loss_mean) {
  Case c;
  c.loss = [](const auto& y, const auto& l) {
    return cross_entropy(y, l, {.reduction = Reduction::sum});
  };
  BOOST_TEST(c.warns("loss-mean"));
  Case mixed;
  mixed.loss = [](const auto& y, const auto& l) { return nll_loss(log_softmax(y, 0), l); };
  BOOST_TEST(mixed.warns("loss-mean"));
  Case weighted;
  weighted.loss = [](const auto& y, const auto& l) {
    return cross_entropy(y, l, {.weight = Tensor<double>::from({3}, {1, 5, 2})});
  };
  BOOST_TEST(weighted.passes("loss-mean"));
  const LossOfTargets broadcast = [](const auto& y, const auto& t) { return mean(square(y - t)); };
  Array<double> row = numbers(200, 1, 6);
  row.reshape({200});
  BOOST_TEST(of_targets("loss-mean", row, broadcast).has("loss-mean", Severity::error));
}

BOOST_AUTO_TEST_CASE(loss_direction) {
  Case c;
  c.loss = [](const auto& y, const auto& l) { return -cross_entropy(y, l); };
  BOOST_TEST(c.errs("loss-direction"));
  const LossOfTargets wrong = [](const auto& y, const auto& t) { return -mse_loss(y, t); };
  BOOST_TEST(of_targets("loss-direction", numbers(200, 1, 6), wrong).has("loss-direction"));
}

BOOST_AUTO_TEST_CASE(double_softmax) {
  Case c;
  c.net.append(Softmax<double>());
  BOOST_TEST(c.errs("double-softmax"));
  Case scores;
  scores.loss = [](const auto& y, const auto& l) { return nll_loss(y, l); };
  BOOST_TEST(scores.errs("double-softmax"));
  Case logarithms;
  logarithms.net.append(LogSoftmax<double>());
  logarithms.loss = scores.loss;
  BOOST_TEST(logarithms.passes("double-softmax"));
}

BOOST_AUTO_TEST_CASE(mixed_samples) {
  Case c;
  c.options.predict = [&](const auto& x) { return log_softmax(c.net(x), 0); };
  BOOST_TEST(c.errs("mixed-samples"));
  Case random;  // draws anew each time
  random.options.predict = [&](const auto& x) { return random.net(x + normal<double>(x.shape())); };
  BOOST_TEST(random.is_silent("mixed-samples"));
}

BOOST_AUTO_TEST_CASE(ignores_input) {
  Case c;
  c.options.predict = [&](const auto& x) { return c.net(1e-7 * x); };
  BOOST_TEST(c.errs("ignores-input"));
}

BOOST_AUTO_TEST_CASE(signal) {
  Case c;
  for (int i = 0; i < 4; ++i) {
    c.net.append(Linear<double>(3, 3));
    Tensor<double> w = c.net.at(std::to_string(3 + i) + ".weight");
    w.set_value(Array<double>(w.value() * 0.01));
  }
  BOOST_TEST(c.errs("signal", "vanishing-signal"));
  BOOST_TEST(c.errs("signal", "vanishing-gradient"));
  Case dead;
  dead.net.at("0.bias").set_value(Array<double>(filled({16}, -50).value()));
  BOOST_TEST(dead.errs("signal", "dead-units"));
  Case saturated;
  saturated.net = Sequential<double>{Linear<double>(4, 16), Tanh<double>(), Linear<double>(16, 3)};
  saturated.net.at("0.weight").set_value(numbers(16, 4, 3) * 30);
  BOOST_TEST(saturated.errs("signal", "saturated"));
}

BOOST_AUTO_TEST_CASE(gradient) {
  Case c;
  c.options.predict = [&](const auto& x) { return c.net(x) + c.net(x * 0.5).detach(); };
  BOOST_TEST(c.errs("gradient"));
}

BOOST_AUTO_TEST_CASE(overfit) {
  Case c;  // the layers below cannot be learned, and tell few samples apart
  c.options.predict = [&](const auto& x) { return c.net(0.01 * tanh(x)) * 0.05; };
  BOOST_TEST(c.found("overfit").has("overfit", Severity::warning));
  Case smooth;  // its least loss is far from 0
  smooth.loss = [](const auto& y, const auto& l) {
    return cross_entropy(y, l, {.label_smoothing = 0.3});
  };
  BOOST_TEST(smooth.passes("overfit"));
}

BOOST_AUTO_TEST_CASE(labels_unrelated) {
  Case c;
  c.labels = Case::of(numbers(240, 4, 77));
  BOOST_TEST(c.found("labels-unrelated").has("labels-unrelated", Severity::warning));
}

BOOST_AUTO_TEST_CASE(learning_rate) {
  Case c;
  Sgd<double> wild(c.net.parameters(), {.learning_rate = 100});
  c.options.optimizer = &wild;
  BOOST_TEST(c.errs("learning-rate"));
  c.rate = 1e-6;
  c.options = {};
  BOOST_TEST(c.warns("learning-rate"));
}

BOOST_AUTO_TEST_SUITE_END()
