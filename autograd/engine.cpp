#include "xgrad/autograd/engine.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <stdexcept>
#include <string>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/grad_mode.hpp"

namespace xgrad::detail {
namespace {

std::atomic<std::uint64_t> last_stamp{0};

template <class T>
bool later(const Node<T>* a, const Node<T>* b) {
  return a->sequence < b->sequence;
}

template <class T>
void assign_slot(Node<T>*& slot, const Tensor<T>& value) {
  Node<T>* old = slot;
  slot = value.node();
  hold(slot);
  if (old != nullptr) drop(old);
}

template <class T>
void accumulate(Node<T>*& slot, Tensor<T> g) {
  if (slot == nullptr) return assign_slot(slot, g);
  if (!is_recording()) {
    if (is_exclusive(slot)) return add_in_place(slot->data, g.data(), g.size());
    if (is_exclusive(g.node())) {
      add_in_place(g.node()->data, slot->data, g.size());
      return assign_slot(slot, g);
    }
  }
  assign_slot(slot, add(Tensor<T>(slot), g));
}

// Adds to a gradient that stays with the user: it does not share memory with other tensors.
template <class T>
void keep(Node<T>* n, Tensor<T> g) {
  const bool shared = n->grad == nullptr && !is_recording() && !is_exclusive(g.node());
  accumulate(n->grad, shared ? g.clone() : std::move(g));
}

// A gradient is under way only while a pass is: this is one inside a hook or a rule of another.
template <class T>
void check_idle(const Node<T>* n) {
  if (n->pending == nullptr) return;
  throw std::logic_error(std::string("backward: a backward pass through '") +
                         (n->rule != nullptr ? n->rule->name : "leaf") +
                         "' is under way; a hook or rule cannot start another one");
}

template <class T>
void check_graph(const Node<T>* n) {
  if (!n->released) return;
  throw std::logic_error(
      std::string("backward: the graph of '") + n->rule->name +
      "' was released by an earlier backward pass; give that one {.retain_graph = true}");
}

template <class T>
bool was_written(Node<T>* n, std::uint32_t saved) {
  return n->version().load(std::memory_order_relaxed) != saved;
}

template <class T>
[[noreturn]] void fail_written(const char* operation, const std::string& what, Node<T>* n,
                               std::uint32_t saved) {
  throw std::logic_error(
      std::string("backward: ") + operation + " needs its " + what + " " + to_string(n->shape) +
      ", which was written in place after it was recorded (version " + std::to_string(saved) +
      ", now " + std::to_string(n->version().load(std::memory_order_relaxed)) + ")");
}

// What the entry saved is as it was.
template <class T>
void check_saved(Node<T>* n) {
  for (std::size_t i = 0; i < n->edge_count; ++i) {
    const Edge<T>& e = n->edges[i];
    if (!e.saved || !was_written(e.node, e.version)) continue;
    fail_written(n->rule->name, "input " + std::to_string(i), e.node, e.version);
  }
  if (n->saves_output && was_written(n, n->output_version)) {
    fail_written(n->rule->name, "output", n, n->output_version);
  }
}

template <class T>
Tensor<T> apply_hooks(const Node<T>* n, Tensor<T> g) {
  if (n->hooks == nullptr) return g;
  const auto entries = n->hooks->entries;  // a hook may remove itself
  for (const auto& hook : entries) {
    Tensor<T> replaced = hook.call(g);
    if (!replaced.defined()) continue;
    if (replaced.shape() != n->shape) {
      throw std::invalid_argument("backward: a gradient hook returned shape " +
                                  to_string(replaced.shape()) + " for a tensor of shape " +
                                  to_string(n->shape));
    }
    g = std::move(replaced);
  }
  return g;
}

// Lists that the passes of this thread have grown, so that a pass need not ask for memory.
template <class T>
struct Spare {
  using List = std::vector<Node<T>*>;

  static List take(List Spare::*which) { return std::exchange(here().*which, {}); }
  static void give(List Spare::*which, List&& list) {
    constexpr std::size_t kMost = 4096;
    list.clear();
    if (list.capacity() <= kMost) here().*which = std::move(list);
  }

  List stack, heap;

 private:
  static Spare& here() {
    thread_local Spare spare;
    return spare;
  }
};

}  // namespace

template <class T>
Engine<T>::Engine(Options options) : options_(options), heap_(Spare<T>::take(&Spare<T>::heap)) {}

template <class T>
Engine<T>::~Engine() {
  for (Node<T>* n : heap_) {  // not empty only when a rule threw
    if (n->pending != nullptr) drop(std::exchange(n->pending, nullptr));
    drop_node(n);
  }
  for (auto& [node, sink] : sinks_) {
    if (sink.gradient != nullptr) drop(sink.gradient);
  }
  Spare<T>::give(&Spare<T>::heap, std::move(heap_));
}

template <class T>
void Engine<T>::collect(const std::vector<Tensor<T>>& sinks) {
  collecting_ = true;
  for (const Tensor<T>& s : sinks) sinks_.try_emplace(s.node());
}

template <class T>
Tensor<T> Engine<T>::collected(const Tensor<T>& sink) const {
  return Tensor<T>(sinks_.at(sink.node()).gradient);
}

template <class T>
void Engine<T>::push(Node<T>* n) {
  n->refs.add(1);
  heap_.push_back(n);
  if (heap_.size() > 1) std::push_heap(heap_.begin(), heap_.end(), later<T>);
}

template <class T>
Node<T>* Engine<T>::pop() {
  if (heap_.size() > 1) std::pop_heap(heap_.begin(), heap_.end(), later<T>);
  Node<T>* n = heap_.back();
  heap_.pop_back();
  return n;
}

template <class T>
bool Engine<T>::wanted(Node<T>* n) const {
  return !collecting_ || n->useful_stamp == stamp_ || sinks_.contains(n);
}

template <class T>
Node<T>*& Engine<T>::slot(Node<T>* n) {
  if (collecting_) {
    if (const auto it = sinks_.find(n); it != sinks_.end()) {
      const bool passes =
          !options_.stop_at_sinks && n->rule != nullptr && n->useful_stamp == stamp_;
      if (it->second.gradient == nullptr && passes) push(n);
      return it->second.gradient;
    }
  } else if (is_kept(n)) {
    return n->grad;
  }
  if (n->pending == nullptr) push(n);
  return n->pending;
}

template <class T>
void Engine<T>::add(Node<T>* n, Tensor<T> gradient) {
  if (gradient.shape() != n->shape) gradient = sum_to(gradient, n->shape);
  Node<T>*& s = slot(n);
  if (&s == &n->grad) return keep(n, std::move(gradient));
  accumulate(s, std::move(gradient));
}

template <class T>
typename Backward<T>::Accumulator Engine<T>::accumulator(Node<T>* n) {
  Node<T>*& s = slot(n);
  if (s == nullptr) {
    assign_slot(s, Tensor<T>::uninitialized(n->shape));
    return {s->data, false};
  }
  if (!is_exclusive(s)) assign_slot(s, Tensor<T>(s).clone());
  return {s->data, true};
}

template <class T>
bool Engine<T>::may_take(Node<T>* n, const Tensor<T>& gradient) const {
  if (!is_exclusive(gradient.node()) || gradient.shape() != n->shape) return false;
  if (collecting_) {
    if (const auto it = sinks_.find(n); it != sinks_.end()) return it->second.gradient == nullptr;
  } else if (is_kept(n)) {
    return n->grad == nullptr;
  }
  return n->pending == nullptr;
}

template <class T>
std::uint64_t Engine<T>::earliest_sink() const {
  if (sinks_.empty()) return 0;
  std::uint64_t first = std::numeric_limits<std::uint64_t>::max();
  for (const auto& [n, sink] : sinks_) first = std::min(first, n->sequence);
  return first;
}

// Visits every entry once before anything is changed: what is wrong is found before a gradient is
// touched.
template <class T>
void Engine<T>::inspect(std::span<const Tensor<T>> outputs) {
  stamp_ = last_stamp.fetch_add(1, std::memory_order_relaxed) + 1;
  std::vector<Node<T>*> stack = Spare<T>::take(&Spare<T>::stack), found;
  for (Node<T>* n : stops_) n->visit_stamp = stamp_;
  earliest_ = earliest_sink();
  const auto reach = [&](Node<T>* n) {
    check_idle(n);
    if (collecting_) mark_sink(n);
    if (n->rule == nullptr || n->visit_stamp == stamp_) return;
    met_derivative_ = met_derivative_ || n->of_derivative;
    if (n->sequence <= earliest_) return;
    n->visit_stamp = stamp_;
    if (options_.stop_at_sinks && is_sink(n)) return;
    check_graph(n);
    if (!collecting_) check_saved(n);
    stack.push_back(n);
    if (collecting_) found.push_back(n);
  };
  for (const Tensor<T>& t : outputs) reach(t.node());
  while (!stack.empty()) {
    const Node<T>* n = stack.back();
    stack.pop_back();
    for (std::size_t i = 0; i < n->edge_count; ++i) {
      if (n->edges[i].needs_grad) reach(n->edges[i].node);
    }
  }
  Spare<T>::give(&Spare<T>::stack, std::move(stack));
  if (collecting_) mark_useful(found);
}

template <class T>
void Engine<T>::mark_sink(Node<T>* n) {
  if (const auto it = sinks_.find(n); it != sinks_.end()) it->second.reached = true;
}

// An entry is useful when one of its inputs is a sink or useful; inputs were recorded before it.
template <class T>
void Engine<T>::mark_useful(std::vector<Node<T>*>& found) {
  std::sort(found.begin(), found.end(), later<T>);
  for (Node<T>* n : found) {
    for (std::size_t i = 0; i < n->edge_count; ++i) {
      const Edge<T>& e = n->edges[i];
      if (e.needs_grad && (e.node->useful_stamp == stamp_ || sinks_.contains(e.node)))
        n->useful_stamp = stamp_;
    }
    if (n->useful_stamp == stamp_) check_saved(n);
  }
}

template <class T>
void Engine<T>::visit(Node<T>* n) {
  const auto it = collecting_ ? sinks_.find(n) : sinks_.end();
  Tensor<T> g;
  if (it != sinks_.end()) {
    g = apply_hooks(n, Tensor<T>(it->second.gradient));
    assign_slot(it->second.gradient, g);
  } else {
    Node<T>* pending = std::exchange(n->pending, nullptr);
    g = Tensor<T>(pending);
    drop(pending);
    g = apply_hooks(n, std::move(g));
    if (!collecting_ && n->rule == nullptr) return keep(n, std::move(g));
    if (!collecting_ && n->retains_grad) keep(n, g);
  }
  Backward<T> b(*this, n, std::move(g));
  n->rule->backward(n->attributes, b);
  if (!options_.retain) release_entry(n);
}

template <class T>
void Engine<T>::walk(std::span<const Tensor<T>> outputs, std::span<const Tensor<T>> seeds) {
  const RecordingScope scope(options_.create_graph);
  const DerivingScope derivative(options_.create_graph);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (wanted(outputs[i].node())) add(outputs[i].node(), seeds[i]);
  }
  while (!heap_.empty()) {
    Node<T>* n = pop();
    const struct Guard {
      Node<T>* node;
      ~Guard() { drop_node(node); }
    } guard{n};
    visit(n);
  }
  if (!collecting_) return;
  for (auto& [n, sink] :
       sinks_) {  // leaves and sinks that were not passed have not met their hooks yet
    const bool visited = !options_.stop_at_sinks && n->rule != nullptr && n->useful_stamp == stamp_;
    if (sink.gradient != nullptr && !visited && n->hooks != nullptr) {
      assign_slot(sink.gradient, apply_hooks(n, Tensor<T>(sink.gradient)));
    }
  }
}

template class Engine<float>;
template class Engine<double>;

}  // namespace xgrad::detail

namespace xgrad {

template <class T>
bool Backward<T>::wanted(std::size_t i) const {
  return engine_.wanted(node_->edges[i].node);
}

template <class T>
unsigned Backward<T>::needs_mask() const {
  unsigned mask = 0;
  for (std::size_t i = 0; i < node_->edge_count && i < 32; ++i)
    mask |= static_cast<unsigned>(needs(i)) << i;
  return mask;
}

template <class T>
Tensor<T> Backward<T>::input(std::size_t i) const {
  return Tensor<T>(node_->edges[i].node);
}

template <class T>
void Backward<T>::add(std::size_t i, Tensor<T> gradient) {
  if (needs(i)) engine_.add(node_->edges[i].node, std::move(gradient));
}

template <class T>
typename Backward<T>::Accumulator Backward<T>::accumulator(std::size_t i) {
  return engine_.accumulator(node_->edges[i].node);
}

template <class T>
Tensor<T> Backward<T>::reusable_gradient(std::size_t i) {
  if (!needs(i) || !engine_.may_take(node_->edges[i].node, gradient_)) return {};
  return gradient_;
}

template <class T>
bool Backward<T>::copies_gradient(std::size_t i) const {
  const detail::Node<T>* n = node_->edges[i].node;
  return needs(i) && n->shape == gradient_.shape() && engine_.is_kept(n) &&
         (n->grad != nullptr || !detail::is_exclusive(gradient_.node()));
}

template <class T>
void Backward<T>::add_reused(std::size_t i, Tensor<T> gradient) {
  gradient_ = {};
  engine_.add(node_->edges[i].node, std::move(gradient));
}

template class Backward<float>;
template class Backward<double>;

}  // namespace xgrad
