#include "tests/doctor/zoo/program.hpp"

#include <cmath>
#include <numbers>
#include <optional>
#include <random>

namespace zoo {
namespace {

using namespace xgrad;
using Random = std::mt19937_64;

float normal_number(Random& random) { return std::normal_distribution<float>()(random); }

Data empty(std::size_t n, std::size_t features) {
  return {Array<float>(Array<float>::shape_type{n, features}), Indices(Indices::shape_type{n}), {}};
}

void redraw(Indices& labels, std::size_t classes, double share, Random& random) {
  std::uniform_real_distribution<double> chance;
  for (std::int64_t& l : labels) {
    if (chance(random) < share) l = static_cast<std::int64_t>(random() % classes);
  }
}

Data curves(std::size_t n, std::uint64_t seed, double noise, bool spiral) {
  Random random(seed);
  Data d = empty(n, 2);
  for (std::size_t i = 0; i < n; ++i) {
    const bool second = i % 2 == 1;
    const double t = static_cast<double>(random() % 1000) / 1000;
    const double angle = spiral ? 2 * std::numbers::pi * t : std::numbers::pi * t;
    const double r = spiral ? 0.2 + t : 1, sign = second ? -1 : 1;
    const double shift = spiral || !second ? 0 : 1;
    d.inputs(i, 0) =
        static_cast<float>(sign * r * std::cos(angle) + shift) + 0.1F * normal_number(random);
    d.inputs(i, 1) =
        static_cast<float>(sign * r * std::sin(angle) + shift / 2) + 0.1F * normal_number(random);
    d.labels(i) = second;
  }
  redraw(d.labels, 2, noise, random);
  return d;
}

template <class Set>
Diagnosis train(const Program& p, const Set& train_set, const Set& validation_set) {
  const std::unique_ptr<Net> net = p.model();
  const std::unique_ptr<Optimizer> optimizer =
      p.optimizer
          ? p.optimizer(*net)
          : std::make_unique<Adam<float>>(net->parameters(), AdamOptions{.learning_rate = 3e-3});
  const auto as_batch = [](const auto& b) {
    Batch r{b.inputs, {}, {}};
    if constexpr (requires { b.labels; }) r.labels = b.labels;
    if constexpr (requires { b.targets; }) r.targets = b.targets;
    return r;
  };
  const auto loss_of = [&](const Tensor<float>& y, const Batch& b) {
    if (p.loss) return p.loss(y, b);
    return b.targets.defined() ? mse_loss(y, b.targets) : cross_entropy(y, b.labels);
  };
  const auto loss = [&](const Tensor<float>& y, const auto& wanted) {
    Batch b{y, {}, {}};
    if constexpr (std::is_same_v<std::decay_t<decltype(wanted)>, Indices>) {
      b.labels = wanted;
    } else {
      b.targets = wanted;
    }
    return loss_of(y, b);
  };
  DiagnoseOptions<float> options{.optimizer = optimizer.get(), .validation = validation_set};
  options.batch_size = p.batch_size;
  Diagnosis d = diagnose(*net, train_set, loss, options);

  Monitor<float> monitor(*net, *optimizer, {.every = 25, .trace = p.trace});
  DataLoader loader(train_set, {.batch_size = p.batch_size, .shuffle = true, .seed = 1});
  DataLoader validation_loader(validation_set, {.batch_size = 256});
  try {
    for (std::size_t e = 0; e < p.epochs; ++e) {
      net->train(p.train_mode);
      double total = 0;
      for (const auto& b : loader) {
        if (p.zero_grad) optimizer->zero_grad();
        const Tensor<float> l = loss_of((*net)(b.inputs), as_batch(b));
        monitor.before_backward(l);
        total += static_cast<double>(l.item());
        if (!std::isfinite(total)) throw std::runtime_error("not finite");
        if (p.after_forward) p.after_forward(*net);
        l.backward();
        monitor.before_step();
        optimizer->step();
        monitor.after_step();
      }
      if (p.eval_mode) net->eval();
      const NoGrad guard;
      double validation = 0;
      for (const auto& b : validation_loader) {
        validation += static_cast<double>(loss_of((*net)(b.inputs), as_batch(b)).item());
      }
      monitor.end_epoch(
          {{"train loss", total / static_cast<double>(loader.size())},
           {"validation loss", validation / static_cast<double>(validation_loader.size())}});
    }
  } catch (const std::exception&) {  // what stops the program, the doctor has seen
  }
  d.add(monitor.diagnosis());
  return d;
}

}  // namespace

Data blobs(std::size_t n, std::size_t features, std::size_t classes, std::uint64_t seed,
           double noise, double spread) {
  Random random(seed);
  std::vector<float> centers(classes * features);
  for (float& c : centers) c = normal_number(random);
  Data d = empty(n, features);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t c = i % classes;
    for (std::size_t j = 0; j < features; ++j) {
      d.inputs(i, j) =
          centers[c * features + j] + static_cast<float>(spread) * normal_number(random);
    }
    d.labels(i) = static_cast<std::int64_t>(c);
  }
  redraw(d.labels, classes, noise, random);
  return d;
}

Data moons(std::size_t n, std::uint64_t seed, double noise) {
  return curves(n, seed, noise, false);
}
Data spirals(std::size_t n, std::uint64_t seed, double noise) {
  return curves(n, seed, noise, true);
}

Data waves(std::size_t n, std::size_t features, std::uint64_t seed, double noise) {
  Random random(seed);
  std::vector<float> w(features);
  for (float& v : w) v = normal_number(random);
  Data d = empty(n, features);
  d.targets = Array<float>(Array<float>::shape_type{n, 1});
  for (std::size_t i = 0; i < n; ++i) {
    float s = 0;
    for (std::size_t j = 0; j < features; ++j) s += w[j] * (d.inputs(i, j) = normal_number(random));
    d.targets(i, 0) = std::sin(s) + 0.5F * s / std::sqrt(static_cast<float>(features)) +
                      static_cast<float>(noise) * normal_number(random);
  }
  return d;
}

Data images(std::size_t n, std::uint64_t seed, double noise) {
  Random random(seed);
  Data d = empty(n, 64);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t c = i % 4, at = random() % 6;
    for (std::size_t y = 0; y < 8; ++y) {
      for (std::size_t x = 0; x < 8; ++x) {
        const std::size_t place = c == 0 ? y : c == 1 ? x : c == 2 ? (x + y) / 2 : (x + 7 - y) / 2;
        d.inputs(i, 8 * y + x) = (place == at ? 1.5F : -0.3F) + 0.3F * normal_number(random);
      }
    }
    d.labels(i) = static_cast<std::int64_t>(c);
  }
  d.inputs.reshape({n, 1, 8, 8});
  redraw(d.labels, 4, noise, random);
  return d;
}

Data part(const Data& data, std::size_t from, std::size_t to) {
  const auto rows = [&](const Array<float>& x) {
    if (x.dimension() == 0) return Array<float>();
    auto shape = x.shape();
    const std::size_t row = x.size() / shape[0];
    shape[0] = to - from;
    Array<float> r(shape);
    std::copy_n(x.data() + from * row, r.size(), r.data());
    return r;
  };
  Data r{rows(data.inputs), Indices(Indices::shape_type{to - from}), rows(data.targets)};
  for (std::size_t i = from; i < to; ++i) r.labels(i - from) = data.labels(i);
  return r;
}

void standardize(Data& data, std::size_t known) {
  const std::size_t n = data.inputs.shape(0), row = data.inputs.size() / n;
  for (std::size_t j = 0; j < row; ++j) {
    double sum = 0, squares = 0;
    const auto at = [&](std::size_t i) -> float& { return data.inputs.data()[i * row + j]; };
    for (std::size_t i = 0; i < known; ++i) sum += static_cast<double>(at(i));
    const double mean = sum / static_cast<double>(known);
    for (std::size_t i = 0; i < known; ++i)
      squares += std::pow(static_cast<double>(at(i)) - mean, 2);
    const double scale = std::sqrt(squares / static_cast<double>(known));
    for (std::size_t i = 0; i < n; ++i) {
      at(i) = static_cast<float>((static_cast<double>(at(i)) - mean) / scale);
    }
  }
}

std::unique_ptr<Net> mlp(const std::vector<std::size_t>& widths, const std::string& activation,
                         bool fitting_initialization) {
  auto net = std::make_unique<Sequential<float>>();
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    auto& layer = net->emplace<Linear<float>>(widths[i], widths[i + 1]);
    const bool last = i + 2 == widths.size();
    if (fitting_initialization) {
      if (activation == "relu" && !last) he_normal_(layer.weight);
      if (activation != "relu" || last) xavier_normal_(layer.weight);
      zeros_(layer.bias);
    }
    if (last) break;
    if (activation == "relu") net->emplace<Relu<float>>();
    if (activation == "tanh") net->emplace<Tanh<float>>();
    if (activation == "sigmoid") net->emplace<Sigmoid<float>>();
  }
  return net;
}

Diagnosis run(const Program& p) {
  manual_seed(detail::mixed(p.name.size() + 131 * static_cast<unsigned char>(p.name.back())));
  const std::size_t n = p.data.inputs.shape(0);
  const auto split = static_cast<std::size_t>(static_cast<double>(n) * (1 - p.validation_share));
  Data a = part(p.data, 0, split), b = part(p.data, split, n);
  if (p.prepare) p.prepare(a, b);
  if (p.data.labeled()) {
    return train(p, LabeledDataset<float>(a.inputs, a.labels),
                 LabeledDataset<float>(b.inputs, b.labels));
  }
  return train(p, TargetDataset<float>(a.inputs, a.targets),
               TargetDataset<float>(b.inputs, b.targets));
}

}  // namespace zoo
