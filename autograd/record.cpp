#include "xgrad/autograd/record.hpp"

#include <algorithm>

#include "xgrad/autograd/observe.hpp"
#include "xgrad/autograd/operation_log.hpp"

namespace xgrad::detail {
namespace {

thread_local std::uint64_t last_recorded = 0;

template <class T>
Edge<T> make_edge(const Tensor<T>& input, bool saved) {
  Node<T>* n = input.node();
  const bool needs = n->requires_grad;
  if (!needs && !saved) return {nullptr, 0, false, false};
  saved ? hold(n) : hold_node(n);
  return {n, saved ? n->version().load(std::memory_order_relaxed) : 0, needs, saved};
}

// A block for the edges with a copy of the attributes behind them.
template <class T>
Edge<T>* make_block(Node<T>* n, std::size_t count, const void* attributes, std::size_t bytes,
                    void (*copy)(const void*, void*)) {
  const std::size_t size = count * sizeof(Edge<T>) + bytes;
  const bool fits = size <= Node<T>::kRoom;
  auto* edges = static_cast<Edge<T>*>(fits ? n->room : object_allocate(size));
  try {
    if (bytes != 0) copy(attributes, edges + count);
  } catch (...) {
    if (!fits) object_free(edges, size);
    throw;
  }
  return edges;
}

// For those who want to run it again.
template <class T>
[[gnu::noinline, gnu::cold]] void log_operation(const Tensor<T>& y,
                                                std::span<const Tensor<T>* const> inputs,
                                                Saves saves, const void* attributes,
                                                std::size_t bytes,
                                                void (*copy)(const void*, void*)) {
  std::shared_ptr<const void> kept;
  if (bytes != 0) {
    const std::shared_ptr<std::byte[]> place(new std::byte[bytes]);
    copy(attributes, place.get());
    kept = {place.get(), [place, destroy = y.node()->rule->destroy](const void*) {
              if (destroy != nullptr) destroy(place.get());
            }};
  }
  std::vector<Tensor<T>> operands;
  for (const Tensor<T>* x : inputs) operands.push_back(*x);
  for (auto* log = operation_logs<T>; log != nullptr; log = log->next)
    log->add({y.node()->rule, y, operands, saves, kept, bytes, copy});
}

template <class T>
[[gnu::noinline, gnu::cold]] void trace_operation(const Tensor<T>& y, const Rule<T>& rule,
                                                  std::span<const Tensor<T>* const> inputs) {
  TracedOperation<T> operation{rule.name, y, {}};
  for (const Tensor<T>* x : inputs) operation.operands.push_back(*x);
  traced<T>().operation(std::move(operation));
}

}  // namespace

std::uint64_t last_sequence(std::uint64_t least) {
  return last_recorded = std::max(last_recorded, least);
}

template <class T>
void record_entry(const Tensor<T>& y, const Rule<T>& rule, std::span<const Tensor<T>* const> inputs,
                  Saves saves, const void* attributes, std::size_t attribute_bytes,
                  void (*copy)(const void*, void*)) {
  if (tracer != nullptr) [[unlikely]]
    trace_operation(y, rule, inputs);
  if (!is_recording()) return;
  const bool needed = std::any_of(inputs.begin(), inputs.end(),
                                  [](const Tensor<T>* t) { return t->requires_grad(); });
  if (needed) record_needed(y, rule, inputs, saves, attributes, attribute_bytes, copy);
}

template <class T>
void record_needed(const Tensor<T>& y, const Rule<T>& rule,
                   std::span<const Tensor<T>* const> inputs, Saves saves, const void* attributes,
                   std::size_t attribute_bytes, void (*copy)(const void*, void*)) {
  Node<T>* n = y.node();
  const std::size_t count = inputs.size();
  n->edges = make_block(n, count, attributes, attribute_bytes, copy);
  n->edge_count = static_cast<std::uint32_t>(count);
  n->attribute_bytes = static_cast<std::uint32_t>(attribute_bytes);
  n->requires_grad = true;
  n->rule = &rule;
  n->of_derivative = deriving;
  std::uint64_t sequence = last_recorded;
  for (std::size_t i = 0; i < count; ++i) {
    n->edges[i] = make_edge(*inputs[i], i < 32 && (saves.inputs >> i & 1U) != 0);
    if (n->edges[i].node != nullptr) sequence = std::max(sequence, n->edges[i].node->sequence);
  }
  n->sequence = last_recorded = sequence + 1;
  if (saves.output || keeping_values > 0) {
    n->saves_output.store(true, std::memory_order_relaxed);
    n->output_version = n->version().load(std::memory_order_relaxed);
  }
  if (operation_logs<T> != nullptr && !deriving) [[unlikely]]
    log_operation(y, inputs, saves, attributes, attribute_bytes, copy);
}

template <class T>
void record_constant(const Tensor<T>& y) {
  static const Rule<T> rule = {"constant derivative", [](const void*, Backward<T>&) {}, nullptr};
  Node<T>* n = y.node();
  n->requires_grad = n->of_derivative = true;
  n->rule = &rule;
}

#define XGRAD_INSTANTIATE(T)                                                                       \
  template void record_constant(const Tensor<T>&);                                                 \
  template void record_entry(const Tensor<T>&, const Rule<T>&, std::span<const Tensor<T>* const>,  \
                             Saves, const void*, std::size_t, void (*)(const void*, void*));       \
  template void record_needed(const Tensor<T>&, const Rule<T>&, std::span<const Tensor<T>* const>, \
                              Saves, const void*, std::size_t, void (*)(const void*, void*));
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
