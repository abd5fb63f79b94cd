#include "xgrad/ops/lattice.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"

namespace xgrad::detail {
namespace {

template <class T>
const Rule<T> kTake = {"take", &take_backward<T>, nullptr};
template <class T>
const Rule<T> kPlace = {"place", &place_backward<T>, nullptr};

}  // namespace

Strides strides_of(const Shape& shape) {
  Strides strides{};
  std::ptrdiff_t step = 1;
  for (std::size_t i = shape.rank(); i-- > 0;) {
    strides[i] = step;
    step *= static_cast<std::ptrdiff_t>(shape[i]);
  }
  return strides;
}

std::size_t product(const Shape& shape, std::size_t begin, std::size_t end) {
  return std::accumulate(shape.begin() + begin, shape.begin() + end, std::size_t{1},
                         std::multiplies<>());
}

template <class T>
Tensor<T> take(const Tensor<T>& x, const Selection& from, const Shape& shape, const Rule<T>& rule) {
  Tensor<T> y = Tensor<T>::uninitialized(shape);
  if (y.size() != 0) kernels::read_lattice(x.data(), from.lattice, y.node()->data, false);
  record<T>(y, rule, {&x}, {}, from);
  if (is_logged<T>()) {
    log_again(y, [from, shape, &rule](const auto& o) { return take(o[0], from, shape, rule); });
    describe(y, TakeDescription{from.lattice, from.complete});
  }
  return y;
}

template <class T>
Tensor<T> place(const Tensor<T>& x, const Selection& to, const Shape& shape, T fill,
                const Rule<T>& rule) {
  Tensor<T> y = Tensor<T>::uninitialized(shape);
  if (!to.complete) std::fill_n(y.node()->data, y.size(), fill);
  if (x.size() != 0) kernels::write_lattice(x.data(), y.node()->data, to.lattice, false);
  record<T>(y, rule, {&x}, {}, to);
  if (is_logged<T>()) {
    log_again(
        y, [to, shape, fill, &rule](const auto& o) { return place(o[0], to, shape, fill, rule); });
    describe(y, PlaceDescription{to.lattice, to.complete, static_cast<double>(fill)});
  }
  return y;
}

namespace {

// Zeros where the selection does not reach.
template <class T>
void clear_around(T* x, std::size_t n, const kernels::Lattice& l) {
  if (l.rank > 1 || (l.rank == 1 && l.stride[0] != 1)) {
    std::fill_n(x, n, T(0));
    return;
  }
  const std::size_t size = l.rank == 0 ? 1 : l.extent[0];
  const auto begin = static_cast<std::size_t>(l.offset);
  std::fill_n(x, begin, T(0));
  std::fill(x + begin + size, x + n, T(0));
}

}  // namespace

template <class T>
void take_backward(const void* selection, Backward<T>& b) {
  const auto& s = *static_cast<const Selection*>(selection);
  if (b.recording()) return b.add(0, place(b.gradient(), s, b.input_shape(0), T(0), kPlace<T>));
  const auto to = FastPath(b).accumulator(0);
  if (!to.has_value && !s.complete) clear_around(to.data, b.input_shape(0).elements(), s.lattice);
  if (b.gradient().size() != 0)
    kernels::write_lattice(b.gradient().data(), to.data, s.lattice, to.has_value);
}

template <class T>
void add_from_lattice(Backward<T>& b, std::size_t i, const Selection& selection) {
  if (b.recording()) return b.add(i, take(b.gradient(), selection, b.input_shape(i), kTake<T>));
  const auto to = FastPath(b).accumulator(i);
  if (b.input_shape(i).elements() == 0) return;
  kernels::read_lattice(b.gradient().data(), selection.lattice, to.data, to.has_value);
}

template <class T>
void place_backward(const void* selection, Backward<T>& b) {
  add_from_lattice(b, 0, *static_cast<const Selection*>(selection));
}

#define XGRAD_INSTANTIATE(T)                                                                     \
  template Tensor<T> take(const Tensor<T>&, const Selection&, const Shape&, const Rule<T>&);     \
  template Tensor<T> place(const Tensor<T>&, const Selection&, const Shape&, T, const Rule<T>&); \
  template void take_backward(const void*, Backward<T>&);                                        \
  template void place_backward(const void*, Backward<T>&);                                       \
  template void add_from_lattice(Backward<T>&, std::size_t, const Selection&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
