#pragma once

// diagnose: what can be known to be wrong before a training begins.
//
//   Adam<float> optimizer(net.parameters(), {.learning_rate = 1e-3});
//   const Diagnosis d = diagnose(
//       net, train, [](const auto& y, const auto& labels) { return cross_entropy(y, labels); },
//       {.optimizer = &optimizer, .validation = validation});
//   std::cout << d.text();
//   if (d.exit_code() != 0) return 1;
//
// Model (numbers, gradients, buffers, modes), optimizer and default generator are afterwards as
// they were, bit for bit, also when something throws. A generator of your own, given to a module,
// moves on.
//
// The checks by name, in their order, with where the expected ranges come from:
//
//   runs             model and loss take a batch and give a finite number
//   inputs-finite    no NaN, no infinity in inputs and targets
//   input-scale      root of the mean square near 1, features alike, means near 0
//   targets          of regression: neither far from 0 nor of a scale far from 1; no class numbers;
//                    where the loss asks for probabilities, they are some
//   labels           each is an output's number, each output has samples; balance of the classes
//   duplicates       samples of the validation data that are in the training data, more of them
//                    than there are repetitions inside the training data
//   leak             statistics (mean, scale, smallest and largest) that were computed with the
//                    validation data, and validation data that were scaled in another way
//   parameters       each requires a gradient, gets one, and is the optimizer's; each tensor that is
//                    learned belongs to the model
//   symmetry         the units of a layer differ
//   decay            weight decay, and the penalty, pull less than the loss does; none is wasted on
//                    frozen parameters; the penalty makes the loss larger
//   initial-loss     the loss of guessing: log C for cross entropy, C - 1 for the hinge loss, the
//                    variance of the targets for squared errors; the interval is that of the mean
//                    over the samples and what He's initialisation adds
//   loss-mean        the loss of a batch is the mean of those of its samples
//   loss-direction   the loss falls when predictions come nearer to what they should be
//   double-softmax   no probabilities where the loss takes scores, and no scores for probabilities
//   mixed-samples    a sample's output does not depend on its neighbours in the batch
//   ignores-input    the output depends on the input
//   signal           variance of activations and gradients from layer to layer; saturated and dead
//                    units
//   gradient         slopes by differences along each parameter's gradient
//   overfit          20 samples are learned by heart
//   labels-unrelated another order of the labels is learned less well, or neighbours agree
//   learning-rate    the loss falls at this rate; it does not fall much faster at a hundredth of it
//                    nor at a hundred times as much

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/data/fitted_on.hpp"
#include "xgrad/doctor/examples.hpp"
#include "xgrad/doctor/finding.hpp"
#include "xgrad/modules/module.hpp"
#include "xgrad/optimizers/optimizer.hpp"

namespace xgrad {

template <class T>
struct DiagnoseOptions {
  Optimizer<T>* optimizer = nullptr;        ///< none: what is its own is not checked
  Examples<T> validation = {};              ///< a Dataset or DataLoader
  std::function<Tensor<T>()> penalty = {};  ///< that is added to the loss
  std::optional<FittedOn> fitted = {};      ///< what preprocessing was fitted on
  /// What the model makes of inputs; empty: module(inputs).
  std::function<Tensor<T>(const Tensor<T>& inputs)> predict = {};
  /// The loss of guessing; empty: that of equal scores, or of the best constant prediction.
  std::optional<double> expected_loss = {};
  std::size_t batch_size = 32;         ///< of trial steps; of a DataLoader its own
  std::size_t samples = 256;           ///< that figures are taken of, at most
  std::size_t trial_steps = 40;        ///< steps of the trial training, at most
  std::uint64_t seed = 0;              ///< chooses samples
  std::vector<std::string> skip = {};  ///< checks that are not made
};

namespace detail {
template <class T>
Diagnosis diagnose_examples(Module<T>& model, const Examples<T>& data, const ExampleLoss<T>& loss,
                            DiagnoseOptions<T> options);
}

/// Makes all the checks above. `data` is a Dataset, or a DataLoader over one, of LabeledBatch or
/// TargetBatch; `loss(predictions, labels)` or `loss(predictions, targets)` is the mean over a
/// batch. What a check throws is its finding or the reason why it was skipped.
/// Throws std::invalid_argument for data without samples.
template <class T, class Source, class Loss>
Diagnosis diagnose(Module<T>& model, const Source& data, Loss loss,
                   const DiagnoseOptions<T>& options = {}) {
  const Examples<T> examples(data);
  DiagnoseOptions<T> o = options;
  if constexpr (requires { data.batch_size(); }) o.batch_size = data.batch_size();
  const auto of_batch = [&](const Tensor<T>& y, const ExampleBatch<T>& batch) -> Tensor<T> {
    if constexpr (
        requires { data.get({}).labels; } || requires { data.dataset().get({}).labels; }) {
      return loss(y, batch.labels);
    } else {
      return loss(y, batch.targets);
    }
  };
  return detail::diagnose_examples<T>(model, examples, of_batch, std::move(o));
}

}  // namespace xgrad
