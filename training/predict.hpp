#pragma once

// What a model makes of an array, for use after training.
//
//   const auto net = load_model<float>("digits.model");
//   const Array<float> scores = predict(*net, images);           // (n, classes)
//   const Array<float> shares = predict_proba(*net, images);     // rows add up to 1
//   const Indices classes = predicted_classes(Tensor<float>(scores));

#include <cstddef>

#include "xgrad/modules/module.hpp"

namespace xgrad {

struct PredictOptions {
  std::size_t batch_size = 256;  ///< samples at a time, which bounds the memory; at least 1
};

/// The module's outputs for samples along the first axis, one sample or many: in batches, without
/// recording, in evaluation mode. The module, an Ensemble as well, then has the modes it had.
/// **Shapes** x (n, ...) -> (n, ...). **Throws** std::invalid_argument for no axis, a batch size of
/// 0, and outputs that are not one for each sample; what the module throws.
template <class T>
Array<T> predict(Module<T>& module, const Array<T>& x, const PredictOptions& options = {});

/// The probabilities of the classes: softmax of predict(). Rows that are probabilities already, at
/// least 0 and with the sum 1, as of a module that ends in Softmax, stay as they are. Of an
/// Ensemble: those of the mixture, or the shares of votes.
/// **Shapes** x (n, ...) -> (n, classes). **Throws** as predict; std::invalid_argument for outputs
/// that are not (n, classes) with two classes at least: the probability of one score is
/// its sigmoid.
template <class T>
Array<T> predict_proba(Module<T>& module, const Array<T>& x, const PredictOptions& options = {});

}  // namespace xgrad
