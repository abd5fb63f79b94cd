#pragma once

// Preprocessors that move and stretch each number by itself: Center, Standardize, MinMax; and
// Impute, which fills in missing ones. Statistics are computed in double; a number that is the same
// in all samples is moved and not stretched.

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "xgrad/data/preprocessor.hpp"

namespace xgrad {

/// What one statistic is taken over, beside the samples.
enum class Per {
  feature,  ///< nothing: each number of a sample has its own; for images, the mean image
  channel,  ///< all axes after the channels, which are axis 1: (n, c, ...) gives c of them
  all,      ///< everything: one for all numbers
};

struct ScalingOptions {
  Per per = Per::feature;  ///< what shares a mean and a deviation
};

struct MinMaxOptions {
  double low = 0, high = 1;  ///< low < high
  Per per = Per::feature;    ///< what shares a range
};

namespace detail {

/// y = (x - shift) / scale + low. Shift and scale have a number for each statistic.
template <class T>
class Scaling : public Preprocessor<T> {
 public:
  /// Shapes: of a sample for Per::feature, (c), or ().
  const Array<double>& shift() const& { return shift_; }
  Array<double> shift() const&& { return shift_; }
  const Array<double>& scale() const& { return scale_; }
  Array<double> scale() const&& { return scale_; }

 protected:
  using Numbers = Array<double>;
  explicit Scaling(Per per, double low = 0, double high = 1);

  Per per() const;
  /// Which statistic each number of a sample belongs to.
  std::vector<std::size_t> statistic_of(const Shape& sample) const;
  Shape statistics(const Shape& sample) const;
  /// Mean and standard deviation by statistic, NaN left out; a deviation that is rounding alone is 0.
  struct Moments {
    Numbers mean, deviation;
  };
  Moments moments(const Array<T>& x) const;

  void forward(const T* x, T* y, std::size_t samples) const override;
  void backward(const T* y, T* x, std::size_t samples) const override;
  void visit(const std::function<void(const std::string&, Numbers&)>& f) override;
  void check() const override;

  Numbers options_;  // per, low, high
  Numbers shift_, scale_;
};

}  // namespace detail

/// y = x - mean.
template <class T>
class Center : public detail::Scaling<T> {
 public:
  explicit Center(ScalingOptions options = {}) : detail::Scaling<T>(options.per) {}
  std::string type_name() const override { return "Center"; }

 private:
  void learn(const Array<T>& x) override;
};

/// y = (x - mean) / deviation, the deviation with divisor n.
template <class T>
class Standardize : public detail::Scaling<T> {
 public:
  explicit Standardize(ScalingOptions options = {}) : detail::Scaling<T>(options.per) {}
  std::string type_name() const override { return "Standardize"; }

 private:
  void learn(const Array<T>& x) override;
};

/// y = low + (x - min) (high - low) / (max - min). Beyond the range for data that were not fitted.
template <class T>
class MinMax : public detail::Scaling<T> {
 public:
  /// Throws std::invalid_argument unless low < high, both finite.
  explicit MinMax(MinMaxOptions options = {});
  std::string type_name() const override { return "MinMax"; }

 private:
  void learn(const Array<T>& x) override;
};

/// y = x, with the mean of those that are there in the place of each NaN; inverse() changes
/// nothing. fit() throws std::invalid_argument where none is there.
template <class T>
class Impute : public detail::Scaling<T> {
 public:
  explicit Impute(ScalingOptions options = {}) : detail::Scaling<T>(options.per) {}
  std::string type_name() const override { return "Impute"; }

 private:
  void learn(const Array<T>& x) override;
  void forward(const T* x, T* y, std::size_t samples) const override;
  void backward(const T* y, T* x, std::size_t samples) const override;
  bool allows_nan() const override { return true; }
};

}  // namespace xgrad
