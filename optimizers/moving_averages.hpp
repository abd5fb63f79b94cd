#pragma once

// What the optimizers with two moving averages (Adam and its relatives) share. Internal, for their sources.

#include <cmath>

#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/optimizer.hpp"
#include "xgrad/optimizers/decay.hpp"

namespace xgrad::detail {

template <class Options>
void check_adam_options(const char* name, const Options& o) {
  require_in(name, "learning_rate", o.learning_rate, "[0, inf)");
  require_in(name, "beta1", o.beta1, "[0, 1)");
  require_in(name, "beta2", o.beta2, "[0, 1)");
  require_in(name, "epsilon", o.epsilon, "[0, inf)");
  check_decay(name, o.weight_decay, o.decay);
}

template <class T, class Options>
kernels::MovingAverages<T> averages_of(const Options& o) {
  return {static_cast<T>(o.beta1), static_cast<T>(1 - o.beta1), static_cast<T>(o.beta2),
          static_cast<T>(1 - o.beta2)};
}

/// 1 - beta^steps: the share of the true average that a moving average started at 0 has reached.
inline double correction(double beta, double steps) { return 1 - std::pow(beta, steps); }

/// The same, remembering its last answer: the parameters of a model are nearly always at one step.
class Correction {
 public:
  double operator()(double beta, double steps) {
    if (beta != beta_ || steps != steps_) value_ = correction(beta_ = beta, steps_ = steps);
    return value_;
  }

 private:
  double beta_ = 0, steps_ = 0, value_ = 0;
};

}  // namespace xgrad::detail
