#pragma once

// Parameters as one long vector, for the optimizers that look at all of them at once. Internal.

#include <type_traits>
#include <vector>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad::detail {

/// sum of x[i] y[i], in double.
template <class T>
double dot(const Tensor<T>& x, const Tensor<T>& y);
/// y += a x.
template <class T>
void add_scaled(Tensor<T>& y, double a, const Tensor<T>& x);
/// y = a y.
template <class T>
void scale(Tensor<T>& y, double a);
template <class T>
double largest_magnitude(const Tensor<T>& x);

/// The tensors that are not frozen.
template <class Slots>
auto free_tensors(const Slots& slots) {
  std::vector<std::decay_t<decltype(slots[0].tensor)>> free;
  for (const auto& s : slots) {
    if (s.tensor.requires_grad()) free.push_back(s.tensor);
  }
  return free;
}

/// The tensors one after the other.
template <class T>
class FlatView {
 public:
  explicit FlatView(std::vector<Tensor<T>> tensors);

  std::size_t size() const { return size_; }
  const std::vector<Tensor<T>>& tensors() const { return tensors_; }

  /// A copy of all values, shape (size).
  Tensor<T> values() const;
  /// A copy of all gradients, zeros where there is none.
  Tensor<T> gradients() const;
  /// Writes x into the tensors.
  void assign(const Tensor<T>& x);
  /// Writes x + step d into the tensors.
  void move(const Tensor<T>& x, double step, const Tensor<T>& d);
  /// Copies of the parts of x, each of its tensor's shape.
  std::vector<Tensor<T>> split(const Tensor<T>& x) const;
  /// The reverse; an undefined part counts as zeros.
  Tensor<T> join(const std::vector<Tensor<T>>& parts) const;

 private:
  std::vector<Tensor<T>> tensors_;
  std::size_t size_ = 0;
};

}  // namespace xgrad::detail
