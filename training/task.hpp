#pragma once

// Task: what to do with a batch: predict, take the loss, and count. The Trainer runs tasks; a loop
// written by hand can use one for its evaluation:
//
//   const Task task = classification<float>();
//   Figures figures = evaluate(net, validation_loader, task);   // loss, accuracy
//   ConfusionMatrix confusion = confusion_matrix(net, test_loader, 10);
//
// A model with several outputs has a task whose Output is a list of tensors, or a struct of them.
// A variational autoencoder that is a Sequential with lists:
//
//   const Task<float, LabeledBatch<float>, TensorList<float>> task{
//       .loss = [](const auto& y, const auto& batch) {   // reconstruction, mean, log variance
//         return reconstruction_loss(y[0], batch.inputs) + divergence(y[1], y[2]);
//       }};
//
// and one whose operator() returns a struct: Task<float, Batch, Vae::Output> with
// .predict = [&](const auto& batch) { return vae(batch.inputs); }.

#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/data/dataset.hpp"
#include "xgrad/modules/module.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/training/collective.hpp"
#include "xgrad/training/direction.hpp"
#include "xgrad/training/eval_scope.hpp"
#include "xgrad/training/history.hpp"
#include "xgrad/training/metrics.hpp"

namespace xgrad {

/// A figure over many batches: `add` puts a batch into the sums, which are empty at first, and
/// `value` makes the figure of them. The sums are all of its state, so that it can be saved in the
/// middle.
template <class T, class Batch, class Output = Tensor<T>>
struct Metric {
  using Sums = std::vector<double>;  ///< what add fills
  std::string name;                  ///< as in figures: "accuracy"
  std::function<void(Sums& sums, const Output& predictions, const Batch& batch)> add;
  std::function<double(const Sums& sums)> value;
  /// Which values are better. To be given where the figure is monitored, unless better_of knows its
  /// name: early stopping, the best epoch, and a ReduceOnPlateau go by it.
  std::optional<Better> better = {};
  /// Puts the sums of other batches into the sums, where several ranks have some of the batches each;
  /// empty: number by number they are added. (Those of r_squared are not.)
  std::function<void(Sums& sums, const Sums& more)> merge = {};
};

/// Share of samples whose label is among the k highest scores. "accuracy", "top-5 accuracy".
template <class T>
Metric<T, LabeledBatch<T>> accuracy(std::size_t k = 1);

/// Root of the mean squared error over all numbers. "rmse".
template <class T>
Metric<T, TargetBatch<T>> rmse();

/// Mean absolute error over all numbers. "mae".
template <class T>
Metric<T, TargetBatch<T>> mae();

/// 1 - sum (y - prediction)^2 / sum (y - mean of y)^2, for each output by itself, and the mean over
/// the outputs. An output whose targets are all the same counts 1 when it is met exactly, else 0.
/// "r2". **Source** as scikit-learn's r2_score.
template <class T>
Metric<T, TargetBatch<T>> r_squared();

template <class T, class Batch, class Output = Tensor<T>>
struct Task {
  /// The loss of predictions, as a mean over the samples.
  std::function<Tensor<T>(const Output& predictions, const Batch& batch)> loss;
  std::vector<Metric<T, Batch, Output>> metrics = {};
  /// What the model makes of a batch; empty: module(batch.inputs), as a list where the output is one.
  /// Needed for other outputs and for batches without `inputs`.
  std::function<Output(const Batch& batch)> predict = {};
  /// How many samples a batch has; empty: those of batch.inputs.
  std::function<std::size_t(const Batch& batch)> count = {};
  /// Some of the samples of a batch, where it is cut into shards; empty: rows of `inputs` and of
  /// `labels` or `targets`.
  std::function<Batch(const Batch& batch, Part part)> part = {};

  /// What the model makes of a batch.
  Output predictions(Module<T>& module, const Batch& batch) const;
  /// How many samples a batch has.
  std::size_t samples(const Batch& batch) const;
  Batch part_of(const Batch& batch, Part p) const;
};

/// cross_entropy of scores against labels; accuracy.
template <class T>
Task<T, LabeledBatch<T>> classification(const CrossEntropyOptions<T>& options = {});

/// mse_loss; RMSE and R2.
template <class T>
Task<T, TargetBatch<T>> regression();

namespace detail {

/// Of the loss and of each metric.
using FigureSums = std::vector<std::vector<double>>;

/// The sums of all ranks' parts, in the order of the ranks.
std::vector<FigureSums> gather_sums(const Collective& group, const std::vector<FigureSums>& own);

/// Number by number; none yet count as zeros.
void add_sums(std::vector<double>& sums, const std::vector<double>& more);

/// Loss and metrics over the batches so far.
template <class T, class Batch, class Output>
class TaskFigures {
 public:
  explicit TaskFigures(const Task<T, Batch, Output>& task)
      : task_(&task), sums_(task.metrics.size() + 1) {}

  void add(const Output& predictions, double loss, const Batch& batch) {
    sums_[0].resize(2);
    const auto n = static_cast<double>(task_->samples(batch));
    sums_[0][0] += loss * n;
    sums_[0][1] += n;
    for (std::size_t i = 0; i < task_->metrics.size(); ++i) {
      task_->metrics[i].add(sums_[i + 1], predictions, batch);
    }
  }
  void merge(const FigureSums& part) {
    add_sums(sums_[0], part[0]);
    for (std::size_t i = 0; i < task_->metrics.size(); ++i) {
      const auto& m = task_->metrics[i].merge;
      m ? m(sums_[i + 1], part[i + 1]) : add_sums(sums_[i + 1], part[i + 1]);
    }
  }
  /// Empty when there was no batch.
  Figures figures(const std::string& prefix = {}) const {
    Figures r;
    if (sums_[0].empty()) return r;
    r.emplace_back(prefix + "loss", sums_[0][0] / sums_[0][1]);
    for (std::size_t i = 0; i < task_->metrics.size(); ++i) {
      r.emplace_back(prefix + task_->metrics[i].name, task_->metrics[i].value(sums_[i + 1]));
    }
    return r;
  }
  FigureSums& sums() { return sums_; }

 private:
  const Task<T, Batch, Output>* task_;
  FigureSums sums_;
};

}  // namespace detail

/// Loss and metrics of the module in evaluation mode over one pass of the loader, from its first
/// batch on, without recording; module and loader are then as they were. Empty for no batches.
template <class T, class Loader, class Batch, class Output>
Figures evaluate(Module<T>& module, Loader& loader, const Task<T, Batch, Output>& task) {
  const NoGrad guard;
  const EvalScope<T> mode(module);
  const auto position = loader.state();
  loader.set_state({position.seed, position.epoch, 0});
  detail::TaskFigures<T, Batch, Output> figures(task);
  for (const auto& batch : loader) {
    const Output predictions = task.predictions(module, batch);
    figures.add(predictions, task.loss(predictions, batch).item(), batch);
  }
  loader.set_state(position);
  return figures.figures();
}

/// The same over several ranks, which have the same module and data: each takes a stretch of the
/// loader's batches, and their sums are put together in the order of the batches. The same bits on
/// all ranks, for any number of them. Collective.
template <class T, class Loader, class Batch, class Output>
Figures evaluate(Module<T>& module, Loader& loader, const Task<T, Batch, Output>& task,
                 const Collective& group) {
  const NoGrad guard;
  const EvalScope<T> mode(module);
  const auto position = loader.state();
  const auto seed = group.all_gather(position.seed)[0], epoch = group.all_gather(position.epoch)[0];
  loader.set_state({seed, epoch, 0});
  const std::size_t batches = loader.size(), ranks = group.size();
  const std::size_t first = batches * group.rank() / ranks;
  const std::size_t count = batches * (group.rank() + 1) / ranks - first;
  detail::require_alike(group, "evaluate", detail::text(batches) + " batches");
  std::vector<detail::FigureSums> own;
  if (count > 0) {
    loader.set_state({seed, epoch, first});
    for (const auto& batch : loader) {
      detail::TaskFigures<T, Batch, Output> figures(task);
      const Output predictions = task.predictions(module, batch);
      figures.add(predictions, task.loss(predictions, batch).item(), batch);
      own.push_back(std::move(figures.sums()));
      if (own.size() == count) break;
    }
  }
  loader.set_state(position);
  detail::TaskFigures<T, Batch, Output> figures(task);
  for (const auto& part : detail::gather_sums(group, own)) figures.merge(part);
  return figures.figures();
}

/// Likewise the confusion matrix of a classifier.
template <class T, class Loader>
ConfusionMatrix confusion_matrix(Module<T>& module, Loader& loader, std::size_t classes) {
  const NoGrad guard;
  const EvalScope<T> mode(module);
  const auto position = loader.state();
  loader.set_state({position.seed, position.epoch, 0});
  ConfusionMatrix confusion(classes);
  for (const auto& [inputs, labels] : loader) confusion.add(module(inputs), labels);
  loader.set_state(position);
  return confusion;
}

template <class T, class Batch, class Output>
Output Task<T, Batch, Output>::predictions(Module<T>& module, const Batch& batch) const {
  if (predict) return predict(batch);
  if constexpr (!requires { module(batch.inputs); }) {
    detail::fail("Task", "the batches have no `inputs`: predict is needed");
  } else if constexpr (std::is_same_v<Output, TensorList<T>>) {
    return module(TensorList<T>{batch.inputs});
  } else if constexpr (std::is_convertible_v<Tensor<T>, Output>) {
    return module(batch.inputs);
  } else {
    detail::fail("Task", "the output is no tensor: predict is needed");
  }
}

template <class T, class Batch, class Output>
std::size_t Task<T, Batch, Output>::samples(const Batch& batch) const {
  if (count) return count(batch);
  if constexpr (requires { batch.inputs.shape()[0]; }) {
    return batch.inputs.shape()[0];
  } else {
    detail::fail("Task", "the batches have no `inputs`: count is needed");
  }
}

template <class T, class Batch, class Output>
Batch Task<T, Batch, Output>::part_of(const Batch& batch, Part p) const {
  if (part) return part(batch, p);
  if (p.first == 0 && p.last == samples(batch)) return batch;
  if constexpr (requires { Batch{p.of(batch.inputs), p.of(batch.labels)}; }) {
    return {p.of(batch.inputs), p.of(batch.labels)};
  } else if constexpr (requires { Batch{p.of(batch.inputs), p.of(batch.targets)}; }) {
    return {p.of(batch.inputs), p.of(batch.targets)};
  } else {
    detail::fail("Task", "the batches are not inputs with labels or targets: part is needed");
  }
}

}  // namespace xgrad
