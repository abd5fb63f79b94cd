#include "xgrad/autograd/engine.hpp"

#include <algorithm>
#include <atomic>
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

// Nobody else can see this tensor, so its memory may be written.
template <class T>
bool is_exclusive(const Node<T>* n) {
  return n->refs.get() == 1 && n->value_refs.get() == 1 && n->owns_data && n->rule == nullptr;
}

template <class T>
void assign_slot(Node<T>*& slot, const Tensor<T>& value) {
  Node<T>* old = slot;
  slot = value.node();
  hold(slot);
  if (old != nullptr) drop(old);
}

// A gradient that stays with the user must not share memory with other tensors.
template <class T>
Tensor<T> own_copy(Tensor<T> g) {
  if (is_recording() || is_exclusive(g.node())) return g;
  return g.clone();
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

template <class T>
Tensor<T> apply_hooks(const Node<T>* n, Tensor<T> g) {
  if (n->hooks == nullptr) return g;
  const auto entries = n->hooks->entries;  // a hook may remove itself
  for (const auto& hook : entries) {
    Tensor<T> replaced = hook.call(g);
    if (!replaced.defined()) continue;
    if (replaced.shape() != n->shape) {
      throw std::invalid_argument("backward: a gradient hook returned shape " + to_string(replaced.shape()) +
                                  " for a tensor of shape " + to_string(n->shape));
    }
    g = std::move(replaced);
  }
  return g;
}

}  // namespace

template <class T>
Engine<T>::~Engine() {
  for (Node<T>* n : heap_) {  // not empty only when a rule threw
    if (n->pending != nullptr) drop(std::exchange(n->pending, nullptr));
    drop_node(n);
  }
  for (auto& [node, gradient] : sinks_) {
    if (gradient != nullptr) drop(gradient);
  }
}

template <class T>
void Engine<T>::collect(const std::vector<Tensor<T>>& sinks) {
  collecting_ = true;
  for (const Tensor<T>& s : sinks) sinks_.try_emplace(s.node(), nullptr);
}

template <class T>
Tensor<T> Engine<T>::collected(const Tensor<T>& sink) const {
  return Tensor<T>(sinks_.at(sink.node()));
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
      const bool passes = !options_.stop_at_sinks && n->rule != nullptr && n->useful_stamp == stamp_;
      if (it->second == nullptr && passes) push(n);
      return it->second;
    }
  } else if (n->rule == nullptr && n->hooks == nullptr) {
    return n->grad;
  }
  if (n->pending == nullptr) push(n);
  return n->pending;
}

template <class T>
void Engine<T>::add(Node<T>* n, Tensor<T> gradient) {
  if (gradient.shape() != n->shape) gradient = sum_to(gradient, n->shape);
  Node<T>*& s = slot(n);
  const bool stays = &s == &n->grad;
  accumulate(s, stays && s == nullptr ? own_copy(std::move(gradient)) : std::move(gradient));
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
    if (const auto it = sinks_.find(n); it != sinks_.end()) return it->second == nullptr;
  } else if (n->rule == nullptr && n->hooks == nullptr) {
    return n->grad == nullptr;
  }
  return n->pending == nullptr;
}

template <class T>
void Engine<T>::check(const Node<T>* n) const {
  if (n->released) {
    throw std::logic_error(std::string("backward: the graph of '") + n->rule->name +
                           "' was released by an earlier backward pass; give that one {.retain_graph = true}");
  }
  for (std::size_t i = 0; i < n->edge_count; ++i) {
    const Edge<T>& e = n->edges[i];
    if (!e.saved) continue;
    const std::uint32_t version = e.node->version().load(std::memory_order_relaxed);
    if (version != e.version) {
      throw std::logic_error(std::string("backward: ") + n->rule->name + " needs its input " +
                             std::to_string(i) + " " + to_string(e.node->shape) +
                             ", which was written in place after it was recorded (version " +
                             std::to_string(e.version) + ", now " + std::to_string(version) + ")");
    }
  }
}

// Visits every entry once before anything is changed: what is wrong is found before a gradient is touched.
template <class T>
void Engine<T>::inspect(const std::vector<Tensor<T>>& outputs) {
  stamp_ = last_stamp.fetch_add(1, std::memory_order_relaxed) + 1;
  std::vector<Node<T>*> stack, found;
  const auto reach = [&](Node<T>* n) {
    if (n->rule == nullptr || n->visit_stamp == stamp_) return;
    n->visit_stamp = stamp_;
    if (options_.stop_at_sinks && is_sink(n)) return;
    check(n);
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
  if (collecting_) mark_useful(found);
}

// An entry is useful when one of its inputs is a sink or useful; inputs were recorded before it.
template <class T>
void Engine<T>::mark_useful(std::vector<Node<T>*>& found) {
  std::sort(found.begin(), found.end(), later<T>);
  for (Node<T>* n : found) {
    for (std::size_t i = 0; i < n->edge_count; ++i) {
      const Edge<T>& e = n->edges[i];
      if (e.needs_grad && (e.node->useful_stamp == stamp_ || sinks_.contains(e.node))) n->useful_stamp = stamp_;
    }
  }
}

template <class T>
void Engine<T>::visit(Node<T>* n) {
  const auto it = collecting_ ? sinks_.find(n) : sinks_.end();
  Tensor<T> g;
  if (it != sinks_.end()) {
    g = apply_hooks(n, Tensor<T>(it->second));
    assign_slot(it->second, g);
  } else {
    Node<T>* pending = std::exchange(n->pending, nullptr);
    g = Tensor<T>(pending);
    drop(pending);
    g = apply_hooks(n, std::move(g));
    if (!collecting_ && (n->retains_grad || n->rule == nullptr)) accumulate(n->grad, g);
  }
  if (n->rule == nullptr) return;
  Backward<T> b(*this, n, std::move(g));
  n->rule->backward(n->attributes, b);
  if (!options_.retain) release_entry(n);
}

template <class T>
void Engine<T>::run(const std::vector<Tensor<T>>& outputs, const std::vector<Tensor<T>>& seeds) {
  inspect(outputs);
  const RecordingScope scope(options_.create_graph);
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
  for (auto& [n, gradient] : sinks_) {  // leaves and sinks that were not passed have not met their hooks yet
    const bool visited = !options_.stop_at_sinks && n->rule != nullptr && n->useful_stamp == stamp_;
    if (gradient != nullptr && !visited && n->hooks != nullptr) {
      assign_slot(gradient, apply_hooks(n, Tensor<T>(gradient)));
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
  for (std::size_t i = 0; i < node_->edge_count && i < 32; ++i) mask |= static_cast<unsigned>(needs(i)) << i;
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
void Backward<T>::add_reused(std::size_t i, Tensor<T> gradient) {
  gradient_ = {};
  engine_.add(node_->edges[i].node, std::move(gradient));
}

template class Backward<float>;
template class Backward<double>;

}  // namespace xgrad
