// The values of a program: what a function is given and holds, what its operations make, and what it returns.

#include <utility>

#include "xgrad/autograd/record.hpp"
#include "xgrad/compile/recorder.hpp"

namespace xgrad::detail {
namespace {

// The function's own handle to an argument: a tensor that the function holds besides is another one.
template <class T>
const Rule<T> kArgument = {
    "argument", [](const void*, Backward<T>& b) { b.add(0, b.take_gradient()); }, nullptr};

}  // namespace

template <class T>
void RecorderCore::on_made(const Node<T>* n) {
  made_.insert(n);
  constants_.erase(n);
}

template <class T>
std::uint32_t RecorderCore::add_value(const Tensor<T>& t, GraphValue::Kind kind) {
  const auto v = static_cast<std::uint32_t>(values_.size());
  values_.push_back({{kind, t.shape(), sizeof(T), t.requires_grad()}, std::is_same_v<T, double>});
  known_[t.node()] = v;
  hold_node(t.node());
  data_of_.push_back(t.node()->data);
  if constexpr (std::is_same_v<T, float>) {
    float_nodes_.push_back(t.node());
  } else {
    double_nodes_.push_back(t.node());
  }
  return v;
}

RecorderCore::~RecorderCore() {
  for (Node<float>* n : float_nodes_) drop_node(n);
  for (Node<double>* n : double_nodes_) drop_node(n);
}

template <class T>
std::uint32_t RecorderCore::value_of(const Tensor<T>& t) {
  if (const auto it = known_.find(t.node()); it != known_.end()) return it->second;
  const bool made = made_.count(t.node()) != 0, untold = is_untold(t.node());
  using Kind = GraphValue::Kind;
  const std::uint32_t v = add_value(t, made ? Kind::constant : Kind::held);
  values_[v].untold = untold;
  const Tensor<T>* const held = held_->hold(t);
  values_[v].held = held;
  if (made) return v;
  if constexpr (std::is_same_v<T, float>) {
    guards_.floats.push_back({held, 0});
  } else {
    guards_.doubles.push_back({held, 0});
  }
  return v;
}

template <class T>
Operand<T> RecorderCore::operand(const Tensor<T>& t, RecordedStep& step) {
  if (!t.defined()) return {kNoValue, held_->none<T>()};
  const std::uint32_t v = value_of(t);
  step.inputs.push_back(v);
  return {v, held_of<T>(v)};
}

template <class T>
std::vector<Operand<T>> RecorderCore::operands(const std::vector<Tensor<T>>& list,
                                               RecordedStep& step) {
  std::vector<Operand<T>> r;
  for (const Tensor<T>& t : list) r.push_back(operand(t, step));
  return r;
}

template <class T>
std::uint32_t RecorderCore::add_result(const Tensor<T>& y, RecordedStep& step) {
  const std::uint32_t v = add_value(y, GraphValue::Kind::result);
  step.outputs.push_back(v);
  if constexpr (std::is_same_v<T, float>) {
    last_float_ = y.node();
  } else {
    last_double_ = y.node();
  }
  return v;
}

// --- What a function is given, and returns ---

template <class T>
Tensor<T> RecorderCore::argument(const Tensor<T>& x) {
  std::vector<std::uint32_t>* list;
  if constexpr (std::is_same_v<T, float>) {
    list = &float_arguments_;
  } else {
    list = &double_arguments_;
  }
  if (!x.defined()) {
    list->push_back(kNoValue);
    return x;
  }
  const Untraced untraced;
  const EnableGrad on;  // what needs a gradient does so where it is off, too
  Tensor<T> given(share_value(x.node(), x.shape()));
  record<T>(given, kArgument<T>, {&x}, {});
  const std::uint32_t v = add_value(given, GraphValue::Kind::argument);
  originals_[given.node()] = static_cast<std::uint32_t>(given_.of<T>().size());
  given_.of<T>().push_back(x);
  list->push_back(v);
  return given;
}

TensorLists RecorderCore::given(const TensorLists& arguments) {
  TensorLists r;
  r.indices = arguments.indices;
  r.lengths = arguments.lengths;
  for (const auto& t : arguments.floats) r.floats.push_back(argument(t));
  for (const auto& t : arguments.doubles) r.doubles.push_back(argument(t));
  return r;
}

template <class T>
Tensor<T> RecorderCore::result(const Tensor<T>& y) {
  const std::uint32_t v = y.defined() ? value_of(y) : kNoValue;
  if constexpr (std::is_same_v<T, float>) {
    float_results_.push_back(v);
  } else {
    double_results_.push_back(v);
  }
  return v != kNoValue && values_[v].shown.kind == GraphValue::Kind::constant ? y.clone() : y;
}

// An operation is told before its entry is there.
template <class T>
void RecorderCore::look_at_entry(const Node<T>* n) {
  RecordedStep& s = steps_.back();
  const std::uint32_t result = known_.at(n);
  for (const std::uint32_t v : s.inputs) {
    if (n->data != nullptr && data_of_[v] == n->data) values_[result].shares = v;
  }
  if (n->rule == nullptr) return;
  if (n->saves_output.load(std::memory_order_relaxed)) s.saves.push_back(result);
  for (std::size_t i = 0; i < n->edge_count; ++i) {
    const Edge<T>& e = n->edges[i];
    if (!e.saved || e.node == nullptr) continue;
    const auto it = known_.find(e.node);
    it != known_.end() ? s.saves.push_back(it->second)
                       : void(s.saved_bytes += e.node->elements * sizeof(T));
  }
}

void RecorderCore::look_at_last() {
  if (const auto* n = std::exchange(last_float_, nullptr)) look_at_entry(n);
  if (const auto* n = std::exchange(last_double_, nullptr)) look_at_entry(n);
}

#define XGRAD_INSTANTIATE(T)                                                             \
  template void RecorderCore::on_made(const Node<T>*);                                   \
  template Tensor<T> RecorderCore::argument(const Tensor<T>&);                           \
  template Tensor<T> RecorderCore::result(const Tensor<T>&);                             \
  template Operand<T> RecorderCore::operand(const Tensor<T>&, RecordedStep&);            \
  template std::vector<Operand<T>> RecorderCore::operands(const std::vector<Tensor<T>>&, \
                                                          RecordedStep&);                \
  template std::uint32_t RecorderCore::add_result(const Tensor<T>&, RecordedStep&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
