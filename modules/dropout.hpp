#pragma once

// Modules that put noise into training and do nothing (or take an expectation) in evaluation:
// Dropout, AlphaDropout, GaussianNoise. Noise on weights is in drop_connect.hpp.
//
// Every forward draws anew, once, from the default generator or from the one that was given; the
// backward pass uses what its forward drew. The same generator state gives the same numbers for any
// number of threads. A given generator must outlive the module; a clone draws from the same one.

#include <memory>

#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/random.hpp"
#include "xgrad/modules/library_module.hpp"
#include "xgrad/ops/regularization.hpp"

namespace xgrad {
namespace detail {

/// x with noise.
template <class T>
using Noise = Tensor<T> (*)(const Tensor<T>& x, double amount, Generator& generator);

/// x + deviation z.
template <class T>
Tensor<T> gaussian_noise(const Tensor<T>& x, double deviation, Generator& generator);

}  // namespace detail

/// F(x, amount, generator) in training. M::kOption is the amount's name in files.
template <template <class> class M, class T, detail::Noise<T> F>
class NoiseModule : public LibraryModule<M, T> {
 public:
  NoiseModule(double amount, Generator* generator) : amount_(amount), generator_(generator) {}
  Tensor<T> forward(const Tensor<T>& x) override {
    if (!this->is_training()) return x;
    return F(x, amount_, generator_ != nullptr ? *generator_ : default_generator());
  }
  ModuleOptions options() const override { return {{M<T>::kOption, amount_}}; }
  std::unique_ptr<Module<T>> structure() const override {
    return std::make_unique<M<T>>(amount_, generator_);
  }
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options) {
    return std::make_unique<M<T>>(options.number(M<T>::kOption));
  }

 private:
  double amount_;
  Generator* generator_;
};

/// Drops numbers with probability p and scales the others by 1 / (1 - p): see dropout in
/// ops/regularization.hpp. In evaluation, and for p = 0, y = x.
template <class T>
struct Dropout : NoiseModule<Dropout, T, dropout<T>> {
  static constexpr const char* kOption = "p";
  /// Throws std::invalid_argument for p outside [0, 1].
  explicit Dropout(double p = 0.5, Generator* generator = nullptr)
      : Dropout::NoiseModule(detail::require_in("Dropout", "p", p, "[0, 1]"), generator) {}
};

/// Drops whole channels of x (n, c, ...): see dropout2d in ops/regularization.hpp.
template <class T>
struct Dropout2d : NoiseModule<Dropout2d, T, dropout2d<T>> {
  static constexpr const char* kOption = "p";
  /// Throws std::invalid_argument for p outside [0, 1].
  explicit Dropout2d(double p = 0.5, Generator* generator = nullptr)
      : Dropout2d::NoiseModule(detail::require_in("Dropout2d", "p", p, "[0, 1]"), generator) {}
};

/// Dropout that keeps mean and variance of what selu gives: see alpha_dropout in
/// ops/regularization.hpp. In evaluation, and for p = 0, y = x.
template <class T>
struct AlphaDropout : NoiseModule<AlphaDropout, T, alpha_dropout<T>> {
  static constexpr const char* kOption = "p";
  /// Throws std::invalid_argument for p outside [0, 1].
  explicit AlphaDropout(double p = 0.05, Generator* generator = nullptr)
      : AlphaDropout::NoiseModule(detail::require_in("AlphaDropout", "p", p, "[0, 1]"), generator) {
  }
};

/// y = x + deviation z in training, z standard normal; y = x in evaluation.
template <class T>
struct GaussianNoise : NoiseModule<GaussianNoise, T, detail::gaussian_noise<T>> {
  static constexpr const char* kOption = "deviation";
  /// Throws std::invalid_argument for a deviation that is negative or not finite.
  explicit GaussianNoise(double deviation = 0.1, Generator* generator = nullptr)
      : GaussianNoise::NoiseModule(
            detail::require_in("GaussianNoise", "deviation", deviation, "[0, inf)"), generator) {}
};

}  // namespace xgrad
