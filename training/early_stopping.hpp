#pragma once

// EarlyStopping: when a metric has not become better for a while, training stops, and the weights
// of the best moment come back.
//
//   EarlyStopping<float> stopping(net.state_dict(), {.patience = 5});
//   for (...) {
//     train_one_epoch(net);
//     if (stopping.observe(validation_loss(net))) break;
//   }
//   stopping.restore_best();
//
// With the name of a figure it knows which values are better:
//
//   EarlyStopping<float> stopping(net.state_dict(), {.monitor = "accuracy"});
//   ... if (stopping.observe(evaluate(net, validation_loader, task))) break;

#include <cstddef>
#include <optional>
#include <string>

#include "xgrad/autograd/parameters.hpp"
#include "xgrad/optimizers/state.hpp"
#include "xgrad/training/history.hpp"

namespace xgrad {

struct EarlyStoppingOptions {
  std::size_t patience = 10;  ///< observations in a row without a new best; at least 1
  double min_delta = 0;       ///< better means better by more than this; at least 0
  /// Larger is better; by default what better_of says of `monitor`, and without that false.
  std::optional<bool> maximize = {};
  bool keep_best = true;     ///< keep a copy of the tensors at the best moment
  std::string monitor = {};  ///< the name of the metric; of one that better_of does not know,
                             ///< `maximize` is to be given
};

template <class T>
class EarlyStopping {
 public:
  /// Throws std::invalid_argument for a patience of 0, min_delta below 0 or not finite, and a
  /// figure whose direction is not known or is not that of `maximize`.
  explicit EarlyStopping(NamedTensors<T> state, const EarlyStoppingOptions& options = {});

  /// Takes the metric; true when it is time to stop. NaN is never better.
  bool observe(double metric);
  /// Takes the monitored figure. Throws std::invalid_argument, naming those there are, when it is
  /// not among them.
  bool observe(const Figures& figures);
  /// Sets which values are better. Throws std::logic_error after observations of the other kind.
  void set_maximize(bool maximize);
  bool should_stop() const { return bad_ >= static_cast<double>(options_.patience); }
  /// True when the last observation was the best one so far.
  bool improved() const { return seen_ > 0 && bad_ == 0; }
  /// The best metric; NaN before the first that is a number.
  double best() const { return best_; }
  /// The number of the best observation, counted from 0. Throws std::logic_error when there
  /// is none.
  std::size_t best_index() const;

  /// Writes the tensors of the best moment back. Throws std::logic_error when none were kept.
  void restore_best();

  /// Copies: "EarlyStopping/best", "EarlyStopping/state/fc1.weight" ...
  OptimizerState<T> state_dict() const;
  /// Throws std::invalid_argument naming all that is missing, unexpected or of another shape;
  /// nothing is changed then.
  void load_state_dict(const OptimizerState<T>& state);

 private:
  StateNumbers numbers() const;

  EarlyStoppingOptions options_;
  bool maximize_;
  NamedTensors<T> state_, kept_;
  double best_, best_index_ = 0, seen_ = 0, bad_ = 0;
};

}  // namespace xgrad
