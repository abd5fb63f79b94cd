#include "xgrad/data/dataset.hpp"

#include <algorithm>

#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

void require_equal_counts(const char* what, const Shape& inputs, const Shape& other) {
  if (inputs.rank() == 0 || other.rank() == 0 || inputs[0] != other[0]) {
    detail::fail(what, "the numbers of samples differ: inputs ", inputs, ", ", other);
  }
}

void require_samples(std::span<const std::int64_t> samples, std::size_t size) {
  for (const std::int64_t s : samples) {
    if (s < 0 || static_cast<std::size_t>(s) >= size) {
      detail::fail<std::out_of_range>("data set", "sample ", s, " of ", size);
    }
  }
}

// The given rows of x (n, ...).
template <class T>
Tensor<T> gather_rows(const Array<T>& x, std::span<const std::int64_t> samples) {
  Shape shape(x.shape());
  const std::size_t row = shape[0] == 0 ? 0 : x.size() / shape[0];
  shape[0] = samples.size();
  Tensor<T> r = Tensor<T>::uninitialized(shape);
  T* to = r.mutable_data();
  for (const std::int64_t s : samples) {
    std::copy_n(x.data() + static_cast<std::size_t>(s) * row, row, to);
    to += row;
  }
  return r;
}

}  // namespace

template <class T>
LabeledDataset<T>::LabeledDataset(Array<T> inputs, Indices labels)
    : inputs_(std::move(inputs)), labels_(std::move(labels)) {
  if (labels_.dimension() != 1) {
    detail::fail("LabeledDataset", "labels have shape ", Shape(labels_.shape()));
  }
  require_equal_counts("LabeledDataset", Shape(inputs_.shape()), Shape(labels_.shape()));
}

template <class T>
LabeledBatch<T> LabeledDataset<T>::get(std::span<const std::int64_t> samples) const {
  require_samples(samples, size());
  LabeledBatch<T> batch{gather_rows(inputs_, samples),
                        Indices(Indices::shape_type{samples.size()})};
  for (std::size_t i = 0; i < samples.size(); ++i) {
    batch.labels.data()[i] = labels_.data()[static_cast<std::size_t>(samples[i])];
  }
  return batch;
}

template <class T>
TargetDataset<T>::TargetDataset(Array<T> inputs, Array<T> targets)
    : inputs_(std::move(inputs)), targets_(std::move(targets)) {
  require_equal_counts("TargetDataset", Shape(inputs_.shape()), Shape(targets_.shape()));
}

template <class T>
TargetBatch<T> TargetDataset<T>::get(std::span<const std::int64_t> samples) const {
  require_samples(samples, size());
  return {gather_rows(inputs_, samples), gather_rows(targets_, samples)};
}

template class LabeledDataset<float>;
template class LabeledDataset<double>;
template class TargetDataset<float>;
template class TargetDataset<double>;

}  // namespace xgrad
