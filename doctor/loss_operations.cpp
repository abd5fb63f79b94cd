#include "xgrad/doctor/loss_operations.hpp"

#include "xgrad/base/text.hpp"

namespace xgrad::detail {
namespace {

bool has_inside(std::string_view operation, std::string_view before) {
  if (before == "sigmoid") return operation == "binary_cross_entropy_with_logits";
  return before == "softmax" &&
         (operation == "cross_entropy" || operation == "log_softmax" || operation == "softmax");
}

// (n), (n, 1) or (1, n).
bool is_line(const Shape& shape) {
  return shape.rank() == 1 || (shape.rank() == 2 && (shape[0] == 1 || shape[1] == 1));
}

bool pairs_numbers(std::string_view operation) {
  return operation == "subtract" || operation == "add" || operation == "multiply" ||
         operation.find("loss") != std::string_view::npos;
}

}  // namespace

template <class T>
void report_loss_operations(const std::vector<TapeEntry<T>>& tape, std::uint64_t last,
                            Diagnosis& d) {
  const auto report = [&](std::size_t i, const Node<T>& input) {
    const Node<T>& n = *tape[i].node;
    const std::string name = n.rule->name, before = input.rule ? input.rule->name : "";
    if (has_inside(name, before)) {
      d.findings.push_back({.check = "double-softmax",
                            .severity = Severity::error,
                            .title = before + " is applied twice",
                            .measured = name + " of the output of " + before,
                            .expected = "scores: " + name + " has " + before + " inside",
                            .where = name_of(tape, i),
                            .remedy = "leave out the " + before + " at the end of the model"});
    }
    const std::size_t m = input.elements;
    if (n.sequence > last && m > 1 && is_line(input.shape) && n.shape == Shape{m, m} &&
        pairs_numbers(name)) {
      d.findings.push_back(
          {.check = "broadcast",
           .severity = Severity::error,
           .title = "each prediction is paired with every target",
           .measured = name + " of " + text(input.shape) + " gives " + text(n.shape),
           .expected = "the same shape on both sides: (n, 1) against (n) broadcasts to (n, n)",
           .where = name_of(tape, i),
           .remedy = "reshape one of them; mse_loss and its like refuse such a pair"});
    }
  };
  for (std::size_t i = 0; i < tape.size(); ++i) {
    const Node<T>& n = *tape[i].node;
    for (std::size_t k = 0; n.rule != nullptr && k < n.edge_count; ++k) {
      if (n.edges[k].node != nullptr) report(i, *n.edges[k].node);
    }
  }
}

template void report_loss_operations(const std::vector<TapeEntry<float>>&, std::uint64_t,
                                     Diagnosis&);
template void report_loss_operations(const std::vector<TapeEntry<double>>&, std::uint64_t,
                                     Diagnosis&);

}  // namespace xgrad::detail
