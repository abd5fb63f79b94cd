#pragma once

// What an operation does, as data: for those that move numbers, add them up or multiply matrices, of
// which most others are made. Internal: compile() runs them without the tape, vmap() for a batch.
//
//   describe(y, TakeDescription{lattice, complete});    // beside log_again, right after y was recorded

#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "xgrad/autograd/array_operation.hpp"
#include "xgrad/autograd/batch_function.hpp"
#include "xgrad/autograd/trace.hpp"
#include "xgrad/kernels/axis_view.hpp"
#include "xgrad/kernels/copy.hpp"

namespace xgrad::detail {

/// The operand's numbers under another shape.
struct ViewDescription {};

/// The operand's numbers on a lattice: slices, elements, other orders of axes. `complete`: all of them.
struct TakeDescription {
  kernels::Lattice lattice;
  bool complete;
};

/// The operand's numbers on a lattice of the result, `fill` elsewhere.
struct PlaceDescription {
  kernels::Lattice lattice;
  bool complete;
  double fill;
};

/// The operands side by side, or one above the other along a new axis: each on its lattice.
struct JoinDescription {
  std::size_t axis;
  bool stacked;
  std::vector<kernels::Lattice> lattices;
};

/// `scale` times the sums along the middle axis of the view.
struct SumDescription {
  kernels::AxisView view;
  double scale;
};

/// The operand repeated, or its sum over axes where the result has fewer or 1.
struct BroadcastDescription {};
struct SumToDescription {};

/// Products of `count` pairs of matrices: op(a) (m, k), op(b) (k, n). Matrices of one operand lie one
/// behind the other.
struct ProductDescription {
  bool transpose_a, transpose_b;
  std::size_t count, m, n, k;
};

/// x w^T + b: x (m, k), w (n, k), and b (n) where there are three operands.
struct LinearDescription {
  std::size_t m, n, k;
};

/// Something of its own for each row along the middle axis of the view: f(operand, view, shape) does it
/// for another view, with more rows, and gives the result that shape. Of the result's type; the other is empty.
template <class T>
using RowsFunction =
    std::function<Tensor<T>(const Tensor<T>& x, const kernels::AxisView& view, const Shape& shape)>;
struct RowsDescription {
  kernels::AxisView view;
  RowsFunction<float> floats;
  RowsFunction<double> doubles;

  template <class T>
  RowsFunction<T>& of() {
    if constexpr (std::is_same_v<T, float>) {
      return floats;
    } else {
      return doubles;
    }
  }
  template <class T>
  const RowsFunction<T>& of() const {
    return const_cast<RowsDescription*>(this)->of<T>();
  }
};

using Description =
    std::variant<std::monostate, ViewDescription, TakeDescription, PlaceDescription,
                 JoinDescription, SumDescription, BroadcastDescription, SumToDescription,
                 ProductDescription, LinearDescription, RowsDescription>;

/// Who wants to know.
class DescriptionReader {
 public:
  virtual ~DescriptionReader() = default;
  /// `node` is the result's, of an operation that was told before.
  virtual void described(const void* node, Description description) = 0;
  virtual void described_arrays(const void* node, AnyArrayOperation arrays) = 0;
  virtual void described_batch(const void* node, AnyBatchFunction batch) = 0;
};
inline constinit thread_local DescriptionReader* description_reader = nullptr;

/// Tells the reader what made y. While nothing is told (Untraced) there is none to tell.
template <class T, class D>
void describe(const Tensor<T>& y, D&& description) {
  if (tracer != nullptr && description_reader != nullptr)
    description_reader->described(y.node(), Description(std::forward<D>(description)));
}

/// Tells how it is done without the tape, where no description says so. The functions become objects of
/// their own only when somebody reads them.
template <class T, class Forward, class Backward>
void describe_arrays(const Tensor<T>& y, const Forward& forward, const Backward& backward,
                     const ArrayNeeds& needs = {}) {
  if (tracer == nullptr || description_reader == nullptr) return;
  description_reader->described_arrays(y.node(), std::make_shared<const ArrayOperation<T>>(
                                                     ArrayOperation<T>{needs, forward, backward}));
}

/// Tells how it is done for a batch, where no description says so.
template <class T, class Run>
void describe_batch(const Tensor<T>& y, const Run& run, const BatchNeeds& needs = {}) {
  if (tracer == nullptr || description_reader == nullptr) return;
  description_reader->described_batch(
      y.node(), std::make_shared<const BatchFunction<T>>(BatchFunction<T>{needs, run}));
}

/// The same of what is done row by row.
template <class T, class F>
void describe_rows(const Tensor<T>& y, const kernels::AxisView& view, const F& f) {
  if (tracer == nullptr || description_reader == nullptr) return;
  RowsDescription d{view, {}, {}};
  d.of<T>() = f;
  describe(y, std::move(d));
}

}  // namespace xgrad::detail
