#include "xgrad/ops/slicing.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>

#include "xgrad/autograd/axis.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/lattice.hpp"

namespace xgrad {

using detail::fail;
using detail::product;
using detail::require;
using detail::Selection;
using detail::Strides;
using detail::strides_of;

namespace {

template <class T>
using Rule = detail::Rule<T>;

}  // namespace

// Parts.

namespace {

template <class T>
const Rule<T> kSlice = {"slice", &detail::take_backward<T>, nullptr};
template <class T>
const Rule<T> kSelect = {"select", &detail::take_backward<T>, nullptr};

struct Range {
  std::ptrdiff_t start, step;
  std::size_t size;
};

// What Python's slice.indices says, and the number of them.
Range range_of(const Slice& part, std::size_t axis_size) {
  if (part.step == 0) fail("slice", "step is 0");
  const auto n = static_cast<std::ptrdiff_t>(axis_size);
  const std::ptrdiff_t step = std::max(part.step, -std::numeric_limits<std::ptrdiff_t>::max());
  const std::ptrdiff_t first = step > 0 ? 0 : -1, last = step > 0 ? n : n - 1;
  const auto inside = [&](std::ptrdiff_t i) { return std::clamp(i < 0 ? i + n : i, first, last); };
  const std::ptrdiff_t start = part.start ? inside(*part.start) : step > 0 ? first : last;
  const std::ptrdiff_t stop = part.stop ? inside(*part.stop) : step > 0 ? last : first;
  const std::ptrdiff_t way = step > 0 ? stop - start : start - stop,
                       stride = step > 0 ? step : -step;
  if (way <= 0) return {0, 1, 0};
  const auto size = static_cast<std::size_t>((way - 1) / stride + 1);
  return {start, size > 1 ? step : 1, size};
}

Selection part_of(const Shape& shape, std::size_t axis, const Range& range) {
  Selection s;
  const auto inner = static_cast<std::ptrdiff_t>(product(shape, axis + 1, shape.rank()));
  s.lattice.offset = range.start * inner;
  s.lattice.add_axis(product(shape, 0, axis), inner * static_cast<std::ptrdiff_t>(shape[axis]));
  s.lattice.add_axis(range.size, range.step * inner);
  s.lattice.add_axis(static_cast<std::size_t>(inner), 1);
  return s;
}

template <class T>
Tensor<T> take_range(const Tensor<T>& x, std::size_t axis, const Range& range) {
  if (range.step == 1 && range.size == x.shape()[axis]) return x;
  Shape r = x.shape();
  r[axis] = range.size;
  return detail::take(x, part_of(x.shape(), axis, range), r, kSlice<T>);
}

// `count` parts side by side, of size_of(i) each.
template <class T, class SizeOf>
std::vector<Tensor<T>> split_range(const Tensor<T>& x, std::size_t axis, std::size_t count,
                                   const SizeOf& size_of) {
  std::vector<Tensor<T>> parts;
  parts.reserve(count);
  std::ptrdiff_t start = 0;
  for (std::size_t k = 0; k < count; ++k) {
    parts.push_back(take_range(x, axis, {start, 1, size_of(k)}));
    start += static_cast<std::ptrdiff_t>(size_of(k));
  }
  return parts;
}

}  // namespace

template <class T>
Tensor<T> slice(const Tensor<T>& x, std::ptrdiff_t axis, const Slice& part) {
  const std::size_t i = normalize_axis("slice", axis, x.shape());
  return take_range(x, i, range_of(part, x.shape()[i]));
}

template <class T>
Tensor<T> slice(const Tensor<T>& x, const std::vector<Slice>& parts) {
  if (parts.size() > x.rank()) {
    fail("slice", "more parts than axes: ", parts.size(), " parts, x ", x.shape());
  }
  const Strides strides = strides_of(x.shape());
  Selection s;
  Shape r;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    const Range range = range_of(i < parts.size() ? parts[i] : Slice{}, x.shape()[i]);
    s.lattice.offset += range.start * strides[i];
    s.lattice.add_axis(range.size, range.step * strides[i]);
    r.push_back(range.size);
  }
  if (r.elements() == 0) s.lattice.offset = 0;
  return detail::take(x, s, r, kSlice<T>);
}

template <class T>
Tensor<T> select(const Tensor<T>& x, std::ptrdiff_t axis, std::ptrdiff_t index) {
  const std::size_t i = normalize_axis("select", axis, x.shape());
  const auto n = static_cast<std::ptrdiff_t>(x.shape()[i]);
  if (index < -n || index >= n) {
    detail::fail<std::out_of_range>("select", "index out of range: index ", index, ", axis ", i,
                                    " of x ", x.shape());
  }
  const Range range{index < 0 ? index + n : index, 1, 1};
  return detail::take(x, part_of(x.shape(), i, range), x.shape().without(i), kSelect<T>);
}

template <class T>
std::vector<Tensor<T>> split(const Tensor<T>& x, std::size_t parts, std::ptrdiff_t axis) {
  const std::size_t i = normalize_axis("split", axis, x.shape());
  if (parts == 0 || x.shape()[i] % parts != 0) {
    fail("split", "no parts of equal size: ", parts, " parts, axis ", i, " of x ", x.shape());
  }
  return split_range(x, i, parts, [size = x.shape()[i] / parts](std::size_t) { return size; });
}

template <class T>
std::vector<Tensor<T>> split(const Tensor<T>& x, const std::vector<std::size_t>& sizes,
                             std::ptrdiff_t axis) {
  const std::size_t i = normalize_axis("split", axis, x.shape());
  const auto add = [](std::size_t a, std::size_t b) { return detail::checked_sum("split", a, b); };
  const std::size_t sum = std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}, add);
  if (sum != x.shape()[i]) {
    fail("split", "the sizes do not add up: sum ", sum, ", axis ", i, " of x ", x.shape());
  }
  return split_range(x, i, sizes.size(), [&](std::size_t k) { return sizes[k]; });
}

// Put together.

namespace {

template <class T>
const Rule<T> kPad = {"pad", &detail::place_backward<T>, nullptr};

template <class V>
using PoolVector = std::vector<V, PoolAllocator<V>>;

// Where the parts begin along the axis.
struct Joined {
  std::size_t axis;
  bool stacked;  // along an axis that the parts do not have
  PoolVector<std::size_t> begins;
};

Selection part_of(const Shape& whole, const Joined& joined, std::size_t i, const Shape& part) {
  return part_of(
      whole, joined.axis,
      {static_cast<std::ptrdiff_t>(joined.begins[i]), 1, joined.stacked ? 1 : part[joined.axis]});
}

template <class T>
void joined_backward(const void* attributes, Backward<T>& b) {
  const auto& joined = *static_cast<const Joined*>(attributes);
  for (std::size_t i = 0; i < b.input_count(); ++i) {
    if (b.needs(i))
      add_from_lattice(b, i, part_of(b.gradient().shape(), joined, i, b.input_shape(i)));
  }
}

template <class T>
const Rule<T> kConcat = {"concat", &joined_backward<T>, &detail::destroy_attributes<Joined>};
template <class T>
const Rule<T> kStack = {"stack", &joined_backward<T>, &detail::destroy_attributes<Joined>};

template <class T>
Tensor<T> join(const std::vector<Tensor<T>>& parts, const Shape& whole, const Joined& joined,
               const Rule<T>& rule) {
  Tensor<T> y = Tensor<T>::uninitialized(whole);
  PoolVector<const Tensor<T>*> inputs;
  detail::JoinDescription description{joined.axis, joined.stacked, {}};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Selection s = part_of(whole, joined, i, parts[i].shape());
    if (parts[i].size() != 0)
      kernels::write_lattice(parts[i].data(), y.node()->data, s.lattice, false);
    inputs.push_back(&parts[i]);
    if (detail::description_reader != nullptr) description.lattices.push_back(s.lattice);
  }
  record(y, rule, std::span<const Tensor<T>* const>(inputs), {}, joined);
  if (detail::is_logged<T>()) {
    detail::log_again(
        y, [whole, joined, &rule](const auto& x) { return join(x, whole, joined, rule); });
    detail::describe(y, std::move(description));
  }
  return y;
}

}  // namespace

template <class T>
Tensor<T> concat(const std::vector<Tensor<T>>& parts, std::ptrdiff_t axis) {
  if (parts.empty()) fail("concat", "no tensors are given");
  Shape whole = parts[0].shape();
  const std::size_t i = normalize_axis("concat", axis, whole, "tensor 0");
  Joined joined{i, false, {}};
  whole[i] = 0;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const Shape& shape = parts[k].shape();
    if (shape.rank() != whole.rank() || shape.without(i) != whole.without(i)) {
      fail("concat", "shapes differ outside axis ", i, ": tensor 0 ", parts[0].shape(), ", tensor ",
           k, " ", shape);
    }
    joined.begins.push_back(whole[i]);
    whole[i] = detail::checked_sum("concat", whole[i], shape[i]);
  }
  return join(parts, whole, joined, kConcat<T>);
}

template <class T>
Tensor<T> stack(const std::vector<Tensor<T>>& parts, std::ptrdiff_t axis) {
  if (parts.empty()) fail("stack", "no tensors are given");
  const Shape& shape = parts[0].shape();
  Joined joined{normalize_new_axis("stack", axis, shape, "tensor 0"), true, {}};
  for (std::size_t k = 0; k < parts.size(); ++k) {
    require(parts[k].shape() == shape, "stack", "shapes differ: tensor 0 ", shape, ", tensor ", k,
            " ", parts[k].shape());
    joined.begins.push_back(k);
  }
  return join(parts, shape.with(joined.axis, parts.size()), joined, kStack<T>);
}

Shape detail::padded_shape(const Shape& x, const std::vector<Padding>& paddings,
                           std::size_t bytes) {
  if (paddings.size() != x.rank()) {
    fail("pad", "not one padding for each axis: ", paddings.size(), " paddings, x ", x);
  }
  Shape whole = x;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    whole[i] = checked_sum("pad", whole[i], paddings[i].before);
    whole[i] = checked_sum("pad", whole[i], paddings[i].after);
  }
  checked_elements(whole, bytes);
  return whole;
}

template <class T>
Tensor<T> pad(const Tensor<T>& x, const std::vector<Padding>& paddings,
              std::type_identity_t<T> value) {
  const Shape whole = detail::padded_shape(x.shape(), paddings, sizeof(T));
  if (whole == x.shape()) return x;
  const Strides strides = strides_of(whole);
  Selection s;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (x.size() != 0)
      s.lattice.offset += static_cast<std::ptrdiff_t>(paddings[i].before) * strides[i];
    s.lattice.add_axis(x.shape()[i], strides[i]);
  }
  return detail::place(x, s, whole, value, kPad<T>);
}

#define XGRAD_INSTANTIATE(T)                                                               \
  template Tensor<T> slice(const Tensor<T>&, std::ptrdiff_t, const Slice&);                \
  template Tensor<T> slice(const Tensor<T>&, const std::vector<Slice>&);                   \
  template Tensor<T> select(const Tensor<T>&, std::ptrdiff_t, std::ptrdiff_t);             \
  template std::vector<Tensor<T>> split(const Tensor<T>&, std::size_t, std::ptrdiff_t);    \
  template std::vector<Tensor<T>> split(const Tensor<T>&, const std::vector<std::size_t>&, \
                                        std::ptrdiff_t);                                   \
  template Tensor<T> concat(const std::vector<Tensor<T>>&, std::ptrdiff_t);                \
  template Tensor<T> stack(const std::vector<Tensor<T>>&, std::ptrdiff_t);                 \
  template Tensor<T> pad(const Tensor<T>&, const std::vector<Padding>&, std::type_identity_t<T>);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
