#pragma once

// The steps of a first training, as functions: what to look at before hours are spent.
//
//   1  check_initial_loss(net, loader, task, std::log(10));     is the loss that of guessing?
//   2  overfit_small_sample(net, optimizer, loader, task);      can it learn two batches by heart?
//   3  learning_rate_range_test(net, optimizer, loader, task);  which rate makes the loss go down?
//   4  search(grid_settings(coarse_space(rate)), objective);    a coarse grid, a few epochs each
//   5  search(grid_settings(refine(space, result)), objective); a finer one, for longer
//   6  read_curves(history);                                    what do the curves say?
//   7  back to 5.
//
// 1 to 3 leave module, gradients, optimizer, default generator and loader bit for bit as they were.
// A generator of your own, given to a module, moves on.

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "xgrad/data/loader.hpp"
#include "xgrad/kernels/random.hpp"
#include "xgrad/modules/module.hpp"
#include "xgrad/optimizers/optimizer.hpp"
#include "xgrad/training/history.hpp"
#include "xgrad/training/search.hpp"
#include "xgrad/training/task.hpp"

namespace xgrad {

/// Puts back, when it goes, what was there when it came: parameters and buffers, gradients, modes,
/// the optimizer's state with its rates, and the default generator.
template <class T>
class TrainingStateScope {
 public:
  explicit TrainingStateScope(Module<T>& module, Optimizer<T>* optimizer = nullptr);
  ~TrainingStateScope();
  TrainingStateScope(const TrainingStateScope&) = delete;
  TrainingStateScope& operator=(const TrainingStateScope&) = delete;

 private:
  Module<T>& module_;
  Optimizer<T>* optimizer_;
  std::vector<Tensor<T>> tensors_, values_, gradients_;
  std::vector<std::pair<Module<T>*, bool>> modes_;
  OptimizerState<T> optimizer_state_;
  Generator::State generator_;
};

/// What check_initial_loss found.
struct InitialLossCheck {
  double loss, expected;  ///< the loss of the batch, and that of guessing
  bool passed;            ///< |loss - expected| <= tolerance * expected
  std::string text;       ///< a sentence
};

/// Step 1: the loss of the first batch in training mode, before any training and without
/// regularisation, against what guessing gives: ln(classes) for cross entropy of balanced classes,
/// the variance of the targets for mse_loss.
template <class T, class Loader, class Batch, class Output>
InitialLossCheck check_initial_loss(Module<T>& module, Loader& loader,
                                    const Task<T, Batch, Output>& task, double expected,
                                    double tolerance = 0.2);

struct OverfitOptions {
  std::size_t batches = 2;    ///< the first ones of the loader
  std::size_t steps = 300;    ///< at most
  double target_loss = 0.01;  ///< the mean over the batches, at which it has learned them
};

/// What overfit_small_sample found.
struct OverfitReport {
  std::vector<double> losses;  ///< of each step; the last may be NaN or infinite
  bool passed;                 ///< the target was reached
  std::string text;            ///< a sentence: what it points to
};

/// Step 2: trains on a few batches only, with the given optimizer, and then forgets it all. Switch
/// regularisation off before: Dropout and weight decay keep a model from it.
template <class T, class Loader, class Batch, class Output>
OverfitReport overfit_small_sample(Module<T>& module, Optimizer<T>& optimizer, Loader& loader,
                                   const Task<T, Batch, Output>& task,
                                   const OverfitOptions& options = {});

struct RangeTestOptions {
  double low = 1e-6, high = 10;  ///< rates, increasing by the same factor from step to step
  std::size_t steps = 100;
  double smoothing = 0.9;  ///< of the moving average, in [0, 1)
  double stop_factor = 4;  ///< ends when the smoothed loss is this many times the best one
};

/// What learning_rate_range_test found.
struct RangeTestReport {
  std::vector<double> rates, losses, smoothed;  ///< of each step made
  /// The rate at which the smoothed loss falls fastest, by the logarithm of the rate; 0 when it
  /// never falls.
  double suggestion;
  std::string text;         ///< a sentence
  std::string csv() const;  ///< learning rate,loss,smoothed loss
};

/// Step 3: the rate grows from step to step until the loss explodes. All groups of the optimizer
/// get the same rate. Smith 2017, section 3.3.
/// Throws std::invalid_argument for rates that are not 0 < low < high, fewer than 10 steps, and a
/// smoothing outside [0, 1).
template <class T, class Loader, class Batch, class Output>
RangeTestReport learning_rate_range_test(Module<T>& module, Optimizer<T>& optimizer, Loader& loader,
                                         const Task<T, Batch, Output>& task,
                                         const RangeTestOptions& options = {});

/// Step 4: "learning rate" from a tenth of the given one to ten times as much, and "weight decay"
/// 0, 1e-5, 1e-4, 1e-3.
SearchSpace coarse_space(double learning_rate);

/// What learning curves show.
enum class CurveFinding {
  diverged,       ///< the training loss is not finite, or above where it began
  flat_start,     ///< less than a tenth of its fall in the first third: initialisation, or the rate
                  ///< is too low
  early_plateau,  ///< 98 % of its fall in the first third: the rate is too high, or has to decay
  overfitting,    ///< the validation loss rose by 5 % from its best, while the training loss fell
  small_gap,      ///< validation and training loss differ by less than 5 %: a larger model may fit
                  ///< better
  still_improving,  ///< the last fifth brought more than 5 % of the fall: train longer
};

/// "overfitting: ..." with what to try.
std::string to_string(CurveFinding finding);

/// Step 6: the findings on "train loss" and, where there is one, "validation loss".
/// Throws std::out_of_range without a training loss, std::invalid_argument for fewer than 5 rows.
std::vector<CurveFinding> read_curves(const History& history);

// --- implementation ---

namespace detail {

OverfitReport judge_overfit(std::vector<double> losses, double target);
InitialLossCheck judge_initial_loss(double loss, double expected, double tolerance);
void check_range_options(const RangeTestOptions& options);
/// Takes steps with growing rates as long as it makes sense; `step(rate)` returns the loss.
RangeTestReport run_range_test(const RangeTestOptions& options,
                               const std::function<double(double rate)>& step);

template <class T, class Batch, class Output>
double train_step(Module<T>& module, Optimizer<T>& optimizer, const Task<T, Batch, Output>& task,
                  const Batch& batch) {
  optimizer.zero_grad();
  const Tensor<T> loss = task.loss(task.predictions(module, batch), batch);
  const auto value = static_cast<double>(loss.item());
  if (value - value != 0) return value;
  loss.backward();
  optimizer.step();
  return value;
}

/// The loader's position, back when it goes.
template <class Loader>
class LoaderScope {
 public:
  explicit LoaderScope(Loader& loader) : loader_(loader), state_(loader.state()) {}
  ~LoaderScope() { loader_.set_state(state_); }
  LoaderScope(const LoaderScope&) = delete;
  LoaderScope& operator=(const LoaderScope&) = delete;

 private:
  Loader& loader_;
  LoaderState state_;
};

[[noreturn]] void fail_without_batches();

/// At most `count` batches, from the loader's position on.
template <class Batch, class Loader>
std::vector<Batch> some_batches(Loader& loader, std::size_t count) {
  const LoaderScope<Loader> position(loader);
  std::vector<Batch> r;
  for (const auto& batch : loader) {
    if (r.size() < count) r.push_back(batch);
    if (r.size() >= count) break;
  }
  if (r.empty()) fail_without_batches();
  return r;
}

}  // namespace detail

template <class T, class Loader, class Batch, class Output>
InitialLossCheck check_initial_loss(Module<T>& module, Loader& loader,
                                    const Task<T, Batch, Output>& task, double expected,
                                    double tolerance) {
  const TrainingStateScope<T> state(module);
  const auto batches = detail::some_batches<Batch>(loader, 1);
  const NoGrad guard;
  module.train();
  const Tensor<T> loss = task.loss(task.predictions(module, batches[0]), batches[0]);
  return detail::judge_initial_loss(static_cast<double>(loss.item()), expected, tolerance);
}

template <class T, class Loader, class Batch, class Output>
OverfitReport overfit_small_sample(Module<T>& module, Optimizer<T>& optimizer, Loader& loader,
                                   const Task<T, Batch, Output>& task,
                                   const OverfitOptions& options) {
  const TrainingStateScope<T> state(module, &optimizer);
  const auto batches = detail::some_batches<Batch>(loader, options.batches);
  module.train();
  std::vector<double> losses;
  for (std::size_t s = 0; s < options.steps; ++s) {
    losses.push_back(detail::train_step(module, optimizer, task, batches[s % batches.size()]));
    if (!(losses.back() - losses.back() == 0)) break;
    double mean = 0;
    for (std::size_t i = 0; i < batches.size() && i < losses.size(); ++i)
      mean += losses[losses.size() - 1 - i] / static_cast<double>(batches.size());
    if (losses.size() >= batches.size() && mean <= options.target_loss) break;
  }
  return detail::judge_overfit(std::move(losses), options.target_loss);
}

template <class T, class Loader, class Batch, class Output>
RangeTestReport learning_rate_range_test(Module<T>& module, Optimizer<T>& optimizer, Loader& loader,
                                         const Task<T, Batch, Output>& task,
                                         const RangeTestOptions& options) {
  detail::check_range_options(options);
  const TrainingStateScope<T> state(module, &optimizer);
  const detail::LoaderScope<Loader> position(loader);
  module.train();
  auto it = loader.begin();
  return detail::run_range_test(options, [&](double rate) {
    if (it == loader.end()) it = loader.begin();
    if (it == loader.end()) detail::fail_without_batches();
    optimizer.set_learning_rate(rate);
    const double loss = detail::train_step(module, optimizer, task, *it);
    ++it;
    return loss;
  });
}

}  // namespace xgrad
