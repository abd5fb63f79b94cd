#include "xgrad/doctor/not_finite.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "xgrad/base/text.hpp"
#include "xgrad/kernels/optimizer.hpp"

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

// Handles: they keep the numbers, and cost no look at them.
template <class T>
std::vector<Tensor<T>> operands_of(const Node<T>& n) {
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

template <class T>
std::optional<Finding> first_not_finite(const std::vector<TapeEntry<T>>& tape, std::size_t step) {
  for (std::size_t i = 0; i < tape.size(); ++i) {
    const Node<T>& n = *tape[i].node;
    if (n.data == nullptr || all_finite(n.data, n.elements)) continue;
    bool finite_operands = true, unknown = false;
    for (std::size_t k = 0; k < n.edge_count; ++k) {
      const Node<T>* input = n.edges[k].node;
      if (input == nullptr || input->data == nullptr)
        unknown = true;
      else if (!all_finite(input->data, input->elements))
        finite_operands = false;
    }
    const bool parameter = n.rule == nullptr, outside = parameter || !finite_operands;
    Finding f{.check = "not-finite",
              .severity = Severity::error,
              .title = parameter ? "a parameter is not finite"
                       : outside ? "an operand of the first operation is not finite: it comes from "
                                   "outside of the tape"
                                 : "an operation makes the first NaN or infinity",
              .measured = parameter ? range_of(n)
                                    : n.rule->name + std::string(" gives ") + range_of(n) +
                                          " from " + ranges_of(operands_of(n)),
              .expected = "finite numbers",
              .where = parameter ? "a leaf of shape " + text(n.shape) : name_of(tape, i),
              .remedy = remedy_of(tape[i].operation(), outside),
              .step = step,
              .samples = samples_of(n)};
    if (unknown && !outside) f.measured += " (a constant operand may not have been finite)";
    return f;
  }
  return std::nullopt;
}

template <class T>
GradientTrace<T>::GradientTrace(const std::vector<TapeEntry<T>>& tape) {
  std::unordered_map<const Node<T>*, std::size_t> places;
  steps_.reserve(tape.size());
  for (std::size_t i = 0; i < tape.size(); ++i) {
    places[tape[i].node] = i;
    Step s{tape[i].node->rule ? name_of(tape, i) : "a leaf",
           tape[i].operation(),
           {},
           {},
           operands_of(*tape[i].node)};
    for (std::size_t k = 0; k < tape[i].node->edge_count; ++k) {
      const auto it = places.find(tape[i].node->edges[k].node);
      if (it != places.end()) s.inputs.push_back(it->second);
    }
    steps_.push_back(std::move(s));
    if (tape[i].node->data == nullptr) continue;
    Tensor<T> handle(tape[i].node);
    const std::size_t id = handle.register_hook([this, i](const Tensor<T>& g) {
      steps_[i].gradient = g;
      return Tensor<T>();
    });
    hooks_.emplace_back(std::move(handle), id);
  }
}

template <class T>
GradientTrace<T>::~GradientTrace() {
  for (auto& [tensor, id] : hooks_) tensor.remove_hook(id);
}

template <class T>
std::optional<Finding> GradientTrace<T>::first_not_finite(std::size_t step) const {
  const auto finite = [](const Tensor<T>& g) {
    return !g.defined() || all_finite(g.data(), g.size());
  };
  // Backward goes from the last to the first: the first bad gradient is that of the last entry.
  for (std::size_t i = steps_.size(); i-- > 0;) {
    if (finite(steps_[i].gradient)) continue;
    for (std::size_t c = steps_.size(); c-- > i + 1;) {
      const Step& s = steps_[c];
      if (std::find(s.inputs.begin(), s.inputs.end(), i) == s.inputs.end()) continue;
      if (!s.gradient.defined()) continue;
      return Finding{.check = "not-finite",
                     .severity = Severity::error,
                     .title = "the backward pass of an operation makes the first NaN or infinity",
                     .measured = "the slope of " + s.operation + " at " + ranges_of(s.operands),
                     .expected = "finite gradients",
                     .where = s.name,
                     .remedy = remedy_of(s.operation, false),
                     .step = step};
    }
  }
  return std::nullopt;
}

#define XGRAD_INSTANTIATE(T)                                                                       \
  template std::optional<Finding> first_not_finite(const std::vector<TapeEntry<T>>&, std::size_t); \
  template class GradientTrace<T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
