#pragma once

// Preprocessors that turn the axes of the samples: Pca (principal components, also whitened) and
// Zca. From the eigenvalues l_i, largest first, and eigenvectors u_i of the covariance
// C = X^T X / (n - 1), X being the samples less their mean, all in double.

#include <cstddef>
#include <functional>
#include <string>

#include "xgrad/data/preprocessor.hpp"

namespace xgrad {

namespace detail {

/// y = forward (x - mean), x = backward y + mean.
template <class T>
class Projection : public Preprocessor<T> {
 public:
  const Array<double>& mean() const& { return mean_; }  ///< of a sample's shape
  Array<double> mean() const&& { return mean_; }
  /// l_i of the components kept, and its share of the sum of all eigenvalues.
  const Array<double>& explained_variance() const& { return variance_; }
  Array<double> explained_variance() const&& { return variance_; }
  const Array<double>& explained_variance_ratio() const& { return ratio_; }
  Array<double> explained_variance_ratio() const&& { return ratio_; }

 protected:
  using Numbers = Array<double>;

  struct Decomposition {
    Numbers mean;    ///< (d)
    Numbers values;  ///< (d), descending, not below 0
    Numbers axes;    ///< (d, d), u_i by row; its number of the largest magnitude is positive
  };
  /// Throws std::invalid_argument for less than two samples.
  Decomposition decompose(const Array<T>& x) const;
  /// sqrt(l_i + epsilon) of the first k. Throws std::invalid_argument where that is 0.
  Numbers deviations(const Numbers& values, std::size_t k, double epsilon) const;
  /// Takes over mean, k components, and the matrices.
  void set(const Decomposition& d, std::size_t k, Numbers forward, Numbers backward);

  Shape output() const override { return {forward_.shape(0)}; }
  void forward(const T* x, T* y, std::size_t samples) const override;
  void backward(const T* y, T* x, std::size_t samples) const override;
  void visit(const std::function<void(const std::string&, Numbers&)>& f) override;
  void check() const override;
  virtual std::size_t options_count() const = 0;

  Numbers options_;  // the kind's own
  Numbers mean_, variance_, ratio_;
  Numbers forward_;   // (k, d)
  Numbers backward_;  // (k, d)
};

}  // namespace detail

struct PcaOptions {
  std::size_t components = 0;  ///< kept at most; 0: as many as a sample has numbers
  double variance = 1;         ///< kept are no more than explain this share; in (0, 1]
  bool whiten = false;         ///< stretches each component to variance 1
  double epsilon = 1e-5;       ///< added to the variance in whitening, against noise; at least 0
};

/// Principal components: y_i = u_i . (x - mean), whitened divided by sqrt(l_i + epsilon).
/// inverse() gives the nearest point in the space of the components kept.
/// **Shapes** x (n, ...) -> (n, components). **Throws**, in fit(), std::invalid_argument for one
/// sample only, more components than a sample has numbers, and components without variance that are
/// to be whitened with epsilon 0. **Source** K. Pearson 1901; H. Hotelling 1933.
template <class T>
class Pca : public detail::Projection<T> {
 public:
  /// Throws std::invalid_argument for options out of range.
  explicit Pca(PcaOptions options = {});
  std::string type_name() const override { return "Pca"; }
  /// (components, numbers of a sample): u_i by row.
  Array<double> components() const;

 private:
  std::size_t options_count() const override { return 4; }
  std::size_t kept(const Array<double>& values) const;
  void learn(const Array<T>& x) override;
};

struct ZcaOptions {
  double epsilon = 1e-5;  ///< added to the variance, against noise; at least 0
};

/// Whitening that changes the samples least: y = sum over i of u_i (u_i .
/// (x - mean)) / sqrt(l_i + epsilon).
/// **Shapes** x (n, ...) -> the same. **Throws** as Pca. **Source** A. Bell, T. Sejnowski, The
/// "independent components" of natural scenes are edge filters, 1997.
template <class T>
class Zca : public detail::Projection<T> {
 public:
  /// Throws std::invalid_argument for a negative epsilon.
  explicit Zca(ZcaOptions options = {});
  std::string type_name() const override { return "Zca"; }

 private:
  std::size_t options_count() const override { return 1; }
  Shape output() const override { return this->fitted_on().sample; }
  void learn(const Array<T>& x) override;
};

}  // namespace xgrad
