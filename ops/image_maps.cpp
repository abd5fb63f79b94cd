#include "xgrad/ops/image_maps.hpp"

#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad::detail {
namespace {

template <class T>
struct Mapping {
  std::shared_ptr<const PlaneMap<T>> map;
  std::size_t axes;
  bool transposed;

  const kernels::AxisMap<T>& rows(bool back) const {
    return back != transposed ? map->rows_transposed : map->rows;
  }
  const kernels::AxisMap<T>& columns(bool back) const {
    return back != transposed ? map->columns_transposed : map->columns;
  }
};

template <class T>
Tensor<T> apply(const Tensor<T>& x, const Mapping<T>& m);

template <class T>
void compute(const Mapping<T>& m, bool back, const Tensor<T>& x, T* to, bool add) {
  const auto &rows = m.rows(back), &columns = m.columns(back);
  kernels::map_planes(x.size() / (rows.in * columns.in), rows, columns, x.data(), to, add);
}

template <class T>
void mapping_backward(const void* attributes, Backward<T>& b) {
  const auto& m = *static_cast<const Mapping<T>*>(attributes);
  if (b.recording()) return b.add(0, apply(b.gradient(), {m.map, m.axes, !m.transposed}));
  const auto [to, has_value] = FastPath(b).accumulator(0);
  compute(m, true, b.gradient(), to, has_value);
}

template <class T>
const Rule<T> kMapping = {"map_images", &mapping_backward<T>, &destroy_attributes<Mapping<T>>};

template <class T>
Tensor<T> apply(const Tensor<T>& x, const Mapping<T>& m) {
  Shape shape = x.shape();
  shape[shape.rank() - 1] = m.columns(false).out();
  if (m.axes == 2) shape[shape.rank() - 2] = m.rows(false).out();
  const Tensor<T> y = Tensor<T>::uninitialized(shape);
  compute(m, false, x, y.node()->data, false);
  record(y, kMapping<T>, {&x}, {}, m);
  return y;
}

}  // namespace

template <class T>
Tensor<T> map_images(const Tensor<T>& x, const std::shared_ptr<const PlaneMap<T>>& map,
                     std::size_t axes) {
  return apply(x, Mapping<T>{map, axes, false});
}

void require_images(const char* operation, const Shape& x, std::size_t axes) {
  if (x.rank() != axes + 2) fail(operation, "x must have ", axes + 2, " axes: x ", x);
  for (std::size_t a = 1; a < x.rank(); ++a) {
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

template Tensor<float> map_images(const Tensor<float>&,
                                  const std::shared_ptr<const PlaneMap<float>>&, std::size_t);
template Tensor<double> map_images(const Tensor<double>&,
                                   const std::shared_ptr<const PlaneMap<double>>&, std::size_t);

}  // namespace xgrad::detail
