#pragma once

// How the sum of products of two tensors is computed: by products of matrices that lie in them as
// they are, after putting some of them into another order, or element by element. Internal; see
// contraction.hpp.

#include <array>
#include <cstddef>
#include <span>

#include "xgrad/autograd/shape.hpp"
#include "xgrad/kernels/gemm.hpp"

namespace xgrad::detail {

/// At most N values.
template <class V, std::size_t N>
class Few {
 public:
  void push_back(const V& v) { values_[size_++] = v; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  V& operator[](std::size_t i) { return values_[i]; }
  const V& operator[](std::size_t i) const { return values_[i]; }
  V* begin() { return values_.data(); }
  V* end() { return begin() + size_; }
  const V* begin() const { return values_.data(); }
  const V* end() const { return begin() + size_; }

 private:
  std::array<V, N> values_;
  std::size_t size_ = 0;
};

enum Operand : std::size_t { kX, kY, kZ, kOperands };

/// An axis of more than one element, and its stride in x, y and z; 0 where it is not.
struct ContractionAxis {
  std::size_t size;
  std::array<std::size_t, kOperands> stride;

  bool in(std::size_t operand) const { return stride[operand] != 0; }
};

/// Axes of one operand, outermost first, by their numbers.
using AxisOrder = Few<std::size_t, Shape::kMaxRank>;

struct ContractionPlan {
  enum class Kind { multiply, multiply_and_sum, products } kind = Kind::multiply;
  /// The order that an operand is put into; empty when it stays as it is.
  std::array<AxisOrder, kOperands> order = {};

  // Of products: A is x and B is y, the other way round when `swapped`.
  bool swapped = false, transpose_a = false, transpose_b = false;
  std::size_t m = 1, n = 1, k = 1, lda = 1, ldb = 1, ldc = 1;
  kernels::ProductLoop loop = {};
};

/// The axes of an operand in the order of memory, outermost first.
AxisOrder order_in_memory(std::span<const ContractionAxis> axes, std::size_t operand);

/// The cheapest way. Every axis is in at least two operands, at most 8 are in each. Valid until the
/// thread asks for another one.
const ContractionPlan& plan_contraction(std::span<const ContractionAxis> axes);

}  // namespace xgrad::detail
