#pragma once

// What is done to gradients between backward() and step(): clipping by norm or value, and noise.
//
//   loss.backward();
//   clip_grad_norm(net.parameters(), 1.0);
//   optimizer.step();
//
// Parameters that are frozen or have no gradient are left out; one that is listed twice
// counts once.

#include <cstdint>
#include <string>
#include <vector>

#include "xgrad/autograd/parameters.hpp"
#include "xgrad/kernels/random.hpp"
#include "xgrad/optimizers/state.hpp"

namespace xgrad {

enum class GradientNorm {
  euclidean,  ///< sqrt of the sum of squares, added in double
  maximum,    ///< the largest |g|
};

/// The norm of all gradients as one vector.
template <class T>
double grad_norm(const NamedTensors<T>& parameters, GradientNorm norm = GradientNorm::euclidean);

/// Multiplies all gradients by max_norm / norm where the norm of all of them as one vector is
/// larger than max_norm. Returns the norm from before. Other than PyTorch's, the norm afterwards is
/// max_norm and not a millionth part smaller.
/// **Throws** std::invalid_argument unless max_norm is above 0, and when the norm is not finite,
/// naming the parameters; the gradients are then as they were.
/// **Source** Pascanu, Mikolov, Bengio 2013, algorithm 1.
template <class T>
double clip_grad_norm(const NamedTensors<T>& parameters, double max_norm,
                      GradientNorm norm = GradientNorm::euclidean);

/// Limits every number of every gradient to [-limit, limit]; NaN stays.
/// **Throws** std::invalid_argument unless limit is above 0.
template <class T>
void clip_grad_value(const NamedTensors<T>& parameters, double limit);

struct GradientNoiseOptions {
  double eta = 0.01;       ///< variance of the first step's noise; the paper tries 0.01, 0.3 and 1
  double gamma = 0.55;     ///< how fast it falls
  std::uint64_t seed = 0;  ///< of the noise
};

/// Adds normal noise to gradients: in step t = 0, 1, ... with mean 0 and variance
/// eta / (1 + t)^gamma.
/// **Source** Neelakantan, Vilnis, Le, Sutskever, Kaiser, Kurach, Martens 2015, eq. 1.
class GradientNoise {
 public:
  /// Throws std::invalid_argument for eta or gamma below 0.
  explicit GradientNoise(const GradientNoiseOptions& options = {});

  /// Adds the noise of this step and goes on to the next.
  template <class T>
  void add(const NamedTensors<T>& parameters);

  /// Standard deviation of the next noise.
  double deviation() const;

  /// "GradientNoise/step" and the state of the generator.
  StateNumbers state_dict() const;
  /// Throws std::invalid_argument naming the numbers that are missing or unexpected.
  void load_state_dict(const StateNumbers& state);

 private:
  GradientNoiseOptions options_;
  Generator generator_;
  double step_ = 0;
};

}  // namespace xgrad
