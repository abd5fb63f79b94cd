#pragma once

// Modules that put noise into training and do nothing (or take an expectation) in evaluation:
// Dropout, AlphaDropout, GaussianNoise. Noise on weights is in drop_connect.hpp.
//
// Every forward draws anew, once, from the default generator or from the one that was given; the
// backward pass uses what its forward drew. The same generator state gives the same numbers for any
// number of threads. A given generator must outlive the module; a clone draws from the same one.

#include "xgrad/kernels/random.hpp"
#include "xgrad/modules/library_module.hpp"

namespace xgrad {

/// Drops numbers with probability p and scales the others by 1 / (1 - p): see dropout in
/// ops/regularization.hpp. In evaluation, and for p = 0, y = x.
template <class T>
class Dropout : public LibraryModule<Dropout, T> {
 public:
  /// Throws std::invalid_argument for p outside [0, 1].
  explicit Dropout(double p = 0.5, Generator* generator = nullptr);
  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override { return {{"p", p_}}; }
  std::unique_ptr<Module<T>> structure() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  double p_;
  Generator* generator_;
};

/// Dropout that keeps mean and variance of what selu gives: see alpha_dropout in
/// ops/regularization.hpp. In evaluation, and for p = 0, y = x.
template <class T>
class AlphaDropout : public LibraryModule<AlphaDropout, T> {
 public:
  /// Throws std::invalid_argument for p outside [0, 1].
  explicit AlphaDropout(double p = 0.05, Generator* generator = nullptr);
  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override { return {{"p", p_}}; }
  std::unique_ptr<Module<T>> structure() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  double p_;
  Generator* generator_;
};

/// y = x + deviation z in training, z standard normal; y = x in evaluation.
template <class T>
class GaussianNoise : public LibraryModule<GaussianNoise, T> {
 public:
  /// Throws std::invalid_argument for a deviation that is negative or not finite.
  explicit GaussianNoise(double deviation = 0.1, Generator* generator = nullptr);
  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override { return {{"deviation", deviation_}}; }
  std::unique_ptr<Module<T>> structure() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  double deviation_;
  Generator* generator_;
};

extern template class Dropout<float>;
extern template class Dropout<double>;
extern template class AlphaDropout<float>;
extern template class AlphaDropout<double>;
extern template class GaussianNoise<float>;
extern template class GaussianNoise<double>;

}  // namespace xgrad
