#pragma once

// TrainingRecord: what a Monitor measured while training, as plain numbers over the steps, for
// pictures and for programs.

#include <cstddef>
#include <string>
#include <vector>

namespace xgrad {

/// A layer's output (a module's, or that of an activation function) at each step that was watched.
/// A figure that a layer does not have is NaN.
struct LayerSeries {
  std::string name;                    ///< "encoder.fc1", "encoder.relu"
  std::string operation;               ///< "linear", "relu"
  std::vector<double> mean, variance;  ///< of the outputs
  std::vector<double> saturated;  ///< share of outputs of sigmoid or tanh where the slope is small
  std::vector<double> dead;       ///< share of units of relu that are 0 for the whole batch
  std::vector<double> gradient_variance;  ///< of the gradient by the outputs
};

/// A parameter at each step that was watched.
struct ParameterSeries {
  std::string name;                         ///< with its path: "fc1.weight"
  std::vector<double> norm, gradient_norm;  ///< Euclidean
  std::vector<double> update_ratio;         ///< norm of the update over norm of the parameter
};

struct TrainingRecord {
  std::vector<double> losses;               ///< of every step
  std::vector<double> learning_rates;       ///< of every step
  std::vector<std::size_t> watched;         ///< steps, from 0, that the series below are of
  std::vector<LayerSeries> layers;          ///< in the order of computation
  std::vector<ParameterSeries> parameters;  ///< in the order of registration
};

}  // namespace xgrad
