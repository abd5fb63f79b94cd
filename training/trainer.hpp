#pragma once

// Trainer: the usual loop, complete: schedule, clipping, accumulation of gradients, evaluation,
// early stopping, learning curves, progress, checkpoints, and a clean stop on Ctrl-C.
//
//   Trainer trainer(net, optimizer, classification<float>(),
//                   {.epochs = 30, .schedule = CosineDecay{.duration = 30}, .patience = 5,
//                    .restore_best = true, .checkpoint = "run.ckpt", .resume = true,
//                    .progress = &std::cerr});
//   const History curves = trainer.fit(train_loader, validation_loader);
//
// Nothing in the library needs it, and each of its parts can be used by itself: Scheduler,
// clip_grad_norm, Task, EarlyStopping, History, Progress, InterruptScope, save_checkpoint.
//
// A run that was killed and goes on with `resume` gives bit for bit the numbers of the run that was
// not: a checkpoint holds the model, the optimizer, the schedule, the default generator, the
// loader's position, the figures of the epoch under way, the curves, and what early stopping knows.
// With a communicator all ranks do the same: they begin with rank 0's state, or its checkpoint, take the
// same steps with the gradients of the whole batch, and decide alike. Rank 0 writes checkpoints, curves
// and progress; a checkpoint is that of one process, and may be gone on from by any number of ranks.
// Figures are over the samples of all ranks. The loader for validation is the ordinary one, the same on
// all ranks: each evaluates a stretch of its batches. `before_backward` is called for each shard.
//
// After Ctrl-C fit returns as usual: a program with more to do asks stop_reason() first.
// Generators of your own are saved by `on_save` and `on_restore`. Optimizers that evaluate the loss
// themselves, L-BFGS and Newton-CG, are for loops by hand.

#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "xgrad/base/errors.hpp"
#include "xgrad/data/loader.hpp"
#include "xgrad/modules/module.hpp"
#include "xgrad/optimizers/averaging.hpp"
#include "xgrad/optimizers/optimizer.hpp"
#include "xgrad/optimizers/scheduler.hpp"
#include "xgrad/training/checkpoint.hpp"
#include "xgrad/training/checkpoint_writer.hpp"
#include "xgrad/training/collective.hpp"
#include "xgrad/training/compiled_task.hpp"
#include "xgrad/training/early_stopping.hpp"
#include "xgrad/training/history.hpp"
#include "xgrad/training/interrupt.hpp"
#include "xgrad/training/progress.hpp"
#include "xgrad/training/task.hpp"

namespace xgrad {

/// What a schedule's time counts.
enum class ScheduleUnit {
  epochs,  ///< epochs, in fractions within an epoch: time 2.5 is the middle of the third
  steps,   ///< steps of the optimizer
};

/// Why a run ended.
enum class StopReason {
  finished,     ///< all epochs are done
  early,        ///< no improvement within the patience
  requested,    ///< Trainer::stop()
  interrupted,  ///< Ctrl-C or SIGTERM; the checkpoint is written
};

/// What after_step is told.
struct StepReport {
  std::size_t epoch;     ///< from 0
  std::size_t step;      ///< steps of the optimizer so far, this one included
  double loss;           ///< of its last batch
  double learning_rate;  ///< it was made with
};

template <class T>
struct TrainerOptions {
  std::size_t epochs = 10;  ///< in all, those before a resumption included

  std::optional<Schedule> schedule = {};
  ScheduleUnit schedule_unit = ScheduleUnit::epochs;  ///< what the schedule's time counts

  /// The forward pass and the loss of a batch are recorded once and run as a program (xgrad/compile):
  /// for batches that are structs of tensors and Indices. Same weights, to the last
  /// bit. Not for ranks that train together.
  bool compile = false;

  std::size_t accumulate = 1;  ///< batches per step; their gradients are weighted by their samples
  double clip_norm = 0;        ///< clip_grad_norm before each step; 0: none
  double clip_value = 0;       ///< clip_grad_value before each step; 0: none
  std::function<Tensor<T>()> penalty = {};  ///< added to the training loss, not to the figures
  WeightAverage<T>* average =
      nullptr;  ///< updated after each step; what is evaluated and kept as best

  /// The figure that early stopping, the best epoch and a ReduceOnPlateau look at; empty:
  /// "validation loss", or "train loss" without validation.
  std::string monitor = {};
  /// A larger monitored figure is better. By default what its Metric says, or better_of; to be given
  /// where neither does.
  std::optional<bool> maximize = {};
  std::size_t patience = 0;   ///< epochs without a new best before it stops; 0: it does not
  double min_delta = 0;       ///< what counts as better
  bool restore_best = false;  ///< at the end the weights are those of the best epoch

  std::string checkpoint = {};       ///< file; empty: none
  std::size_t checkpoint_every = 0;  ///< steps; 0: after each epoch only
  /// Go on from the checkpoint when there is one; from the one before when that is damaged, which
  /// `progress` is told.
  bool resume = false;
  /// With a checkpoint, Ctrl-C ends fit after the step under way, see InterruptScope; without one
  /// it ends the program.
  bool stop_on_interrupt = true;

  std::ostream* progress = nullptr;  ///< bars with the time left, or plain lines; null: silence
  std::string curves = {};           ///< file for the curves, `.csv` or `.json`, after each epoch

  /// Ranks that train together: a Communicator of the component mpi; all call fit, with loaders of
  /// which distributed_sampler makes each rank's batches. See below.
  const Collective* communicator = nullptr;
  DataParallelOptions data_parallel = {};  ///< how batches are cut and sent

  // Called by fit, on all ranks.
  std::function<void(std::size_t epoch)> on_epoch_begin = {};  ///< in training mode already
  std::function<void(const Tensor<T>& loss)> before_backward =
      {};                                  ///< of each batch, also when it is not finite
  std::function<void()> before_step = {};  ///< gradients are there, and not clipped yet
  std::function<void(const StepReport&)> after_step = {};
  std::function<void(std::size_t epoch, const Figures&)> on_epoch_end = {};
  /// Adds what is the caller's. State that is spread over ranks is in the file alone (SpreadState).
  std::function<void(Checkpoint<T>&)> on_save = {};
  std::function<void(const Checkpoint<T>&)> on_restore = {};  ///< and takes it back
};

namespace detail {

/// What of the Trainer does not depend on the kind of batches.
template <class T>
class TrainerCore {
 public:
  TrainerCore(Module<T>& module, Optimizer<T>& optimizer, TrainerOptions<T> options);

  const History& history() const { return history_; }
  StopReason stop_reason() const { return reason_; }
  /// Epochs that are complete.
  std::size_t epochs_done() const { return epoch_; }
  /// Steps of the optimizer so far.
  std::size_t steps_done() const { return step_; }
  /// The number of the best epoch from 0. Throws std::logic_error before the first epoch is done.
  std::size_t best_epoch() const { return stopping_.best_index(); }
  /// Ends the run after the step under way; for callbacks.
  void stop() { stop_requested_ = true; }

 protected:
  using Sums = std::vector<std::vector<double>>;
  using Directions = std::vector<std::pair<std::string, std::optional<Better>>>;

  /// Takes the names that there will be figures of, and which values of each are better.
  void begin(bool validates, const Directions& directions);
  Progress progress(std::size_t batches) const;
  /// Puts the checkpoint to go on from back, or rank 0's state, but for the loader, whose position is
  /// returned; none when there is nothing to put back.
  std::optional<LoaderState> resume(const LoaderState& at);
  /// Throws unless all ranks have that many batches.
  void check_batches(std::size_t batches) const;
  void begin_epoch();
  /// Sets the rate of the step that begins with that batch of the epoch.
  void set_time(std::size_t batch, std::size_t batches);
  void add_gradient(const Tensor<T>& loss, std::size_t samples);
  /// Of a batch of all ranks, the step's last one or not; `loss` is that of a shard.
  void add_gradient_of_all(std::size_t samples, bool last,
                           const std::function<Tensor<T>(Part part)>& loss);
  void step(double loss);
  void check_loss(double loss, std::size_t batch) const;
  /// True when the run is to end, with its reason noted.
  bool wants_stop(bool interrupted);
  /// Early stopping's look at the figures and the weights they belong to.
  void observe(const Figures& figures);
  void end_epoch(const Figures& figures);
  bool checkpoint_is_due() const;
  void save(const LoaderState& loader) const;
  void finish();
  const Collective* group() const { return options_.communicator; }

  Module<T>& module_;
  Optimizer<T>& optimizer_;
  TrainerOptions<T> options_;
  bool ended_ = false;  // nothing is left to do

  std::size_t epoch_ = 0, step_ = 0;
  Sums sums_;  // of the epoch under way
  History history_;

 private:
  void check() const;
  void check_monitor(const Directions& directions);
  void join_group();
  std::optional<Checkpoint<T>> find_checkpoint() const;
  Checkpoint<T> snapshot(const LoaderState& loader) const;
  SpreadState<T>* spread() const { return dynamic_cast<SpreadState<T>*>(&optimizer_); }
  LoaderState apply(const Checkpoint<T>& found, bool restores,
                    const SpreadTensors<T>& spread_tensors);
  void restore_state(const Checkpoint<T>& found, const std::function<void()>& restore_spread);
  LoaderState resume_with_others(const LoaderState& at);
  bool agreed(bool mine) const { return group() != nullptr ? group()->any(mine) : mine; }
  void scale_gradients(double factor);

  std::optional<Scheduler<T>> scheduler_;
  EarlyStopping<T> stopping_;
  StopReason reason_ = StopReason::finished;
  bool stop_requested_ = false;
  double observed_ = 0;                        // the monitored figure of the last epoch
  std::size_t window_samples_ = 0;             // of the step under way
  std::unique_ptr<BatchGradients<T>> of_all_;  // of the ranks, during fit
};

/// A loader without its type.
template <class Batch>
struct Feed {
  std::function<void(const std::function<bool(const Batch&)>&)> pass;  ///< until it says false
  std::function<std::size_t()> size;
  std::function<LoaderState()> state;
  std::function<void(const LoaderState&)> set_state;
};

template <class Batch, class Loader>
Feed<Batch> feed(Loader& loader) {
  return {[&loader](const std::function<bool(const Batch&)>& use) {
            for (const auto& batch : loader) {
              if (!use(batch)) return;
            }
          },
          [&loader] { return loader.size(); }, [&loader] { return loader.state(); },
          [&loader](const LoaderState& s) { loader.set_state(s); }};
}

}  // namespace detail

template <class T, class Batch, class Output = Tensor<T>>
class Trainer : public detail::TrainerCore<T> {
 public:
  /// Module, optimizer and average must outlive it.
  /// Throws std::invalid_argument for options out of range.
  Trainer(Module<T>& module, Optimizer<T>& optimizer, Task<T, Batch, Output> task,
          TrainerOptions<T> options = {})
      : detail::TrainerCore<T>(module, optimizer, std::move(options)), task_(std::move(task)) {}

  /// Trains until all epochs are done, or something stops it, in training mode; returns the curves:
  /// "train loss" and the task's metrics, measured while training, the same as "validation ...",
  /// "learning rate".
  /// **Throws** std::runtime_error when a loss is not finite, with the weights as they were before
  /// that step; what a checkpoint throws; std::invalid_argument for a loader without batches, and
  /// before anything is trained for a monitored figure that there is not, whose better values are
  /// not known, or are not those of `maximize` or of a ReduceOnPlateau, and for a checkpoint of a
  /// run that monitored another one.
  template <class Loader>
  History fit(Loader& train) {
    return run(detail::feed<Batch>(train), {});
  }
  template <class Loader, class Validation>
  History fit(Loader& train, Validation& validation) {
    return run(detail::feed<Batch>(train), [&] {
      return this->group() != nullptr ? evaluate(this->module_, validation, task_, *this->group())
                                      : evaluate(this->module_, validation, task_);
    });
  }

 private:
  using Evaluate = std::function<Figures()>;
  using Directions = typename detail::TrainerCore<T>::Directions;

  History run(const detail::Feed<Batch>& train, const Evaluate& validate);
  // False when the run was stopped on the way.
  bool train_epoch(const detail::Feed<Batch>& train, const InterruptScope* interrupt);
  std::pair<Output, Tensor<T>> forward(const Batch& batch);
  double train_batch(const Batch& batch, std::size_t i,
                     detail::TaskFigures<T, Batch, Output>& figures);
  double train_batch_of_all(const Batch& batch, std::size_t i, bool last,
                            detail::TaskFigures<T, Batch, Output>& figures);
  Tensor<T> loss_of_shard(const Batch& batch, Part part, std::vector<detail::FigureSums>& sums);
  Figures epoch_figures(const Evaluate& validate);
  Directions directions(bool validates) const;
  void clear_sums() { this->sums_ = detail::TaskFigures<T, Batch, Output>(task_).sums(); }

  Task<T, Batch, Output> task_;
  std::function<std::pair<Output, Tensor<T>>(const Batch&)> compiled_;  // empty: it is not
};

template <class T, class Batch, class Output>
History Trainer<T, Batch, Output>::run(const detail::Feed<Batch>& train, const Evaluate& validate) {
  std::optional<InterruptScope> interrupt;
  if (this->options_.stop_on_interrupt && !this->options_.checkpoint.empty()) interrupt.emplace();
  if (this->options_.compile) {
    detail::require(this->group() == nullptr, "Trainer",
                    "compile is for one process: with a communicator batches are cut into shards");
  }
  this->begin(static_cast<bool>(validate), directions(static_cast<bool>(validate)));
  if (this->sums_.empty()) clear_sums();
  if (const auto position = this->resume(train.state())) train.set_state(*position);
  this->check_batches(train.size());
  while (!this->ended_ && this->epoch_ < this->options_.epochs) {
    this->begin_epoch();
    if (!train_epoch(train, interrupt ? &*interrupt : nullptr)) break;
    this->end_epoch(epoch_figures(validate));
    clear_sums();
    this->save(train.state());
  }
  this->finish();
  return this->history_;
}

template <class T, class Batch, class Output>
bool Trainer<T, Batch, Output>::train_epoch(const detail::Feed<Batch>& train,
                                            const InterruptScope* interrupt) {
  detail::TaskFigures<T, Batch, Output> figures(task_);
  figures.sums() = this->sums_;
  std::optional<Progress> progress;
  bool stopped = false;
  train.pass([&](const Batch& batch) {
    const std::size_t done = train.state().batch, all = train.size();
    if (!progress && this->options_.progress != nullptr) progress.emplace(this->progress(all));
    if ((done - 1) % this->options_.accumulate == 0) this->set_time(done - 1, all);
    const bool last = done % this->options_.accumulate == 0 || done == all;
    const double loss = this->group() != nullptr ? train_batch_of_all(batch, done, last, figures)
                                                 : train_batch(batch, done, figures);
    if (progress) progress->update(done, to_string(figures.figures()));
    if (!last) return true;
    this->step(loss);
    stopped = this->wants_stop(interrupt != nullptr && interrupt->requested());
    this->sums_ = figures.sums();
    if (stopped || this->checkpoint_is_due()) this->save(train.state());
    return !stopped;
  });
  if (progress) progress->finish(to_string(figures.figures()));
  return !stopped;
}

template <class T, class Batch, class Output>
std::pair<Output, Tensor<T>> Trainer<T, Batch, Output>::forward(const Batch& batch) {
  if (this->options_.compile) {
    if (!compiled_) compiled_ = detail::compiled_task<T, Batch, Output>(this->module_, task_);
    return compiled_(batch);
  }
  Output predictions = task_.predictions(this->module_, batch);
  Tensor<T> loss = task_.loss(predictions, batch);
  return {std::move(predictions), std::move(loss)};
}

template <class T, class Batch, class Output>
double Trainer<T, Batch, Output>::train_batch(const Batch& batch, std::size_t i,
                                              detail::TaskFigures<T, Batch, Output>& figures) {
  const auto [predictions, loss] = forward(batch);
  if (this->options_.before_backward) this->options_.before_backward(loss);
  const double value = loss.item();
  this->check_loss(value, i);
  this->add_gradient(loss, task_.samples(batch));
  const NoGrad guard;
  figures.add(predictions, value, batch);
  return value;
}

template <class T, class Batch, class Output>
double Trainer<T, Batch, Output>::train_batch_of_all(
    const Batch& batch, std::size_t i, bool last, detail::TaskFigures<T, Batch, Output>& figures) {
  std::vector<detail::FigureSums> own;
  this->add_gradient_of_all(task_.samples(batch), last,
                            [&](Part part) { return loss_of_shard(batch, part, own); });
  detail::TaskFigures<T, Batch, Output> of_batch(task_);
  for (const auto& part : detail::gather_sums(*this->group(), own)) {
    of_batch.merge(part);
    figures.merge(part);
  }
  const double value = of_batch.sums()[0][0] / of_batch.sums()[0][1];
  this->check_loss(value, i);
  return value;
}

template <class T, class Batch, class Output>
Tensor<T> Trainer<T, Batch, Output>::loss_of_shard(const Batch& batch, Part part,
                                                   std::vector<detail::FigureSums>& sums) {
  const Batch shard = task_.part_of(batch, part);
  const Output predictions = task_.predictions(this->module_, shard);
  const Tensor<T> loss = task_.loss(predictions, shard);
  if (this->options_.before_backward) this->options_.before_backward(loss);
  const NoGrad guard;
  detail::TaskFigures<T, Batch, Output> figures(task_);
  figures.add(predictions, loss.item(), shard);
  sums.push_back(std::move(figures.sums()));
  return loss;
}

template <class T, class Batch, class Output>
Figures Trainer<T, Batch, Output>::epoch_figures(const Evaluate& validate) {
  detail::TaskFigures<T, Batch, Output> training(task_);
  training.sums() = this->sums_;
  Figures figures = training.figures("train ");
  if (figures.empty()) detail::fail("Trainer", "the loader to train from is empty");
  std::optional<AveragedWeights<T>> averaged;
  if (this->options_.average != nullptr && this->options_.average->updates() > 0) {
    averaged.emplace(*this->options_.average);
  }
  if (validate) {
    const Figures found = validate();
    if (found.empty()) detail::fail("Trainer", "the loader for validation is empty");
    for (const auto& [name, value] : found) figures.emplace_back("validation " + name, value);
  }
  this->observe(figures);
  return figures;
}

template <class T, class Batch, class Output>
typename Trainer<T, Batch, Output>::Directions Trainer<T, Batch, Output>::directions(
    bool validates) const {
  Directions r;
  for (const std::string part : {"train ", "validation "}) {
    if (part == "validation " && !validates) continue;
    r.emplace_back(part + "loss", Better::smaller);
    for (const auto& m : task_.metrics) {
      r.emplace_back(part + m.name, m.better ? m.better : better_of(m.name));
    }
  }
  return r;
}

}  // namespace xgrad
