// What the curves of a training say.

#include <algorithm>
#include <cmath>

#include "xgrad/base/text.hpp"
#include "xgrad/doctor/monitor.hpp"
#include "xgrad/doctor/statistics.hpp"

namespace xgrad::detail {
namespace {

// The deviation of a step's loss by the choice of its batch, from neighbouring steps.
double noise_of(std::span<const double> curve) {
  std::vector<double> changes;
  for (std::size_t i = 1; i < curve.size(); ++i)
    changes.push_back(std::abs(curve[i] - curve[i - 1]));
  return median_of(changes) / (0.6745 * std::sqrt(2.0));  // of normal numbers
}

// Whether the end is below a beginning of any length, beyond chance.
bool falls(std::span<const double> curve, const Trend& trend, double noise) {
  if (trend.fall() > kSigmas * trend.standard_error) return true;
  const std::size_t n = curve.size();
  for (const std::size_t k : {std::size_t{1}, std::size_t{3}, n / 50, n / 10}) {
    if (k == 0) continue;
    const double start = moments_of(curve.first(k)).mean;
    const double error = noise * std::sqrt(1 / static_cast<double>(k) + 4 / static_cast<double>(n));
    if (start - trend.last > kSigmas * error && start > trend.last) return true;
  }
  return false;
}

double neighbours_correlate(std::span<const double> curve) {
  const Moments m = moments_of(curve);
  double sum = 0;
  for (std::size_t i = 1; i < curve.size(); ++i)
    sum += (curve[i] - m.mean) * (curve[i - 1] - m.mean);
  return m.variance > 0 ? sum / (m.variance * static_cast<double>(curve.size() - 1)) : 0;
}

// The largest of the medians of the weights' update ratios, biases left out.
double typical_ratio(const TrainingRecord& record) {
  std::vector<double> medians;
  for (const ParameterSeries& p : record.parameters) {
    std::vector<double> some;
    for (const double r : p.update_ratio) {
      if (std::isfinite(r)) some.push_back(r);
    }
    if (!some.empty() && p.name.find("bias") == std::string::npos)
      medians.push_back(median_of(some));
  }
  return median_of(medians);
}

}  // namespace

void judge_curve(const TrainingRecord& record, Diagnosis& d) {
  const std::vector<double>& losses = record.losses;
  const auto bad =
      std::find_if(losses.begin(), losses.end(), [](double l) { return !std::isfinite(l); });
  const std::span<const double> curve(losses.data(),
                                      static_cast<std::size_t>(bad - losses.begin()));
  if (curve.size() < 20) return;
  const Trend trend = trend_of(curve);
  const double noise = noise_of(curve),
               start = moments_of(curve.first(std::min<std::size_t>(5, curve.size()))).mean;
  Finding f{.check = "loss-curve",
            .measured = "loss " + rounded(start, 4) + " in the first 5 steps, " +
                        rounded(trend.first, 4) + " in the first quarter, " +
                        rounded(trend.last, 4) + " in the last, of " + text(curve.size()) +
                        " steps; from step to step it varies by " + rounded(noise, 3),
            .where = "loss"};
  const double above = trend.last - std::max(start, trend.first);
  if (above > kSigmas * std::max(trend.standard_error, noise / std::sqrt(5.0)) &&
      above > 0.1 * std::abs(start)) {
    f.severity = Severity::error;
    f.title = "the loss rises";
    f.expected = "a loss that ends below where it began (4 standard errors)";
    f.remedy = "a lower learning rate, gradient clipping; look at the loss's sign";
    d.findings.push_back(std::move(f));
  } else if (curve.size() >= 100 && !falls(curve, trend, noise)) {
    f.title = "the loss does not fall";
    f.expected = "a fall beyond chance (4 standard errors, from blocks of steps)";
    f.remedy =
        "diagnose() before training; a higher or lower learning rate "
        "(learning_rate_range_test); the initialisation; are the labels those of the inputs?";
    d.findings.push_back(std::move(f));
  }
  const std::span<const double> end = curve.last(curve.size() / 2);
  const double r = neighbours_correlate(end);
  const Moments m = moments_of(end);
  if (end.size() >= 30 && r < -0.5 && m.deviation() > 0.05 * std::abs(m.mean)) {
    d.findings.push_back(
        {.check = "loss-curve",
         .severity = Severity::warning,
         .title = "the loss jumps up and down from step to step",
         .measured = "neighbouring steps correlate by " + rounded(r, 2) + ", the deviation is " +
                     rounded(m.deviation() / std::abs(m.mean), 2) + " of the loss",
         .expected = "steps that do not overshoot: correlations of about 0 from the "
                     "choice of batches",
         .where = "loss",
         .remedy = "a lower learning rate, or a schedule that lowers it",
         .value = r,
         .low = -0.5});
  }
}

void judge_updates(const TrainingRecord& record, Diagnosis& d) {
  const double ratio = typical_ratio(record);
  const auto steps = static_cast<double>(record.losses.size());
  if (std::isnan(ratio) || record.watched.size() < 2) return;
  const bool zero_rate = record.learning_rates.back() == 0;
  Finding f{
      .check = "learning-rate",
      .measured = "the middle weight changes by " + rounded(ratio, 2) +
                  " of its norm in a step, by at most " + rounded(ratio * steps, 2) + " in " +
                  text(record.losses.size()) + " steps",
      .expected = "about 0.001 in a step; two decades around it, 1e-5 to 0.1, are not unusual",
      .where = "optimizer",
      .value = ratio,
      .low = 1e-5,
      .high = 0.1};
  if (ratio == 0) {
    f.severity = Severity::error;
    f.title = "the steps change nothing";
    f.remedy = zero_rate ? "the learning rate is 0: look at the schedule"
                         : "look whether the optimizer has the model's parameters, and whether "
                           "they get gradients";
  } else if (ratio > 0.1) {
    f.title = "the steps are very large: the learning rate is too high";
    f.remedy = "a lower learning rate: learning_rate_range_test suggests one";
  } else if (steps >= 100 && ratio * steps < 1e-2) {
    f.title = "the steps are very small: the learning rate is too low";
    f.expected +=
        "; weights that are to learn something move by more than a hundredth of themselves";
    f.remedy = "a higher learning rate: learning_rate_range_test suggests one";
  } else {
    return;
  }
  d.findings.push_back(std::move(f));
}

void judge_epochs(const History& epochs, Diagnosis& d) {
  if (epochs.size() < 3 || !epochs.contains("train loss") || !epochs.contains("validation loss"))
    return;
  const std::vector<double> train = epochs.curve("train loss"),
                            validation = epochs.curve("validation loss");
  const auto best = std::min_element(validation.begin(), validation.end());
  const auto at = static_cast<std::size_t>(best - validation.begin());
  const bool rises =
      validation.back() > 1.1 * *best && train.back() < train[at] && at + 1 < train.size();
  const bool apart = validation.back() > 2 * train.back() &&
                     validation.back() - train.back() > 0.1 * train.front();
  if (!rises && !apart) return;
  d.findings.push_back(
      {.check = "overfitting",
       .severity = Severity::warning,
       .title = "the model learns its training data by heart",
       .measured = "validation loss " + rounded(validation.back(), 4) + ", at best " +
                   rounded(*best, 4) + " after epoch " + text(at + 1) + "; training loss " +
                   rounded(train.back(), 4),
       .expected = "a validation loss that does not rise while the training loss falls, "
                   "and is not twice as large",
       .where = "validation loss",
       .remedy = "weight decay, dropout, augmentation, more data, a smaller model, or "
                 "early stopping",
       .value = validation.back(),
       .high = *best});
}

}  // namespace xgrad::detail
