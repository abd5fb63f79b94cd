#include "xgrad/doctor/activity.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "xgrad/base/text.hpp"
#include "xgrad/doctor/statistics.hpp"

namespace xgrad::detail {
namespace {

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A slope of 4 % of the largest one: |x| above 4.6 for sigmoid and 2.3 for tanh. Of normal
// numbers of variance 1 that happens to fewer than 2.2 %.
template <class T>
double saturated_share(const TapeEntry<T>& e, bool sigmoid) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < e.node->elements; ++i) {
    const auto y = static_cast<double>(e.node->data[i]);
    n += sigmoid ? 4 * y * (1 - y) < 0.04 : 1 - y * y < 0.04;
  }
  return static_cast<double>(n) / static_cast<double>(e.node->elements);
}

// A unit is a number of each sample, of images a channel.
template <class T>
void count_dead(const TapeEntry<T>& e, LayerActivity& layer) {
  const Shape& shape = e.node->shape;
  if (shape.rank() < 2) return;
  const std::size_t n = shape[0], channels = shape[1], inner = e.node->elements / (n * channels);
  const bool image = shape.rank() == 4;
  const std::size_t units = image ? channels : channels * inner, width = image ? inner : 1;
  std::vector<bool> alive(units);
  const T* x = e.node->data;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t u = 0; u < units; ++u) {
      for (std::size_t k = 0; k < width; ++k) alive[u] = alive[u] || *x++ > 0;
    }
  }
  layer.units = units;
  layer.dead = static_cast<double>(std::count(alive.begin(), alive.end(), false)) /
               static_cast<double>(units);
}

// The variance of a unit over the samples, and the mean of that: biases are no signal.
template <class T>
double signal_variance(const TapeEntry<T>& e) {
  const std::size_t n = e.node->shape.rank() == 0 ? 1 : e.node->shape[0];
  const std::size_t row = e.node->elements / n;
  std::vector<double> sums(row), squares(row);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < row; ++j) {
      const auto v = static_cast<double>(e.node->data[i * row + j]) -
                     static_cast<double>(e.node->data[j]);  // less the first: no cancellation
      sums[j] += v;
      squares[j] += v * v;
    }
  }
  double total = 0;
  const auto count = static_cast<double>(n);
  for (std::size_t j = 0; j < row; ++j) total += squares[j] - sums[j] * sums[j] / count;
  return n < 2 ? 0 : std::max(total, 0.0) / ((count - 1) * static_cast<double>(row));
}

}  // namespace

bool is_product(std::string_view operation) {
  return is_one_of(operation, {"linear", "matmul", "convolution"});
}

template <class T>
void ActivityWatch<T>::forward(const std::vector<TapeEntry<T>>& tape, std::uint64_t last) {
  for (std::size_t i = 0; i < tape.size(); ++i) {
    const TapeEntry<T>& e = tape[i];
    if (e.node->rule == nullptr || e.node->sequence > last || !e.has_value()) continue;
    const std::string operation = e.operation();
    const bool weighs = is_product(operation);
    const bool sigmoid = operation == "sigmoid", tanh = operation == "tanh";
    if (!weighs && !sigmoid && !tanh &&
        !is_one_of(operation, {"relu", "leaky_relu", "elu", "gelu", "silu", "softplus"}))
      continue;
    if (e.node->elements == 0) continue;
    LayerActivity layer{.name = name_of(tape, i), .operation = operation, .weighs = weighs};
    layer.samples = e.node->shape.rank() == 0 ? 1 : e.node->shape[0];
    layer.mean = moments_of(e.node->data, e.node->elements).mean;
    layer.variance = signal_variance(e);
    const bool output = e.node->sequence == last;
    if ((sigmoid || tanh) && !output) layer.saturated = saturated_share(e, sigmoid);
    if (operation == "relu" && !output) count_dead(e, layer);
    Tensor<T> handle(e.node);
    handle.retain_grad();
    outputs_.push_back(std::move(handle));
    layers_.push_back(std::move(layer));
  }
}

template <class T>
void ActivityWatch<T>::backward() {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (!outputs_[i].has_grad()) continue;
    const Tensor<T> g = outputs_[i].gradient();
    // Around 0, which is what gradients have in place of a mean.
    layers_[i].gradient_variance = std::pow(norm_of(g), 2) / static_cast<double>(g.size());
  }
  outputs_.clear();
}

namespace {

struct Decline {
  double factor, total;  // from layer to layer, and from the first to the last
  std::size_t layers;
};

Decline decline_of(const std::vector<double>& variances) {
  if (variances.size() < 2 || !(variances.front() > 0)) return {1, 1, variances.size()};
  const double total = std::max(variances.back(), 1e-300) / variances.front();
  return {std::pow(total, 1 / static_cast<double>(variances.size() - 1)), total, variances.size()};
}

std::string table_of(const std::vector<double>& variances) {
  std::vector<std::string> r;
  for (const double v : variances) r.push_back(rounded(v, 2));
  return join(r);
}

void judge_signal(const std::vector<LayerActivity>& layers, bool fresh, std::size_t step,
                  Diagnosis& d) {
  std::vector<double> forward, backward;
  std::string first, last;
  for (const LayerActivity& l : layers) {
    if (!l.weighs) continue;
    (first.empty() ? first : last) = l.name;
    forward.push_back(l.variance);
    if (std::isfinite(l.gradient_variance)) backward.insert(backward.begin(), l.gradient_variance);
  }
  const auto judge = [&](const std::vector<double>& variances, const char* check,
                         const char* what) {
    const Decline c = decline_of(variances);
    const bool falls = c.factor < kLeastFactor && c.total < 1e-4;
    const bool grows = c.factor > kLargestFactor && c.total > 1e4;
    if (c.layers < 3 || (!falls && !grows)) return;
    const bool bad = c.total < 1e-8 || c.total > 1e8;
    d.findings.push_back(
        {.check = falls ? std::string("vanishing-") + check : std::string("exploding-") + check,
         .severity = bad && fresh ? Severity::error : Severity::warning,
         .title = std::string(what) + (falls ? " vanish" : " explode") + " from layer to layer",
         .measured = "variances " + table_of(variances) + ": " + rounded(c.factor, 2) +
                     " times from layer to layer",
         .expected = "about 1 (Xavier, He); 1/3 to 1/6 with the default initialisation, and not "
                     "beyond 0.1 or 10",
         .where = first + " to " + last,
         .remedy = "initialise by He for relu and by Xavier for tanh; batch normalisation or "
                   "residual blocks in deep models; relu in place of sigmoid",
         .value = c.factor,
         .low = kLeastFactor,
         .high = kLargestFactor,
         .step = step});
  };
  judge(forward, "signal", "activations");
  judge(backward, "gradient", "gradients");
}

}  // namespace

void judge_activity(const std::vector<LayerActivity>& layers, bool fresh, std::size_t step,
                    Diagnosis& d) {
  judge_signal(layers, fresh, step, d);
  for (const LayerActivity& l : layers) {
    if (l.saturated > 0.5) {
      d.findings.push_back(
          {.check = "saturated",
           .severity = fresh || l.saturated > 0.9 ? Severity::error : Severity::warning,
           .title = "units are saturated: their slope is near 0 and little gradient comes through",
           .measured =
               "a share of " + rounded(l.saturated, 3) + " of the outputs of " + l.operation,
           .expected = "fewer than half; 2 % for inputs of variance 1",
           .where = l.name,
           .remedy =
               "smaller initial weights (Xavier), inputs that are centred and scaled, a lower "
               "learning rate, batch normalisation, or relu",
           .value = l.saturated,
           .high = 0.5,
           .step = step});
    }
    // A unit that is on for every second sample is off for all of 16 once in 65 536 times.
    if (l.dead > 0.5 && l.units >= 4 && l.samples >= 16) {
      d.findings.push_back(
          {.check = "dead-units",
           .severity = l.dead > 0.9 ? Severity::error : Severity::warning,
           .title = "units of relu are dead: 0 for every sample of the batch",
           .measured = "a share of " + rounded(l.dead, 3) + " of " + text(l.units) +
                       " units, over " + text(l.samples) + " samples",
           .expected = "few: each is on for about half of the samples at first",
           .where = l.name,
           .remedy = "a lower learning rate, He's initialisation with biases of 0, or leaky_relu",
           .value = l.dead,
           .high = 0.5,
           .step = step});
    }
  }
}

template class ActivityWatch<float>;
template class ActivityWatch<double>;

}  // namespace xgrad::detail
