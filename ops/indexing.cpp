#include "xgrad/ops/indexing.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>

#include "xgrad/autograd/axis.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/index.hpp"
#include "xgrad/ops/indexing_batch.hpp"
#include "xgrad/ops/lattice.hpp"

namespace xgrad {

using detail::check_positions;
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
  detail::describe_arrays(y, forward, backward);
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
  const std::size_t i = normalize_axis(operation, axis, x);
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

template <class T>
Tensor<T> index_select(const Tensor<T>& x, std::ptrdiff_t axis, const Indices& index) {
  const std::size_t i = normalize_axis("index_select", axis, x.shape());
  const std::size_t n = x.shape()[i];
  check_positions("index_select", index, n, -static_cast<std::int64_t>(n));
  const Tensor<T> y = rows_at(x, lookup_of(index, i, n));
  log_again(y, index,
            [axis](const auto& o, const Indices& at) { return index_select(o[0], axis, at); });
  describe_lookup("index_select", y, index, view_of(x.shape(), i), index.size(),
                  &kernels::select_rows<T>, &kernels::add_rows<T>);
  detail::describe_index_select(y, index, i);
  return y;
}

template <class T>
Tensor<T> index_add(const Tensor<T>& x, std::ptrdiff_t axis, const Indices& index,
                    const Tensor<T>& source) {
  const std::size_t i = normalize_axis("index_add", axis, x.shape());
  const Shape shape(index.shape());
  if (source.shape() != selected_shape(x.shape(), i, shape)) {
    fail_shapes("index_add", "the source does not fit", x.shape(), shape, &source.shape());
  }
  const std::size_t n = x.shape()[i];
  check_positions("index_add", index, n, -static_cast<std::int64_t>(n));
  const Tensor<T> y = added_to_rows(x, lookup_of(index, i, n), source);
  log_again(y, index,
            [axis](const auto& o, const Indices& at) { return index_add(o[0], axis, at, o[1]); });
  detail::describe_index_add(y, index, i);
  return y;
}

template <class T>
Tensor<T> gather(const Tensor<T>& x, std::ptrdiff_t axis, const Indices& index) {
  const std::size_t i = checked_axis("gather", axis, x.shape(), index, nullptr);
  const Tensor<T> y = elements_at(x, lookup_of(index, i, x.shape()[i]));
  log_again(y, index, [axis](const auto& o, const Indices& at) { return gather(o[0], axis, at); });
  describe_lookup("gather", y, index, view_of(x.shape(), i), index.shape(i),
                  &kernels::gather_along<T>, &kernels::scatter_along<T>);
  detail::describe_gather(y, index, i);
  return y;
}

template <class T>
Tensor<T> scatter_add(const Tensor<T>& x, std::ptrdiff_t axis, const Indices& index,
                      const Tensor<T>& source) {
  const std::size_t i = checked_axis("scatter_add", axis, x.shape(), index, &source.shape());
  const Tensor<T> y = added_to_elements(x, lookup_of(index, i, x.shape()[i]), source);
  log_again(y, index,
            [axis](const auto& o, const Indices& at) { return scatter_add(o[0], axis, at, o[1]); });
  detail::describe_scatter_add(y, index, i);
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
