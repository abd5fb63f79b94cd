#include "xgrad/kernels/reduce.hpp"

#include "xgrad/kernels/instantiate.hpp"

namespace xgrad::kernels {
namespace {

// clang-format off
struct Sum     { template <class X> static X empty() { return X(0); } template <class X> static X join(const X& a, const X& b) { return a + b; } };
struct Product { template <class X> static X empty() { return X(1); } template <class X> static X join(const X& a, const X& b) { return a * b; } };
struct Maximum { template <class X> static X join(const X& a, const X& b) { return maximum(a, b); } };
struct Minimum { template <class X> static X join(const X& a, const X& b) { return minimum(a, b); } };
// clang-format on

template <class R, class T>
T join_scalars(T a, T b) {
  using P = Pack<T, Arch>;
  alignas(64) T lane[P::size];
  R::join(P(a), P(b)).store(lane);
  return lane[0];
}

// n contiguous numbers with four independent accumulators.
template <class R, class T>
T reduce_piece(const T* x, std::size_t n) {
  using P = Pack<T, Arch>;
  constexpr std::size_t W = P::size;
  std::size_t k = 0;
  T total;
  if (n >= W) {
    P s0 = P::load(x);
    k = W;
    if (n >= 4 * W) {
      P s1 = P::load(x + W), s2 = P::load(x + 2 * W), s3 = P::load(x + 3 * W);
      for (k = 4 * W; k + 4 * W <= n; k += 4 * W) {
        s0 = R::join(s0, P::load(x + k));
        s1 = R::join(s1, P::load(x + k + W));
        s2 = R::join(s2, P::load(x + k + 2 * W));
        s3 = R::join(s3, P::load(x + k + 3 * W));
      }
      s0 = R::join(R::join(s0, s1), R::join(s2, s3));
    }
    for (; k + W <= n; k += W) s0 = R::join(s0, P::load(x + k));
    alignas(64) T lane[W];
    s0.store(lane);
    for (std::size_t half = W / 2; half > 0; half /= 2) {
      for (std::size_t i = 0; i < half; ++i) lane[i] = join_scalars<R>(lane[i], lane[i + half]);
    }
    total = lane[0];
  } else {
    total = x[0];
    k = 1;
  }
  for (; k < n; ++k) total = join_scalars<R>(total, x[k]);
  return total;
}

constexpr std::size_t kPiece = 8192;

// Pairwise over pieces.
template <class R, class T>
T reduce_contiguous(const T* x, std::size_t n) {
  if (n <= kPiece) return reduce_piece<R>(x, n);
  const std::size_t half = (n / 2 + kPiece - 1) / kPiece * kPiece;
  return join_scalars<R>(reduce_contiguous<R>(x, half), reduce_contiguous<R>(x + half, n - half));
}

// y[j] = join over the n rows of x (n, inner), for a strip of columns that stays in registers.
template <class R, class T, std::size_t Strip>
void reduce_strip(const T* x, T* y, std::size_t n, std::size_t inner, bool join_y) {
  using P = Pack<T, Arch>;
  P s[Strip];
  for (std::size_t q = 0; q < Strip; ++q) s[q] = P::load(x + q * P::size);
  for (std::size_t i = 1; i < n; ++i) {
    const T* row = x + i * inner;
    for (std::size_t q = 0; q < Strip; ++q) s[q] = R::join(s[q], P::load(row + q * P::size));
  }
  for (std::size_t q = 0; q < Strip; ++q) {
    T* to = y + q * P::size;
    (join_y ? R::join(P::load(to), s[q]) : s[q]).store(to);
  }
}

template <class R, class T>
void reduce_columns(const T* x, T* y, std::size_t n, std::size_t inner) {
  using P = Pack<T, Arch>;
  constexpr std::size_t kRows = 64;  // rows added up before they join the total
  for (std::size_t i = 0; i < n; i += kRows) {
    const std::size_t rows = n - i < kRows ? n - i : kRows;
    const T* part = x + i * inner;
    std::size_t j = 0;
    for (; j + 8 * P::size <= inner; j += 8 * P::size)
      reduce_strip<R, T, 8>(part + j, y + j, rows, inner, i > 0);
    for (; j + P::size <= inner; j += P::size)
      reduce_strip<R, T, 1>(part + j, y + j, rows, inner, i > 0);
    for (; j < inner; ++j) {
      T s = part[j];
      for (std::size_t r = 1; r < rows; ++r) s = join_scalars<R>(s, part[r * inner + j]);
      y[j] = i > 0 ? join_scalars<R>(y[j], s) : s;
    }
  }
}

template <class R, class T>
void reduce_kernel(const T* x, T* y, std::size_t outer, std::size_t n, std::size_t inner) {
  for (std::size_t o = 0; o < outer; ++o) {
    if (inner == 1) {
      y[o] = reduce_contiguous<R>(x + o * n, n);
    } else {
      reduce_columns<R>(x + o * n * inner, y + o * inner, n, inner);
    }
  }
}

template <class T>
void axpy_kernel(T* y, const T* x, T a, std::size_t n) {
  using P = Pack<T, Arch>;
  const P factor(a);
  std::size_t k = 0;
  for (; k + P::size <= n; k += P::size) (P::load(y + k) + factor * P::load(x + k)).store(y + k);
  for (; k < n; ++k) y[k] += a * x[k];
}

template <class T>
void spread_kernel(const T* x, T* y, std::size_t outer, std::size_t n, std::size_t inner, T scale,
                   bool accumulate) {
  using P = Pack<T, Arch>;
  for (std::size_t o = 0; o < outer; ++o) {
    if (inner == 1) {
      const T v = x[o] * scale;
      T* to = y + o * n;
      std::size_t k = 0;
      for (; k + P::size <= n; k += P::size)
        (accumulate ? P::load(to + k) + P(v) : P(v)).store(to + k);
      for (; k < n; ++k) to[k] = accumulate ? to[k] + v : v;
      continue;
    }
    const T* from = x + o * inner;
    for (std::size_t i = 0; i < n; ++i) {
      T* to = y + (o * n + i) * inner;
      std::size_t k = 0;
      for (; k + P::size <= inner; k += P::size) {
        const P v = P::load(from + k) * P(scale);
        (accumulate ? P::load(to + k) + v : v).store(to + k);
      }
      for (; k < inner; ++k) to[k] = accumulate ? to[k] + from[k] * scale : from[k] * scale;
    }
  }
}

}  // namespace

template <Isa I, class T>
ReduceKernels<T> make_reduce_kernels() {
  return {{&reduce_kernel<Sum, T>, &reduce_kernel<Product, T>, &reduce_kernel<Maximum, T>,
           &reduce_kernel<Minimum, T>},
          &spread_kernel<T>,
          &axpy_kernel<T>};
}

template ReduceKernels<float> make_reduce_kernels<kIsa, float>();
template ReduceKernels<double> make_reduce_kernels<kIsa, double>();

}  // namespace xgrad::kernels
