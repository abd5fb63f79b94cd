#include "xgrad/kernels/softmax.hpp"

#include <algorithm>

#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/parallel.hpp"

namespace xgrad::kernels {
namespace {

template <class T>
const SoftmaxKernels<T>& softmax_kernels() {
  static const SoftmaxKernels<T> kernels =
      choose([]<Isa I>() { return make_softmax_kernels<I, T>(); });
  return kernels;
}

// run(first element, first row, view) for pieces of the outer axis.
template <class Run>
void over_outer(AxisView view, const Run& run) {
  if (view.elements() == 0) return;
  const std::size_t pieces = std::min(view.outer, pieces_for(view.elements()));
  parallel_for(pieces, [&](std::size_t k) {
    const std::size_t begin = view.outer * k / pieces, end = view.outer * (k + 1) / pieces;
    run(begin * view.n * view.inner, begin * view.inner, AxisView{end - begin, view.n, view.inner});
  });
}

}  // namespace

template <class T>
void softmax(const T* x, T* y, AxisView view) {
  over_outer(view, [&](std::size_t at, std::size_t, AxisView v) {
    softmax_kernels<T>().softmax(x + at, y + at, v);
  });
}

template <class T>
void softmax_backward(const T* y, const T* gy, T* gx, AxisView view, bool accumulate) {
  over_outer(view, [&](std::size_t at, std::size_t, AxisView v) {
    softmax_kernels<T>().softmax_backward(y + at, gy + at, gx + at, v, accumulate);
  });
}

template <class T>
void log_softmax(const T* x, T* y, AxisView view) {
  over_outer(view, [&](std::size_t at, std::size_t, AxisView v) {
    softmax_kernels<T>().log_softmax(x + at, y + at, v);
  });
}

template <class T>
void log_softmax_backward(const T* y, const T* gy, T* gx, AxisView view, bool accumulate) {
  over_outer(view, [&](std::size_t at, std::size_t, AxisView v) {
    softmax_kernels<T>().log_softmax_backward(y + at, gy + at, gx + at, v, accumulate);
  });
}

template <class T>
void log_sum_exp(const T* x, T* maximum, T* log_sum, AxisView view) {
  over_outer(view, [&](std::size_t at, std::size_t row, AxisView v) {
    softmax_kernels<T>().log_sum_exp(x + at, maximum + row, log_sum + row, v);
  });
}

template <class T>
void exponentials(const T* x, const T* shift, const T* scale, T* y, AxisView view,
                  bool accumulate) {
  over_outer(view, [&](std::size_t at, std::size_t row, AxisView v) {
    softmax_kernels<T>().exponentials(x + at, shift + row, scale + row, y + at, v, accumulate);
  });
}

#define XGRAD_INSTANTIATE(T)                                                  \
  template void softmax(const T*, T*, AxisView);                              \
  template void softmax_backward(const T*, const T*, T*, AxisView, bool);     \
  template void log_softmax(const T*, T*, AxisView);                          \
  template void log_softmax_backward(const T*, const T*, T*, AxisView, bool); \
  template void log_sum_exp(const T*, T*, T*, AxisView);                      \
  template void exponentials(const T*, const T*, const T*, T*, AxisView, bool);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
