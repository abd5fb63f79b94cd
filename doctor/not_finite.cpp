#include "xgrad/doctor/not_finite.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "xgrad/autograd/cast.hpp"
#include "xgrad/base/text.hpp"
#include "xgrad/kernels/optimizer.hpp"
#include "xgrad/ops/linalg.hpp"

namespace xgrad::detail {
namespace {

using kernels::all_finite;

// "(8, 3) in [-1.5, 2], 4 NaN, 0 infinite"
template <class T>
std::string range_of(const Node<T>& n) {
  if (n.data == nullptr) return text(n.shape) + ", not kept";
  double low = HUGE_VAL, high = -HUGE_VAL;
  std::size_t nan = 0, infinite = 0;
  for (std::size_t i = 0; i < n.elements; ++i) {
    const auto v = static_cast<double>(n.data[i]);
    nan += std::isnan(v);
    infinite += std::isinf(v);
    if (std::isfinite(v)) low = std::min(low, v), high = std::max(high, v);
  }
  std::string r = text(n.shape) + " in [" + rounded(low, 4) + ", " + rounded(high, 4) + "]";
  if (nan + infinite > 0) r += ", " + text(nan) + " NaN, " + text(infinite) + " infinite";
  return r;
}

// All of them where there is a log, else those that are on the tape or saved.
template <class T>
std::vector<Tensor<T>> operands_of(const Node<T>& n, const LoggedOperation<T>* logged) {
  if (logged != nullptr) return logged->operands;
  std::vector<Tensor<T>> r(n.edge_count);
  for (std::size_t i = 0; i < n.edge_count; ++i) {
    Node<T>* input = n.edges[i].node;
    if (input != nullptr && input->data != nullptr) r[i] = Tensor<T>(input);
  }
  return r;
}

template <class T>
std::string ranges_of(const std::vector<Tensor<T>>& operands) {
  std::string r;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    r += (r.empty() ? "operand " : "; operand ") + text(i) + " ";
    r += operands[i].defined() ? range_of(*operands[i].node()) : "not kept";
  }
  return r;
}

template <class T>
std::vector<std::size_t> samples_of(const Node<T>& n) {
  std::vector<std::size_t> r;
  if (n.shape.rank() < 2) return r;
  const std::size_t row = n.elements / n.shape[0];
  for (std::size_t i = 0; i < n.shape[0] && r.size() < 8; ++i) {
    if (!all_finite(n.data + i * row, row)) r.push_back(i);
  }
  return r;
}

const char* remedy_of(const std::string& operation, bool from_outside) {
  if (from_outside)
    return "look at the data of these samples, and at what was written into parameters";
  if (operation == "log" || operation == "sqrt" || operation == "pow" || operation == "divide" ||
      operation == "reciprocal" || operation == "rsqrt" || operation == "norm") {
    return "keep operands away from 0: add a small number, clamp, or use a function that is made "
           "for "
           "it (log_softmax, cross_entropy with logits)";
  }
  if (operation == "exp" || operation == "square" || operation == "multiply") {
    return "limit the operands: a lower learning rate, gradient clipping, or a stable form "
           "(logsumexp, softmax)";
  }
  return "a lower learning rate, smaller initial weights, gradient clipping, inputs that are "
         "scaled";
}

}  // namespace

namespace {

template <class T>
bool is_finite(const Tensor<T>& x) {
  return !x.defined() || all_finite(x.data(), x.size());
}

template <class T>
Finding finding_of(const std::vector<TapeEntry<T>>& tape, std::size_t i,
                   const std::vector<Tensor<T>>& operands, std::size_t step) {
  const Node<T>& n = *tape[i].node;
  const bool finite_operands = std::all_of(operands.begin(), operands.end(), is_finite<T>);
  const bool unknown = std::any_of(operands.begin(), operands.end(),
                                   [](const Tensor<T>& x) { return !x.defined(); });
  const bool parameter = n.rule == nullptr, outside = parameter || !finite_operands;
  Finding f{.check = "not-finite",
            .severity = Severity::error,
            .title = parameter ? "a parameter is not finite"
                     : outside ? "an operand of the first operation is not finite: it comes from "
                                 "outside of the tape"
                               : "an operation makes the first NaN or infinity",
            .measured = parameter ? range_of(n)
                                  : tape[i].operation() + " gives " + range_of(n) + " from " +
                                        ranges_of(operands),
            .expected = "finite numbers",
            .where = parameter ? "a leaf of shape " + text(n.shape) : name_of(tape, i),
            .remedy = remedy_of(tape[i].operation(), outside),
            .step = step,
            .samples = samples_of(n)};
  if (unknown && !outside) f.measured += " (a constant operand may not have been finite)";
  return f;
}

}  // namespace

template <class T>
std::optional<Culprit<T>> first_not_finite(const std::vector<TapeEntry<T>>& tape,
                                           const OperationLog<T>* log, std::size_t step) {
  for (std::size_t i = 0; i < tape.size(); ++i) {
    const Node<T>& n = *tape[i].node;
    if (n.data == nullptr || all_finite(n.data, n.elements)) continue;
    const auto* const logged = log == nullptr ? nullptr : log->find(&n);
    Culprit<T> r{finding_of(tape, i, operands_of(n, logged), step)};
    if (logged != nullptr) r.replay.emplace(*logged, r.finding.where, Tensor<T>());
    return r;
  }
  return std::nullopt;
}

namespace {

template <class T>
double largest(const Tensor<T>& x) {
  return static_cast<double>(kernels::largest_magnitude(x.data(), x.size()));
}

// Products of matrices, by the rules themselves: a custom operation may have any name.
template <class T>
bool is_product(const Rule<T>* rule) {
  static const std::pair<const Rule<T>*, const Rule<T>*> products = [] {
    const Untraced untraced;
    const EnableGrad guard;
    const Tensor<T> one = Tensor<T>::filled({1, 1}, T(1)).requires_grad_();
    return std::pair(linear(one, one).node()->rule, matmul(one, one).node()->rule);
  }();
  return rule == products.first || rule == products.second;
}

}  // namespace

template <class T>
GradientTrace<T>::GradientTrace(std::vector<TapeEntry<T>> tape, const OperationLog<T>& log)
    : tape_(std::move(tape)), steps_(tape_.size()), log_(log) {
  for (std::size_t i = 0; i < tape_.size(); ++i) {
    Step& s = steps_[i];
    if (tape_[i].node->data == nullptr) continue;
    s.output = Tensor<T>(tape_[i].node);
    if (tape_[i].rule == nullptr) {  // has its gradient afterwards
      s.fresh = !s.output.has_grad() && s.output.node()->hooks == nullptr;
      continue;
    }
    watch(i);
  }
}

// At once, while the gradient is in the cache, and the operands are those that the rule reads: a loop may
// write to them after the pass, and make another one.
template <class T>
void GradientTrace<T>::watch(std::size_t i) {
  Step& s = steps_[i];
  const TapeEntry<T>& entry = tape_[i];
  std::array<bool, 2> bounded{};
  for (std::size_t k = 0; k < std::min<std::size_t>(entry.inputs.size(), 2); ++k) {
    const std::size_t x = entry.inputs[k];
    bounded[k] = is_product(entry.rule) && x != TapeEntry<T>::kNone && tape_[x].rule == nullptr;
  }
  const auto* const log = &log_;
  s.hook = s.output.register_hook([&s, &entry, log, bounded](const Tensor<T>& g) {
    const double most = largest(g);
    s.largest += most;
    s.gradient = g;
    const auto* const logged = bounded[0] || bounded[1] ? log->find(entry.node) : nullptr;
    // Sums of products with the other operand, one for each number of the output at most.
    for (std::size_t k = 0; k < 2; ++k) {
      if (!bounded[k]) continue;
      s.bound[k] += logged == nullptr
                        ? HUGE_VAL
                        : static_cast<double>(g.size()) * most * largest(logged->operands[1 - k]);
    }
    return Tensor<T>();
  });
}

template <class T>
GradientTrace<T>::~GradientTrace() {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (steps_[i].output.defined() && tape_[i].rule != nullptr)
      steps_[i].output.remove_hook(steps_[i].hook);
  }
}

// What no number of a leaf's gradient, nor any sum on the way to it, is larger than; infinity: not
// known. Those of weights are products, and large: their factors are much less to look at. What comes through
// casts is on the other type's tape.
template <class T>
std::vector<double> GradientTrace<T>::bounds() const {
  const bool casts = std::any_of(tape_.begin(), tape_.end(),
                                 [](const auto& e) { return e.rule == &cast_rule<T>; });
  std::vector<double> r(tape_.size(), casts ? HUGE_VAL : 0);
  for (std::size_t c = 0; c < tape_.size(); ++c) {
    const auto& inputs = tape_[c].inputs;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const std::size_t i = inputs[k];
      if (i == TapeEntry<T>::kNone || tape_[i].rule != nullptr) continue;
      r[i] += steps_[i].fresh && k < 2 && is_product(tape_[c].rule) ? steps_[c].bound[k] : HUGE_VAL;
    }
  }
  return r;
}

template <class T>
bool GradientTrace<T>::is_finite(std::size_t i, double bound) const {
  if (tape_[i].rule != nullptr || !steps_[i].output.defined())
    return std::isfinite(steps_[i].largest);
  // Half of it: a bound without rounding. NaN is not below.
  if (bound < static_cast<double>(std::numeric_limits<T>::max()) / 2) return true;
  return detail::is_finite(steps_[i].output.gradient());
}

// The operation whose backward gave entry i a gradient that is not finite: the one of those that
// use it that does so again. TapeEntry::kNone: none, as of the loss itself.
template <class T>
std::size_t GradientTrace<T>::maker_of(std::size_t i) const {
  std::size_t last = TapeEntry<T>::kNone;
  for (std::size_t c = tape_.size(); c-- > i + 1;) {
    const auto& inputs = tape_[c].inputs;
    const auto at = std::find(inputs.begin(), inputs.end(), i);
    if (at == inputs.end() || !steps_[c].gradient.defined()) continue;
    if (last == TapeEntry<T>::kNone) last = c;
    const auto* const logged = log_.find(tape_[c].node);
    if (logged == nullptr) continue;
    const auto gradients = logged->gradients(steps_[c].gradient);
    if (!detail::is_finite(gradients[static_cast<std::size_t>(at - inputs.begin())])) return c;
  }
  return last;
}

template <class T>
std::optional<Culprit<T>> GradientTrace<T>::first_not_finite(std::size_t step) const {
  std::size_t first = TapeEntry<T>::kNone;  // the pass goes from the last to the first
  const std::vector<double> bound = bounds();
  for (std::size_t i = 0; i < tape_.size(); ++i) {
    if (is_finite(i, bound[i])) continue;
    const std::size_t maker = maker_of(i);
    if (maker != TapeEntry<T>::kNone && (first == TapeEntry<T>::kNone || maker > first))
      first = maker;
  }
  if (first == TapeEntry<T>::kNone) return std::nullopt;
  const auto* const logged = log_.find(tape_[first].node);
  const std::string operation = tape_[first].operation();
  Culprit<T> r{
      {.check = "not-finite",
       .severity = Severity::error,
       .title = "the backward pass of an operation makes the first NaN or infinity",
       .measured = "the slope of " + operation + " at " +
                   ranges_of(logged == nullptr ? std::vector<Tensor<T>>() : logged->operands),
       .expected = "finite gradients",
       .where = name_of(tape_, first),
       .remedy = remedy_of(operation, false),
       .step = step}};
  if (logged != nullptr) r.replay.emplace(*logged, r.finding.where, steps_[first].gradient);
  return r;
}

#define XGRAD_INSTANTIATE(T)                                                                \
  template std::optional<Culprit<T>> first_not_finite(const std::vector<TapeEntry<T>>&,     \
                                                      const OperationLog<T>*, std::size_t); \
  template class GradientTrace<T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
