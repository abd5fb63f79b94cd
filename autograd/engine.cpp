#include "xgrad/autograd/engine.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/gradient_slot.hpp"
#include "xgrad/autograd/later_products.hpp"
#include "xgrad/autograd/observe.hpp"
#include "xgrad/autograd/recorded_pass.hpp"
#include "xgrad/base/errors.hpp"

// backward(output, seed), all of it:
//
//   find every entry behind the output, the one recorded last first, each once
//     refuse one that was released, or whose saved values were written in place   nothing is changed
//   add the seed to the gradient of the output                                    from here on it is
//   for each entry, as they were found:
//     skip it when it has no gradient     else that is complete: all that use the entry came before
//     let its hooks see the gradient, and replace it
//     a leaf:       add the gradient to what the user sees
//     an operation: rule(entry, gradient) adds to the gradients of the inputs
//                   let go of the inputs and of what was saved, unless the graph is retained
//
// grad(outputs, inputs) does the same with two changes: nothing recorded before the earliest of the
// inputs is looked at, and of the rest only what leads to one of them is visited; their gradients
// are handed to the caller and no leaf is touched.

namespace xgrad::detail {
namespace {

template <class T>
[[noreturn]] void fail_released(const Node<T>* n) {
  detail::fail<std::logic_error>(
      "backward", "the graph of ", detail::quote(n->rule->name),
      " was released by an earlier backward pass; give that one {.retain_graph = true}");
}

template <class T>
bool was_written(Node<T>* n, std::uint32_t saved) {
  return n->version().load(std::memory_order_relaxed) != saved;
}

template <class T>
[[noreturn]] void fail_written(const char* operation, const std::string& what, Node<T>* n,
                               std::uint32_t saved) {
  detail::fail<std::logic_error>("backward", operation, " needs its ", what, " ", n->shape,
                                 ", which was written in place after it was recorded (version ",
                                 saved, ", now ", n->version().load(std::memory_order_relaxed),
                                 ")");
}

// What the entry saved was written in place since: the place of the input, the number of inputs for
// the output, kUnwritten for none.
constexpr std::size_t kUnwritten = ~std::size_t{0};
template <class T>
std::size_t find_written(Node<T>* n) {
  for (std::size_t i = 0; i < n->edge_count; ++i) {
    const Edge<T>& e = n->edges[i];
    if (e.saved && was_written(e.node, e.version)) return i;
  }
  return n->saves_output && was_written(n, n->output_version) ? n->edge_count : kUnwritten;
}

template <class T>
[[noreturn]] void fail_written(Node<T>* n, std::size_t i) {
  if (i == n->edge_count) fail_written(n->rule->name, "output", n, n->output_version);
  const Edge<T>& e = n->edges[i];
  fail_written(n->rule->name, "input " + detail::text(i), e.node, e.version);
}

template <class T>
Tensor<T> apply_hooks(const Node<T>* n, Tensor<T> g) {
  if (n->hooks == nullptr) return g;
  const auto entries = n->hooks->entries;  // a hook may remove itself
  for (const auto& hook : entries) {
    Tensor<T> replaced = hook.call(g);
    if (!replaced.defined()) continue;
    if (replaced.shape() != n->shape) {
      detail::fail("backward", "a gradient hook returned shape ", replaced.shape(),
                   " for a tensor of shape ", n->shape);
    }
    g = std::move(replaced);
  }
  return g;
}

// The walk will soon need the node, but for the end of its shape.
template <class T>
void fetch(const Node<T>* n) {
  for (std::size_t at = 0; at < offsetof(Node<T>, shape) + 16; at += 64)
    __builtin_prefetch(reinterpret_cast<const std::byte*>(n) + at);
}

}  // namespace

// --- Before the walk ---

// The lists that the passes of this thread have grown, so that a pass need not ask for memory.
template <class T>
auto Engine<T>::spare() -> Lists& {
  thread_local Lists lists;
  return lists;
}

template <class T>
Engine<T>::Engine(Options options) : options_(options), lists_(std::move(spare())) {}

template <class T>
Engine<T>::~Engine() {
  constexpr std::size_t kLongest = std::size_t{1} << 17;
  if (lists_.order.capacity() > kLongest || lists_.inputs.capacity() > kLongest) return;
  lists_.found.clear();
  lists_.leaves.clear();
  lists_.order.clear();
  lists_.inputs.clear();
  lists_.input_end.clear();
  lists_.locked.clear();
  spare() = std::move(lists_);
}

template <class T>
void Engine<T>::collect(const std::vector<Tensor<T>>& sinks) {
  collecting_ = true;
  if (sinks.empty()) return;
  earliest_ = std::numeric_limits<std::uint64_t>::max();
  for (const Tensor<T>& s : sinks) {
    std::uint32_t place = pass_.find(s.node());
    if (place == Pass<T>::kNone) place = pass_.add(s.node());
    pass_[place].sink = true;
    earliest_ = std::min(earliest_, s.node()->sequence);
  }
}

template <class T>
Tensor<T> Engine<T>::collected(const Tensor<T>& sink) const {
  const Tensor<T> g(pass_[pass_.find(sink.node())].gradient);
  return g.defined() ? given(g) : g;
}

// Looks at every entry once before anything is changed: what is wrong is found before a gradient
// is touched.
template <class T>
void Engine<T>::inspect(std::span<const Tensor<T>> outputs) {
  for (const Tensor<T>& t : outputs) reach(t.node());
  while (look_further()) {
  }
  look_into_leaves();
  if (other_ != nullptr) other_->look_into_leaves();
  if (collecting_) mark_useful();
  if (!options_.create_graph)
    options_.recorded =
        meets_recorded_rule() || (other_ != nullptr && other_->meets_recorded_rule());
  options_.retain = options_.retain || options_.recorded;
  if (other_ != nullptr) other_->follow(*this);
}

// Of the entries that were found, looks into the one recorded last.
template <class T>
bool Engine<T>::look_further() {
  const auto& found = lists_.found;
  if (other_ != nullptr && !other_->lists_.found.empty() &&
      (found.empty() || found.front().sequence < other_->lists_.found.front().sequence)) {
    other_->look_into_last();
    return true;
  }
  if (found.empty()) return false;
  look_into_last();
  return true;
}

template <class T>
void Engine<T>::look_into_last() {
  const std::uint32_t place = lists_.found.front().place;
  std::pop_heap(lists_.found.begin(), lists_.found.end());
  lists_.found.pop_back();
  look_into(place);
}

template <class T>
void Engine<T>::look_into_leaves() {
  for (const std::uint32_t place : lists_.leaves) look_into(place);
}

// The pass among tensors of the other type, which has no outputs or sinks of its own.
template <class T>
Engine<OtherType<T>>& Engine<T>::other() {
  if (other_ == nullptr) {
    led_ = std::make_unique<Engine<OtherType<T>>>(typename Engine<OtherType<T>>::Options{});
    other_ = led_.get();
    other_->other_ = this;
    other_->follow(*this);
  }
  return *other_;
}

template <class T>
template <class U>
void Engine<T>::follow(const Engine<U>& leader) {
  const auto& o = leader.options_;
  options_ = {o.retain, o.create_graph, o.stop_at_sinks, o.keeps_leaves, o.recorded, nullptr};
  collecting_ = leader.collecting_;
  earliest_ = leader.earliest_;
}

template <class T>
bool Engine<T>::meets_recorded_rule() const {
  return any_recorded_passes<T>() &&
         std::any_of(lists_.order.begin(), lists_.order.end(), [this](std::uint32_t place) {
           const Visit<T>& v = pass_[place];
           return passes(v) && requires_recorded_pass(v.node->rule);
         });
}

// What a pass that records itself for its own use gives away.
template <class T>
Tensor<T> Engine<T>::given(Tensor<T> g) const {
  if (options_.recorded && g.requires_grad()) return g.clone();
  return g;  // moved: what nobody else holds need not be copied
}

// The place of a node on the way; kNone where the way does not lead to anything.
template <class T>
std::uint32_t Engine<T>::reach(Node<T>* n) {
  std::uint32_t place = pass_.find(n);
  if (place != Pass<T>::kNone) {
    const bool again = !pass_[place].sink || std::exchange(pass_[place].reached, true);
    if (!again) enter(n, place);
    return place;
  }
  if (is_in_place(n)) return Pass<T>::kNone;
  met_derivative_ = met_derivative_ || n->of_derivative;
  if (collecting_ && n->sequence <= earliest_) return Pass<T>::kNone;
  place = pass_.add(n);
  enter(n, place);
  return place;
}

template <class T>
void Engine<T>::enter(Node<T>* n, std::uint32_t place) {
  if (collecting_ && (n->sequence <= earliest_ || (options_.stop_at_sinks && pass_[place].sink)))
    return;
  if (n->rule == nullptr) return lists_.leaves.push_back(place);
  if (is_released(n)) fail_released(n);
  if (reinterpret_cast<const std::byte*>(n->edges) != n->room) __builtin_prefetch(n->edges);
  lists_.found.push_back({n->sequence, place});
  if (lists_.found.size() > 1) std::push_heap(lists_.found.begin(), lists_.found.end());
}

template <class T>
void Engine<T>::look_into(std::uint32_t place) {
  Node<T>* const n = pass_[place].node;
  lists_.order.push_back(place);
  if (const std::size_t i = find_written(n); i != kUnwritten) {
    if (!collecting_) fail_written(n, i);
    pass_[place].written = true;
  }
  for (std::size_t i = 0; i < n->edge_count; ++i) {
    if (!n->edges[i].needs_grad) continue;
    const std::uint32_t input = reach(n->edges[i].node);
    if (!collecting_) continue;
    if (input != Pass<T>::kNone) {
      lists_.inputs.push_back(input);
    } else {
      pass_[place].partly = true;
    }
  }
  if (n->rule == &cast_rule<T>) other().reach(source_of(n));
  if (collecting_) lists_.input_end.push_back(static_cast<std::uint32_t>(lists_.inputs.size()));
}

// An entry is useful when one of its inputs is a sink or useful; inputs were recorded before it.
template <class T>
void Engine<T>::mark_useful() {
  Unmarked left{lists_.order.size(), lists_.inputs.size()};
  if (other_ == nullptr) {
    while (left.entries > 0) mark_last(left);
    return;
  }
  typename Engine<OtherType<T>>::Unmarked others{other_->lists_.order.size(),
                                                 other_->lists_.inputs.size()};
  while (left.entries + others.entries > 0) {
    const bool mine = others.entries == 0 ||
                      (left.entries > 0 &&
                       sequence_at(left.entries - 1) < other_->sequence_at(others.entries - 1));
    mine ? mark_last(left) : other_->mark_last(others);
  }
}

template <class T>
void Engine<T>::mark_last(Unmarked& left) {
  const std::size_t i = --left.entries;
  Visit<T>& v = pass_[lists_.order[i]];
  const std::size_t begin = i == 0 ? 0 : lists_.input_end[i - 1];
  for (std::size_t k = begin; k < left.inputs; ++k) {
    const Visit<T>& input = pass_[lists_.inputs[k]];
    (input.sink || input.useful ? v.useful : v.partly) = true;
  }
  left.inputs = begin;
  if (v.node->rule == &cast_rule<T>) v.useful = other_->wanted(source_of(v.node));
  if (v.useful && v.written) fail_written(v.node, find_written(v.node));
}

// --- The walk ---

template <class T>
Node<T>*& Engine<T>::slot_in_place(Node<T>* n) {
  if (is_locked(n)) return n->grad;
  if (is_in_place(n) && lock_own(n)) {
    lists_.locked.push_back(n);
    return n->grad;
  }
  const std::uint32_t place = pass_.add(n);  // a leaf that another thread has just met
  lists_.order.push_back(place);
  return pass_[place].gradient;
}

template <class T>
void Engine<T>::unlock_from(std::size_t first) {
  for (std::size_t i = first; i < lists_.locked.size(); ++i)
    lists_.locked[i]->gradient_locked.store(false, std::memory_order_release);
  lists_.locked.resize(first);
}

template <class T>
void Engine<T>::keep(Node<T>* n, Tensor<T> g) {
  const GradientLock<T> lock(n);
  accumulate_own(n, given(std::move(g)));
}

template <class T>
void Engine<T>::add(Node<T>* n, Tensor<T>&& gradient) {
  if (gradient.shape() != n->shape) gradient = sum_to(gradient, n->shape);
  const std::size_t locked = lists_.locked.size();
  Node<T>*& s = slot(n);
  if (&s != &n->grad) return accumulate(s, std::move(gradient));
  accumulate_own(n, given(std::move(gradient)));
  unlock(locked);
}

template <class T>
Accumulator<T> Engine<T>::accumulator(Node<T>* n) {
  Node<T>*& s = slot(n);
  if (s == nullptr) {
    s = Tensor<T>::uninitialized(n->shape).give_up();
    return {s->data, false};
  }
  if (!is_exclusive(s)) assign_slot(s, Tensor<T>(s).clone());
  return {s->data, true};
}

template <class T>
bool Engine<T>::may_take(Node<T>* n, const Tensor<T>& gradient) {
  return gradient.shape() == n->shape && slot(n) == nullptr && is_exclusive(gradient.node());
}

// A leaf keeps no memory that somebody else can see.
template <class T>
bool Engine<T>::would_copy(Node<T>* n, const Tensor<T>& gradient) {
  return n->shape == gradient.shape() && is_kept(n) &&
         (slot(n) != nullptr || !is_exclusive(gradient.node()));
}

// A leaf of this thread that has no gradient: a^T b is one, for who computes it later.
template <class T>
bool Engine<T>::leave(Node<T>* n, const Tensor<T>& a, const Tensor<T>& b) {
  if (options_.later == nullptr || options_.create_graph || options_.recorded || collecting_)
    return false;
  if (!is_kept(n) || n->grad != nullptr) return false;
  const std::uint32_t place = pass_.find(n);
  return place != Pass<T>::kNone && pass_[place].gradient == nullptr &&
         options_.later->take(n, a, b);
}

// From an entry of this type to its input of the other.
template <class T>
void Engine<T>::hand_over(const CastSource<OtherType<T>>& source, Backward<T>& b) {
  Engine<OtherType<T>>& to = *b.engine_.other_;
  if (to.wanted(source.node)) to.add(source.node, b.take_gradient().template to<OtherType<T>>());
}

// The gradient of a node is complete.
template <class T>
Tensor<T> Engine<T>::finished(std::uint32_t place) {
  Node<T>* const n = pass_[place].node;
  if (pass_[place].sink) {
    Tensor<T> g = apply_hooks(n, Tensor<T>(pass_[place].gradient));
    assign_slot(pass_[place].gradient, g);
    return g;
  }
  Tensor<T> g = Tensor<T>::adopt(std::exchange(pass_[place].gradient, nullptr));
  if (n->hooks == nullptr) return g;
  return apply_hooks(n, std::move(g));
}

template <class T>
void Engine<T>::visit(std::uint32_t place) {
  Node<T>* const n = pass_[place].node;
  Tensor<T> g = finished(place);
  if (n->rule == nullptr) return keep(n, std::move(g));
  if (!collecting_ && n->retains_grad) keep(n, g);
  const struct Guard {
    Engine& engine;
    ~Guard() { engine.unlock(0); }
  } guard{*this};
  Backward<T> b(*this, n, std::move(g), !pass_[place].partly);
  n->rule->backward(n->attributes(), b);
  unlock(0);  // while the entry still holds the leaves
  if (!options_.retain && n->edge_count != 0 && pass_.release(place)) release_entry(n);
}

template <class T>
void Engine<T>::pass_by(std::size_t i) {
  constexpr std::size_t kAhead = 4;
  if (i + kAhead < lists_.order.size()) fetch(pass_[lists_.order[i + kAhead]].node);
  const std::uint32_t place = lists_.order[i];
  if (pass_[place].gradient != nullptr && passes(pass_[place])) visit(place);
  if (!pass_[place].sink) pass_.forget(place);
}

template <class T>
void Engine<T>::walk(std::span<const Tensor<T>> outputs, std::span<const Tensor<T>> seeds) {
  ++passes_begun;
  const RecordingScope scope(options_.create_graph || options_.recorded);
  const DerivingScope derivative(options_.create_graph || options_.recorded);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (wanted(outputs[i].node())) add(outputs[i].node(), Tensor<T>(seeds[i]));
  }
  for (std::size_t i = 0, k = 0; i < lists_.order.size() || other_ != nullptr;) {
    if (other_ != nullptr && k < other_->lists_.order.size() &&
        (i == lists_.order.size() || sequence_at(i) < other_->sequence_at(k))) {
      other_->pass_by(k++);
    } else if (i < lists_.order.size()) {
      pass_by(i++);
    } else {
      break;
    }
  }
  if (options_.stop_at_sinks) return;
  // Leaves and sinks that were not passed have not met their hooks yet.
  for (std::uint32_t place = 0; collecting_ && place < pass_.size(); ++place) {
    const Visit<T>& v = pass_[place];
    if (v.sink && !v.useful && v.gradient != nullptr && v.node->hooks != nullptr) finished(place);
  }
}

template <class T>
void hand_over(const void* source, Backward<T>& b) {
  Engine<T>::hand_over(*static_cast<const CastSource<OtherType<T>>*>(source), b);
}

template class Engine<float>;
template class Engine<double>;
template void hand_over(const void*, Backward<float>&);
template void hand_over(const void*, Backward<double>&);

}  // namespace xgrad::detail

namespace xgrad {

template <class T>
bool Backward<T>::leads_to_wanted(std::size_t i) const {
  return engine_.wanted(node_->edges[i].node);
}

template <class T>
Tensor<T> Backward<T>::input(std::size_t i) const {
  return Tensor<T>(node_->edges[i].node);
}

template <class T>
void Backward<T>::add(std::size_t i, Tensor<T> gradient) {
  if (needs(i)) engine_.add(node_->edges[i].node, std::move(gradient));
}

template class Backward<float>;
template class Backward<double>;

}  // namespace xgrad
