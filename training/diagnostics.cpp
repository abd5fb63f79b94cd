#include "xgrad/training/diagnostics.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/base/errors.hpp"

namespace xgrad {

template <class T>
TrainingStateScope<T>::TrainingStateScope(Module<T>& module, Optimizer<T>* optimizer)
    : module_(module), optimizer_(optimizer), generator_(default_generator().state()) {
  for (const auto& t : module.state_dict()) {
    tensors_.push_back(t.tensor);
    values_.push_back(t.tensor.clone());
    gradients_.push_back(t.tensor.has_grad() ? t.tensor.gradient().clone() : Tensor<T>());
  }
  module.apply([&](const std::string&, Module<T>& m) { modes_.emplace_back(&m, m.is_training()); });
  if (optimizer != nullptr) optimizer_state_ = optimizer->state_dict();
}

template <class T>
TrainingStateScope<T>::~TrainingStateScope() {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    tensors_[i].set_value(values_[i].value());
    tensors_[i].set_gradient(gradients_[i]);
  }
  for (const auto& [module, mode] : modes_) module->train(mode);  // parents first
  if (optimizer_ != nullptr) optimizer_->load_state_dict(optimizer_state_);
  default_generator().set_state(generator_);
}

SearchSpace coarse_space(double learning_rate) {
  SearchSpace s;
  s.log_uniform("learning rate", learning_rate / 10, learning_rate * 10);
  return s.choice("weight decay", {0.0, 1e-5, 1e-4, 1e-3});
}

std::string to_string(CurveFinding finding) {
  switch (finding) {
    case CurveFinding::diverged:
      return "diverged: the training loss ends above its beginning: lower the learning rate, look "
             "at "
             "the initialisation";
    case CurveFinding::flat_start:
      return "flat start: the training loss hardly falls at first: look at the initialisation, "
             "raise "
             "the learning rate";
    case CurveFinding::early_plateau:
      return "early plateau: the training loss falls fast and then stays: lower the learning rate, "
             "or "
             "let it decay";
    case CurveFinding::overfitting:
      return "overfitting: the validation loss rises while the training loss falls: regularise, "
             "get "
             "more data, stop earlier";
    case CurveFinding::small_gap:
      return "small gap: validation and training loss are alike: a larger model may fit better";
    case CurveFinding::still_improving:
      return "still improving: the training loss falls to the end: train longer";
  }
  return {};
}

std::vector<CurveFinding> read_curves(const History& history) {
  const std::vector<double> train = history.curve("train loss");
  const std::size_t n = train.size();
  if (n < 5) {
    detail::fail("read_curves", n, " rows are fewer than 5");
  }
  const double fall = train.front() - train.back();
  std::vector<CurveFinding> r;
  if (!(fall > 0) || !std::isfinite(fall)) return {CurveFinding::diverged};
  const double first_third = (train.front() - train[n / 3]) / fall;
  if (first_third < 0.1) r.push_back(CurveFinding::flat_start);
  if (first_third > 0.98) r.push_back(CurveFinding::early_plateau);
  if ((train[n - 1 - n / 5] - train.back()) / fall > 0.05) {
    r.push_back(CurveFinding::still_improving);
  }
  if (!history.contains("validation loss")) return r;
  const std::vector<double> validation = history.curve("validation loss");
  const auto best = std::min_element(validation.begin(), validation.end());
  const auto at = static_cast<std::size_t>(best - validation.begin());
  if (validation.back() > 1.05 * *best && train.back() < train[at]) {
    r.push_back(CurveFinding::overfitting);
  }
  if (std::abs(validation.back() - train.back()) < 0.05 * train.back()) {
    r.push_back(CurveFinding::small_gap);
  }
  return r;
}

std::string RangeTestReport::csv() const {
  std::string r = "learning rate,loss,smoothed loss\n";
  for (std::size_t i = 0; i < rates.size(); ++i) {
    r += detail::text(rates[i]) + "," + detail::text(losses[i]) + "," + detail::text(smoothed[i]) +
         "\n";
  }
  return r;
}

namespace detail {

void fail_without_batches() { detail::fail("diagnostics", "the loader has no batches"); }

InitialLossCheck judge_initial_loss(double loss, double expected, double tolerance) {
  const bool passed = std::abs(loss - expected) <= tolerance * std::abs(expected);
  std::string text = "initial loss " + detail::rounded(loss) + ", guessing gives " +
                     detail::rounded(expected) + ": ";
  if (passed) {
    text += "as it should be";
  } else if (loss > expected) {
    text +=
        "too high: the first outputs are too large, look at the initialisation of the last "
        "layer and at the scale of the inputs";
  } else {
    text += "too low: the model knows more than it should, or the loss is not the one meant";
  }
  return {loss, expected, passed, std::move(text)};
}

OverfitReport judge_overfit(std::vector<double> losses, double target) {
  const double first = losses.empty() ? 0 : losses.front(),
               last = losses.empty() ? 0 : losses.back();
  const bool passed = !losses.empty() && last <= 2 * target;
  std::string text = "loss " + detail::text(first) + " to " + detail::text(last) + " in " +
                     detail::text(losses.size()) + " steps: ";
  if (passed) {
    text += "learned by heart";
  } else if (!std::isfinite(last) || last > 2 * first) {
    text += "it explodes: the learning rate is too high, or the initialisation is bad";
  } else if (last > 0.9 * first) {
    text += "it does not go down: the learning rate is too low, or the initialisation is bad";
  } else {
    text += "it goes down but not to " + detail::rounded(target) +
            ": more steps, a larger model, or less regularisation";
  }
  return {std::move(losses), passed, std::move(text)};
}

void check_range_options(const RangeTestOptions& o) {
  require_in("learning_rate_range_test", "low", o.low, "(0, inf)");
  require_in("learning_rate_range_test", "smoothing", o.smoothing, "[0, 1)");
  if (!(o.low < o.high) || !std::isfinite(o.high) || o.steps < 10) {
    detail::fail("learning_rate_range_test", "low ", o.low, ", high ", o.high, ", steps ", o.steps);
  }
}

RangeTestReport run_range_test(const RangeTestOptions& o,
                               const std::function<double(double rate)>& step) {
  RangeTestReport r{};
  double average = 0, best = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < o.steps; ++i) {
    const double place = static_cast<double>(i) / static_cast<double>(o.steps - 1);
    const double rate = o.low * std::pow(o.high / o.low, place);
    const double loss = step(rate);
    if (!std::isfinite(loss)) break;
    average = o.smoothing * average + (1 - o.smoothing) * loss;
    const double smoothed = average / (1 - std::pow(o.smoothing, static_cast<double>(i + 1)));
    r.rates.push_back(rate);
    r.losses.push_back(loss);
    r.smoothed.push_back(smoothed);
    best = std::min(best, smoothed);
    if (smoothed > o.stop_factor * best) break;
  }
  // Rounding alone makes slopes of some 1e-16 of the loss.
  double steepest = r.smoothed.empty() ? 0 : -1e-9 * std::abs(r.smoothed[0]);
  for (std::size_t i = 1; i + 1 < r.smoothed.size(); ++i) {
    const double slope = r.smoothed[i + 1] - r.smoothed[i - 1];
    if (slope >= steepest) continue;
    steepest = slope;
    r.suggestion = r.rates[i];
  }
  r.text = r.suggestion > 0
               ? "the loss falls fastest at a learning rate of " + detail::rounded(r.suggestion)
               : "the loss does not fall at any learning rate from " + detail::rounded(o.low) +
                     " to " + detail::rounded(o.high);
  return r;
}

}  // namespace detail

template class TrainingStateScope<float>;
template class TrainingStateScope<double>;

}  // namespace xgrad
