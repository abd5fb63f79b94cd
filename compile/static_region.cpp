#include "xgrad/compile/static_region.hpp"

#include <algorithm>
#include <utility>

#include "xgrad/autograd/gradient_slot.hpp"
#include "xgrad/autograd/observe.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/pass.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad::detail {
namespace {

template <class T>
bool is_own(const Node<T>* n) {
  return n->owner.load(std::memory_order_relaxed) ==
         this_thread.mark.load(std::memory_order_relaxed);
}

// As the tensors were when the program was recorded, and a gradient has no other way to take.
template <class T>
bool fits(const StaticOutside<T>& o, const Tensor<T>& t) {
  const Node<T>* const n = t.node();
  if (n == nullptr || n->data == nullptr || n->shape != o.shape ||
      n->requires_grad != o.requires_grad)
    return false;
  if (!o.requires_grad) return true;
  const bool has_hooks = n->hooks != nullptr && !n->hooks->entries.empty();
  return n->rule == nullptr && !has_hooks && (o.gradient == kNoSlot || is_own(n));
}

template <class T>
const Rule<T> kReleasedRule = {"compiled", [](const void*, Backward<T>&) {}, nullptr};

// As a result whose graph a pass back has let go.
template <class T>
void make_released(const Tensor<T>& y) {
  Node<T>* const n = y.node();
  n->requires_grad = true;
  n->rule = &kReleasedRule<T>;
  n->pass.store(kReleased, std::memory_order_release);
}

// Where the gradients of leaves are, to which nobody else adds meanwhile.
template <class T>
class LeafGradients {
 public:
  LeafGradients(const StaticRegion<T>& region, const ProgramValues& values) : region_(region) {
    for (const StaticOutside<T>& o : region.outside()) {
      if (o.gradient == kNoSlot) continue;
      leaves_.push_back(o.operand.in(values).node());
      lock_own(leaves_.back());
    }
  }
  /// What a pass that fails has begun is let go.
  ~LeafGradients() {
    for (Node<T>* n : begun_) drop(std::exchange(n->grad, nullptr));
    for (Node<T>* n : leaves_) n->gradient_locked.store(false, std::memory_order_release);
  }
  LeafGradients(const LeafGradients&) = delete;
  LeafGradients& operator=(const LeafGradients&) = delete;

  bool any() const {
    return std::any_of(leaves_.begin(), leaves_.end(), [](auto* n) { return n->grad != nullptr; });
  }
  /// Memory of their own; zeros where one has no gradient and others have.
  void begin(StaticFrame<T>& frame) {
    const bool adds = any();
    begun_.reserve(leaves_.size());
    for_each([&](const StaticOutside<T>& o, Node<T>* n) {
      const bool is_new = n->grad == nullptr;
      T* const at = place(n, adds);
      if (is_new) begun_.push_back(n);
      if (o.copied == 0) {
        frame.at[o.gradient] = at;
      } else if (adds) {
        std::copy_n(at, o.copied, frame.at[o.gradient]);
      }
    });
  }
  void end(const StaticFrame<T>& frame) {
    begun_.clear();
    for_each([&](const StaticOutside<T>& o, Node<T>* n) {
      std::copy_n(frame.at[o.gradient], o.copied, n->grad->data);
    });
  }

 private:
  template <class F>
  void for_each(const F& f) const {
    std::size_t i = 0;
    for (const StaticOutside<T>& o : region_.outside()) {
      if (o.gradient != kNoSlot) f(o, leaves_[i++]);
    }
  }
  static T* place(Node<T>* n, bool adds) {
    if (n->grad == nullptr) {
      n->grad =
          (adds ? Tensor<T>::filled(n->shape, T(0)) : Tensor<T>::uninitialized(n->shape)).give_up();
    } else if (!is_exclusive(n->grad)) {
      assign_slot(n->grad, Tensor<T>(n->grad).clone());
    }
    return n->grad->data;
  }

  const StaticRegion<T>& region_;
  std::vector<Node<T>*> leaves_, begun_;
};

template <class T>
StaticFrame<T>& frame_of(const ProgramValues& values) {
  return *static_cast<StaticFrame<T>*>(values.static_frame.get());
}

}  // namespace

template <class T>
bool StaticRegion<T>::may_run(const ProgramValues& values) const {
  return operation_logs<float> == nullptr && operation_logs<double> == nullptr &&
         keeping_values == 0 && !deriving &&
         std::all_of(outside_.begin(), outside_.end(),
                     [&](const auto& o) { return fits(o, o.operand.in(values)); });
}

template <class T>
std::shared_ptr<void> StaticRegion<T>::begin() const {
  return {
      frames_->take().release(), [this](void* frame) {
        frames_->give_back(std::unique_ptr<StaticFrame<T>>(static_cast<StaticFrame<T>*>(frame)));
      }};
}

template <class T>
void StaticStep<T>::begin(StaticFrame<T>& frame, ProgramValues& values) const {
  for (const StaticRead<T>& r : reads) {
    T* const from = r.operand.in(values).node()->data;
    if (r.copied == 0) {
      frame.at[r.slot] = from;
    } else {
      std::copy_n(from, r.copied, frame.at[r.slot]);
    }
  }
  for (const StaticEscape& e : escapes) {
    Tensor<T> t = Tensor<T>::uninitialized(e.shape);
    if (e.copied == 0) frame.at[e.slot] = t.node()->data;
    values.of<T>()[e.value] = std::move(t);
  }
}

template <class T>
void StaticStep<T>::end(const StaticFrame<T>& frame, ProgramValues& values) const {
  for (const StaticEscape& e : escapes)
    std::copy_n(frame.at[e.slot], e.copied, values.of<T>()[e.value].node()->data);
}

template <class T>
void StaticStep<T>::run(ProgramValues& values) const {
  StaticFrame<T>& frame = frame_of<T>(values);
  begin(frame, values);
  for (const auto& i : instructions) i->run(frame);
  end(frame, values);
  for (const StaticEscape& e : escapes) {
    if (e.released) make_released(values.of<T>()[e.value]);
  }
}

template <class T>
void StaticPass<T>::run(ProgramValues& values) const {
  StaticFrame<T>& frame = frame_of<T>(values);
  LeafGradients<T> leaves(*region, values);
  const auto& list = leaves.any() ? adding : this->instructions;
  this->begin(frame, values);
  leaves.begin(frame);
  ++passes_begun;
  for (const auto& i : list) i->run(frame);
  leaves.end(frame);
  this->end(frame, values);
  for (const auto& e : this->escapes) values.of<T>()[e.value].node()->apart = Apart::derivative;
}

#define XGRAD_INSTANTIATE(T)      \
  template class StaticRegion<T>; \
  template struct StaticStep<T>;  \
  template struct StaticPass<T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
