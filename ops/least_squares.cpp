#include "xgrad/ops/least_squares.hpp"

#include <algorithm>
#include <limits>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/decompositions.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/svd.hpp"

namespace xgrad {

using detail::Matrices;
using detail::Rule;

namespace {

// What multiplies by the pseudo-inverse, constants: V diag(inverse) U'.
template <class T>
struct Factors {
  Tensor<T> u, inverse, vh;
};

double relative_tolerance(const char* operation, const Matrices& a, double unit,
                          LeastSquaresOptions options) {
  if (options.relative_tolerance < 0) return static_cast<double>(std::max(a.m, a.n)) * unit;
  return detail::require_in(operation, "relative_tolerance", options.relative_tolerance, "[0, 1]");
}

template <class T>
Factors<T> factors_of(const char* operation, const Tensor<T>& a, LeastSquaresOptions options) {
  const Matrices m = detail::matrices_of(operation, a.shape());
  const double relative = relative_tolerance(
      operation, m, static_cast<double>(std::numeric_limits<T>::epsilon()), options);
  detail::require_finite(operation, "a", a);
  const NoGrad guard;
  const detail::Untraced untraced;
  const auto [u, s, vh] = svd(a);
  const Tensor<T> inverse = Tensor<T>::uninitialized(s.shape());
  const std::size_t k = s.shape().back();
  for (std::size_t i = 0; i < s.size(); ++i) {
    const T largest = s.data()[i / k * k], value = s.data()[i];
    const bool zero =
        static_cast<double>(value) <= relative * static_cast<double>(largest) || value == T(0);
    inverse.node()->data[i] = zero ? T(0) : T(1) / value;
  }
  return {u, inverse, vh};
}

// Matrices and right-hand sides of the same batch: P b, or P' b.
template <class T>
struct Applied {
  Factors<T> factors;
  bool transposed;
};

template <class T>
Tensor<T> apply_inverse(const Tensor<T>& a, const Tensor<T>& b, const Factors<T>& f,
                        bool transposed);

template <class T>
void lstsq_backward(const void* attributes, Backward<T>& back) {
  const auto& [f, transposed] = *static_cast<const Applied<T>*>(attributes);
  const Tensor<T> a = back.input(0), x = back.output(), &gx = back.gradient();
  const Tensor<T> y = apply_inverse(a, gx, f, !transposed);
  back.add(1, y);
  if (!back.needs(0)) return;
  const Tensor<T> residual = back.input(1) - matmul(a, x, {.transpose_a = transposed});
  const Tensor<T> rest = gx - matmul(a, y, {.transpose_a = !transposed});
  const Tensor<T> ga = matmul(residual, apply_inverse(a, y, f, transposed), {.transpose_b = true}) +
                       matmul(apply_inverse(a, x, f, !transposed), rest, {.transpose_b = true}) -
                       matmul(y, x, {.transpose_b = true});
  back.add(0, transposed ? transpose(ga) : ga);
}

template <class T>
const Rule<T> kLstsq = {"lstsq", &lstsq_backward<T>, &detail::destroy_attributes<Applied<T>>};

template <class T>
Tensor<T> apply_inverse(const Tensor<T>& a, const Tensor<T>& b, const Factors<T>& f,
                        bool transposed) {
  Tensor<T> y;
  {
    const NoGrad guard;
    const detail::Untraced untraced;
    const Tensor<T> scale = unsqueeze(f.inverse, -1);
    y = transposed
            ? matmul(f.u, matmul(f.vh, b) * scale)
            : matmul(f.vh, matmul(f.u, b, {.transpose_a = true}) * scale, {.transpose_a = true});
  }
  detail::record(y, kLstsq<T>, {&a, &b}, {.inputs = 3, .output = true}, Applied<T>{f, transposed});
  return y;
}

template <class T>
Tensor<T> spread(const Tensor<T>& x, Shape batch) {
  batch.push_back(x.size(-2));
  batch.push_back(x.size(-1));
  return batch == x.shape() ? x : detail::broadcast_to(x, batch);
}

template <class T>
Factors<T> spread(const Factors<T>& f, const Shape& batch) {
  return {spread(f.u, batch), squeeze(spread(unsqueeze(f.inverse, -1), batch), -1),
          spread(f.vh, batch)};
}

// ga = -P' gP P' + (1 - a P) gP' P P' + P' P gP' (1 - P a).
template <class T>
void pinv_backward(const void*, Backward<T>& back) {
  const Tensor<T> a = back.input(0), p = back.output(), &gp = back.gradient();
  const Tensor<T> pt = transpose(p), gt = transpose(gp);
  const Tensor<T> left = matmul(matmul(gt, p), pt);   // gP' P P'
  const Tensor<T> right = matmul(pt, matmul(p, gt));  // P' P gP'
  const Tensor<T> ga = left - matmul(a, matmul(p, left)) + right - matmul(matmul(right, p), a) -
                       matmul(pt, matmul(gp, pt));
  back.add(0, ga);
}

template <class T>
const Rule<T> kPinv = {"pinv", &pinv_backward<T>, nullptr};

}  // namespace

namespace {

// The factors are those of `few`, which a repeats.
template <class T>
Tensor<T> of_one_batch(const Tensor<T>& a, const Tensor<T>& b, const Tensor<T>& few,
                       LeastSquaresOptions options) {
  detail::require_finite("lstsq", "b", b);
  Factors<T> f = factors_of("lstsq", few, options);
  {
    const detail::Untraced untraced;
    f = spread(f, detail::batch_of(b.shape()));
  }
  const Tensor<T> y = apply_inverse(a, b, f, false);
  detail::log_again(y,
                    [options](const auto& o) { return of_one_batch(o[0], o[1], o[0], options); });
  return y;
}

}  // namespace

template <class T>
Tensor<T> lstsq(const Tensor<T>& a, const Tensor<T>& b, LeastSquaresOptions options) {
  const Matrices m = detail::matrices_of("lstsq", a.shape());
  if (b.rank() == 1) {
    detail::require(b.size() == m.m, "lstsq", "sizes differ: a ", a.shape(), ", b ", b.shape());
    return squeeze(lstsq(a, unsqueeze(b, -1), options), -1);
  }
  const Matrices right = detail::matrices_of("lstsq", b.shape());
  detail::require(right.m == m.m, "lstsq", "sizes differ: a ", a.shape(), ", b ", b.shape());
  const Shape batch = broadcast_batches("lstsq", m.batch, right.batch, a.shape(), b.shape());
  return of_one_batch(spread(a, batch), spread(b, batch), a, options);
}

template <class T>
Tensor<T> pinv(const Tensor<T>& a, LeastSquaresOptions options) {
  const Factors<T> f = factors_of("pinv", a, options);
  Tensor<T> y;
  {
    const NoGrad guard;
    const detail::Untraced untraced;
    y = matmul(f.vh, transpose(f.u * unsqueeze(f.inverse, -2)), {.transpose_a = true});
  }
  detail::record(y, kPinv<T>, {&a}, {.inputs = 1, .output = true});
  detail::log_again(y, [options](const auto& o) { return pinv(o[0], options); });
  return y;
}

#define XGRAD_INSTANTIATE(T)                                                         \
  template Tensor<T> lstsq(const Tensor<T>&, const Tensor<T>&, LeastSquaresOptions); \
  template Tensor<T> pinv(const Tensor<T>&, LeastSquaresOptions);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
