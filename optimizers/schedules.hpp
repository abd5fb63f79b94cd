#pragma once

// Learning-rate schedules. Each is a small value whose `at(t)` is a factor: the rate at time t
// is a_t = a_0 at(t), with the base rate a_0 that the optimizer was given. t counts steps or
// epochs from 0, as the program likes, and may be a fraction. A Scheduler (scheduler.hpp) drives
// an optimizer:
//
//   Scheduler<float> scheduler(optimizer, CosineDecay{.duration = 90});
//
// or, in the place of the CosineDecay,
//   sequence({{WarmUp{.duration = 500}, 500}, {CosineDecay{.duration = 9500}}})
//   product({StepDecay{}, ReduceOnPlateau{}})
//   [](double t) { return std::pow(t + 1, -0.3); }
//
// Durations are in the unit of t. `check` throws std::invalid_argument for numbers out of range.

#include <cstddef>
#include <vector>

namespace xgrad {

/// a_t = factor a_0
struct ConstantRate {
  double factor = 1;  ///< at least 0
  double at(double t) const;
  void check() const;
};

/// a_t = a_0 factor^floor(t / interval)
struct StepDecay {
  double interval = 20;  ///< above 0
  double factor = 0.1;   ///< at least 0
  double at(double t) const;
  void check() const;
};

/// a_t = a_0 factor^k, with k the number of milestones that are at most t
struct MultiStepDecay {
  std::vector<double> milestones = {};  ///< in any order
  double factor = 0.1;                  ///< at least 0
  double at(double t) const;
  void check() const;
};

/// a_t = a_0 e^(-k t). PyTorch's gamma is e^-k.
struct ExponentialDecay {
  double k = 0.05;  ///< at least 0
  double at(double t) const;
  void check() const;
};

/// a_t = a_0 / (1 + k t)
struct InverseTimeDecay {
  double k = 0.05;  ///< at least 0
  double at(double t) const;
  void check() const;
};

/// a_t = a_0 / sqrt(1 + t / scale). With scale 1 it is a_0 / sqrt(n) in the n-th step.
struct InverseSqrtDecay {
  double scale = 1;  ///< above 0
  double at(double t) const;
  void check() const;
};

/// a_t = a_0 (1 - (1 - end) t / duration), then a_0 end
struct LinearDecay {
  double duration = 100;  ///< above 0
  double end = 0;         ///< at least 0
  double at(double t) const;
  void check() const;
};

/// a_t = a_0 (end + (1 - end) (1 + cos(pi t / duration)) / 2), then a_0 end; with `periodic` the
/// same formula for every t: up again until 2 duration, and so on, as PyTorch's CosineAnnealingLR.
struct CosineDecay {
  double duration = 100;  ///< above 0
  double end = 0;         ///< at least 0
  bool periodic = false;  ///< what comes after the duration: the cosine, or its end for ever
  double at(double t) const;
  void check() const;
};

/// A cosine again and again, each time `growth` times as long as before. Loshchilov, Hutter
/// 2017 (SGDR).
struct CosineRestarts {
  double duration = 10;  ///< of the first; above 0
  double growth = 1;     ///< at least 1
  double end = 0;        ///< at least 0
  double at(double t) const;
  void check() const;
};

/// a_t = a_0 (end + (1 - end) (1 - t / duration)^power), then a_0 end
struct PolynomialDecay {
  double duration = 100;  ///< above 0
  double power = 2;       ///< above 0
  double end = 0;         ///< at least 0
  double at(double t) const;
  void check() const;
};

/// The base rate is the peak: from start a_0 up to a_0 in rise duration, from there down to end
/// a_0, both along half a cosine. Smith, Topin 2018, whose momentum cycle is left out;
/// PyTorch's OneCycleLR.
struct OneCycle {
  double duration = 100;  ///< above 0
  double rise = 0.3;      ///< share of the duration; in [0, 1]
  double start = 0.04;    ///< at least 0
  double end = 4e-6;      ///< at least 0
  double at(double t) const;
  void check() const;
};

/// a_t = a_0 (start + (1 - start) t / duration), then a_0. With start 0 the step at t = 0
/// moves nothing.
struct WarmUp {
  double duration = 100;  ///< above 0
  double start = 0;       ///< at least 0
  double at(double t) const;
  void check() const;
};

}  // namespace xgrad
