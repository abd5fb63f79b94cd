#pragma once

// Normalisation for a batch: vmap(). Internal: ops/normalization.cpp.

#include <cstddef>
#include <type_traits>

#include "xgrad/autograd/batch_function.hpp"
#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/kernels/normalization.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad::detail {

using kernels::ChannelsView;
using kernels::RowsView;

// For a batch. Weights that samples have of their own come behind it; those of channels whose statistics are of all
// of a batch are weights of further channels.
template <class T>
Tensor<T> scaled_in_batch(Tensor<T> y, const BatchOperands<T>& b, std::size_t weight,
                          std::size_t bias, const Shape& sizes) {
  const auto aligned = [&](std::size_t i) {
    return detail::view(b.x[i], b.batched[i] ? sizes.with(0, b.n) : sizes);
  };
  if (weight != 0) y = y * aligned(weight);
  return bias != 0 ? y + aligned(bias) : y;
}

/// `normalized`(x, weight, bias, view, statistics) is the operation; it has `statistics` of each kind. Positions of
/// operands are 0 where there are none.
template <class T, class F>
struct NormalizedInBatch {
  F normalized;
  Shape shape;  // of x
  std::size_t statistics, weight, bias;

  Tensor<T> operator()(const BatchOperands<T>& b, RowsView view) const {
    Shape sizes = shape;  // of weights, aligned
    std::size_t d = 1;
    for (std::size_t a = shape.rank(); a-- > 0; d *= shape[a]) sizes[a] = d < view.d ? shape[a] : 1;
    return by_samples(b, view, sizes, [](RowsView v, std::size_t n) {
      return RowsView{v.rows * n, v.d, v.period};
    });
  }
  Tensor<T> operator()(const BatchOperands<T>& b, ChannelsView view) const {
    if (view.groups == 0) return by_channels(b, view);
    Shape sizes = shape;
    for (std::size_t a = 0; a < shape.rank(); ++a) sizes[a] = a == 1 ? shape[1] : 1;
    return by_samples(b, view, sizes, [](ChannelsView v, std::size_t n) {
      return ChannelsView{v.n * n, v.c, v.inner, v.groups};
    });
  }

 private:
  template <class View, class Larger>
  Tensor<T> by_samples(const BatchOperands<T>& b, View view, const Shape& sizes,
                       const Larger& larger) const {
    const std::size_t n = b.batched[0] ? b.n : 1;
    const bool own = b.has_own(weight) && weight != 0, own_bias = b.has_own(bias) && bias != 0;
    const bool merges =
        b.batched[0] && std::is_same_v<View, ChannelsView>;  // rows may have any shape
    const Tensor<T> none, x = merged(b.x[0], merges);
    const bool apart = own || own_bias;
    const Tensor<T> y =
        normalized(x, weight != 0 && !apart ? b.x[weight] : none,
                   bias != 0 && !apart ? b.x[bias] : none, larger(view, n), n * statistics);
    if (!apart) return detail::view(y, b.x[0].shape());
    return scaled_in_batch(detail::view(y, b.x[0].shape()), b, weight, bias, sizes);
  }
  // With the samples among those of x.
  static Tensor<T> merged(const Tensor<T>& x, bool merges) {
    if (!merges) return x;
    Shape s = x.shape().without(0);
    s[0] *= x.shape()[0];
    return detail::view(x, s);
  }
  Tensor<T> by_channels(const BatchOperands<T>& b, ChannelsView view) const {
    const auto& [n, c, inner, groups] = view;
    const Tensor<T> x = transpose(detail::view(b.all(0), {b.n, n, c, inner}), 0, 1);
    const auto flat = [&](std::size_t i) {
      return i != 0 ? detail::view(b.all(i), Shape{b.n * view.c}) : Tensor<T>();
    };
    const Tensor<T> w = flat(weight), offsets = flat(bias);
    const Tensor<T> y = normalized(detail::view(x, {n, b.n * c, inner}), w, offsets,
                                   ChannelsView{n, b.n * c, inner, 0}, b.n * statistics);
    return detail::view(transpose(detail::view(y, {n, b.n, c, inner}), 0, 1), shape.with(0, b.n));
  }
};

}  // namespace xgrad::detail
