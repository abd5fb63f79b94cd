#include "xgrad/kernels/scan.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::kernels {
namespace {

template <class T>
const ScanKernels<T>& scan_kernels() {
  static const ScanKernels<T> kernels = choose([]<Isa I>() { return make_scan_kernels<I, T>(); });
  return kernels;
}

// run(first, last) for parts of the outer axes.
template <class Run>
void over_outer(AxisView view, const Run& run) {
  const std::size_t pieces = std::min(view.outer, pieces_for(view.elements()));
  parallel_for(pieces,
               [&](std::size_t k) { run(view.outer * k / pieces, view.outer * (k + 1) / pieces); });
}

// A running sum is the total of the blocks before it and the sum within its block. What is
// rounded off when a block joins the total is not lost, so that the errors of a long sum are
// those of one block.
constexpr std::size_t kBlock = 64;

// total += part, and part = what was rounded off. Source: D. E. Knuth, The Art of Computer
// Programming, volume 2, 4.2.2, theorem B.
template <class T>
void carry(T& total, T& part) {
  const T sum = total + part, added = sum - total;
  part = std::isfinite(sum) ? (total - (sum - added)) + (part - added) : T(0);
  total = sum;
}

// One block of R rows of n numbers: an addition need not wait for the one before.
template <std::size_t R, class T>
void running_sums_of_block(const T* x, T* y, std::size_t n, std::ptrdiff_t step, std::size_t size,
                           T* parts, bool accumulate) {
  T part[R];
  std::copy_n(parts, R, part);
  for (std::size_t i = 0; i < size; ++i, x += step, y += step) {
    for (std::size_t r = 0; r < R; ++r) {
      part[r] += x[r * n];
      y[r * n] = accumulate ? y[r * n] + part[r] : part[r];
    }
  }
  std::copy_n(part, R, parts);
}

template <class T>
void add_number(T* __restrict y, T number, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] += number;
}

// The total of the blocks before is added to a block as a whole.
template <std::size_t R, class T>
void running_sums_of_rows(const T* x, T* y, std::size_t n, bool reverse, bool accumulate) {
  T total[R] = {}, part[R] = {};
  for (std::size_t first = 0; first < n; first += kBlock) {
    const std::size_t size = std::min(n - first, kBlock), begin = reverse ? n - 1 - first : first;
    running_sums_of_block<R>(x + begin, y + begin, n, reverse ? -1 : 1, size, part, accumulate);
    const std::size_t lowest = reverse ? n - first - size : first;
    for (std::size_t r = 0; first != 0 && r < R; ++r)
      add_number(y + r * n + lowest, total[r], size);
    if (first + size == n) return;
    for (std::size_t r = 0; r < R; ++r) carry(total[r], part[r]);
  }
}

template <class T>
void running_sum_of(const T* x, T* y, std::size_t n, std::size_t inner, bool reverse,
                    bool accumulate) {
  Scratch<T> total(inner, T(0)), part(inner, T(0));
  const auto width = static_cast<std::ptrdiff_t>(inner), step = reverse ? -width : width;
  for (std::size_t first = 0; first < n; first += kBlock) {
    if (first > 0) {
      for (std::size_t j = 0; j < inner; ++j) carry(total[j], part[j]);
    }
    const std::size_t begin = (reverse ? n - 1 - first : first) * inner;
    scan_kernels<T>().columns(x + begin, y + begin, std::min(n - first, kBlock), step, inner,
                              total.data(), part.data(), accumulate);
  }
}

template <class T>
void product_backward_of(const T* x, const T* gy, T* gx, std::size_t n, std::size_t inner,
                         bool accumulate) {
  Scratch<T> before(n * inner, T(1)), after(inner, T(1));
  for (std::size_t i = inner; i < n * inner; ++i) before[i] = before[i - inner] * x[i - inner];
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t j = 0; j < inner; ++j) {
      const std::size_t at = i * inner + j;
      const T g = gy[j] * before[at] * after[j];
      gx[at] = accumulate ? gx[at] + g : g;
      after[j] *= x[at];
    }
  }
}

}  // namespace

template <class T>
void running_sum(const T* x, T* y, AxisView view, bool reverse, bool accumulate) {
  const std::size_t size = view.n * view.inner;
  over_outer(view, [&](std::size_t o, std::size_t last) {
    constexpr std::size_t kRows = 8;
    for (; view.inner == 1 && o + kRows <= last; o += kRows) {
      running_sums_of_rows<kRows>(x + o * size, y + o * size, view.n, reverse, accumulate);
    }
    for (; view.inner == 1 && o < last; ++o) {
      running_sums_of_rows<1>(x + o * size, y + o * size, view.n, reverse, accumulate);
    }
    for (; o < last; ++o) {
      running_sum_of(x + o * size, y + o * size, view.n, view.inner, reverse, accumulate);
    }
  });
}

template <class T>
void product_backward(const T* x, const T* gy, T* gx, AxisView view, bool accumulate) {
  const std::size_t size = view.n * view.inner;
  over_outer(view, [&](std::size_t o, std::size_t last) {
    for (; o < last; ++o) {
      product_backward_of(x + o * size, gy + o * view.inner, gx + o * size, view.n, view.inner,
                          accumulate);
    }
  });
}

template <class T>
void running_product(const T* x, T* y, AxisView view) {
  const std::size_t inner = view.inner, size = view.n * inner;
  over_outer(view, [&](std::size_t o, std::size_t last) {
    for (; o < last; ++o) {
      const T* const from = x + o * size;
      T* const to = y + o * size;
      std::copy_n(from, std::min(inner, size), to);
      for (std::size_t i = inner; i < size; ++i) to[i] = to[i - inner] * from[i];
    }
  });
}

template <class T>
void running_product_backward(const T* x, const T* y, const T* gy, T* gx, AxisView view,
                              bool accumulate) {
  const std::size_t inner = view.inner, size = view.n * inner;
  over_outer(view, [&](std::size_t o, std::size_t last) {
    Scratch<T> sum(inner, T(0));
    for (; o < last; ++o) {
      for (std::size_t i = size; i-- > 0;) {
        const std::size_t at = o * size + i, j = i % inner;
        sum[j] = i + inner < size ? gy[at] + x[at + inner] * sum[j] : gy[at];
        const T g = i < inner ? sum[j] : y[at - inner] * sum[j];
        gx[at] = accumulate ? gx[at] + g : g;
      }
    }
  });
}

template <class T>
void recurrence(const T* a, const T* b, T* y, AxisView view, bool reverse) {
  const std::size_t inner = view.inner, size = view.n * inner;
  over_outer(view, [&](std::size_t o, std::size_t last) {
    for (; o < last; ++o) {
      for (std::size_t k = 0; k < size; ++k) {
        const std::size_t at = o * size + (reverse ? size - 1 - k : k);
        y[at] = k < inner ? b[at] : b[at] + a[at] * y[reverse ? at + inner : at - inner];
      }
    }
  });
}

#define XGRAD_INSTANTIATE(T)                                                                \
  template void running_product(const T*, T*, AxisView);                                    \
  template void running_product_backward(const T*, const T*, const T*, T*, AxisView, bool); \
  template void recurrence(const T*, const T*, T*, AxisView, bool);                         \
  template void running_sum(const T*, T*, AxisView, bool, bool);                            \
  template void product_backward(const T*, const T*, T*, AxisView, bool);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
