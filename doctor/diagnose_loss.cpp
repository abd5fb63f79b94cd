// The checks of the loss.

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <span>

#include "xgrad/base/errors.hpp"
#include "xgrad/doctor/patient.hpp"
#include "xgrad/ops/random.hpp"

namespace xgrad::detail {
namespace {

// The mean of the targets, output by output, for each sample.
template <class T>
Tensor<T> mean_targets(const ExampleBatch<T>& batch) {
  const Tensor<T>& t = batch.targets;
  Tensor<T> r = Tensor<T>::uninitialized(t.shape());
  const std::size_t n = t.shape()[0], row = t.size() / n;
  T* to = r.mutable_data();
  for (std::size_t j = 0; j < row; ++j) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(t.data()[i * row + j]);
    for (std::size_t i = 0; i < n; ++i)
      to[i * row + j] = static_cast<T>(sum / static_cast<double>(n));
  }
  return r;
}

double entropy_of(const Indices& labels) {
  std::map<std::int64_t, double> counts;
  for (const std::int64_t l : labels) counts[l] += 1;
  double r = 0;
  for (const auto& c : counts) {
    const double share = c.second / static_cast<double>(labels.size());
    r -= share * std::log(share);
  }
  return r;
}

constexpr const char* kMixes = "the loss is not one of single samples";

bool near(double a, double b, double tolerance) {
  return std::abs(a - b) <= tolerance * std::max({std::abs(a), std::abs(b), 1e-3});
}

std::string source_of(double loss, std::size_t classes) {
  const auto c = static_cast<double>(classes);
  if (near(loss, std::log(c), 1e-3)) return "log " + text(classes) + ", of equal probabilities";
  if (near(loss, c - 1, 1e-3)) return text(classes) + " - 1, every margin of the hinge loss missed";
  return "the loss of equal scores";
}

template <class T>
bool is_distribution(const Tensor<T>& y, bool logarithms) {
  if (y.rank() != 2 || y.shape()[1] < 2) return false;
  const std::size_t n = y.shape()[0], classes = y.shape()[1];
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      const auto v = static_cast<double>(y.data()[i * classes + c]);
      if (!logarithms && v < 0) return false;
      sum += logarithms ? std::exp(v) : v;
    }
    if (std::abs(sum - 1) > 1e-3) return false;
  }
  return true;
}

// The scores of samples that are right, or wrong, with certainty.
template <class T>
Tensor<T> certain(const Indices& labels, const Shape& shape, std::size_t off, T score) {
  Tensor<T> r = Tensor<T>::filled(shape, 0);
  T* to = r.mutable_data();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto label = static_cast<std::size_t>(labels.data()[i]);
    to[i * shape[1] + (label + off) % shape[1]] = score;
  }
  return r;
}

// The loss of some samples together, and one by one.
struct SeveralLosses {
  std::size_t samples;
  double loss, mean;
  bool is_mean() const { return near(loss, mean, 2e-3); }
  bool is_sum() const { return near(loss, mean * static_cast<double>(samples), 2e-3); }
  bool is_of_samples() const { return is_mean() || is_sum(); }
};

template <class T>
std::optional<SeveralLosses> loss_of_rows(const Patient<T>& p, const Tensor<T>& y,
                                          const std::vector<std::size_t>& rows) {
  if (rows.size() < 3) return std::nullopt;
  const ExampleBatch<T> some = rows_of(p.probe, rows);
  const Tensor<T> predictions = rows_of<T>({y, {}, {}}, rows).inputs;
  const auto loss = p.loss_at(predictions, some);
  if (!loss) return std::nullopt;
  return SeveralLosses{rows.size(), *loss,
                       moments_of(losses_one_by_one(p, predictions, some, rows.size())).mean};
}

// None: too few samples, or a loss that is refused or not finite.
template <class T>
std::optional<SeveralLosses> loss_of_several(const Patient<T>& p, const Tensor<T>& y) {
  std::vector<std::size_t> first, alike;
  for (std::size_t i = 0; i < p.probe.size() && alike.size() < 8; ++i) {
    if (first.size() < 8) first.push_back(i);
    if (p.data.labeled() && p.probe.labels.data()[i] == p.probe.labels.data()[0])
      alike.push_back(i);
  }
  const auto any = loss_of_rows(p, y, first);
  if (!any || any->is_of_samples()) return any;
  // A mean that is weighted by class is a plain one in one class; pairs of a class may have none.
  const auto one = loss_of_rows(p, y, alike);
  return one && one->is_of_samples() && one->loss != 0 ? one : any;
}

template <class T>
void report_direction(Patient<T>& p, double right, double wrong) {
  if (right < wrong) return;
  p.report({.check = "loss-direction",
            .severity = Severity::error,
            .title = "the loss does not fall when predictions are right",
            .measured = "loss " + rounded(right) + " where they are, " + rounded(wrong) +
                        " where they are as wrong as can be",
            .expected = "a smaller loss for right predictions: it is minimised",
            .where = "loss",
            .remedy = "look at the loss's sign, at the order of its arguments, and whether it is "
                      "the one for this kind of output",
            .value = right,
            .high = wrong});
}

// Cross entropy of equal scores is log C times the sum of the targets, whatever they are; with a
// sigmoid inside, log 2, and of scores of 1 less by their mean.
template <class T>
void report_improbable(Patient<T>& p, const Tensor<T>& y, double at_zero) {
  const Tensor<T>& t = p.probe.targets;
  if (!t.defined() || y.shape() != t.shape()) return;
  const double mean = moments_of(t.data(), t.size()).mean;
  const auto at_one = p.loss_at(Tensor<T>::filled(y.shape(), 1), p.probe);
  const double classes = y.rank() == 2 ? static_cast<double>(y.shape()[1]) : 0;
  const bool scores = classes > 1 && at_one && near(*at_one, at_zero, 1e-4) &&
                      near(at_zero, std::log(classes) * mean * classes, 1e-4);
  const bool logits = near(at_zero, std::log(2.0), 1e-6) && at_one &&
                      near(*at_one, std::log1p(std::exp(1.0)) - mean, 1e-4);
  const bool unit =
      std::all_of(t.data(), t.data() + t.size(), [](T v) { return v >= 0 && v <= 1; });
  if (!(scores && !is_distribution(t, false)) && !(logits && !unit)) return;
  p.report({.check = "targets",
            .severity = Severity::error,
            .title = "the targets are no probabilities, which this loss takes them for",
            .measured = scores ? "those of a sample are negative or do not sum to 1"
                               : "some are outside [0, 1]",
            .expected = "probabilities: else the loss has no minimum where predictions are right",
            .where = "targets",
            .remedy = "one-hot targets, or another loss"});
}

}  // namespace

template <class T>
Guess<T> guess_of(const Patient<T>& p, const Tensor<T>& y, const ExampleBatch<T>& batch) {
  const auto filled = [&](double v) { return Tensor<T>::filled(y.shape(), static_cast<T>(v)); };
  const auto zero = p.loss_at(filled(0), batch), one = p.loss_at(filled(1), batch),
             more = p.loss_at(filled(2.5), batch);
  const bool known = zero && one && more;
  Guess<T> best{filled(0), Finding::kNone, "that of the best constant prediction", false, false};
  best.shift_invariant = known && near(*zero, *one, 1e-4) && near(*zero, *more, 1e-4);
  best.takes_logarithms =
      known && std::abs(*zero) < 1e-6 && *one < 0 && near(*more, 2.5 * *one, 1e-4);
  std::vector<Tensor<T>> constants{filled(0), filled(0.5)};
  if (p.data.labeled() && y.rank() >= 2) {
    const auto classes = static_cast<double>(y.shape()[1]);
    const double logarithm = -std::log(classes), even = 1 / classes;
    if (best.shift_invariant) {
      constants = {filled(0)};
    } else if (best.takes_logarithms || is_distribution(y, true)) {
      constants = {filled(logarithm)};
    } else if (is_distribution(y, false)) {
      constants = {filled(even)};
    } else {
      constants.push_back(filled(even));
    }
  } else if (p.probe.targets.defined() && y.size() == batch.targets.size()) {
    Tensor<T> means = mean_targets(batch);
    constants.push_back(Tensor<T>::from(y.shape(), std::span(means.data(), means.size())));
  }
  for (const Tensor<T>& c : constants) {
    const auto loss = p.loss_at(c, batch);
    if (!loss || *loss >= best.loss) continue;
    best.prediction = c;
    best.loss = *loss;
  }
  if (p.data.labeled() && constants.size() == 1) best.source = source_of(best.loss, y.shape()[1]);
  return best;
}

template <class T>
bool mixes_samples(const Patient<T>& p, const Tensor<T>& y) {
  const auto several = loss_of_several(p, y);
  return several && !several->is_of_samples();
}

template <class T>
void check_initial_loss(Patient<T>& p) {
  p.train_without_dropout();
  const Tensor<T> y = p.outputs(p.probe);
  if (mixes_samples(p, y)) return p.skip("initial-loss", kMixes);
  Guess<T> guess = guess_of(p, y, p.probe);
  const double of_guess = guess.loss;
  if (p.options.expected_loss) {
    guess.loss = *p.options.expected_loss;
    guess.source = "given";
  }
  const auto loss = p.loss_at(y, p.probe);
  if (!loss || std::isnan(guess.loss))
    return p.skip("initial-loss", "the loss of guessing is not known");
  const Moments each = moments_of(losses_one_by_one(p, y, p.probe, p.probe.size()));
  const double error = kSigmas * each.standard_error();
  // What outputs add that are as large as He's initialisation makes them.
  Generator generator(p.options.seed + 1);
  const Tensor<T> noise = normal<T>(y.shape(), 0, 1, generator);
  const NoGrad guard;
  const auto of_noise =
      p.loss_at(guess.prediction + noise * static_cast<T>(std::sqrt(kHeVariance)), p.probe);
  const double allowance = of_noise ? std::max(*of_noise - of_guess, 0.0) : guess.loss;
  const double least =
      p.data.labeled() ? std::min(guess.loss, entropy_of(p.probe.labels)) : guess.loss;
  const double low = least - error, high = guess.loss + allowance + error;
  Finding f{
      .check = "initial-loss",
      .measured = "loss " + rounded(*loss) + " over " + text(p.probe.size()) + " samples",
      .expected = rounded(low) + " to " + rounded(high) + ": " + rounded(guess.loss) + " (" +
                  guess.source + "), up to " + rounded(allowance, 3) +
                  " more for outputs as He's initialisation makes them, and 4 standard errors "
                  "of the mean, " +
                  rounded(error, 3),
      .where = "loss",
      .value = *loss,
      .low = low,
      .high = high};
  if (*loss > high) {
    f.severity = *loss > guess.loss + 4 * allowance + error ? Severity::error : Severity::warning;
    f.title = "the loss before training is larger than that of guessing";
    f.remedy =
        "scale inputs and targets, and look at the initialisation, that of the last layer first";
    p.report(std::move(f));
  } else if (*loss < low) {
    f.title = "the loss before training is smaller than that of guessing";
    f.remedy =
        "is the model trained already? Otherwise look for labels among the inputs, and at the loss";
    p.report(std::move(f));
  }
}

template <class T>
void check_loss_mean(Patient<T>& p) {
  const Tensor<T> y = p.outputs(p.probe);
  if (p.probe.targets.defined() && y.shape() != p.probe.targets.shape() &&
      y.size() == p.probe.targets.size()) {
    return p.report({.check = "loss-mean",
                     .severity = Severity::error,
                     .title =
                         "predictions and targets have different shapes, and the loss pairs each "
                         "with every other",
                     .measured = "predictions " + text(y.shape()) + ", targets " +
                                 text(p.probe.targets.shape()),
                     .expected = "the same shape: (n, 1) against (n) broadcasts to (n, n)",
                     .where = "loss",
                     .remedy = "reshape one of them; mse_loss and its like refuse such a pair"});
  }
  const auto several = loss_of_several(p, y);
  if (!several || several->is_mean()) return;
  const bool sum = several->is_sum();
  p.report(
      {.check = "loss-mean",
       .severity = Severity::warning,
       .title = sum ? "the loss is a sum over the batch, not a mean"
                    : "the loss of a batch is not the mean of those of its samples",
       .measured = "loss " + rounded(several->loss) + " of " + text(several->samples) +
                   " samples, one by one the mean is " + rounded(several->mean),
       .expected = sum ? "a mean: learning rates then do not depend on the batch size"
                       : "the same, unless the loss is meant to be one of pairs or of whole "
                         "batches: else a softmax runs over the axis of the batch, or something "
                         "broadcasts",
       .where = "loss",
       .remedy = sum ? "Reduction::mean"
                     : "look at the axis of softmax (1, not 0) and at the shapes of what is "
                       "subtracted",
       .value = several->loss,
       .low = several->mean,
       .high = several->mean});
}

template <class T>
void check_loss_direction(Patient<T>& p) {
  const Tensor<T> y = p.outputs(p.probe);
  if (mixes_samples(p, y)) return p.skip("loss-direction", kMixes);
  if (p.data.labeled() && y.rank() == 2 && y.shape()[1] > 1) {
    const auto right = p.loss_at(certain<T>(p.probe.labels, y.shape(), 0, 5), p.probe);
    const auto wrong = p.loss_at(certain<T>(p.probe.labels, y.shape(), 1, 5), p.probe);
    if (right && wrong) report_direction(p, *right, *wrong);
  } else if (p.probe.targets.defined() && y.shape() == p.probe.targets.shape()) {
    const Tensor<T>& t = p.probe.targets;
    const auto [low, high] = std::minmax_element(t.data(), t.data() + t.size());
    const NoGrad guard;
    const auto right = p.loss_at(t, p.probe);
    const auto wrong = p.loss_at(static_cast<T>(*low + *high) - t, p.probe);
    if (right && wrong) report_direction(p, *right, *wrong);
  }
}

template <class T>
void check_double_softmax(Patient<T>& p) {
  p.model.eval();
  const std::unique_ptr<ObservedPass<T>> pass = p.observe(p.probe);
  const Tensor<T>& y = pass->output;
  const Guess<T> guess = guess_of(p, y, p.probe);
  const bool classes = p.data.labeled() || (p.probe.targets.defined() && guess.shift_invariant);
  const auto add = [&](const char* title, const char* measured, const char* expected,
                       const char* remedy) {
    p.report({.check = "double-softmax",
              .severity = Severity::error,
              .title = title,
              .measured = measured,
              .expected = expected,
              .where = "the model's last operation and the loss",
              .remedy = remedy});
  };
  if (classes && guess.shift_invariant && is_distribution(y, false)) {
    add("softmax is applied twice",
        "the outputs are probabilities, and the loss makes some of them again",
        "scores of any sign and sum: cross_entropy has softmax inside, and of probabilities it "
        "never "
        "comes near 0",
        "leave out the softmax at the end of the model");
  } else if (p.data.labeled() && guess.takes_logarithms && y.rank() == 2 && y.shape()[1] > 1 &&
             !is_distribution(y, true)) {
    add("the loss takes logarithms of probabilities, and the outputs are none",
        is_distribution(y, false) ? "the outputs are probabilities" : "the outputs are scores",
        "exp(outputs) sum to 1 for each sample",
        "log_softmax before nll_loss, or cross_entropy alone");
  }
  const auto at_zero = p.loss_at(Tensor<T>::filled(y.shape(), 0), p.probe);
  const std::string last = y.operation();
  if (!p.data.labeled() && last == "sigmoid" && at_zero && near(*at_zero, std::log(2.0), 1e-4)) {
    add("sigmoid is applied twice", "the outputs are those of sigmoid, and the loss has one inside",
        "scores of any sign: binary_cross_entropy_with_logits has sigmoid inside",
        "leave out the sigmoid at the end of the model, or use binary_cross_entropy");
  }
  if (!p.data.labeled() && at_zero) report_improbable(p, y, *at_zero);
}

#define XGRAD_INSTANTIATE(T)                                                               \
  template Guess<T> guess_of(const Patient<T>&, const Tensor<T>&, const ExampleBatch<T>&); \
  template bool mixes_samples(const Patient<T>&, const Tensor<T>&);                        \
  template void check_initial_loss(Patient<T>&);                                           \
  template void check_loss_mean(Patient<T>&);                                              \
  template void check_loss_direction(Patient<T>&);                                         \
  template void check_double_softmax(Patient<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
