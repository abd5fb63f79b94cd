#include "xgrad/data/scaling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace xgrad {
namespace {

Array<double> filled(const Shape& shape, double value) {
  return Array<double>(Array<double>::shape_type(shape.begin(), shape.end()), value);
}

// 1 in the place of 0: what does not vary is not stretched.
Array<double> nonzero(Array<double> x) {
  std::replace(x.begin(), x.end(), 0.0, 1.0);
  return x;
}

}  // namespace

namespace detail {

template <class T>
Scaling<T>::Scaling(Per per, double low, double high) : options_(filled({3}, low)) {
  options_(0) = static_cast<double>(per);
  options_(2) = high;
}

template <class T>
Per Scaling<T>::per() const {
  return static_cast<Per>(static_cast<int>(options_(0)));
}

template <class T>
Shape Scaling<T>::statistics(const Shape& sample) const {
  if (per() == Per::feature) return sample;
  if (per() == Per::all) return {};
  if (sample.empty()) this->fail("samples without axes have no channels");
  return {sample[0]};
}

template <class T>
std::vector<std::size_t> Scaling<T>::statistic_of(const Shape& sample) const {
  const std::size_t row = sample.elements(), count = statistics(sample).elements();
  const std::size_t each = row / std::max<std::size_t>(count, 1);
  std::vector<std::size_t> r(row);
  for (std::size_t j = 0; j < row; ++j) r[j] = j / each;
  return r;
}

template <class T>
typename Scaling<T>::Moments Scaling<T>::moments(const Array<T>& x) const {
  const Shape sample = Shape(x.shape()).without(0);
  const std::vector<std::size_t> statistic = statistic_of(sample);
  const std::size_t n = x.shape(0), row = statistic.size();
  Moments m{filled(statistics(sample), 0), filled(statistics(sample), 0)};
  std::vector<double> count(m.mean.size()), unit(m.mean.size()), rest(m.mean.size());
  const auto for_each = [&](const auto& f) {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < row; ++j) {
        const auto v = static_cast<double>(x.data()[i * row + j]);
        if (!std::isnan(v)) f(statistic[j], v);
      }
    }
  };
  // Numbers are seen in units of the largest of their statistic, so that their squares stay in range.
  for_each([&](std::size_t s, double v) {
    ++count[s];
    if (std::isfinite(v)) unit[s] = std::max(unit[s], std::abs(v));
  });
  for (double& u : unit) u = u > 0 ? std::ldexp(1.0, std::ilogb(u)) : 1;
  for_each([&](std::size_t s, double v) { m.mean.data()[s] += v / unit[s]; });
  for (std::size_t s = 0; s < count.size(); ++s) m.mean.data()[s] /= count[s];
  for_each([&](std::size_t s, double v) {
    const double d = v / unit[s] - m.mean.data()[s];
    rest[s] += d;
    m.deviation.data()[s] += d * d;
  });
  for (std::size_t s = 0; s < count.size(); ++s) {
    double &mean = m.mean.data()[s], &deviation = m.deviation.data()[s];
    const double shift = rest[s] / count[s];
    deviation = std::sqrt(std::max(deviation - rest[s] * shift, 0.0) / count[s]);
    mean += shift;
    const double rounding = std::numeric_limits<double>::epsilon() * std::abs(mean);
    deviation = deviation <= rounding ? 0 : deviation * unit[s];
    mean *= unit[s];
  }
  return m;
}

template <class T>
void Scaling<T>::forward(const T* x, T* y, std::size_t samples) const {
  const std::vector<std::size_t> statistic = statistic_of(this->fitted_on().sample);
  const double low = options_(1);
  for (std::size_t i = 0; i < samples; ++i) {
    for (const std::size_t s : statistic) {
      *y++ =
          static_cast<T>((static_cast<double>(*x++) - shift_.data()[s]) / scale_.data()[s] + low);
    }
  }
}

template <class T>
void Scaling<T>::backward(const T* y, T* x, std::size_t samples) const {
  const std::vector<std::size_t> statistic = statistic_of(this->fitted_on().sample);
  const double low = options_(1);
  for (std::size_t i = 0; i < samples; ++i) {
    for (const std::size_t s : statistic) {
      *x++ =
          static_cast<T>((static_cast<double>(*y++) - low) * scale_.data()[s] + shift_.data()[s]);
    }
  }
}

template <class T>
void Scaling<T>::visit(const std::function<void(const std::string&, Numbers&)>& f) {
  f("options", options_);
  f("shift", shift_);
  f("scale", scale_);
}

template <class T>
void Scaling<T>::check() const {
  if (Shape(options_.shape()) != Shape({3}) || !(options_(1) < options_(2)) ||
      !(options_(0) == 0 || options_(0) == 1 || options_(0) == 2)) {
    this->fail("options are damaged");
  }
  const Shape wanted = statistics(this->fitted_on().sample);
  for (const Numbers* s : {&shift_, &scale_}) {
    if (Shape(s->shape()) == wanted) continue;
    this->fail("statistics are ", Shape(s->shape()), ", not ", wanted);
  }
}

template class Scaling<float>;
template class Scaling<double>;

}  // namespace detail

template <class T>
void Center<T>::learn(const Array<T>& x) {
  this->shift_ = this->moments(x).mean;
  this->scale_ = filled(Shape(this->shift_.shape()), 1);
}

template <class T>
void Standardize<T>::learn(const Array<T>& x) {
  auto m = this->moments(x);
  this->shift_ = std::move(m.mean);
  this->scale_ = nonzero(std::move(m.deviation));
}

template <class T>
MinMax<T>::MinMax(MinMaxOptions options)
    : detail::Scaling<T>(options.per, options.low, options.high) {
  if (!(options.low < options.high) || !std::isfinite(options.high - options.low)) {
    this->fail("low ", options.low, " and high ", options.high, " are no range");
  }
}

template <class T>
void MinMax<T>::learn(const Array<T>& x) {
  const Shape sample = Shape(x.shape()).without(0);
  const std::vector<std::size_t> statistic = this->statistic_of(sample);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Array<double> low = filled(this->statistics(sample), infinity);
  Array<double> high = filled(this->statistics(sample), -infinity);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t s = statistic[i % statistic.size()];
    const auto v = static_cast<double>(x.data()[i]);
    low.data()[s] = std::min(low.data()[s], v);
    high.data()[s] = std::max(high.data()[s], v);
  }
  for (std::size_t s = 0; s < low.size(); ++s) {
    high.data()[s] = (high.data()[s] - low.data()[s]) / (this->options_(2) - this->options_(1));
  }
  this->shift_ = std::move(low);
  this->scale_ = nonzero(std::move(high));
}

template <class T>
void Impute<T>::learn(const Array<T>& x) {
  Array<double> mean = this->moments(x).mean;
  for (std::size_t s = 0; s < mean.size(); ++s) {
    if (std::isnan(mean.data()[s])) {
      this->fail("nothing but missing values at ", s);
    }
  }
  this->shift_ = std::move(mean);
  this->scale_ = filled(Shape(this->shift_.shape()), 1);
}

template <class T>
void Impute<T>::forward(const T* x, T* y, std::size_t samples) const {
  const std::vector<std::size_t> statistic = this->statistic_of(this->fitted_on().sample);
  for (std::size_t i = 0; i < samples; ++i) {
    for (const std::size_t s : statistic) {
      *y++ = std::isnan(*x) ? static_cast<T>(this->shift_.data()[s]) : *x;
      ++x;
    }
  }
}

template <class T>
void Impute<T>::backward(const T* y, T* x, std::size_t samples) const {
  std::copy(y, y + samples * this->fitted_on().sample.elements(), x);
}

template class Center<float>;
template class Center<double>;
template class Standardize<float>;
template class Standardize<double>;
template class MinMax<float>;
template class MinMax<double>;
template class Impute<float>;
template class Impute<double>;

}  // namespace xgrad
