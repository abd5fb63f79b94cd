#pragma once

// Averages of the weights along the way, which often do better than the last ones: Ema (exponential
// moving average) and PolyakAverage (all alike; with a large constant rate at the end: SWA).
//
//   Ema<float> average(net.parameters(), {.decay = 0.999});
//   for (...) { ...; optimizer.step(); average.update(); }
//   { AveragedWeights use(average);  evaluate(net); }  // the average inside, the weights after
//
// Give `net.state_dict()` instead of the parameters to average running statistics too.

#include <cstddef>

#include "xgrad/optimizers/state.hpp"

namespace xgrad {

/// What both averages have in common. The average starts as a copy of the weights at the
/// first update.
template <class T>
class WeightAverage {
 public:
  virtual ~WeightAverage() = default;
  WeightAverage(const WeightAverage&) = delete;
  WeightAverage& operator=(const WeightAverage&) = delete;

  /// Takes the current weights into the average. Throws std::logic_error while swapped.
  void update();
  /// Exchanges weights and average, and back when called again. Throws std::logic_error before the
  /// first update.
  void swap();
  bool is_swapped() const { return swapped_ != 0; }
  std::size_t updates() const { return static_cast<std::size_t>(updates_); }
  /// Handles to the averages, under the names of the parameters; while swapped to the weights.
  const NamedTensors<T>& averages() const& { return averages_; }
  NamedTensors<T> averages() const&& { return averages_; }

  /// Copies: "Ema/fc1.weight", "Ema/updates", "Ema/swapped".
  OptimizerState<T> state_dict() const;
  /// Throws std::invalid_argument naming all that is missing, unexpected or of another shape;
  /// nothing is changed then.
  void load_state_dict(const OptimizerState<T>& state);

 protected:
  /// Throws std::invalid_argument: no tensors, or undefined ones.
  WeightAverage(std::string type_name, const NamedTensors<T>& tensors);
  /// How far the average moves to the weights in an update, after `updates` others.
  virtual double share(double updates) const = 0;

 private:
  void approach(double share);
  StateNumbers numbers() const { return {{"updates", updates_}, {"swapped", swapped_}}; }

  std::string type_name_;
  NamedTensors<T> tensors_, averages_;
  double updates_ = 0, swapped_ = 0;
};

struct EmaOptions {
  double decay = 0.999;  ///< in [0, 1)
  bool warm_up = false;  ///< in the beginning less: decay_t = min(decay, (1 + t) / (10 + t))
};

/// average = decay average + (1 - decay) weights
template <class T>
class Ema : public WeightAverage<T> {
 public:
  /// Begins with the tensors' numbers.
  explicit Ema(const NamedTensors<T>& tensors, const EmaOptions& options = {});

 private:
  double share(double updates) const override;
  EmaOptions options_;
};

/// average = the mean of the weights of all n updates:  average += (weights - average) / n
/// **Source** Polyak, Juditsky 1992; Izmailov, Podoprikhin, Garipov, Vetrov, Wilson 2018 (SWA: call
/// update() once an epoch, from the last quarter of the training on).
template <class T>
class PolyakAverage : public WeightAverage<T> {
 public:
  /// Begins with the tensors' numbers.
  explicit PolyakAverage(const NamedTensors<T>& tensors)
      : WeightAverage<T>("PolyakAverage", tensors) {}

 private:
  double share(double updates) const override { return 1 / (updates + 1); }
};

/// The average in the place of the weights, for the lifetime of the object.
template <class T>
class AveragedWeights {
 public:
  explicit AveragedWeights(WeightAverage<T>& average) : average_(average) { average_.swap(); }
  ~AveragedWeights() { average_.swap(); }
  AveragedWeights(const AveragedWeights&) = delete;
  AveragedWeights& operator=(const AveragedWeights&) = delete;

 private:
  WeightAverage<T>& average_;
};

}  // namespace xgrad
