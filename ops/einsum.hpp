#pragma once

// Sums of products along named axes.
//
//   einsum("bqhd,bkhd->bhqk", queries, keys)    scores of attention
//   einsum("ni,ij,nj->n", x, m, x)              x_n^T M x_n
//   einsum("bii->b", x)                         traces
//   einsum("...ij,...jk", a, b)                 matmul
//
// Each step multiplies two operands by products of matrices that lie in memory as they are where
// that can be done, so that permuting the operands first gains nothing; what need not be there is
// summed out first.

#include <concepts>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

/// The sum over all letters that the result does not have of the products of the operands' elements.
///
/// The string: letters for the axes of each operand, terms separated by commas, then, or not, "->"
/// and the letters of the result; spaces count nothing. A letter that an operand has twice takes its
/// diagonal. Without "->" the result has the letters that occur once in the string, in alphabetical
/// order, capital ones first. "..." stands for any number of axes, which are aligned at the last one
/// and broadcast; without "->" they come first in the result, and they are summed out where "->" is
/// and they are not behind it. Axes of one letter have equal sizes or size 1.
///
/// The order is that of least cost among all orders for up to 6 operands, and for more the one that
/// takes the pair with the smallest result first. Gradient: that of each operand is an einsum of the
/// gradient and the other operands. Throws std::invalid_argument, naming the string, the shapes and
/// the letter: what the string does not allow, sizes that do not fit, results of more than 8 axes.
/// Source: the string is NumPy's; that sizes of 1 broadcast and "..." may be summed out, PyTorch's.
template <class T>
Tensor<T> einsum(std::string_view subscripts, const std::vector<Tensor<T>>& operands);
template <class T>
Tensor<T> einsum(std::string_view subscripts, std::initializer_list<Tensor<T>> operands) {
  return einsum(subscripts, std::vector<Tensor<T>>(operands));
}
template <class T, std::same_as<Tensor<T>>... More>
Tensor<T> einsum(std::string_view subscripts, const Tensor<T>& first, const More&... more) {
  return einsum(subscripts, std::vector<Tensor<T>>{first, more...});
}

/// The sum of products over the last `axes` axes of a and the first ones of b: 2 as in NumPy, 0 for
/// the outer product. Shapes: (m, k, l), (k, l, n) -> (m, n). Gradient: as of einsum. Throws
/// std::invalid_argument: more axes than there are, sizes that differ, results of more than 8 axes.
template <class T>
Tensor<T> tensordot(const Tensor<T>& a, const Tensor<T>& b, std::size_t axes = 2);
/// ... over axes_a[i] of a together with axes_b[i] of b, for each i; the other axes of a and then
/// those of b are left, in their order. Throws also std::out_of_range for an axis that is not there.
template <class T>
Tensor<T> tensordot(const Tensor<T>& a, const Tensor<T>& b, const Axes& axes_a, const Axes& axes_b);

}  // namespace xgrad
