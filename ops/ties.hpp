#pragma once

// Equal eigenvalues and singular values: which count as equal, and what their gradients need to
// know. Internal.
//
// The vectors of m equal values are any basis of a space of m dimensions. A function that does not
// depend on the choice has, in that space, a gradient W (m, m). The incoming gradient of the values
// shows its diagonal in the basis at hand, w_i = W_ii, and only that: the rest is how the w_i
// change when the basis turns. Turning by dQ = Q O, O = -O', changes sum s_i w_i by
// 2 sum over i < j of (s_i - s_j) W_ij O_ji: passes that differentiate the incoming gradients, with
// seeds s_i, yield all of W. Seeds are 1 and -1, which treats values alike that differ by rounding:
// W_ij = H_ij (f'(l_i) + f'(l_j)) / 2 for a function f of the matrix. To tell m values apart by
// signs takes log2(m) passes. In a group of zeros the seeds are 1, 2 ..., and all of it is in the
// first pass.
//
// That is W at equal values. As they come apart, by d_ij = l_j - l_i, the function changes under
// the turn by m_ij = d_ij W_ij, where W is smooth. With D the derivative along the seeds,
// D m = (s_j - s_i) W + d DW and DDm = 2 (s_j - s_i) DW + ..., therefore
// W = Dm / (s_j - s_i) - d_ij DDm / (2 (s_j - s_i)^2) up to the square of d. Written so, with d = 0,
// W has the right derivative by the values and the vectors: second derivatives of the function are
// exact, and third ones, which take one more such term, refused.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad::detail {

/// Groups of neighbours of sorted values that differ by no more than rounding.
class Ties {
 public:
  /// Of the last axis of `values`; `zeros`: with those that are no more than rounding, which count
  /// as a group also when there is one.
  template <class T>
  Ties(const Tensor<T>& values, bool zeros);

  bool any() const { return any_; }
  /// The values i and j of a matrix are equal, and not the same one.
  bool tied(std::size_t matrix, std::size_t i, std::size_t j) const {
    return i != j && at(matrix, i).first == at(matrix, j).first;
  }
  bool is_zero(std::size_t matrix, std::size_t i) const { return at(matrix, i).zero; }
  /// What is to be done with this value is different from what is done when all differ.
  bool special(std::size_t matrix, std::size_t i) const {
    return at(matrix, i).count > 1 || at(matrix, i).zero;
  }

  struct Group {
    std::size_t first = 0, count = 1;
    bool zero = false;
  };
  const Group& at(std::size_t matrix, std::size_t i) const { return groups_[matrix * n_ + i]; }
  /// The number of passes, and the seeds of one.
  std::size_t passes() const { return passes_; }
  double seed(std::size_t pass, std::size_t matrix, std::size_t i) const;
  /// Whether W_ij comes out of this pass.
  bool found_in(std::size_t pass, std::size_t matrix, std::size_t i, std::size_t j) const;

  /// A constant of the given batch: f(matrix, i) on the last axis, or f(matrix, i, j) on the last
  /// two.
  template <class T, class F>
  Tensor<T> vector(const Shape& shape, const F& f) const {
    const Tensor<T> y = Tensor<T>::uninitialized(shape);
    for (std::size_t p = 0; p < y.size(); ++p)
      y.node()->data[p] = static_cast<T>(f(p / n_, p % n_));
    return y;
  }
  template <class T, class F>
  Tensor<T> matrix(const Shape& shape, const F& f) const {
    const Tensor<T> y = Tensor<T>::uninitialized(shape);
    for (std::size_t p = 0; p < y.size(); ++p) {
      y.node()->data[p] = static_cast<T>(f(p / (n_ * n_), p / n_ % n_, p % n_));
    }
    return y;
  }

  template <class T>
  Tensor<T> seeds(std::size_t pass, const Shape& shape) const {
    return vector<T>(shape, [=, this](std::size_t m, std::size_t i) { return seed(pass, m, i); });
  }

  /// The gradient of values whose group is not `kept`: equal ones share theirs evenly, of those
  /// that are 0 it is 0.
  template <class T>
  Tensor<T> shared(const Tensor<T>& gradient, const std::vector<bool>& kept) const;

 private:
  std::size_t n_;
  bool any_ = false;
  std::size_t passes_ = 0;
  std::vector<Group> groups_;  // of each value
};

/// How much a function may seem to change when vectors turn, and be taken for one that does not
/// depend on the choice: a part of what its gradients could do, given the length of the longest
/// gradient by a vector and the largest one by a value times the largest value.
template <class T>
T choice_tolerance(T by_vectors, T by_values) {
  return std::sqrt(std::numeric_limits<T>::epsilon()) * std::max(by_vectors, by_values);
}

/// The largest of n numbers in absolute value; 0 of none.
template <class T>
T largest_of(const T* x, std::size_t n) {
  T largest = 0;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, std::abs(x[i]));
  return largest;
}

/// x, whose derivative throws std::invalid_argument, beginning with `operation` and naming the
/// derivative that there is not: "second", "third".
template <class T>
Tensor<T> without_derivative(const char* operation, const char* which, const Tensor<T>& x);

/// How gradients of values change under the seeds of a pass, and how that change does.
template <class T>
struct Changes {
  Tensor<T> first;   // d(sum of seeds times gradients of values)/dy; undefined when they do not
                     // depend on the vectors
  Tensor<T> second;  // the same of `first`; may be undefined where `first` is not
  bool complete;     // `second` is known, as far as there is one
};

/// `gradients` are those of y, all results of a decomposition, of which the values come first.
template <class T>
Changes<T> changes_of(const Tensor<T>& gradients, const Tensor<T>& seeds, const Tensor<T>& y);

/// Zeros with the derivative of `values`: by how much equal ones come apart.
template <class T>
Tensor<T> distances(const Tensor<T>& values);

/// Whether `gradients` of y are derivatives by `distances` that depend on y.
template <class T>
bool are_by_distances(const Tensor<T>& gradients, const Tensor<T>& y);

}  // namespace xgrad::detail
