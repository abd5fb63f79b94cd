#pragma once

// Orthogonal and triangular factors of any matrices, by LAPACK (geqrf).

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

template <class T>
struct Qr {
  Tensor<T> q;  ///< orthonormal columns
  Tensor<T> r;  ///< upper triangular, no diagonal element negative
};

enum class QrMode {
  reduced,  ///< q (m, k), r (k, n) with k = min(m, n)
  complete  ///< q (m, m), r (m, n)
};

/// a = q r, with a diagonal of r that is not negative: unique where the first k columns of a are
/// independent, but for the columns of a complete q after the first k. Of those the largest
/// component is positive; of several as large, within a thousandth, the first one.
/// Shapes: (..., m, n) -> reduced (..., m, k), (..., k, n) with k = min(m, n), complete (..., m, m),
/// (..., m, n).
/// Gradient: with M = R gR' - gQ' Q of the first k columns, ga = (gQ + Q sym(M)) R^-T, sym the lower
/// triangle on both sides; further columns of a add to gQ, and further columns of q turn with the
/// first ones. Throws std::invalid_argument: less than two axes, a number that is not finite; in the
/// backward pass, where the derivative does not exist: first k columns of a that are dependent (a
/// diagonal element of r is 0), or a function that depends on which columns complete q.
/// Source: Roberts, Roberts 2020, "QR and LQ decomposition matrix backpropagation algorithms for
/// square, wide, and deep matrices and their software implementation".
template <class T>
Qr<T> qr(const Tensor<T>& a, QrMode mode = QrMode::reduced);

}  // namespace xgrad
