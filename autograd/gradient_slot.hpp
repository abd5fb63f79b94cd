#pragma once

// Where a backward pass gathers a gradient, and who may do so at a time. Internal, for the engine.

#include <atomic>
#include <thread>
#include <utility>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/engine.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/ownership.hpp"

namespace xgrad::detail {

template <class T>
void assign_slot(Node<T>*& slot, const Tensor<T>& value) {
  Node<T>* old = slot;
  slot = value.node();
  hold(slot);
  if (old != nullptr) drop(old);
}

template <class T>
void accumulate_next(Node<T>*& slot, const Tensor<T>& g) {
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
void accumulate(Node<T>*& slot, Tensor<T>&& g) {
  if (slot != nullptr) return accumulate_next(slot, g);
  slot = std::move(g).give_up();
}

// A leaf that belongs to this thread is locked without waiting; false when it does not.
template <class T>
bool lock_own(Node<T>* n) {
  return owned_or_shared(
      n->owner,
      [n] {
        n->gradient_locked.store(true, std::memory_order_relaxed);
        return true;
      },
      [] { return false; });
}

// Adds to a gradient that stays with the user: one thread at a time.
template <class T>
class GradientLock {
 public:
  explicit GradientLock(Node<T>* n) : node_(n) {
    if (lock_own(n)) return;
    while (n->gradient_locked.exchange(true, std::memory_order_acquire)) std::this_thread::yield();
  }
  ~GradientLock() { node_->gradient_locked.store(false, std::memory_order_release); }
  GradientLock(const GradientLock&) = delete;
  GradientLock& operator=(const GradientLock&) = delete;

 private:
  Node<T>* node_;
};

// It does not share memory with other tensors.
template <class T>
void accumulate_own(Node<T>* n, Tensor<T> g) {
  const bool shared = n->grad == nullptr && !is_recording() && !is_exclusive(g.node());
  accumulate(n->grad, shared ? g.clone() : std::move(g));
}

}  // namespace xgrad::detail
