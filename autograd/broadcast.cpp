#include "xgrad/autograd/broadcast.hpp"

#include <algorithm>
#include <string>

#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/formulas/arithmetic.hpp"
#include "xgrad/kernels/reduce.hpp"

namespace xgrad::detail {
namespace {

// True when axis `i` of `wide` is one that `narrow` lacks or has with size 1.
bool repeated(const Shape& wide, const Shape& narrow, std::size_t i) {
  const std::size_t missing = wide.rank() - narrow.rank();
  return wide[i] != 1 && (i < missing || narrow[i - missing] == 1);
}

void require_broadcast(const char* operation, const Shape& narrow, const Shape& wide) {
  bool fits = narrow.rank() <= wide.rank();
  for (std::size_t back = 1; fits && back <= narrow.rank(); ++back) {
    const std::size_t size = narrow[narrow.rank() - back];
    fits = size == 1 || size == wide[wide.rank() - back];
  }
  if (!fits) {
    detail::fail(operation, "shape ", narrow, " does not broadcast to ", wide);
  }
}

template <class T>
const Rule<T> kBroadcastTo = {
    "broadcast_to",
    [](const void*, Backward<T>& b) { b.add(0, sum_to(b.gradient(), b.input_shape(0))); }, nullptr};

template <class T>
const Rule<T> kSumTo = {
    "sum_to",
    [](const void*, Backward<T>& b) { b.add(0, broadcast_to(b.gradient(), b.input_shape(0))); },
    nullptr};

std::size_t product(const Shape& s, std::size_t begin, std::size_t end) {
  std::size_t n = 1;
  for (std::size_t i = begin; i < end; ++i) n *= s[i];
  return n;
}

}  // namespace

bool last_repeated_axes(const Shape& wide, const Shape& narrow, std::size_t& end,
                        std::size_t& begin) {
  while (end > 0 && !repeated(wide, narrow, end - 1)) --end;
  if (end == 0) return false;
  begin = end;
  while (begin > 0 && (repeated(wide, narrow, begin - 1) || wide[begin - 1] == 1)) --begin;
  return true;
}

template <class T>
Tensor<T> add(const Tensor<T>& a, const Tensor<T>& b) {
  return apply(primitives::Add{}, a, b);
}

template <class T>
Tensor<T> broadcast_to(const Tensor<T>& x, const Shape& shape) {
  require_broadcast("broadcast_to", x.shape(), shape);
  if (x.shape() == shape) return x;
  checked_elements(shape, sizeof(T));
  // Groups are filled in from the last one: each step spreads (outer, inner) to (outer, n, inner).
  Tensor<T> y(share_value(x.node(), x.shape()));
  Shape now = shape;  // with 1 where it is still to be repeated
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (repeated(shape, x.shape(), i)) now[i] = 1;
  }
  for (std::size_t end = shape.rank(), begin = 0; last_repeated_axes(shape, x.shape(), end, begin);
       end = begin) {
    const std::size_t n = product(shape, begin, end), inner = product(now, end, now.rank());
    const std::size_t outer = product(now, 0, begin);
    for (std::size_t i = begin; i < end; ++i) now[i] = shape[i];
    Tensor<T> next = Tensor<T>::uninitialized(now);
    if (next.size() != 0)
      kernels::spread(y.data(), next.node()->data, outer, n, inner, T(1), false);
    y = std::move(next);
  }
  if (y.shape() != shape) y = Tensor<T>(share_value(y.node(), shape));
  record<T>(y, kBroadcastTo<T>, {&x}, {});
  if (is_logged<T>()) log_again(y, [shape](const auto& o) { return broadcast_to(o[0], shape); });
  describe(y, BroadcastDescription{});
  return y;
}

template <class T>
Tensor<T> sum_to(const Tensor<T>& x, const Shape& shape) {
  require_broadcast("sum_to", shape, x.shape());
  if (x.shape() == shape) return x;
  Tensor<T> y(share_value(x.node(), x.shape()));
  Shape now = x.shape();
  for (std::size_t end = now.rank(), begin = 0; last_repeated_axes(x.shape(), shape, end, begin);
       end = begin) {
    const std::size_t n = product(now, begin, end), inner = product(now, end, now.rank());
    const std::size_t outer = product(now, 0, begin);
    for (std::size_t i = begin; i < end; ++i) now[i] = 1;
    Tensor<T> next = Tensor<T>::uninitialized(now);
    if (n == 0) {
      std::fill_n(next.node()->data, next.size(), T(0));
    } else if (next.size() != 0) {
      kernels::reduce(kernels::Reduction::sum, y.data(), next.node()->data, outer, n, inner);
    }
    y = std::move(next);
  }
  if (y.shape() != shape) y = Tensor<T>(share_value(y.node(), shape));
  record<T>(y, kSumTo<T>, {&x}, {});
  if (is_logged<T>()) log_again(y, [shape](const auto& o) { return sum_to(o[0], shape); });
  describe(y, SumToDescription{});
  return y;
}

namespace {
template <class T>
const Rule<T> kView = {
    "reshape",
    [](const void*, Backward<T>& b) { b.add(0, view(b.take_gradient(), b.input_shape(0))); },
    nullptr};
}

template <class T>
Tensor<T> view(const Tensor<T>& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  if (checked_elements(shape, sizeof(T)) != x.size()) {
    detail::fail("reshape", "the sizes do not fit: x ", x.shape(), ", sizes ", shape);
  }
  Tensor<T> y(share_value(x.node(), shape));
  record<T>(y, kView<T>, {&x}, {});
  if (is_logged<T>()) log_again(y, [shape](const auto& o) { return view(o[0], shape); });
  describe(y, ViewDescription{});
  return y;
}

template <class T>
void add_in_place(T* y, const T* x, std::size_t n) {
  kernels::reduce_kernels<T>().axpy(y, x, T(1), n);
}

#define XGRAD_INSTANTIATE(T)                                       \
  template Tensor<T> add(const Tensor<T>&, const Tensor<T>&);      \
  template Tensor<T> broadcast_to(const Tensor<T>&, const Shape&); \
  template Tensor<T> sum_to(const Tensor<T>&, const Shape&);       \
  template Tensor<T> view(const Tensor<T>&, const Shape&);         \
  template void add_in_place(T*, const T*, std::size_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
