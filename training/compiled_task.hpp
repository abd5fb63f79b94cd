#pragma once

// Forward pass and loss of a batch as a compiled function. Internal, for the Trainer.

#include <functional>
#include <utility>

#include "xgrad/autograd/trace.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/compile/compile.hpp"
#include "xgrad/training/task.hpp"

namespace xgrad::detail {

template <class Batch>
concept HasLabels = requires(const Batch& b) {
  {b.inputs};
  {b.labels};
};
template <class Batch>
concept HasTargets = requires(const Batch& b) {
  {b.inputs};
  {b.targets};
};

/// Module and task outlive it. Throws std::invalid_argument for other batches than of inputs and labels
/// or targets.
template <class T, class Batch, class Output>
std::function<std::pair<Output, Tensor<T>>(const Batch&)> compiled_task(
    Module<T>& module, const Task<T, Batch, Output>& task) {
  using Result = std::pair<Output, Tensor<T>>;
  const auto results = [&module, &task](const Batch& batch) -> Result {
    Output predictions = task.predictions(module, batch);
    Tensor<T> loss = task.loss(predictions, batch);
    return {std::move(predictions), std::move(loss)};
  };
  if constexpr (HasLabels<Batch>) {
    const auto f = compile([results](const Tensor<T>& inputs, const Indices& labels) {
      Batch batch;
      batch.inputs = inputs;
      batch.labels = labels;
      const FollowedCopy followed(batch.labels, labels);
      return results(batch);
    });
    return [f](const Batch& batch) { return f(batch.inputs, batch.labels); };
  } else if constexpr (HasTargets<Batch>) {
    const auto f = compile([results](const Tensor<T>& inputs, const Tensor<T>& targets) {
      Batch batch;
      batch.inputs = inputs;
      batch.targets = targets;
      return results(batch);
    });
    return [f](const Batch& batch) { return f(batch.inputs, batch.targets); };
  } else {
    fail("Trainer", "compile takes batches of inputs and labels or targets");
  }
}

}  // namespace xgrad::detail
