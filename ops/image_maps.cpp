#include "xgrad/ops/image_maps.hpp"

#include <algorithm>
#include <memory>

#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad::detail {
namespace {

template <class T>
struct Mapping {
  kernels::ImageMap<T> map, transposed;
  std::size_t axes;

  Shape output(const Shape& x, bool transpose) const {
    std::vector<std::size_t> size;
    for (std::size_t a = 3 - axes; a < 3; ++a)
      size.push_back((transpose ? transposed : map)[a].out());
    return with_image(x, size);
  }
};

// One of the two, which are adjoint.
template <class T>
struct Direction {
  std::shared_ptr<const Mapping<T>> mapping;
  bool transpose;
};

template <class T>
Tensor<T> apply(const Tensor<T>& x, const Direction<T>& d);

template <class T>
void compute(const Direction<T>& d, const Tensor<T>& x, T* to, bool add) {
  const kernels::ImageMap<T>& map = d.transpose ? d.mapping->transposed : d.mapping->map;
  kernels::map_images(x.size() / numbers_in(map), map, x.data(), to, add);
}

template <class T>
void mapping_backward(const void* attributes, Backward<T>& b) {
  Direction<T> d = *static_cast<const Direction<T>*>(attributes);
  d.transpose = !d.transpose;
  if (b.recording()) return b.add(0, apply(b.gradient(), d));
  const auto [to, has_value] = FastPath(b).accumulator(0);
  compute(d, b.gradient(), to, has_value);
}

template <class T>
const Rule<T> kMapping = {"map_images", &mapping_backward<T>, &destroy_attributes<Direction<T>>};

template <class T>
Tensor<T> apply(const Tensor<T>& x, const Direction<T>& d) {
  const Tensor<T> y = Tensor<T>::uninitialized(d.mapping->output(x.shape(), d.transpose));
  compute(d, x, y.node()->data, false);
  record(y, kMapping<T>, {&x}, {}, d);
  if (!is_logged<T>()) return y;
  log_again(y, [d](const auto& o) { return apply(o[0], d); });
  describe_batch(y, [d](const auto& b) { return apply(b.x[0], d); });
  return y;
}

template <class T>
kernels::AxisMap<T> same_number() {
  kernels::AxisMap<T> map;
  map.in = 1;
  map.add(0, T(1));
  map.end_result();
  return map;
}

}  // namespace

template <class T>
Tensor<T> map_images(const Tensor<T>& x, std::vector<kernels::AxisMap<T>> maps) {
  Mapping<T> m{{same_number<T>(), same_number<T>(), same_number<T>()}, {}, maps.size()};
  std::move(maps.begin(), maps.end(), m.map.end() - static_cast<std::ptrdiff_t>(maps.size()));
  for (std::size_t a = 0; a < 3; ++a) m.transposed[a] = m.map[a].transposed();
  return apply<T>(x, {std::make_shared<const Mapping<T>>(std::move(m)), false});
}

void require_images(const char* operation, const Shape& x, std::size_t axes, BatchAxis batch) {
  const bool one = batch == BatchAxis::optional && x.rank() == axes + 1;
  if (!one && x.rank() != axes + 2) {
    if (batch == BatchAxis::needed) fail(operation, "x must have ", axes + 2, " axes: x ", x);
    fail(operation, "x must have ", axes + 2, " axes, or ", axes + 1, " without a batch: x ", x);
  }
  for (std::size_t a = one ? 0 : 1; a < x.rank(); ++a) {
    if (x[a] == 0) fail(operation, "an image has no numbers: x ", x);
  }
}

std::size_t size_on_axis(const char* operation, const char* name, const ImageSizes& sizes,
                         std::size_t axes, std::size_t axis) {
  const auto& v = sizes.values();
  require(v.size() == 1 || v.size() == axes, operation, name, " has ", v.size(), " sizes for ",
          axes, " axes: ", v);
  const std::size_t size = v.size() == 1 ? v[0] : v[axis];
  require(size < std::size_t{1} << 31, operation, name,
          " is out of range: ", static_cast<std::ptrdiff_t>(size));
  return size;
}

std::size_t positive_on_axis(const char* operation, const char* name, const ImageSizes& sizes,
                             std::size_t axes, std::size_t axis) {
  const std::size_t size = size_on_axis(operation, name, sizes, axes, axis);
  require(size > 0, operation, name, " is 0");
  return size;
}

Shape with_image(const Shape& x, const std::vector<std::size_t>& size) {
  Shape shape = x;
  for (std::size_t i = 0; i < size.size(); ++i) shape[x.rank() - size.size() + i] = size[i];
  return shape;
}

template Tensor<float> map_images(const Tensor<float>&, std::vector<kernels::AxisMap<float>>);
template Tensor<double> map_images(const Tensor<double>&, std::vector<kernels::AxisMap<double>>);

}  // namespace xgrad::detail
