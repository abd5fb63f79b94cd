#include "xgrad/kernels/distances.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/gemm.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::kernels {
namespace {

constexpr std::size_t kShort = 16;     // rows of fewer elements: differences are as fast
constexpr std::size_t kColumns = 512;  // of b at a time, that stay in the cache

template <class T>
const DistanceKernels<T>& kernels_here() {
  static const DistanceKernels<T> k = choose([]<Isa I>() { return make_distance_kernels<I, T>(); });
  return k;
}

// visit(begin, end) for pieces of n rows, each of `width` numbers.
template <class Visit>
void for_rows(std::size_t n, std::size_t width, const Visit& visit) {
  const std::size_t pieces = std::min(std::max<std::size_t>(n, 1), pieces_for(n * width));
  parallel_for(pieces, [&](std::size_t p) { visit(n * p / pieces, n * (p + 1) / pieces); });
}

// As norm does it: right also where squares are beyond the range of T.
template <class T>
T careful_distance(const T* a, const T* b, std::size_t k) {
  T largest = 0;
  for (std::size_t i = 0; i < k; ++i) {
    const T difference = std::abs(a[i] - b[i]);
    if (std::isnan(difference)) return difference;
    largest = std::max(largest, difference);
  }
  if (largest == T(0) || std::isinf(largest)) return largest;
  T sum = 0;
  for (std::size_t i = 0; i < k; ++i) {
    const T part = (a[i] - b[i]) / largest;
    sum += part * part;
  }
  return largest * std::sqrt(sum);
}

template <class T>
constexpr T kLowest = std::numeric_limits<T>::min() / std::numeric_limits<T>::epsilon();

// The roots of squared distances of one row to `m` rows of b.
template <class T>
void take_roots(const T* a, const T* b, T* d, std::size_t k, std::size_t m) {
  if (!kernels_here<T>().root(d, m, kLowest<T>)) return;
  const T low = std::sqrt(kLowest<T>);
  for (std::size_t j = 0; j < m; ++j) {
    if (!(d[j] > low && d[j] <= std::numeric_limits<T>::max()))
      d[j] = careful_distance(a, b + j * k, k);
  }
}

template <class T>
void by_differences(const T* a, const T* b, T* d, DistanceSizes s, bool squared) {
  Scratch<T> columns(s.k * std::min(s.m, kColumns));
  for (std::size_t left = 0; left < s.m; left += kColumns) {
    const std::size_t width = std::min(kColumns, s.m - left);
    for (std::size_t j = 0; j < width; ++j) {
      for (std::size_t l = 0; l < s.k; ++l) columns[l * width + j] = b[(left + j) * s.k + l];
    }
    for_rows(s.n, width * (s.k + 1), [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        T* const to = d + i * s.m + left;
        kernels_here<T>().squares(a + i * s.k, columns.data(), to, s.k, width);
        if (!squared) take_roots(a + i * s.k, b + left * s.k, to, s.k, width);
      }
    });
  }
}

// Both matrices as seen from the middle of all rows, and the squares of their rows.
template <class T>
class Centred {
 public:
  Centred(const T* a, const T* b, DistanceSizes s)
      : a_(s.n * s.k), b_(s.m * s.k), a_squares_(s.n), b_squares_(s.m) {
    Scratch<T> middle(s.k, T(0));
    add_rows(a, s.n, s.k, middle);
    add_rows(b, s.m, s.k, middle);
    for (std::size_t l = 0; l < s.k; ++l) {
      middle[l] /= static_cast<T>(s.n + s.m);
      finite_ = finite_ && std::isfinite(middle[l]);
    }
    move(a, s.n, s.k, middle, a_, a_squares_);
    move(b, s.m, s.k, middle, b_, b_squares_);
  }

  const T* a() { return a_.data(); }
  const T* b() { return b_.data(); }
  const T* b_squares() { return b_squares_.data(); }
  T a_square(std::size_t i) { return a_squares_[i]; }
  T b_square(std::size_t j) { return b_squares_[j]; }
  bool finite() const { return finite_; }

  /// Whether a pair is to be computed by its differences.
  bool near(std::size_t i, std::size_t j, T square) {
    return !finite_ || !(square >= T(0.25) * (a_squares_[i] + b_squares_[j]));
  }

 private:
  static void add_rows(const T* x, std::size_t n, std::size_t k, Scratch<T>& sum) {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t l = 0; l < k; ++l) sum[l] += x[i * k + l];
    }
  }
  static void move(const T* x, std::size_t n, std::size_t k, Scratch<T>& middle, Scratch<T>& to,
                   Scratch<T>& squares) {
    for_rows(n, k, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        for (std::size_t l = 0; l < k; ++l) to[i * k + l] = x[i * k + l] - middle[l];
        squares[i] = kernels_here<T>().pair(x + i * k, middle.data(), k);
      }
    });
  }

  Scratch<T> a_, b_, a_squares_, b_squares_;
  bool finite_ = true;
};

template <class T>
void by_product(const T* a, const T* b, T* d, DistanceSizes s, bool squared) {
  Centred<T> c(a, b, s);
  if (!c.finite()) return by_differences(a, b, d, s, squared);
  gemm(false, true, s.n, s.m, s.k, c.a(), c.b(), T(0), d);
  const DistanceKernels<T>& kernel = kernels_here<T>();
  for_rows(s.n, 4 * s.m, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      for (std::size_t left = 0; left < s.m; left += 64) {
        const std::size_t width = std::min<std::size_t>(64, s.m - left);
        T* const to = d + i * s.m + left;
        if (kernel.expand(c.a_square(i), c.b_squares() + left, to, width)) {
          for (std::size_t j = 0; j < width; ++j) {
            if (c.near(i, left + j, to[j]))
              to[j] = kernel.pair(a + i * s.k, b + (left + j) * s.k, s.k);
          }
        }
        if (!squared) take_roots(a + i * s.k, b + left * s.k, to, s.k, width);
      }
    }
  });
}

// visit(i, j) for all pairs, in an order and on threads such that those of one row of a, or of one
// row of b if `by_b`, follow each other.
template <class Visit>
void for_pairs(DistanceSizes s, bool by_b, const Visit& visit) {
  if (by_b) {
    for_rows(s.m, 4 * s.n, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = 0; i < s.n; ++i) {
        for (std::size_t j = begin; j < end; ++j) visit(i, j);
      }
    });
  } else {
    for_rows(s.n, 4 * s.m, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        for (std::size_t j = 0; j < s.m; ++j) visit(i, j);
      }
    });
  }
}

template <class T>
T square_of(T d, bool squared) {
  return squared ? d : d * d;
}

}  // namespace

template <class T>
void distances(const T* a, const T* b, T* d, DistanceSizes s, bool squared) {
  if (s.n == 0 || s.m == 0) return;
  if (s.k < kShort) {
    by_differences(a, b, d, s, squared);
  } else {
    by_product(a, b, d, s, squared);
  }
}

// Pairs that are far: the sum of g times a, minus the product of g and b, or the other way round.
template <class T>
void weighted_differences(const T* g, const T* a, const T* b, const T* d, T* y, DistanceSizes s,
                          bool squared, bool transposed) {
  const std::size_t rows = transposed ? s.m : s.n;
  std::fill_n(y, rows * s.k, T(0));
  if (s.n == 0 || s.m == 0 || s.k == 0) return;
  Centred<T> c(a, b, s);
  Scratch<T> far(s.n * s.m), total(rows, T(0));
  for_pairs(s, transposed, [&](std::size_t i, std::size_t j) {
    const std::size_t at = i * s.m + j, row = transposed ? j : i;
    const bool near = c.near(i, j, square_of(d[at], squared));
    far[at] = near ? T(0) : -g[at];
    total[row] -= far[at];
    if (!near || g[at] == T(0)) return;
    const T *from = a + i * s.k, *to = b + j * s.k;
    if (transposed) std::swap(from, to);
    kernels_here<T>().add(y + row * s.k, g[at], from, to, s.k);
  });
  if (!c.finite()) return;
  const T* const own = transposed ? c.b() : c.a();
  for_rows(rows, s.k, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      for (std::size_t l = 0; l < s.k; ++l) y[r * s.k + l] += total[r] * own[r * s.k + l];
    }
  });
  gemm(transposed, false, rows, s.k, transposed ? s.n : s.m, far.data(), transposed ? c.a() : c.b(),
       T(1), y);
}

template <class T>
void projected_differences(const T* v, const T* a, const T* b, const T* d, T* y, DistanceSizes s,
                           bool squared, bool transposed) {
  if (s.n == 0 || s.m == 0) return;
  Centred<T> c(a, b, s);
  const std::size_t rows = transposed ? s.m : s.n;
  Scratch<T> own(rows);
  Scratch<T> zero(s.k, T(0));
  const DistanceKernels<T>& kernel = kernels_here<T>();
  for (std::size_t r = 0; r < rows; ++r)
    own[r] = kernel.project(v + r * s.k, (transposed ? c.b() : c.a()) + r * s.k, zero.data(), s.k);
  if (c.finite())
    gemm(false, true, s.n, s.m, s.k, transposed ? c.a() : v, transposed ? v : c.b(), T(0), y);
  for_pairs(s, false, [&](std::size_t i, std::size_t j) {
    const std::size_t at = i * s.m + j, row = transposed ? j : i;
    if (!c.near(i, j, square_of(d[at], squared))) {
      y[at] = own[row] - y[at];
      return;
    }
    const T *from = a + i * s.k, *to = b + j * s.k;
    if (transposed) std::swap(from, to);
    y[at] = kernel.project(v + row * s.k, from, to, s.k);
  });
}

#define XGRAD_INSTANTIATE(T)                                                                     \
  template void distances(const T*, const T*, T*, DistanceSizes, bool);                          \
  template void weighted_differences(const T*, const T*, const T*, const T*, T*, DistanceSizes,  \
                                     bool, bool);                                                \
  template void projected_differences(const T*, const T*, const T*, const T*, T*, DistanceSizes, \
                                      bool, bool);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
