#pragma once

// The zoo of the training doctor: small training programs, ill and healthy, made of these parts.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "xgrad/xgrad.hpp"

namespace zoo {

using xgrad::Array;
using xgrad::Indices;
using xgrad::Tensor;
using Net = xgrad::Module<float>;
using Optimizer = xgrad::Optimizer<float>;
using Batch = xgrad::ExampleBatch<float>;

/// Inputs with labels, or with targets.
struct Data {
  Array<float> inputs;
  Indices labels = {};
  Array<float> targets = {};
  bool labeled() const { return targets.dimension() == 0; }
};

/// Samples of one distribution; `noise` is the share of labels that are drawn anew, or the deviation
/// that is added to targets.
Data blobs(std::size_t n, std::size_t features, std::size_t classes, std::uint64_t seed,
           double noise = 0, double spread = 0.6);
Data moons(std::size_t n, std::uint64_t seed, double noise = 0);
Data spirals(std::size_t n, std::uint64_t seed, double noise = 0);
Data waves(std::size_t n, std::size_t features, std::uint64_t seed, double noise = 0);  // targets
Data images(std::size_t n, std::uint64_t seed, double noise = 0);  // (n, 1, 8, 8), 4 classes

/// The rows [from, to).
Data part(const Data& data, std::size_t from, std::size_t to);
/// Each feature's mean subtracted and divided by its deviation, those of the first `known` samples.
void standardize(Data& data, std::size_t known);

/// Layers of these widths with an activation between: "relu", "tanh", "sigmoid"; He's or Xavier's
/// initialisation, or the default one.
std::unique_ptr<Net> mlp(const std::vector<std::size_t>& widths, const std::string& activation,
                         bool fitting_initialization = true);

/// What a program does; what is not given is healthy.
struct Program {
  std::string name = {};
  std::vector<std::string> expected = {};  ///< checks, one of which has to name the bug
  Data data = {};
  double validation_share = 0.3;
  std::function<void(Data& train, Data& validation)> prepare = {};  ///< after the split
  std::function<std::unique_ptr<Net>()> model = {};
  std::function<std::unique_ptr<Optimizer>(Net&)> optimizer = {};  ///< Adam at 0.003
  std::function<Tensor<float>(const Tensor<float>&, const Batch&)> loss = {};
  std::size_t batch_size = 32, epochs = 8;
  bool zero_grad = true, train_mode = true, eval_mode = true, trace = false;
  std::function<void(Net&)> after_forward = {};
};

xgrad::Diagnosis run(const Program& program);

std::vector<Program> ill();
std::vector<Program> healthy();

}  // namespace zoo
