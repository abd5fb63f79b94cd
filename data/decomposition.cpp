#include "xgrad/data/decomposition.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/kernels/gemm.hpp"

// LAPACK, which is part of OpenBLAS: eigenvalues, ascending, and vectors of a symmetric matrix. The
// last two are the lengths of the texts.
extern "C" void dsyevd_(const char* job, const char* part, const int* n, double* a, const int* lda,
                        double* values, double* work, const int* lwork, int* iwork,
                        const int* liwork, int* info, std::size_t, std::size_t);

namespace xgrad {
namespace {

constexpr std::size_t kBlock = 1024;  // samples at a time

using Numbers = Array<double>;

Numbers zeros(const Shape& shape) {
  return Numbers(Numbers::shape_type(shape.begin(), shape.end()), 0.0);
}

// The symmetric matrix a (d, d) becomes its eigenvectors by row, values ascending.
void eigen(Numbers& a, Numbers& values) {
  const int n = static_cast<int>(values.size());
  int info = 0, iwork_size = 0;
  double work_size = 0;
  const int ask = -1;
  dsyevd_("V", "U", &n, a.data(), &n, values.data(), &work_size, &ask, &iwork_size, &ask, &info, 1,
          1);
  std::vector<double> work(static_cast<std::size_t>(work_size));
  std::vector<int> iwork(static_cast<std::size_t>(iwork_size));
  const int lwork = static_cast<int>(work.size());
  dsyevd_("V", "U", &n, a.data(), &n, values.data(), work.data(), &lwork, iwork.data(), &iwork_size,
          &info, 1, 1);
  if (info != 0) detail::fail<std::runtime_error>("eigenvalues", "no convergence: info ", info);
}

// The number of the largest magnitude becomes positive.
void fix_sign(double* axis, std::size_t d) {
  const double* largest = std::max_element(
      axis, axis + d, [](double a, double b) { return std::abs(a) < std::abs(b); });
  if (*largest < 0) std::transform(axis, axis + d, axis, std::negate<>());
}

// x (n, d) less the mean.
template <class T, class U>
void center(const T* x, const Numbers& mean, std::size_t n, U* centered) {
  const std::size_t d = mean.size();
  for (std::size_t i = 0; i < n * d; ++i) {
    centered[i] = static_cast<U>(static_cast<double>(x[i]) - mean.data()[i % d]);
  }
}

// The mean of x - mean.
template <class T>
Numbers mean_around(const T* x, const Numbers& mean, std::size_t n) {
  const std::size_t d = mean.size();
  Numbers rest = zeros({d});
  for (std::size_t i = 0; i < n * d; ++i) {
    rest.data()[i % d] += static_cast<double>(x[i]) - mean.data()[i % d];
  }
  for (double& r : rest) r /= static_cast<double>(n);
  return rest;
}

// With what the rounding of the first sum has left out.
template <class T>
Numbers mean_of(const T* x, std::size_t n, std::size_t d) {
  const Numbers mean = mean_around(x, zeros({d}), n);
  return mean + mean_around(x, mean, n);
}

template <class T>
Numbers covariance_of(const T* x, std::size_t n, const Numbers& mean) {
  const std::size_t d = mean.size();
  Numbers c = zeros({d, d}), block = zeros({kBlock, d});
  for (std::size_t i = 0; i < n; i += kBlock) {
    const std::size_t rows = std::min(kBlock, n - i);
    center(x + i * d, mean, rows, block.data());
    kernels::gemm(true, false, d, d, rows, block.data(), block.data(), 1.0, c.data());
  }
  for (double& v : c) v /= static_cast<double>(n - 1);
  return c;
}

template <class T>
Array<T> converted(const Numbers& x) {
  Array<T> r(typename Array<T>::shape_type(x.shape().begin(), x.shape().end()));
  std::transform(x.begin(), x.end(), r.begin(), [](double v) { return static_cast<T>(v); });
  return r;
}

// Row i times factor[i].
void scale_rows(Numbers& a, const Numbers& factor) {
  const std::size_t d = a.shape(1);
  for (std::size_t i = 0; i < a.size(); ++i) a.data()[i] *= factor.data()[i / d];
}

Numbers inverse_of(Numbers x) {
  for (double& v : x) v = 1 / v;
  return x;
}

// The first k of x (d) or x (d, d).
Numbers first_rows(const Numbers& x, std::size_t k) {
  Shape shape(x.shape());
  shape[0] = k;
  Numbers r = zeros(shape);
  std::copy_n(x.data(), r.size(), r.data());
  return r;
}

// What rounding leaves of 0.
double threshold(const Numbers& values) {
  return static_cast<double>(values.size()) * std::numeric_limits<double>::epsilon() *
         values(values.size() - 1);
}

}  // namespace

namespace detail {

template <class T>
typename Projection<T>::Decomposition Projection<T>::decompose(const Array<T>& x) const {
  const std::size_t n = x.shape(0), d = x.size() / n;
  if (n < 2) this->fail("1 sample has no variance");
  Decomposition r{mean_of(x.data(), n, d), zeros({d}), zeros({d, d})};
  Numbers vectors = covariance_of(x.data(), n, r.mean), values = zeros({d});
  eigen(vectors, values);
  for (std::size_t i = 0; i < d; ++i) {
    const double value = values(d - 1 - i);
    r.values(i) = value > threshold(values) ? value : 0;
    std::copy_n(vectors.data() + (d - 1 - i) * d, d, r.axes.data() + i * d);
    fix_sign(r.axes.data() + i * d, d);
  }
  return r;
}

template <class T>
Numbers Projection<T>::deviations(const Numbers& values, std::size_t k, double epsilon) const {
  Numbers r = zeros({k});
  for (std::size_t i = 0; i < k; ++i) {
    r(i) = std::sqrt(values(i) + epsilon);
    if (r(i) > 0) continue;
    this->fail("component ", i, " has no variance and cannot be whitened with epsilon 0");
  }
  return r;
}

template <class T>
void Projection<T>::set(const Decomposition& d, std::size_t k, Numbers forward, Numbers backward) {
  double sum = 0;
  for (const double v : d.values) sum += v;
  mean_ = d.mean;
  variance_ = first_rows(d.values, k);
  ratio_ = variance_;
  for (double& v : ratio_) v = sum > 0 ? v / sum : 0;
  forward_ = std::move(forward);
  backward_ = std::move(backward);
}

template <class T>
void Projection<T>::forward(const T* x, T* y, std::size_t samples) const {
  const std::size_t k = forward_.shape(0), d = forward_.shape(1);
  const Array<T> matrix = converted<T>(forward_);
  std::vector<T> centered(std::min(samples, kBlock) * d);
  for (std::size_t i = 0; i < samples; i += kBlock) {
    const std::size_t rows = std::min(kBlock, samples - i);
    center(x + i * d, mean_, rows, centered.data());
    kernels::gemm(false, true, rows, k, d, centered.data(), matrix.data(), T(0), y + i * k);
  }
}

template <class T>
void Projection<T>::backward(const T* y, T* x, std::size_t samples) const {
  const std::size_t k = backward_.shape(0), d = backward_.shape(1);
  const Array<T> matrix = converted<T>(backward_), mean = converted<T>(mean_);
  for (std::size_t i = 0; i < samples; ++i) std::copy_n(mean.data(), d, x + i * d);
  kernels::gemm(false, false, samples, d, k, y, matrix.data(), T(1), x);
}

template <class T>
void Projection<T>::visit(const std::function<void(const std::string&, Numbers&)>& f) {
  f("options", options_);
  f("mean", mean_);
  f("explained_variance", variance_);
  f("explained_variance_ratio", ratio_);
  f("forward", forward_);
  f("backward", backward_);
}

template <class T>
void Projection<T>::check() const {
  const std::size_t d = mean_.size();
  const Shape shape(forward_.shape());
  const bool fits = mean_.dimension() == 1 && shape.rank() == 2 && shape[1] == d && shape[0] > 0 &&
                    shape == Shape(backward_.shape()) && d > 0 &&
                    this->fitted_on().sample.elements() == d &&
                    Shape(variance_.shape()) == Shape({shape[0]}) &&
                    Shape(variance_.shape()) == Shape(ratio_.shape());
  if (!fits || this->output().elements() != shape[0] || options_.size() != options_count()) {
    this->fail("statistics do not fit together");
  }
}

template class Projection<float>;
template class Projection<double>;

}  // namespace detail

template <class T>
Pca<T>::Pca(PcaOptions options) {
  detail::require_in("Pca", "share of variance", options.variance, "(0, 1]");
  detail::require_in("Pca", "epsilon", options.epsilon, "[0, inf]");
  this->options_ = zeros({4});
  this->options_(0) = static_cast<double>(options.components);
  this->options_(1) = options.variance;
  this->options_(2) = options.whiten ? 1 : 0;
  this->options_(3) = options.epsilon;
}

template <class T>
std::size_t Pca<T>::kept(const Array<double>& values) const {
  const auto asked = static_cast<std::size_t>(this->options_(0));
  const std::size_t most = asked == 0 ? values.size() : asked;
  if (most > values.size()) {
    this->fail(most, " components of samples of ", values.size(), " numbers");
  }
  if (this->options_(1) == 1) return most;
  double sum = 0, wanted = 0;
  for (const double v : values) wanted += this->options_(1) * v;
  std::size_t k = 0;
  while (k < most && sum < wanted) sum += values(k++);
  return std::max<std::size_t>(k, 1);
}

template <class T>
void Pca<T>::learn(const Array<T>& x) {
  const auto d = this->decompose(x);
  const std::size_t k = kept(d.values);
  Array<double> forward = first_rows(d.axes, k), backward = forward;
  if (this->options_(2) != 0) {
    const Array<double> deviations = this->deviations(d.values, k, this->options_(3));
    scale_rows(backward, deviations);
    scale_rows(forward, inverse_of(deviations));
  }
  this->set(d, k, std::move(forward), std::move(backward));
}

template <class T>
Array<double> Pca<T>::components() const {
  Array<double> r = this->forward_;
  if (this->options_(2) == 0) return r;
  scale_rows(r, this->deviations(this->variance_, this->variance_.size(), this->options_(3)));
  return r;
}

template <class T>
Zca<T>::Zca(ZcaOptions options) {
  detail::require_in("Zca", "epsilon", options.epsilon, "[0, inf]");
  this->options_ = Array<double>(Array<double>::shape_type{1}, options.epsilon);
}

template <class T>
void Zca<T>::learn(const Array<T>& x) {
  const auto d = this->decompose(x);
  const std::size_t k = d.values.size();
  const Array<double> deviations = this->deviations(d.values, k, this->options_(0));
  const auto between = [&](const Array<double>& factors) {  // U^T diag(factors) U
    Array<double> scaled = d.axes, r = zeros({k, k});
    scale_rows(scaled, factors);
    kernels::gemm(true, false, k, k, k, d.axes.data(), scaled.data(), 0.0, r.data());
    return r;
  };
  this->set(d, k, between(inverse_of(deviations)), between(deviations));
}

template class Pca<float>;
template class Pca<double>;
template class Zca<float>;
template class Zca<double>;

}  // namespace xgrad
