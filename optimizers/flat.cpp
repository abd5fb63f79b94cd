#include "xgrad/optimizers/flat.hpp"

#include <algorithm>

#include "xgrad/kernels/optimizer.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/reduce.hpp"

namespace xgrad::detail {

template <class T>
double dot(const Tensor<T>& x, const Tensor<T>& y) {
  return kernels::dot(x.data(), y.data(), x.size());
}

template <class T>
void add_scaled(Tensor<T>& y, double a, const Tensor<T>& x) {
  const std::size_t n = y.size(), pieces = kernels::pieces_for(n);
  T* const to = y.mutable_data();
  const auto axpy = kernels::reduce_kernels<T>().axpy;
  kernels::parallel_for(pieces, [&](std::size_t i) {
    const std::size_t begin = kernels::piece_begin(n, pieces, i);
    axpy(to + begin, x.data() + begin, static_cast<T>(a),
         kernels::piece_begin(n, pieces, i + 1) - begin);
  });
}

template <class T>
void scale(Tensor<T>& y, double a) {
  kernels::UpdateArguments<T> arguments{};
  arguments.g = arguments.w = y.mutable_data();
  arguments.n = y.size();
  kernels::update(kernels::ScaleRule<T>{static_cast<T>(a)}, arguments);
}

template <class T>
double largest_magnitude(const Tensor<T>& x) {
  return static_cast<double>(kernels::largest_magnitude(x.data(), x.size()));
}

template <class T>
FlatView<T>::FlatView(std::vector<Tensor<T>> tensors) : tensors_(std::move(tensors)) {
  for (const Tensor<T>& t : tensors_) size_ += t.size();
}

template <class T>
Tensor<T> FlatView<T>::values() const {
  return join(tensors_);
}

template <class T>
Tensor<T> FlatView<T>::gradients() const {
  std::vector<Tensor<T>> parts;
  for (const Tensor<T>& t : tensors_) parts.push_back(t.gradient());
  return join(parts);
}

template <class T>
void FlatView<T>::assign(const Tensor<T>& x) {
  const T* from = x.data();
  for (Tensor<T>& t : tensors_) {
    std::copy_n(from, t.size(), t.mutable_data());
    from += t.size();
  }
}

template <class T>
void FlatView<T>::move(const Tensor<T>& x, double step, const Tensor<T>& d) {
  Tensor<T> moved = x.clone();
  add_scaled(moved, step, d);
  assign(moved);
}

template <class T>
std::vector<Tensor<T>> FlatView<T>::split(const Tensor<T>& x) const {
  std::vector<Tensor<T>> parts;
  std::size_t begin = 0;
  for (const Tensor<T>& t : tensors_) {
    parts.push_back(Tensor<T>::uninitialized(t.shape()));
    std::copy_n(x.data() + begin, t.size(), parts.back().mutable_data());
    begin += t.size();
  }
  return parts;
}

template <class T>
Tensor<T> FlatView<T>::join(const std::vector<Tensor<T>>& parts) const {
  Tensor<T> x = Tensor<T>::uninitialized({size_});
  T* to = x.mutable_data();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t n = tensors_[i].size();
    if (parts[i].defined()) {
      std::copy_n(parts[i].data(), n, to);
    } else {
      std::fill_n(to, n, T(0));
    }
    to += n;
  }
  return x;
}

#define XGRAD_INSTANTIATE(T)                                      \
  template double dot(const Tensor<T>&, const Tensor<T>&);        \
  template void add_scaled(Tensor<T>&, double, const Tensor<T>&); \
  template void scale(Tensor<T>&, double);                        \
  template double largest_magnitude(const Tensor<T>&);            \
  template class FlatView<T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
