#pragma once

// Schedule: any schedule as a value, also chained ones. Scheduler<T>: drives an optimizer by one.
//
//   Scheduler<float> scheduler(optimizer, CosineDecay{.duration = 90});
//   for (int epoch = 0; epoch < 90; ++epoch) {
//     ...
//     scheduler.step();              // after each epoch, or after each optimizer.step()
//   }

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "xgrad/optimizers/optimizer.hpp"
#include "xgrad/optimizers/schedules.hpp"

namespace xgrad {

/// Multiplies the rate by `factor` when a metric has not become better for more than `patience`
/// observations: better means below best - threshold |best|, or above best + threshold |best| when
/// `maximize`; with `absolute`, threshold itself takes the place of threshold |best|. Observations
/// during `cooldown` do not count as bad. As PyTorch's ReduceLROnPlateau, but relative to the base
/// rate, and right for a metric below 0, which there never counts as better. It learns of the metric
/// by Scheduler::observe.
struct ReduceOnPlateau {
  double factor = 0.1;  ///< in [0, 1)
  std::size_t patience = 10;
  double threshold = 1e-4;   ///< at least 0
  bool absolute = false;     ///< the threshold is a difference, not a share of |best|
  std::size_t cooldown = 0;  ///< observations after a reduction
  double smallest = 0;       ///< of the product of factors; at least 0
  bool maximize = false;

  double at(double) const { return current; }  ///< the product of the factors so far
  void check() const;           ///< throws std::invalid_argument for numbers out of range
  void observe(double metric);  ///< takes the metric
  /// Throws std::invalid_argument for false where `maximize` was given.
  void set_maximize(bool on);
  /// Calls `visit` for each number to save.
  void visit_numbers(const std::function<void(const std::string&, double&)>& visit);

  // What it has seen; part of the saved state.
  double current = 1, best = 0, seen = 0, bad = 0, resting = 0;
};

/// A schedule of any kind: a value of schedules.hpp, a ReduceOnPlateau, a chain, or a function
/// of t.
class Schedule {
 public:
  using Visitor = std::function<void(const std::string& name,
                                     double& number)>;  ///< is called with each number to save

  /// From anything with `double at(double t) const`, or that can be called with t. Throws
  /// std::invalid_argument for numbers out of range, where it has a `check()`.
  template <class S>
  requires(!std::same_as<std::decay_t<S>, Schedule>) Schedule(S schedule) {
    if constexpr (requires { schedule.check(); }) schedule.check();
    self_ = std::make_unique<Model<S>>(std::move(schedule));
  }
  Schedule(const Schedule& other) : self_(other.self_->copy()) {}
  Schedule(Schedule&&) = default;
  Schedule& operator=(Schedule other) {
    self_ = std::move(other.self_);
    return *this;
  }

  /// The factor at time t.
  double at(double t) const { return self_->at(t); }
  /// Tells a ReduceOnPlateau in it of a metric.
  void observe(double metric) { self_->observe(metric); }
  /// Tells a ReduceOnPlateau in it whether larger metrics are better. Throws as it does.
  void set_maximize(bool on) { self_->set_maximize(on); }
  /// The numbers to save; none for a schedule that only depends on t.
  void visit_numbers(const Visitor& visit) { self_->visit_numbers(visit); }

 private:
  struct Concept {
    virtual ~Concept() = default;
    virtual std::unique_ptr<Concept> copy() const = 0;
    virtual double at(double t) const = 0;
    virtual void observe(double metric) = 0;
    virtual void set_maximize(bool on) = 0;
    virtual void visit_numbers(const Visitor& visit) = 0;
  };

  template <class S>
  struct Model final : Concept {
    explicit Model(S s) : schedule(std::move(s)) {}
    std::unique_ptr<Concept> copy() const override { return std::make_unique<Model>(schedule); }
    double at(double t) const override {
      if constexpr (requires { schedule.at(t); }) {
        return schedule.at(t);
      } else {
        return schedule(t);
      }
    }
    void observe(double metric) override {
      if constexpr (requires { schedule.observe(metric); }) schedule.observe(metric);
    }
    void set_maximize(bool on) override {
      if constexpr (requires { schedule.set_maximize(on); }) schedule.set_maximize(on);
    }
    void visit_numbers(const Visitor& visit) override {
      if constexpr (requires { schedule.visit_numbers(visit); }) schedule.visit_numbers(visit);
    }
    S schedule;
  };

  std::unique_ptr<Concept> self_;
};

/// A part of a sequence; its own time begins with 0.
struct ScheduleStage {
  Schedule schedule;
  double duration = 0;  ///< above 0; of the last one without meaning
};

/// One after the other; the last goes on for ever.
/// Throws std::invalid_argument: no stages, or a duration that is not above 0.
Schedule sequence(std::vector<ScheduleStage> stages);

/// All at the same time: the product of the factors. Throws std::invalid_argument for no schedules.
Schedule product(std::vector<Schedule> schedules);

/// Sets the rate of every group of an optimizer to the group's base rate times the schedule's
/// factor. The base rates are those of the optimizer when the scheduler is made, of a group added
/// later the one it is added with. While a scheduler lives, the rate is its: what
/// set_learning_rate() sets lasts until the next step(). The optimizer must outlive it.
template <class T>
class Scheduler {
 public:
  /// Begins with t = 0: the rates are set at once.
  Scheduler(Optimizer<T>& optimizer, Schedule schedule);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// t = t + 1, and sets the rates.
  void step() { set_time(time_ + 1); }
  /// Jumps to a time, for instance epoch + batch / batches. Throws std::invalid_argument unless
  /// finite and at least 0.
  void set_time(double t);
  double time() const { return time_; }

  /// For a ReduceOnPlateau in the schedule: takes the metric and sets the rates.
  /// Throws std::invalid_argument for NaN.
  void observe(double metric);

  /// For a ReduceOnPlateau in the schedule: whether larger metrics are better. The Trainer calls it.
  /// Throws std::invalid_argument for false where the ReduceOnPlateau says `maximize`.
  void set_maximize(bool on) { schedule_.set_maximize(on); }

  /// "Scheduler/time", "Scheduler/base 0", and what the schedule has seen. To be saved with the
  /// optimizer's state: `state.add(scheduler.state_dict())`.
  StateNumbers state_dict() const;
  /// Sets the rates too. Throws std::invalid_argument naming all that is missing or unexpected.
  void load_state_dict(const StateNumbers& state);
  void load_state_dict(const OptimizerState<T>& state) { load_state_dict(state.numbers); }

 private:
  void apply();
  void visit_numbers(const Schedule::Visitor& visit);

  Optimizer<T>& optimizer_;
  Schedule schedule_;
  std::vector<double> bases_;
  double time_ = 0;
};

}  // namespace xgrad
