#include "xgrad/autograd/fast_path.hpp"

#include "xgrad/autograd/engine.hpp"

namespace xgrad::detail {

template <class T>
Accumulator<T> FastPath<T>::accumulator(std::size_t i) {
  return b_.engine_.accumulator(input(i));
}

template <class T>
bool FastPath<T>::can_reuse_gradient(std::size_t i) const {
  return b_.needs(i) && b_.engine_.may_take(input(i), b_.gradient_);
}

template <class T>
void FastPath<T>::add_reused(std::size_t i) {
  b_.engine_.add(input(i), std::move(b_.gradient_));
}

template <class T>
bool FastPath<T>::copies_gradient(std::size_t i) const {
  return b_.needs(i) && b_.engine_.would_copy(input(i), b_.gradient_);
}

template <class T>
bool FastPath<T>::leave_product(std::size_t i, const Tensor<T>& a, const Tensor<T>& b) {
  return b_.engine_.leave(input(i), a, b);
}

template <class T>
Tensor<T> FastPath<T>::take(std::size_t i) {
  return Tensor<T>::adopt(std::exchange(b_.engine_.slot(input(i)), nullptr));
}

template <class T>
void FastPath<T>::put(std::size_t i, Tensor<T> gradient) {
  b_.engine_.slot(input(i)) = std::move(gradient).give_up();
}

template <class T>
bool FastPath<T>::keeps_leaves() const {
  return b_.engine_.keeps_leaves();
}

template class FastPath<float>;
template class FastPath<double>;

}  // namespace xgrad::detail
