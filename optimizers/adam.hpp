#pragma once

// Adam and AdamW, both with AMSGrad as an option.

#include "xgrad/optimizers/moving_averages.hpp"
#include "xgrad/optimizers/optimizer.hpp"

namespace xgrad {

struct AdamOptions {
  double learning_rate = 1e-3;  ///< a below
  /// Refused while compiling: it is learning_rate.
  [[no_unique_address]] detail::LearningRateIsItsName lr = {};
  /// Refused while compiling: they are beta1 and beta2.
  [[no_unique_address]] detail::BetasAreTwo betas = {};
  double beta1 = 0.9;    ///< memory of the first moment, in [0, 1)
  double beta2 = 0.999;  ///< memory of the second moment, in [0, 1)
  /// Refused while compiling: it is epsilon.
  [[no_unique_address]] detail::EpsilonIsItsName eps = {};
  double epsilon = 1e-8;    ///< at least 0
  bool amsgrad = false;     ///< divide by the largest second moment so far
  double weight_decay = 0;  ///< L2
  DecayOptions decay = {};  ///< what else decays, and where
};

/// AdamOptions with the weight decay of AdamW.
struct AdamWOptions {
  static constexpr bool kDecoupled = true;  ///< whatever `decay.decoupled` says
  double learning_rate = 1e-3;              ///< as in AdamOptions, and so the next ones
  /// Refused while compiling: it is learning_rate.
  [[no_unique_address]] detail::LearningRateIsItsName lr = {};
  /// Refused while compiling: they are beta1 and beta2.
  [[no_unique_address]] detail::BetasAreTwo betas = {};
  double beta1 = 0.9;    ///< memory of the first moment
  double beta2 = 0.999;  ///< memory of the second moment
  /// Refused while compiling: it is epsilon.
  [[no_unique_address]] detail::EpsilonIsItsName eps = {};
  double epsilon = 1e-8;       ///< added to the root
  bool amsgrad = false;        ///< divide by the largest second moment so far
  double weight_decay = 1e-2;  ///< of the weights themselves
  DecayOptions decay = {};
};

/// Throw std::invalid_argument for options out of range.
void check_options(const AdamOptions& options);
void check_options(const AdamWOptions& options);

namespace detail {

template <class T, class Options>
class AdamFamily : public GroupedOptimizer<T, Options> {
 protected:
  using GroupedOptimizer<T, Options>::GroupedOptimizer;
  using typename Optimizer<T>::Slot;
  std::vector<std::string> state_names(std::size_t group) const override;
  void update(Slot& slot) override;
  bool only_applies() const override { return true; }

 private:
  Correction first_, second_;
};

extern template class AdamFamily<float, AdamOptions>;
extern template class AdamFamily<double, AdamOptions>;
extern template class AdamFamily<float, AdamWOptions>;
extern template class AdamFamily<double, AdamWOptions>;

}  // namespace detail

/// Gradient g at the weights w, learning rate a, step count t from 1:
///   m = beta1 m + (1 - beta1) g                   first moment
///   v = beta2 v + (1 - beta2) g^2                 second moment
///   m_hat = m / (1 - beta1^t)                     bias correction
///   v_hat = v / (1 - beta2^t)
///   w = w - a m_hat / (sqrt(v_hat) + epsilon)
/// amsgrad: v_hat = v_max / (1 - beta2^t) with v_max = max(v_max, v).
///
/// **Source** Kingma, Ba 2015, algorithm 1; Reddi, Kale, Kumar 2018 (AMSGrad). Deviations: as in
/// PyTorch, AMSGrad corrects the bias after the maximum, where its paper has no correction. t
/// counts the updates of the parameter, not the calls of step(): one that was frozen until now
/// starts at 1.
///
/// State: `first_moment`, `second_moment`, with amsgrad `largest_second_moment`.
template <class T>
class Adam : public detail::AdamFamily<T, AdamOptions> {
 public:
  /// Throws std::invalid_argument for options out of range, and as add_group.
  explicit Adam(const NamedTensors<T>& parameters, const AdamOptions& options = {})
      : detail::AdamFamily<T, AdamOptions>("Adam", parameters, options) {}
  explicit Adam(const std::vector<Tensor<T>>& parameters, const AdamOptions& options = {})
      : Adam(named(parameters), options) {}
  /// Refused while compiling: options have names.
  template <class V>
  requires(std::is_arithmetic_v<V>) Adam(const NamedTensors<T>& p, V rate)
      : Adam(p, detail::named_options<AdamOptions>(rate)) {}
  template <class V>
  requires(std::is_arithmetic_v<V>) Adam(const std::vector<Tensor<T>>& p, V rate)
      : Adam(p, detail::named_options<AdamOptions>(rate)) {}
};

/// Adam with decoupled weight decay: before Adam's update, with the gradient of the old w,
///   w = (1 - a weight_decay) w
///
/// **Source** Loshchilov, Hutter 2019, algorithm 2. Deviation: as in PyTorch, the decay is
/// multiplied by the whole learning rate and not only by its schedule.
template <class T>
class AdamW : public detail::AdamFamily<T, AdamWOptions> {
 public:
  /// Throws as Adam.
  explicit AdamW(const NamedTensors<T>& parameters, const AdamWOptions& options = {})
      : detail::AdamFamily<T, AdamWOptions>("AdamW", parameters, options) {}
  explicit AdamW(const std::vector<Tensor<T>>& parameters, const AdamWOptions& options = {})
      : AdamW(named(parameters), options) {}
  /// Refused while compiling: options have names.
  template <class V>
  requires(std::is_arithmetic_v<V>) AdamW(const NamedTensors<T>& p, V rate)
      : AdamW(p, detail::named_options<AdamWOptions>(rate)) {}
  template <class V>
  requires(std::is_arithmetic_v<V>) AdamW(const std::vector<Tensor<T>>& p, V rate)
      : AdamW(p, detail::named_options<AdamWOptions>(rate)) {}
};

}  // namespace xgrad
