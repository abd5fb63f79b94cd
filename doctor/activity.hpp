#pragma once

// What goes through the layers of one pass: variance of activations and of gradients, saturated and
// dead units. Shared by diagnose and Monitor. Internal.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "xgrad/doctor/finding.hpp"
#include "xgrad/doctor/tape.hpp"

namespace xgrad::detail {

struct LayerActivity {
  std::string name, operation;
  double mean = Finding::kNone, variance = Finding::kNone;
  double saturated = Finding::kNone;  // share of outputs of sigmoid, tanh
  double dead = Finding::kNone;       // share of units of relu
  double gradient_variance = Finding::kNone;
  std::size_t samples = 0, units = 0;
  bool weighs = false;  // a product with a weight: linear, matmul, convolution
};

/// Whether an operation is a product with a weight.
bool is_product(std::string_view operation);

/// Of the operations that weigh and the activation functions, in the order of computation.
template <class T>
class ActivityWatch {
 public:
  /// Looks at values, which must be kept, up to that entry of the tape, and asks for gradients.
  void forward(const std::vector<TapeEntry<T>>& tape, std::uint64_t last);
  /// Looks at the gradients after the backward pass.
  void backward();
  const std::vector<LayerActivity>& layers() const { return layers_; }

 private:
  std::vector<LayerActivity> layers_;
  std::vector<Tensor<T>> outputs_;
};

/// `fresh`: before training, when weights are as initialised.
void judge_activity(const std::vector<LayerActivity>& layers, bool fresh, std::size_t step,
                    Diagnosis& d);

}  // namespace xgrad::detail
