#include "xgrad/training/early_stopping.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "xgrad/base/errors.hpp"
#include "xgrad/training/direction.hpp"

namespace xgrad {
namespace {

constexpr const char* kName = "EarlyStopping";

bool is_maximized(const EarlyStoppingOptions& options) {
  if (options.monitor.empty()) return options.maximize.value_or(false);
  return detail::larger_is_better(kName, options.monitor, better_of(options.monitor),
                                  options.maximize);
}

}  // namespace

template <class T>
EarlyStopping<T>::EarlyStopping(NamedTensors<T> state, const EarlyStoppingOptions& options)
    : options_(options),
      maximize_(is_maximized(options)),
      state_(std::move(state)),
      best_(std::numeric_limits<double>::quiet_NaN()) {
  detail::require(options.patience > 0, kName, "patience is 0");
  detail::require_in(kName, "min_delta", options.min_delta, "[0, inf)");
}

template <class T>
void EarlyStopping<T>::set_maximize(bool maximize) {
  detail::require<std::logic_error>(maximize == maximize_ || std::isnan(best_), kName,
                                    "it has observed with maximize ", maximize_);
  maximize_ = maximize;
}

template <class T>
bool EarlyStopping<T>::observe(const Figures& figures) {
  for (const auto& [name, value] : figures) {
    if (name == options_.monitor) return observe(value);
  }
  detail::fail(kName, "there is no figure ", detail::quote(options_.monitor), ": ",
               to_string(figures));
}

template <class T>
bool EarlyStopping<T>::observe(double metric) {
  const double gain = maximize_ ? metric - best_ : best_ - metric;
  const bool better = std::isnan(best_) ? !std::isnan(metric) : gain > options_.min_delta;
  bad_ = better ? 0 : bad_ + 1;
  if (better) {
    best_ = metric;
    best_index_ = seen_;
    kept_.clear();
    if (options_.keep_best) {
      for (const auto& t : state_) kept_.push_back({t.name, t.tensor.clone()});
    }
  }
  seen_ += 1;
  return should_stop();
}

template <class T>
std::size_t EarlyStopping<T>::best_index() const {
  if (std::isnan(best_))
    detail::fail<std::logic_error>("EarlyStopping", "there is no best observation yet");
  return static_cast<std::size_t>(best_index_);
}

template <class T>
void EarlyStopping<T>::restore_best() {
  if (kept_.empty())
    detail::fail<std::logic_error>("EarlyStopping", "no state of a best moment was kept");
  for (std::size_t i = 0; i < state_.size(); ++i) {
    Tensor<T> to = state_[i].tensor;
    to.set_value(kept_[i].tensor.value());
  }
}

template <class T>
StateNumbers EarlyStopping<T>::numbers() const {
  return {{"best", best_},
          {"best index", best_index_},
          {"observations", seen_},
          {"bad", bad_},
          {"kept", kept_.empty() ? 0.0 : 1.0}};
}

template <class T>
OptimizerState<T> EarlyStopping<T>::state_dict() const {
  OptimizerState<T> s;
  s.numbers = detail::with_prefix(numbers(), kName);
  std::string prefix = kName;
  prefix += "/state/";
  for (const auto& t : kept_) s.tensors.push_back({prefix + t.name, t.tensor.clone()});
  return s;
}

template <class T>
void EarlyStopping<T>::load_state_dict(const OptimizerState<T>& state) {
  const StateNumbers n = detail::own_numbers(state.numbers, kName);
  const auto tensors = detail::own_tensors(state.tensors, kName);
  const auto kept = n.find("kept");
  detail::StateShapes shapes;
  if (kept != n.end() && kept->second != 0) {
    for (const auto& t : state_) shapes["state/" + t.name] = t.tensor.shape();
  }
  detail::check_state(kName, numbers(), n, shapes, tensors);
  best_ = n.at("best");
  best_index_ = n.at("best index");
  seen_ = n.at("observations");
  bad_ = n.at("bad");
  kept_.clear();
  if (shapes.empty()) return;
  for (const auto& t : state_) {
    kept_.push_back({t.name, tensors.at("state/" + t.name).clone()});
  }
}

template class EarlyStopping<float>;
template class EarlyStopping<double>;

}  // namespace xgrad
