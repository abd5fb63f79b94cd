#include "xgrad/ops/indexing.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>

#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/index.hpp"
#include "xgrad/ops/lattice.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad {

using detail::product;

namespace {

template <class T>
using Rule = detail::Rule<T>;

// Positions along an axis, shared by an operation and the derivatives of it.
struct Lookup {
  std::shared_ptr<const Indices> index;
  std::size_t axis;

  const std::int64_t* positions() const { return index->data(); }
};

// Who runs an operation again does so with the positions of that time.
template <class T, class F>
void log_again(const Tensor<T>& y, const Indices& index, const F& f) {
  if (!detail::is_logged<T>()) return;
  detail::log_again(y, [f, followed = detail::FollowedIndices(index)](const auto& x) {
    return f(x, followed.get());
  });
}

template <class T>
using MoveNumbers = void (*)(const T* x, kernels::AxisView view, const std::int64_t* index,
                             std::size_t count, T* y);
template <class T>
using AddNumbers = void (*)(const T* x, const std::int64_t* index, std::size_t count, T* y,
                            kernels::AxisView view);

void check_positions(const char* operation, const Indices& index, std::size_t n,
                     std::int64_t lowest);
Lookup lookup_of(const Indices& index, std::size_t axis, std::size_t n);

// y = x at positions, and gx what is added there.
template <class T>
void describe_lookup(const char* name, const Tensor<T>& y, const Indices& index,
                     const kernels::AxisView& view, std::size_t count, MoveNumbers<T> move,
                     AddNumbers<T> add) {
  if (detail::tracer == nullptr) return;
  const auto with_positions = [followed = detail::FollowedIndices(index),
                               n = view.n](const auto& f) {
    const Indices& now = followed.get();
    const auto is_negative = [](std::int64_t i) { return i < 0; };
    if (!std::any_of(now.data(), now.data() + now.size(), is_negative)) return f(now.data());
    f(lookup_of(now, 0, n).positions());
  };
  const auto forward = [=, followed = detail::FollowedIndices(index)](const auto& a) {
    check_positions(name, followed.get(), view.n, -static_cast<std::int64_t>(view.n));
    with_positions([&](const std::int64_t* at) { move(a.x[0], view, at, count, a.y); });
  };
  const auto backward = [=](const auto& a) {
    T* const gx = detail::summed_into(a, 0, view.elements());
    with_positions([&](const std::int64_t* at) { add(a.gy, at, count, gx, view); });
  };
  detail::describe_arrays<T>(y, {.forward = forward, .backward = backward});
}

// `n` is the size of the axis, from whose end negative positions count.
Lookup lookup_of(const Indices& index, std::size_t axis, std::size_t n) {
  const auto copy = std::allocate_shared<Indices>(PoolAllocator<Indices>(), index);
  const auto size = static_cast<std::int64_t>(n);
  std::transform(copy->data(), copy->data() + copy->size(), copy->data(),
                 [size](std::int64_t i) { return i < 0 ? i + size : i; });
  return {copy, axis};
}

kernels::AxisView view_of(const Shape& shape, std::size_t axis) {
  return {product(shape, 0, axis), shape[axis], product(shape, axis + 1, shape.rank())};
}

// Coordinates of element k, as (1, 2).
std::string place_of(const Shape& shape, std::size_t k) {
  Shape at = shape;
  for (std::size_t i = shape.rank(); i-- > 0; k /= shape[i]) at[i] = k % shape[i];
  return to_string(at);
}

// In [lowest, n).
void check_positions(const char* operation, const Indices& index, std::size_t n,
                     std::int64_t lowest) {
  const auto size = static_cast<std::int64_t>(n);
  const auto outside = [=](std::int64_t i) { return i < lowest || i >= size; };
  const std::int64_t *begin = index.data(), *end = begin + index.size(),
                     *bad = std::find_if(begin, end, outside);
  if (bad == end) return;
  detail::fail<std::out_of_range>(
      operation, "index out of range: index",
      place_of(Shape(index.shape()), static_cast<std::size_t>(bad - begin)), " is ", *bad, ", n ",
      n);
}

[[noreturn]] void fail_shapes(const char* operation, const char* what, const Shape& x,
                              const Shape& index, const Shape* source) {
  detail::fail(operation, what, ": x ", x, ", index ", index,
               (source != nullptr ? ", source " + to_string(*source) : ""));
}

// `shape` with the axes of the index in place of `axis`.
Shape selected_shape(const Shape& shape, std::size_t axis, const Shape& index) {
  Shape r(shape.begin(), shape.begin() + axis);
  for (const std::size_t size : index) r.push_back(size);
  for (std::size_t i = axis + 1; i < shape.rank(); ++i) r.push_back(shape[i]);
  return r;
}

// What is written to before anybody sees it.
template <class T>
Tensor<T> copy_of(const Tensor<T>& x) {
  Tensor<T> y = Tensor<T>::uninitialized(x.shape());
  std::copy_n(x.data(), x.size(), y.node()->data);
  return y;
}

// Where the gradient of input 0 is summed up: zeros at first.
template <class T>
T* summing(Backward<T>& b) {
  const auto to = detail::FastPath(b).accumulator(0);
  if (!to.has_value) std::fill_n(to.data, b.input_shape(0).elements(), T(0));
  return to.data;
}

// Rows.

template <class T>
Tensor<T> selected(const Tensor<T>& x, const Lookup& lookup);
template <class T>
Tensor<T> with_rows_added(const Tensor<T>& x, const Lookup& lookup, const Tensor<T>& source);

template <class T>
void select_backward(const void* attributes, Backward<T>& b) {
  const auto& lookup = *static_cast<const Lookup*>(attributes);
  const Shape& shape = b.input_shape(0);
  if (b.recording()) {
    return b.add(0, with_rows_added(Tensor<T>::filled(shape, T(0)), lookup, b.gradient()));
  }
  kernels::add_rows(b.gradient().data(), lookup.positions(), lookup.index->size(), summing(b),
                    view_of(shape, lookup.axis));
}

template <class T>
void add_rows_backward(const void* attributes, Backward<T>& b) {
  if (b.needs(1)) b.add(1, selected(b.gradient(), *static_cast<const Lookup*>(attributes)));
  b.add(0, b.take_gradient());
}

template <class T>
const Rule<T> kIndexSelect = {"index_select", &select_backward<T>,
                              &detail::destroy_attributes<Lookup>};
template <class T>
const Rule<T> kIndexAdd = {"index_add", &add_rows_backward<T>, &detail::destroy_attributes<Lookup>};

template <class T>
Tensor<T> rows_at(const Tensor<T>& x, const Lookup& lookup) {
  Tensor<T> y = Tensor<T>::uninitialized(
      selected_shape(x.shape(), lookup.axis, Shape(lookup.index->shape())));
  kernels::select_rows(x.data(), view_of(x.shape(), lookup.axis), lookup.positions(),
                       lookup.index->size(), y.node()->data);
  detail::record<T>(y, kIndexSelect<T>, {&x}, {}, lookup);
  return y;
}

template <class T>
Tensor<T> selected(const Tensor<T>& x, const Lookup& lookup) {
  const Tensor<T> y = rows_at(x, lookup);
  if (!detail::is_logged<T>()) return y;
  detail::log_again(y, [lookup](const auto& o) { return selected(o[0], lookup); });
  return y;
}

template <class T>
Tensor<T> added_to_rows(const Tensor<T>& x, const Lookup& lookup, const Tensor<T>& source) {
  Tensor<T> y = copy_of(x);
  kernels::add_rows(source.data(), lookup.positions(), lookup.index->size(), y.node()->data,
                    view_of(x.shape(), lookup.axis));
  detail::record<T>(y, kIndexAdd<T>, {&x, &source}, {}, lookup);
  return y;
}

template <class T>
Tensor<T> with_rows_added(const Tensor<T>& x, const Lookup& lookup, const Tensor<T>& source) {
  const Tensor<T> y = added_to_rows(x, lookup, source);
  if (!detail::is_logged<T>()) return y;
  detail::log_again(y, [lookup](const auto& o) { return with_rows_added(o[0], lookup, o[1]); });
  return y;
}

// Elements.

template <class T>
Tensor<T> gathered(const Tensor<T>& x, const Lookup& lookup);
template <class T>
Tensor<T> with_elements_added(const Tensor<T>& x, const Lookup& lookup, const Tensor<T>& source);

template <class T>
void gather_backward(const void* attributes, Backward<T>& b) {
  const auto& lookup = *static_cast<const Lookup*>(attributes);
  const Shape& shape = b.input_shape(0);
  if (b.recording()) {
    return b.add(0, with_elements_added(Tensor<T>::filled(shape, T(0)), lookup, b.gradient()));
  }
  kernels::scatter_along(b.gradient().data(), lookup.positions(), lookup.index->shape(lookup.axis),
                         summing(b), view_of(shape, lookup.axis));
}

template <class T>
void scatter_backward(const void* attributes, Backward<T>& b) {
  if (b.needs(1)) b.add(1, gathered(b.gradient(), *static_cast<const Lookup*>(attributes)));
  b.add(0, b.take_gradient());
}

template <class T>
const Rule<T> kGather = {"gather", &gather_backward<T>, &detail::destroy_attributes<Lookup>};
template <class T>
const Rule<T> kScatterAdd = {"scatter_add", &scatter_backward<T>,
                             &detail::destroy_attributes<Lookup>};

template <class T>
Tensor<T> elements_at(const Tensor<T>& x, const Lookup& lookup) {
  Tensor<T> y = Tensor<T>::uninitialized(Shape(lookup.index->shape()));
  kernels::gather_along(x.data(), view_of(x.shape(), lookup.axis), lookup.positions(),
                        lookup.index->shape(lookup.axis), y.node()->data);
  detail::record<T>(y, kGather<T>, {&x}, {}, lookup);
  return y;
}

template <class T>
Tensor<T> gathered(const Tensor<T>& x, const Lookup& lookup) {
  const Tensor<T> y = elements_at(x, lookup);
  if (!detail::is_logged<T>()) return y;
  detail::log_again(y, [lookup](const auto& o) { return gathered(o[0], lookup); });
  return y;
}

template <class T>
Tensor<T> added_to_elements(const Tensor<T>& x, const Lookup& lookup, const Tensor<T>& source) {
  Tensor<T> y = copy_of(x);
  kernels::scatter_along(source.data(), lookup.positions(), lookup.index->shape(lookup.axis),
                         y.node()->data, view_of(x.shape(), lookup.axis));
  detail::record<T>(y, kScatterAdd<T>, {&x, &source}, {}, lookup);
  return y;
}

template <class T>
Tensor<T> with_elements_added(const Tensor<T>& x, const Lookup& lookup, const Tensor<T>& source) {
  const Tensor<T> y = added_to_elements(x, lookup, source);
  if (!detail::is_logged<T>()) return y;
  detail::log_again(y, [lookup](const auto& o) { return with_elements_added(o[0], lookup, o[1]); });
  return y;
}

// The axis, after checking everything.
std::size_t checked_axis(const char* operation, std::ptrdiff_t axis, const Shape& x,
                         const Indices& index, const Shape* source) {
  const std::size_t i = normalize_axis(operation, axis, x.rank());
  const Shape shape(index.shape());
  if (shape.rank() != x.rank() || shape.without(i) != x.without(i)) {
    fail_shapes(operation, "sizes differ outside the axis", x, shape, source);
  }
  if (source != nullptr && *source != shape) {
    fail_shapes(operation, "source and index have different shapes", x, shape, source);
  }
  check_positions(operation, index, x[i], -static_cast<std::int64_t>(x[i]));
  return i;
}

}  // namespace

Indices indices(const Shape& shape, const std::vector<std::int64_t>& values) {
  if (detail::checked_elements(shape, sizeof(std::int64_t)) != values.size()) {
    detail::fail("indices", values.size(), " values for shape ", shape);
  }
  Indices r(Indices::shape_type(shape.begin(), shape.end()));
  std::copy(values.begin(), values.end(), r.data());
  return r;
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
  Indices r = *lookup_of(index, 0, size).index;
  const std::size_t each = samples == 0 ? 0 : r.size() / samples;
  for (std::size_t k = 0; k < r.size(); ++k)
    r.data()[k] += static_cast<std::int64_t>(k / each * size);
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
  return detail::view(moved, rows);
}

// index_select for a batch: `own` indices have the samples on their first axis, and `rank` axes behind it.
template <class T>
Tensor<T> selected_in_batch(const detail::BatchOperands<T>& b, std::size_t axis,
                            const Indices& index, std::size_t rank) {
  const auto at = static_cast<std::ptrdiff_t>(axis);
  if (index.dimension() == rank) return index_select(b.x[0], at + 1, index);
  if (!b.batched[0]) return with_axes_first(index_select(b.x[0], at, index), 0, axis, 1);
  const std::size_t size = b.x[0].shape()[axis + 1];
  check_positions("index_select", index, size, -static_cast<std::int64_t>(size));
  const Tensor<T> y = index_select(rows_of_samples(b.x[0], axis), 0, shifted(index, b.n, size));
  return with_axes_first(y, 1, 1 + rank, axis);
}

template <class T>
Tensor<T> added_in_batch(const detail::BatchOperands<T>& b, std::size_t axis, const Indices& index,
                         std::size_t rank) {
  const auto at = static_cast<std::ptrdiff_t>(axis);
  const Tensor<T> x = b.all(0), source = b.all(1);
  if (index.dimension() == rank) return index_add(x, at + 1, index, source);
  const std::size_t size = x.shape()[axis + 1];
  check_positions("index_add", index, size, -static_cast<std::int64_t>(size));
  const Tensor<T> y = index_add(rows_of_samples(x, axis), 0, shifted(index, b.n, size),
                                with_axes_first(source, 1, 1 + axis, rank));
  const Shape moved = x.shape().without(axis + 1).with(1, size);
  return with_axes_first(detail::view(y, moved), 1, 2, axis);
}

template <class T, class F>
void describe_in_batch(const Tensor<T>& y, const Indices& index, const F& f) {
  if (detail::tracer == nullptr) return;
  const auto run = [f, followed = detail::FollowedIndices(index), rank = index.dimension()](
                       const detail::BatchOperands<T>& b) { return f(b, followed.get(), rank); };
  detail::describe_batch<T>(y, {.run = run, .reads_indices = true});
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
Tensor<T> index_select(const Tensor<T>& x, std::ptrdiff_t axis, const Indices& index) {
  const std::size_t i = normalize_axis("index_select", axis, x.rank());
  const std::size_t n = x.shape()[i];
  check_positions("index_select", index, n, -static_cast<std::int64_t>(n));
  const Tensor<T> y = rows_at(x, lookup_of(index, i, n));
  log_again(y, index,
            [axis](const auto& o, const Indices& at) { return index_select(o[0], axis, at); });
  describe_lookup("index_select", y, index, view_of(x.shape(), i), index.size(),
                  &kernels::select_rows<T>, &kernels::add_rows<T>);
  describe_in_batch(y, index, [i](const auto& b, const Indices& now, std::size_t rank) {
    return selected_in_batch(b, i, now, rank);
  });
  return y;
}

template <class T>
Tensor<T> index_add(const Tensor<T>& x, std::ptrdiff_t axis, const Indices& index,
                    const Tensor<T>& source) {
  const std::size_t i = normalize_axis("index_add", axis, x.rank());
  const Shape shape(index.shape());
  if (source.shape() != selected_shape(x.shape(), i, shape)) {
    fail_shapes("index_add", "the source does not fit", x.shape(), shape, &source.shape());
  }
  const std::size_t n = x.shape()[i];
  check_positions("index_add", index, n, -static_cast<std::int64_t>(n));
  const Tensor<T> y = added_to_rows(x, lookup_of(index, i, n), source);
  log_again(y, index,
            [axis](const auto& o, const Indices& at) { return index_add(o[0], axis, at, o[1]); });
  describe_in_batch(y, index, [i](const auto& b, const Indices& now, std::size_t rank) {
    return added_in_batch(b, i, now, rank);
  });
  return y;
}

template <class T>
Tensor<T> gather(const Tensor<T>& x, std::ptrdiff_t axis, const Indices& index) {
  const std::size_t i = checked_axis("gather", axis, x.shape(), index, nullptr);
  const Tensor<T> y = elements_at(x, lookup_of(index, i, x.shape()[i]));
  log_again(y, index, [axis](const auto& o, const Indices& at) { return gather(o[0], axis, at); });
  describe_lookup("gather", y, index, view_of(x.shape(), i), index.shape(i),
                  &kernels::gather_along<T>, &kernels::scatter_along<T>);
  describe_elements_in_batch(y, index, [i](const auto& b, const Indices& now) {
    return gather(b.all(0), static_cast<std::ptrdiff_t>(i + 1), now);
  });
  return y;
}

template <class T>
Tensor<T> scatter_add(const Tensor<T>& x, std::ptrdiff_t axis, const Indices& index,
                      const Tensor<T>& source) {
  const std::size_t i = checked_axis("scatter_add", axis, x.shape(), index, &source.shape());
  const Tensor<T> y = added_to_elements(x, lookup_of(index, i, x.shape()[i]), source);
  log_again(y, index,
            [axis](const auto& o, const Indices& at) { return scatter_add(o[0], axis, at, o[1]); });
  describe_elements_in_batch(y, index, [i](const auto& b, const Indices& now) {
    return scatter_add(b.all(0), static_cast<std::ptrdiff_t>(i + 1), now, b.all(1));
  });
  return y;
}

template <class T>
Tensor<T> one_hot(const Indices& index, std::size_t classes) {
  Shape shape(index.shape());
  shape.push_back(classes);
  detail::checked_elements(shape, sizeof(T));
  check_positions("one_hot", index, classes, 0);
  Tensor<T> y = Tensor<T>::uninitialized(shape);
  std::fill_n(y.node()->data, y.size(), T(0));
  for (std::size_t k = 0; k < index.size(); ++k) {
    y.node()->data[k * classes + static_cast<std::size_t>(index.data()[k])] = T(1);
  }
  if (!detail::is_logged<T>()) return y;
  return detail::source("one_hot", y, [classes, followed = detail::FollowedIndices(index)] {
    return one_hot<T>(followed.get(), classes);
  });
}

#define XGRAD_INSTANTIATE(T)                                                         \
  template Tensor<T> index_select(const Tensor<T>&, std::ptrdiff_t, const Indices&); \
  template Tensor<T> index_add(const Tensor<T>&, std::ptrdiff_t, const Indices&,     \
                               const Tensor<T>&);                                    \
  template Tensor<T> gather(const Tensor<T>&, std::ptrdiff_t, const Indices&);       \
  template Tensor<T> scatter_add(const Tensor<T>&, std::ptrdiff_t, const Indices&,   \
                                 const Tensor<T>&);                                  \
  template Tensor<T> one_hot(const Indices&, std::size_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
