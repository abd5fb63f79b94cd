#include "xgrad/ops/indexing_batch.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad::detail {
namespace {

// Coordinates of element k, as (1, 2).
std::string place_of(const Shape& shape, std::size_t k) {
  Shape at = shape;
  for (std::size_t i = shape.rank(); i-- > 0; k /= shape[i]) at[i] = k % shape[i];
  return to_string(at);
}

}  // namespace

void check_positions(const char* operation, const Indices& index, std::size_t n,
                     std::int64_t lowest) {
  const auto size = static_cast<std::int64_t>(n);
  const auto outside = [=](std::int64_t i) { return i < lowest || i >= size; };
  const std::int64_t *begin = index.data(), *end = begin + index.size(),
                     *bad = std::find_if(begin, end, outside);
  if (bad == end) return;
  fail<std::out_of_range>(operation, "index out of range: index",
                          place_of(Shape(index.shape()), static_cast<std::size_t>(bad - begin)),
                          " is ", *bad, ", n ", n);
}

namespace {

// The axes [0, first), [first, first + count), [from, from + many) and others, the third before the second.
template <class T>
Tensor<T> with_axes_first(const Tensor<T>& x, std::size_t first, std::size_t from,
                          std::size_t many) {
  std::vector<std::ptrdiff_t> order;
  const auto add = [&](std::size_t begin, std::size_t end) {
    for (std::size_t a = begin; a < end; ++a) order.push_back(static_cast<std::ptrdiff_t>(a));
  };
  add(0, first);
  add(from, from + many);
  add(first, from);
  add(from + many, x.rank());
  return from == first ? x : permute(x, order);
}

// Positions in the axes of all samples, one behind the other.
Indices shifted(const Indices& index, std::size_t samples, std::size_t size) {
  Indices r = index;
  const std::size_t each = samples == 0 ? 0 : r.size() / samples;
  for (std::size_t k = 0; k < r.size(); ++k)
    r.data()[k] += static_cast<std::int64_t>((k / each + (r.data()[k] < 0 ? 1 : 0)) * size);
  return r;
}

// The same for each of n samples.
Indices repeated(const Indices& index, std::size_t n) {
  const Shape shape = Shape(index.shape()).with(0, n);
  Indices r(Indices::shape_type(shape.begin(), shape.end()));
  for (std::size_t s = 0; s < n; ++s)
    std::copy_n(index.data(), index.size(), r.data() + s * index.size());
  return r;
}

// x (n, before.., size, after..) as (n size, before.., after..).
template <class T>
Tensor<T> rows_of_samples(const Tensor<T>& x, std::size_t axis) {
  const Tensor<T> moved = with_axes_first(x, 1, axis + 1, 1);
  Shape rows = moved.shape().without(0);
  rows[0] *= x.shape()[0];
  return view(moved, rows);
}

// index_select for a batch: `own` indices have the samples on their first axis, and `rank` axes behind it.
template <class T>
Tensor<T> selected_in_batch(const BatchOperands<T>& b, std::size_t axis, const Indices& index,
                            std::size_t rank) {
  const auto at = static_cast<std::ptrdiff_t>(axis);
  if (index.dimension() == rank) return index_select(b.all(0), at + 1, index);
  if (!b.batched[0]) return with_axes_first(index_select(b.x[0], at, index), 0, axis, 1);
  const std::size_t size = b.x[0].shape()[axis + 1];
  check_positions("index_select", index, size, -static_cast<std::int64_t>(size));
  const Tensor<T> y = index_select(rows_of_samples(b.x[0], axis), 0, shifted(index, b.n, size));
  return with_axes_first(y, 1, 1 + rank, axis);
}

template <class T>
Tensor<T> added_in_batch(const BatchOperands<T>& b, std::size_t axis, const Indices& index,
                         std::size_t rank) {
  const auto at = static_cast<std::ptrdiff_t>(axis);
  const Tensor<T> x = b.all(0), source = b.all(1);
  if (index.dimension() == rank) return index_add(x, at + 1, index, source);
  const std::size_t size = x.shape()[axis + 1];
  check_positions("index_add", index, size, -static_cast<std::int64_t>(size));
  const Tensor<T> y = index_add(rows_of_samples(x, axis), 0, shifted(index, b.n, size),
                                with_axes_first(source, 1, 1 + axis, rank));
  const Shape moved = x.shape().without(axis + 1).with(1, size);
  return with_axes_first(view(y, moved), 1, 2, axis);
}

template <class T, class F>
void describe_in_batch(const Tensor<T>& y, const Indices& index, const F& f) {
  if (tracer == nullptr) return;
  const auto run = [f, followed = FollowedIndices(index), rank = index.dimension()](
                       const BatchOperands<T>& b) { return f(b, followed.get(), rank); };
  describe_batch(y, run, {.reads_indices = true});
}

// Of operations with a position for each element.
template <class T, class F>
void describe_elements_in_batch(const Tensor<T>& y, const Indices& index, const F& f) {
  describe_in_batch(y, index, [f](const auto& b, const Indices& now, std::size_t rank) {
    return f(b, now.dimension() == rank ? repeated(now, b.n) : now);
  });
}

}  // namespace

template <class T>
void describe_index_select(const Tensor<T>& y, const Indices& index, std::size_t axis) {
  describe_in_batch(y, index, [axis](const auto& b, const Indices& now, std::size_t rank) {
    return selected_in_batch(b, axis, now, rank);
  });
}
template <class T>
void describe_index_add(const Tensor<T>& y, const Indices& index, std::size_t axis) {
  describe_in_batch(y, index, [axis](const auto& b, const Indices& now, std::size_t rank) {
    return added_in_batch(b, axis, now, rank);
  });
}
template <class T>
void describe_gather(const Tensor<T>& y, const Indices& index, std::size_t axis) {
  describe_elements_in_batch(y, index, [axis](const auto& b, const Indices& now) {
    return gather(b.all(0), static_cast<std::ptrdiff_t>(axis + 1), now);
  });
}
template <class T>
void describe_scatter_add(const Tensor<T>& y, const Indices& index, std::size_t axis) {
  describe_elements_in_batch(y, index, [axis](const auto& b, const Indices& now) {
    return scatter_add(b.all(0), static_cast<std::ptrdiff_t>(axis + 1), now, b.all(1));
  });
}

#define XGRAD_INSTANTIATE(T)                                                          \
  template void describe_index_select(const Tensor<T>&, const Indices&, std::size_t); \
  template void describe_index_add(const Tensor<T>&, const Indices&, std::size_t);    \
  template void describe_gather(const Tensor<T>&, const Indices&, std::size_t);       \
  template void describe_scatter_add(const Tensor<T>&, const Indices&, std::size_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
