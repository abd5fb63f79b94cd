#pragma once

// Monitor: watches a training while it runs.
//
//   Monitor<float> monitor(net, optimizer);
//   TrainerOptions<float> options{.epochs = 10};
//   monitor.attach(options);                      // with a Trainer; or in a loop by hand:
//
//   for (const auto& [images, labels] : loader) {
//     optimizer.zero_grad();
//     const auto loss = cross_entropy(net(images), labels);
//     monitor.before_backward(loss);
//     loss.backward();
//     monitor.before_step();
//     optimizer.step();
//     monitor.after_step();
//   }
//   monitor.end_epoch({{"train loss", a}, {"validation loss", b}});
//   std::cout << monitor.diagnosis().text();
//
// Every step costs the noting of its loss. Every `every`-th step is watched: values and gradients
// of its operations are kept until it ends, and looked at. What it finds, by name of the check:
//
//   parameters, double-softmax, broadcast, mode, batch-norm-batch, zero-grad, written-while-pending,
//   not-finite                                     at watched steps, exactly
//   vanishing-signal, exploding-signal, vanishing-gradient, exploding-gradient, saturated,
//   dead-units                                     at watched steps, by variances and shares
//   loss-curve, learning-rate, overfitting         from the curves, when diagnosis() is asked for
//
// All of it belongs to one thread: the one that trains.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "xgrad/doctor/finding.hpp"
#include "xgrad/doctor/record.hpp"
#include "xgrad/doctor/replay.hpp"
#include "xgrad/modules/module.hpp"
#include "xgrad/optimizers/optimizer.hpp"
#include "xgrad/training/history.hpp"
#include "xgrad/training/trainer.hpp"

namespace xgrad {

struct MonitorOptions {
  std::size_t every = 50;  ///< the first step and each `every`-th is watched; 0: none
  /// Keeps the values of every step, so that the operation and layer that made the first NaN or
  /// infinity can be named, forward or backward, in whichever step it comes.
  bool trace = false;
};

template <class T>
class Monitor {
 public:
  /// Module and optimizer must outlive it.
  Monitor(Module<T>& module, Optimizer<T>& optimizer, MonitorOptions options = {});
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  /// Between forward and backward pass; also of a loss that is not finite.
  void before_backward(const Tensor<T>& loss);
  /// When the gradients are there, before they are clipped.
  void before_step();
  void after_step();
  /// The figures of an epoch: "train loss", and "validation loss" if there is one.
  void end_epoch(const Figures& figures);

  /// Adds these calls to a Trainer's, after those that are there. The monitor must outlive its run.
  void attach(TrainerOptions<T>& options);

  std::size_t steps() const;
  /// What was watched, for reports; of a temporary a copy.
  const TrainingRecord& record() const&;
  /// The operation of the first "not-finite" that a trace has found, to be run again; none without
  /// one, and of parameters that are not finite.
  std::optional<OperationReplay<T>> replay() const;
  /// What has been found so far.
  Diagnosis diagnosis() const;

 private:
  struct State;
  std::unique_ptr<State> s_;
};

namespace detail {
/// The findings from the curves alone: of the losses, of the updates, of the epochs.
void judge_curve(const TrainingRecord& record, Diagnosis& d);
void judge_updates(const TrainingRecord& record, Diagnosis& d);
void judge_epochs(const History& epochs, Diagnosis& d);
}  // namespace detail

}  // namespace xgrad
