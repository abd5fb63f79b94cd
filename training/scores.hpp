#pragma once

// Figures of merit beside accuracy: precision, recall and F1; ROC and precision-recall curves;
// log-loss, Brier score and calibration of probabilities; errors of regression; and intervals by
// bootstrap. All in double. Definitions are those of scikit-learn's functions of the same names
// where nothing else is said; what is not defined there (a warning or an exception) is said here.
//
//   ConfusionMatrix confusion = confusion_matrix(net, loader, 10);
//   ClassScores f = class_scores(confusion);                         // f.f1[3], f.macro.f1
//   double area = roc_curve(scores, positive).area();
//   BootstrapInterval i = bootstrap(n, [&](const auto& rows) { return accuracy_of(rows); });

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "xgrad/training/metrics.hpp"

namespace xgrad {

struct PrecisionRecall {
  double precision = 0;  ///< of what was predicted as the class, the share that is of it
  double recall = 0;     ///< of what is of the class, the share that was predicted as it
  double f1 = 0;         ///< 2 precision recall / (precision + recall)
};

/// 0 / 0 counts 0: of a class that was never predicted (precision), that never occurs (recall).
struct ClassScores {
  std::vector<double> precision, recall, f1;  ///< of each class
  std::vector<std::size_t> support;           ///< how often it occurs
  PrecisionRecall macro;  ///< means over the classes that occur or were predicted
  PrecisionRecall micro;  ///< of all counts together: precision and recall are the accuracy, when
                          ///< every sample has a prediction
  PrecisionRecall weighted;  ///< means weighted by support
};

/// Samples without a prediction (NaN scores) are missed by their class and predicted by none.
/// NaN everywhere when there are no samples.
ClassScores class_scores(const ConfusionMatrix& confusion);

/// Points of a curve over the thresholds: samples with a score of at least the threshold are called
/// positive. Equal scores come in together.
struct RocCurve {
  std::vector<double> thresholds;           ///< falling; the first is infinity
  std::vector<double> false_positive_rate;  ///< from 0 to 1
  std::vector<double> true_positive_rate;   ///< from 0 to 1
  /// By the trapezoidal rule: the probability that a positive sample has a higher score than a
  /// negative one, ties counting half (Mann, Whitney). NaN when one of the two kinds is absent.
  double area() const;
};

/// Points of a curve over the thresholds, as of RocCurve.
struct PrecisionRecallCurve {
  std::vector<double> thresholds;  ///< falling
  std::vector<double> precision, recall;
  /// Average precision: sum of (change of recall) times precision, without interpolation. 0 without
  /// positive samples.
  double area() const;
};

/// All thresholds, also those that lie on a straight line between others.
/// Throws std::invalid_argument for spans of different lengths, and NaN among the scores.
RocCurve roc_curve(std::span<const double> scores, const std::vector<bool>& positive);
PrecisionRecallCurve precision_recall_curve(std::span<const double> scores,
                                            const std::vector<bool>& positive);

/// One class against the others: its column of scores (n, classes) in double, and which labels are it.
struct OneAgainstOthers {
  std::vector<double> scores;
  std::vector<bool> positive;
};
/// Throws std::invalid_argument for shapes that do not fit, std::out_of_range for no such class.
template <class T>
OneAgainstOthers one_against_others(const Tensor<T>& scores, const Indices& labels,
                                    std::size_t label);

/// -mean log p[label] of probabilities (n, classes), which are limited to [e, 1 - e], e the rounding
/// of double. Throws std::invalid_argument unless rows are probabilities (sums within 0.001 of 1),
/// std::out_of_range for labels.
template <class T>
double log_loss(const Tensor<T>& probabilities, const Indices& labels);

/// Mean over the samples of sum over the classes of (p - [label])^2, in [0, 2]: for two classes
/// twice the mean of (p - y)^2 that is often meant. Throws as log_loss. **Source** Brier 1950.
template <class T>
double brier_score(const Tensor<T>& probabilities, const Indices& labels);

/// Samples by how sure the prediction is, in bins of equal width: ((i - 1)/n, i/n], the first with
/// its lower end.
struct Calibration {
  std::vector<std::size_t> count;  ///< predictions in the bin
  std::vector<double> confidence;  ///< mean of the highest probability; NaN for an empty bin
  std::vector<double> accuracy;    ///< share of right predictions
  /// Sum over the bins of (share of samples) |accuracy - confidence|. **Source** Guo, Pleiss, Sun,
  /// Weinberger 2017, equation 3.
  double expected_error() const;
  double largest_error() const;  ///< of a bin
};
/// Throws as log_loss, and for 0 bins.
template <class T>
Calibration calibration(const Tensor<T>& probabilities, const Indices& labels,
                        std::size_t bins = 15);

/// Mean of |prediction - target|. Throws std::invalid_argument for shapes that differ or are empty.
template <class T>
double mean_absolute_error(const Tensor<T>& predictions, const Tensor<T>& targets);
template <class T>
double mean_squared_error(const Tensor<T>& predictions, const Tensor<T>& targets);
/// As the metric r_squared: the mean over outputs of 1 - errors / deviations; an output whose targets
/// are all the same counts 1 when it is met exactly, else 0.
template <class T>
double r_squared(const Tensor<T>& predictions, const Tensor<T>& targets);

struct BootstrapOptions {
  std::size_t resamples = 1000;  ///< how many are drawn
  double confidence = 0.95;      ///< share of them between low and high
  std::uint64_t seed = 0;        ///< of the draws
};
struct BootstrapInterval {
  double value;           ///< of all samples
  double low, high;       ///< percentiles of the resamples, between neighbours linear
  double standard_error;  ///< standard deviation of the resamples
};
/// How sure a figure of n samples is: it is taken of n samples that are drawn with replacement, again
/// and again. `figure` gets their numbers. Resamples that give NaN are left out; of fewer than 2 the
/// ends are NaN. The same seed gives the same interval.
/// Throws std::invalid_argument for no samples or resamples and a confidence outside (0, 1).
/// **Source** Efron 1979; percentile interval.
BootstrapInterval bootstrap(std::size_t n,
                            const std::function<double(std::span<const std::size_t>)>& figure,
                            const BootstrapOptions& options = {});

}  // namespace xgrad
