#include "xgrad/ops/shape.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

#include "xgrad/autograd/axis.hpp"
#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/lattice.hpp"

namespace xgrad {

using detail::fail;
using detail::product;
using detail::require;
using detail::Selection;
using detail::Strides;
using detail::strides_of;
using detail::view;

namespace {

template <class T>
using Rule = detail::Rule<T>;

// Bit i is set when axis i is named. Throws for an axis named twice.
unsigned mask_of(const char* operation, const Axes& axes, const Shape& shape) {
  unsigned mask = 0;
  for (const std::ptrdiff_t axis : axes) {
    const unsigned bit = 1U << normalize_axis(operation, axis, shape);
    if ((mask & bit) != 0) fail(operation, "axis ", axis, " is given twice: x ", shape);
    mask |= bit;
  }
  return mask;
}

}  // namespace

// Shapes.

namespace {

// The sizes with -1 worked out.
Shape resolved(const Shape& from, const std::vector<std::ptrdiff_t>& sizes) {
  Shape r;
  std::size_t known = 1, open = Shape::kMaxRank;
  for (const std::ptrdiff_t size : sizes) {
    if (size < -1) fail("reshape", "size ", size, " is negative: sizes ", sizes);
    if (size != -1)
      known = detail::checked_product("reshape", known, static_cast<std::size_t>(size));
    if (size == -1 && open != Shape::kMaxRank)
      fail("reshape", "more than one size is -1: sizes ", sizes);
    if (size == -1) open = r.rank();
    r.push_back(size == -1 ? 1 : static_cast<std::size_t>(size));
  }
  if (open != Shape::kMaxRank && known != 0) r[open] = from.elements() / known;
  const std::size_t elements = open != Shape::kMaxRank ? known * r[open] : known;
  if (elements != from.elements() || (open != Shape::kMaxRank && known == 0)) {
    fail("reshape", "the sizes do not fit: x ", from, ", sizes ", sizes);
  }
  return r;
}

}  // namespace

template <class T>
Tensor<T> reshape(const Tensor<T>& x, const detail::ReshapeSizes& sizes) {
  return view(x, resolved(x.shape(), sizes.values()));
}

template <class T>
Tensor<T> flatten(const Tensor<T>& x, std::ptrdiff_t start_axis, std::ptrdiff_t end_axis) {
  const Shape shape = x.rank() == 0 ? Shape{1} : x.shape();
  const char* const name = x.rank() == 0 ? "x with one axis" : "x";
  const std::size_t begin = normalize_axis("flatten", start_axis, shape, name);
  const std::size_t last = normalize_axis("flatten", end_axis, shape, name);
  if (last < begin) {
    fail("flatten", "the last axis comes before the first: start_axis ", begin, ", end_axis ",
         last);
  }
  Shape r(shape.begin(), shape.begin() + begin);
  r.push_back(product(shape, begin, last + 1));
  for (std::size_t i = last + 1; i < shape.rank(); ++i) r.push_back(shape[i]);
  return view(x, r);
}

template <class T>
Tensor<T> squeeze(const Tensor<T>& x, const Axes& axes) {
  const unsigned named = mask_of("squeeze", axes, x.shape());
  Shape r;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    const std::size_t size = x.shape()[i];
    const bool goes = (named >> i & 1U) != 0;
    if (goes && size != 1) {
      fail("squeeze", "axis ", i, " has more than one element or none: x ", x.shape());
    }
    if (axes.empty() ? size != 1 : !goes) r.push_back(size);
  }
  return view(x, r);
}

template <class T>
Tensor<T> unsqueeze(const Tensor<T>& x, std::ptrdiff_t axis) {
  return view(x, x.shape().with(normalize_new_axis("unsqueeze", axis, x.shape()), 1));
}

template <class T>
Tensor<T> broadcast_to(const Tensor<T>& x, const Shape& shape) {
  return detail::broadcast_to(x, shape);
}

// An axis (n) becomes (repeats, n) by broadcasting and that one axis again; the last axis first,
// while all is small.
template <class T>
Tensor<T> repeat(const Tensor<T>& x, const std::vector<std::size_t>& repeats) {
  if (repeats.size() < x.rank()) {
    fail("repeat", "fewer repeats than axes: repeats ", repeats, ", x ", x.shape());
  }
  Shape now;
  for (std::size_t i = x.rank(); i < repeats.size(); ++i) now.push_back(1);
  for (const std::size_t size : x.shape()) now.push_back(size);
  Tensor<T> y = view(x, now);
  for (std::size_t i = now.rank(); i-- > 0;) {
    if (repeats[i] == 1) continue;
    const std::size_t outer = product(now, 0, i), inner = product(now, i, now.rank());
    now[i] = detail::checked_product("repeat", now[i], repeats[i]);
    y = view(broadcast_to(view(y, {outer, 1, inner}), {outer, repeats[i], inner}), now);
  }
  return y;
}

// Orders.

namespace {

template <class T>
const Rule<T> kPermute = {"permute", &detail::take_backward<T>, nullptr};
template <class T>
const Rule<T> kTranspose = {"transpose", &detail::take_backward<T>, nullptr};
template <class T>
const Rule<T> kFlip = {"flip", &detail::take_backward<T>, nullptr};

using Order = std::array<std::size_t, Shape::kMaxRank>;

template <class T>
Tensor<T> in_order(const Tensor<T>& x, const Order& order, const Rule<T>& rule) {
  const Strides strides = strides_of(x.shape());
  Selection s;
  s.complete = true;
  Shape r;
  std::size_t last = 0;
  bool moves = false;  // an axis of more than one element past another one
  for (std::size_t i = 0; i < x.rank(); ++i) {
    const std::size_t size = x.shape()[order[i]];
    r.push_back(size);
    s.lattice.add_axis(size, strides[order[i]]);
    moves = moves || (size != 1 && order[i] < last);
    if (size != 1) last = order[i];
  }
  return moves ? detail::take(x, s, r, rule) : view(x, r);
}

}  // namespace

template <class T>
Tensor<T> permute(const Tensor<T>& x, const Axes& axes) {
  if (axes.size() != x.rank()) {
    fail("permute", "not every axis is named once: axes ", axes, ", x ", x.shape());
  }
  mask_of("permute", axes, x.shape());
  Order order{};
  for (std::size_t i = 0; i < axes.size(); ++i)
    order[i] = normalize_axis("permute", axes[i], x.shape());
  return in_order(x, order, kPermute<T>);
}

template <class T>
Tensor<T> transpose(const Tensor<T>& x, std::ptrdiff_t axis_a, std::ptrdiff_t axis_b) {
  Order order{};
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::swap(order[normalize_axis("transpose", axis_a, x.shape())],
            order[normalize_axis("transpose", axis_b, x.shape())]);
  return in_order(x, order, kTranspose<T>);
}

template <class T>
Tensor<T> flip(const Tensor<T>& x, const Axes& axes) {
  const unsigned named = axes.empty() ? ~0U : mask_of("flip", axes, x.shape());
  if (x.size() == 0) return x;
  const Strides strides = strides_of(x.shape());
  Selection s;
  s.complete = true;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    const std::size_t n = x.shape()[i];
    const bool turned = (named >> i & 1U) != 0;
    if (turned) s.lattice.offset += static_cast<std::ptrdiff_t>(n - 1) * strides[i];
    s.lattice.add_axis(n, turned ? -strides[i] : strides[i]);
  }
  return detail::take(x, s, x.shape(), kFlip<T>);
}

template <class T>
Tensor<T> roll(const Tensor<T>& x, const std::vector<std::ptrdiff_t>& shifts, const Axes& axes) {
  require(shifts.size() == axes.size(), "roll",
          "there is not a shift for each axis: ", shifts.size(), " shifts, ", axes.size(), " axes");
  for (const std::ptrdiff_t axis : axes) normalize_axis("roll", axis, x.shape());
  Tensor<T> y = x;
  for (std::size_t k = 0; k < shifts.size(); ++k) {
    const std::ptrdiff_t axis = axes.begin()[k];
    const auto n = static_cast<std::ptrdiff_t>(x.shape()[normalize_axis("roll", axis, x.shape())]);
    const std::ptrdiff_t shift = n == 0 ? 0 : (shifts[k] % n + n) % n;
    if (shift != 0) y = concat({slice(y, axis, n - shift, n), slice(y, axis, 0, n - shift)}, axis);
  }
  return y;
}

template <class T>
std::vector<Tensor<T>> meshgrid(const std::vector<Tensor<T>>& coordinates) {
  Shape shape;
  for (const Tensor<T>& c : coordinates) {
    require(c.rank() == 1, "meshgrid", "a coordinate is not a vector: ", c.shape());
    shape.push_back(c.size());
  }
  detail::checked_elements(shape, sizeof(T));
  std::vector<Tensor<T>> grid;
  for (std::size_t k = 0; k < coordinates.size(); ++k) {
    Shape along;
    for (std::size_t i = 0; i < shape.rank(); ++i) along.push_back(i == k ? shape[k] : 1);
    grid.push_back(broadcast_to(reshape(coordinates[k], along), shape));
  }
  return grid;
}

#define XGRAD_INSTANTIATE(T)                                                                  \
  template Tensor<T> reshape(const Tensor<T>&, const detail::ReshapeSizes&);                  \
  template Tensor<T> flatten(const Tensor<T>&, std::ptrdiff_t, std::ptrdiff_t);               \
  template Tensor<T> squeeze(const Tensor<T>&, const Axes&);                                  \
  template Tensor<T> unsqueeze(const Tensor<T>&, std::ptrdiff_t);                             \
  template Tensor<T> permute(const Tensor<T>&, const Axes&);                                  \
  template Tensor<T> transpose(const Tensor<T>&, std::ptrdiff_t, std::ptrdiff_t);             \
  template Tensor<T> broadcast_to(const Tensor<T>&, const Shape&);                            \
  template Tensor<T> flip(const Tensor<T>&, const Axes&);                                     \
  template Tensor<T> roll(const Tensor<T>&, const std::vector<std::ptrdiff_t>&, const Axes&); \
  template std::vector<Tensor<T>> meshgrid(const std::vector<Tensor<T>>&);                    \
  template Tensor<T> repeat(const Tensor<T>&, const std::vector<std::size_t>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
