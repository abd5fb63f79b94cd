#include "xgrad/autograd/place.hpp"

#include "xgrad/autograd/engine.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad::detail {

template <class T>
Place<T>::Place(std::string name, const Tensor<T>& value, bool bound) : name_(std::move(name)) {
  if (bound) this->bits_ |= Tensor<T>::kPlace;
  rebind(value);
}

template <class T>
Place<T>::~Place() {
  if (this->is_place()) count(-1, kept().node());
}

// Changes what the handle shows and nothing else.
template <class T>
void Place<T>::show(const Tensor<T>& value) {
  Tensor<T> copy(value);
  const std::uintptr_t bound = this->bits_ & Tensor<T>::kPlace;
  this->bits_ = std::exchange(copy.bits_, this->bits_ & ~Tensor<T>::kPlace) | bound;
}

template <class T>
void Place<T>::count(int change, Node<T>* node) {
  if (node != nullptr) node->places = static_cast<std::uint16_t>(node->places + change);
}

template <class T>
void Place<T>::rebind(const Tensor<T>& parameter) {
  const Tensor<T> before = kept(), after = parameter;
  covered_ = {};
  show(after);
  if (!this->is_place() || before.is_same(after)) return;
  count(1, after.node());
  count(-1, before.node());
  if (after.defined()) after.node()->replaced = false;
  if (before.defined()) before.node()->replaced = before.node()->places == 0;
}

template <class T>
Tensor<T> Place<T>::cover(const Tensor<T>& value) {
  Tensor<T> before = *this;
  if (!covered_.defined()) covered_ = before;
  show(value);
  return before;
}

template <class T>
void Place<T>::uncover(const Tensor<T>& value, const Tensor<T>& before) {
  if (this->is_place() && !this->is_same(value)) return;
  show(before);
  if (before.is_same(covered_)) covered_ = {};
}

template <class T>
void Place<T>::unbind() {
  count(-1, kept().node());
  this->bits_ &= ~Tensor<T>::kPlace;
}

template <class T>
void Place<T>::write(const Tensor<T>& value) {
  if (!kept().defined()) return rebind(parameter(value));
  const Tensor<T> to = kept();
  if (to.data() != value.data()) Tensor<T>(to).set_value(value.value());
  covered_ = {};
  show(to);
}

template <class T>
void Place<T>::assign(const Tensor<T>& value, bool moved) {
  if (this->is_same(value)) return;
  if (!value.defined()) return rebind(value);
  if (kept().defined() && kept().shape() != value.shape()) {
    fail("parameter", "another shape is assigned: ", name_, " ", kept().shape(), ", value ",
         value.shape());
  }
  if (!value.is_leaf()) {
    if (!covered_.defined()) covered_ = *this;
    return show(value);
  }
  const bool alone = moved && is_exclusive(value.node()) && !was_replaced(value);
  if (value.is_place() || (value.requires_grad() && !alone)) return rebind(value);
  write(value);
}

template class Place<float>;
template class Place<double>;

}  // namespace xgrad::detail
