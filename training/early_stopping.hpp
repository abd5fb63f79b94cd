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

#include <cstddef>

#include "xgrad/autograd/parameters.hpp"
#include "xgrad/optimizers/state.hpp"

namespace xgrad {

struct EarlyStoppingOptions {
  std::size_t patience = 10;  ///< observations in a row without a new best; at least 1
  double min_delta = 0;       ///< better means better by more than this; at least 0
  bool maximize = false;      ///< larger is better
  bool keep_best = true;      ///< keep a copy of the tensors at the best moment
};

template <class T>
class EarlyStopping {
 public:
  /// Throws std::invalid_argument for a patience of 0, and min_delta below 0 or not finite.
  explicit EarlyStopping(NamedTensors<T> state, const EarlyStoppingOptions& options = {});

  /// Takes the metric; true when it is time to stop. NaN is never better.
  bool observe(double metric);
  bool should_stop() const { return bad_ >= static_cast<double>(options_.patience); }
  /// True when the last observation was the best one so far.
  bool improved() const { return seen_ > 0 && bad_ == 0; }
  /// The best metric; NaN before the first that is a number.
  double best() const { return best_; }
  /// The number of the best observation, counted from 0. Throws std::logic_error when there is
  /// none.
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
  NamedTensors<T> state_, kept_;
  double best_, best_index_ = 0, seen_ = 0, bad_ = 0;
};

extern template class EarlyStopping<float>;
extern template class EarlyStopping<double>;

}  // namespace xgrad
