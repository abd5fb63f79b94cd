#include "xgrad/gradient_check/tape.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <unordered_set>

#include "xgrad/autograd/engine.hpp"

namespace xgrad::detail {
namespace {

using Entries = std::vector<Tensor<double>>;

constexpr std::size_t kEnough = 2;
constexpr double kOddFactor = 1.3247179572447460;  // rounds what it is multiplied with anew
constexpr double kCoarse = 1e-10;

// The gradient that an entry's own rule sends to its inputs, one after the other.
std::vector<double> local_slopes(const Tensor<double>& y, const Tensor<double>& gy) {
  std::vector<Tensor<double>> inputs;
  for (std::size_t i = 0; i < y.node()->edge_count; ++i) {
    const Edge<double>& e = y.node()->edges[i];
    if (e.needs_grad) inputs.emplace_back(e.node);
  }
  Engine<double> engine({.retain = true, .stop_at_sinks = true});
  engine.collect(inputs);
  engine.run(y, gy);
  std::vector<double> slopes;
  for (const Tensor<double>& x : inputs) {
    const Tensor<double> g = engine.collected(x);
    if (g.defined()) slopes.insert(slopes.end(), g.data(), g.data() + g.size());
  }
  return slopes;
}

// No two alike, so that contributions of several outputs to one input don't cancel.
Tensor<double> uneven(const Shape& shape) {
  Tensor<double> w = Tensor<double>::uninitialized(shape);
  double* p = w.mutable_data();
  for (std::size_t i = 0; i < w.size(); ++i)
    p[i] = 1 + std::fmod(0.6180339887498949 * static_cast<double>(i + 1), 1.0);
  return w;
}

Tensor<double> one_hot(const Shape& shape, std::size_t position) {
  Tensor<double> w = Tensor<double>::filled(shape, 0);
  w.mutable_data()[position] = 1;
  return w;
}

double largest(const std::vector<double>& v) {
  double most = 0;
  for (const double a : v) most = std::max(most, std::abs(a));
  return most;
}

bool rounds_coarsely(const Tensor<double>& entry) {
  const Tensor<double> once = uneven(entry.shape());
  Tensor<double> times = once.clone();
  for (std::size_t i = 0; i < times.size(); ++i) times.mutable_data()[i] *= kOddFactor;
  const std::vector<double> a = local_slopes(entry, once), b = local_slopes(entry, times);
  double off = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    off = std::max(off, std::abs(b[i] / kOddFactor - a[i]));
  return off > kCoarse * std::max(largest(a), 1.0);
}

// Slopes of something at t = -h, -h/16, 0, h/16 and h.
using Slopes = std::array<std::vector<double>, 5>;
constexpr std::array<double, 5> kPlaces = {-1, -1.0 / 16, 0, 1.0 / 16, 1};

// A smooth slope changes 16 times less over an interval 16 times as short, and its middle is 256
// times nearer to the mean of the ends; one with a step in it is not like that, nor one that is
// shared out in another way at 0 alone (two arguments of a maximum that touch).
bool has_step(const Slopes& s) {
  const std::size_t n = s[0].size();
  if (std::any_of(s.begin(), s.end(), [n](const auto& v) { return v.size() != n; })) return true;
  double most = 0;
  for (const std::vector<double>& v : s) most = std::max(most, largest(v));
  const auto stays = [&](double far, double near) {
    return std::abs(far) > 1e-9 * most && std::abs(near) > std::abs(far) / 2;
  };
  double at = 0, around = 0;
  for (std::size_t i = 0; i < n; ++i) {
    at += s[2][i];
    around += (s[0][i] + s[4][i]) / 2;
  }
  const bool shared = std::abs(at - around) <= 1e-4 * most;
  for (std::size_t i = 0; i < n; ++i) {
    if (stays(s[0][i] - s[4][i], s[1][i] - s[3][i])) return true;
    const double middle = s[2][i] - (s[0][i] + s[4][i]) / 2;
    if (shared && stays(middle, s[2][i] - (s[1][i] + s[3][i]) / 2)) return true;
  }
  return false;
}

// Whether one of an entry's own values, seen at the same places, bends or jumps at 0: the second
// difference of a smooth one is 256 times smaller over an interval 16 times as short.
bool has_bend(const Slopes& y) {
  const std::size_t n = y[0].size();
  if (n == 0) return true;  // the values are gone
  if (std::any_of(y.begin(), y.end(), [n](const auto& v) { return v.size() != n; })) return true;
  for (std::size_t i = 0; i < n; ++i) {
    const double far = y[0][i] - 2 * y[2][i] + y[4][i], near = y[1][i] - 2 * y[2][i] + y[3][i];
    const double rounding =
        1e-14 * std::max({std::abs(y[0][i]), std::abs(y[2][i]), std::abs(y[4][i])});
    if (std::abs(near) > rounding && std::abs(near) > std::abs(far) / 64) return true;
  }
  return false;
}

// Those that are at a kink. That the value of one does not bend on this way through its kink, as that
// of min(max(x, y), x) at y = x, is no reason to leave it out; that none bends is: then the rule
// alone is another one at 0.
std::vector<std::size_t> at_kinks(const std::vector<Slopes>& slopes,
                                  const std::vector<Slopes>& values) {
  std::vector<std::size_t> found;
  bool bends = false;
  for (std::size_t i = 0; i < slopes.size(); ++i) {
    if (!has_step(slopes[i])) continue;
    found.push_back(i);
    bends = bends || has_bend(values[i]);
  }
  if (!bends) found.clear();
  return found;
}

using OutputsAt = std::function<std::vector<Tensor<double>>(double t)>;

// The entries whose slopes have a step; nothing when the program differs between the places.
std::optional<std::vector<std::size_t>> entries_with_steps(const OutputsAt& outputs_at,
                                                           double step) {
  std::vector<Slopes> slopes, values;
  std::vector<const Rule<double>*> program;
  for (std::size_t place = 0; place < kPlaces.size(); ++place) {
    const Entries entries = entries_behind(outputs_at(kPlaces[place] * step));
    if (place == 0) {
      slopes.resize(entries.size());
      values.resize(entries.size());
      for (const Tensor<double>& y : entries) program.push_back(y.node()->rule);
    }
    const auto same = [](const Tensor<double>& y, const Rule<double>* rule) {
      return y.node()->rule == rule;
    };
    if (!std::equal(entries.begin(), entries.end(), program.begin(), program.end(), same))
      return std::nullopt;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      slopes[i][place] = local_slopes(entries[i], uneven(entries[i].shape()));
      if (entries[i].node()->data != nullptr)
        values[i][place].assign(entries[i].data(), entries[i].data() + entries[i].size());
    }
  }
  return at_kinks(slopes, values);
}

// How many of the first elements of an entry's output are at a kink of their own.
std::size_t count_elements(const OutputsAt& outputs_at, double step, std::size_t entry) {
  constexpr std::size_t kMostElements = 256;
  std::vector<Slopes> slopes, values;
  for (std::size_t place = 0; place < kPlaces.size(); ++place) {
    const Tensor<double> y = entries_behind(outputs_at(kPlaces[place] * step))[entry];
    slopes.resize(std::min(y.size(), kMostElements));
    values.resize(slopes.size());
    for (std::size_t i = 0; i < slopes.size(); ++i) {
      slopes[i][place] = local_slopes(y, one_hot(y.shape(), i));
      if (y.node()->data != nullptr) values[i][place] = {y.data()[i]};
    }
  }
  return at_kinks(slopes, values).size();
}

bool is_constant(const Node<double>& n, bool (*same)(double)) {
  return n.data != nullptr && n.elements > 1 && std::all_of(n.data, n.data + n.elements, same);
}
bool is_one(double v) { return v == 1; }
bool is_zero(double v) { return v == 0; }
bool is_set(double v) { return v != 0; }

// The outputs of operations that depend on x, and what else these operations differentiate.
Entries numbers_between(const Tensor<double>& x, const Entries& outputs) {
  std::unordered_set<const Node<double>*> dependent = {x.node()}, seen;
  Entries numbers;
  const auto take = [&](Node<double>* n) {
    if (seen.insert(n).second) numbers.emplace_back(n);
  };
  for (const Tensor<double>& y : entries_behind(outputs)) {
    const std::span<const Edge<double>> edges(y.node()->edges, y.node()->edge_count);
    const auto leads_on = [&](const Edge<double>& e) { return dependent.count(e.node) > 0; };
    if (std::none_of(edges.begin(), edges.end(), leads_on)) continue;
    dependent.insert(y.node());
    take(y.node());
    for (const Edge<double>& e : edges) {
      if (e.needs_grad) take(e.node);
    }
  }
  return numbers;
}

// What is constant about the mask that edge i of an entry is; nothing when it is none, or when it
// leaves no gradient untried: where(x == 0, 1, x) only protects what follows.
const char* constant_about(const Node<double>& entry, std::size_t i) {
  const Node<double>& mask = *entry.edges[i].node;
  if (std::strcmp(entry.rule->name, "multiply") == 0)
    return is_constant(mask, is_one) ? "the factor is 1" : nullptr;
  if (std::strcmp(entry.rule->name, "where") != 0 || i != 0) return nullptr;
  if (entry.edges[2].needs_grad && is_constant(mask, is_set)) return "the condition is true";
  if (entry.edges[1].needs_grad && is_constant(mask, is_zero)) return "the condition is false";
  return nullptr;
}

}  // namespace

Entries entries_behind(const std::vector<Tensor<double>>& outputs) {
  std::unordered_set<const Node<double>*> seen;
  Entries found;
  const auto reach = [&](Node<double>* n) {
    if (n != nullptr && n->rule != nullptr && seen.insert(n).second) found.emplace_back(n);
  };
  for (const Tensor<double>& y : outputs) reach(y.node());
  for (std::size_t next = 0; next < found.size(); ++next) {
    const Node<double>* n = found[next].node();
    for (std::size_t i = 0; i < n->edge_count; ++i) reach(n->edges[i].node);
  }
  std::sort(found.begin(), found.end(), [](const Tensor<double>& a, const Tensor<double>& b) {
    return a.node()->sequence < b.node()->sequence;
  });
  return found;
}

double rounding_on_the_way(const Tensor<double>& x, const Entries& outputs, const Entries& seeds) {
  const Entries numbers = numbers_between(x, outputs);
  if (numbers.empty()) return 0;
  const Entries gradients =
      grad(outputs, numbers, {.retain_graph = true, .allow_unused = true}, seeds);
  double sum = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const double* v = numbers[i].node()->data;
    if (v == nullptr || !gradients[i].defined()) continue;
    const double* g = gradients[i].data();
    for (std::size_t j = 0; j < gradients[i].size(); ++j) sum += std::abs(g[j] * v[j]);
  }
  return sum * std::numeric_limits<double>::epsilon();
}

bool rounds_coarsely(const Entries& outputs) {
  const Entries entries = entries_behind(outputs);
  return std::any_of(entries.begin(), entries.end(),
                     [](const Tensor<double>& entry) { return rounds_coarsely(entry); });
}

std::vector<ConstantMask> constant_masks(const std::vector<Tensor<double>>& outputs) {
  std::vector<ConstantMask> masks;
  for (const Tensor<double>& y : entries_behind(outputs)) {
    const Node<double>& entry = *y.node();
    for (std::size_t i = 0; i < entry.edge_count; ++i) {
      const Edge<double>& e = entry.edges[i];
      if (!e.saved || e.node->rule != nullptr) continue;
      const char* what = constant_about(entry, i);
      if (what == nullptr) continue;
      masks.push_back({std::string(entry.rule->name) + ": " + what + " in every element of " +
                           to_string(e.node->shape),
                       std::strcmp(entry.rule->name, "multiply") == 0, e.needs_grad});
    }
  }
  return masks;
}

std::size_t count_kinks(const OutputsAt& outputs_at, double step) {
  const auto entries = entries_with_steps(outputs_at, step);
  if (!entries) return 1;
  if (entries->size() != 1) return std::min(entries->size(), kEnough);
  return std::clamp<std::size_t>(count_elements(outputs_at, step, entries->front()), 1, kEnough);
}

}  // namespace xgrad::detail
