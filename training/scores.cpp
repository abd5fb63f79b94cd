#include "xgrad/training/scores.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "xgrad/autograd/trace.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/data/draws.hpp"

namespace xgrad {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double ratio(double a, double b) { return b == 0 ? 0 : a / b; }
double harmonic(double p, double r) { return ratio(2 * p * r, p + r); }

// Places of the scores, highest first.
std::vector<std::size_t> ranking(std::string_view operation, std::span<const double> scores,
                                 const std::vector<bool>& positive) {
  detail::require(scores.size() == positive.size(), operation, "scores ", scores.size(),
                  ", positive ", positive.size());
  detail::require(
      std::none_of(scores.begin(), scores.end(), [](double s) { return std::isnan(s); }), operation,
      "a score is nan");
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  return order;
}

// Calls f(threshold, true positives, false positives) after each group of equal scores.
template <class F>
void each_threshold(std::span<const double> scores, const std::vector<bool>& positive,
                    const std::vector<std::size_t>& order, const F& f) {
  double hits = 0, alarms = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    (positive[order[i]] ? hits : alarms) += 1;
    const double score = scores[order[i]];
    if (i + 1 == order.size() || scores[order[i + 1]] != score) f(score, hits, alarms);
  }
}

double count(const std::vector<bool>& positive) {
  return static_cast<double>(std::count(positive.begin(), positive.end(), true));
}

void check_labels(std::string_view operation, const Shape& shape, const Indices& labels) {
  detail::require(shape.rank() == 2 && shape[1] > 0, operation, "shape ", shape,
                  " is not (n, classes)");
  detail::require(labels.dimension() == 1 && labels.size() == shape[0] && shape[0] > 0, operation,
                  "shape ", shape, ", labels ", Shape(labels.shape()));
  for (const std::int64_t l : labels) {
    detail::require<std::out_of_range>(l >= 0 && static_cast<std::size_t>(l) < shape[1], operation,
                                       "label ", l, " of ", shape[1], " classes");
  }
}

template <class T>
void check_probabilities(std::string_view operation, const Tensor<T>& p, const Indices& labels) {
  check_labels(operation, p.shape(), labels);
  detail::read_on_host(p, "a score");
  const std::size_t classes = p.shape()[1];
  for (std::size_t i = 0; i < labels.size(); ++i) {
    double sum = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      const auto v = static_cast<double>(p.data()[i * classes + c]);
      detail::require(v >= 0, operation, "row ", i, " has a probability of ", v);
      sum += v;
    }
    detail::require(std::abs(sum - 1) <= 1e-3, operation, "probabilities of row ", i, " sum to ",
                    sum);
  }
}

template <class T>
void check_targets(std::string_view operation, const Tensor<T>& p, const Tensor<T>& t) {
  detail::require(p.shape() == t.shape() && p.size() > 0 && p.rank() > 0, operation, "predictions ",
                  p.shape(), ", targets ", t.shape());
  detail::read_on_host(p, "a score");
}

template <class T, class F>
double mean_over(const Tensor<T>& p, const Tensor<T>& t, const F& f) {
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    sum += f(static_cast<double>(p.data()[i]) - static_cast<double>(t.data()[i]));
  }
  return sum / static_cast<double>(p.size());
}

double percentile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const double rest = place - static_cast<double>(below);
  return below + 1 < sorted.size() ? sorted[below] + rest * (sorted[below + 1] - sorted[below])
                                   : sorted.back();
}

}  // namespace

ClassScores class_scores(const ConfusionMatrix& confusion) {
  const std::size_t classes = confusion.classes();
  ClassScores r;
  double there = 0, all_hits = 0, all_predicted = 0, all = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    double predicted = 0, support = static_cast<double>(confusion.without_prediction(c));
    for (std::size_t o = 0; o < classes; ++o) {
      predicted += static_cast<double>(confusion(o, c));
      support += static_cast<double>(confusion(c, o));
    }
    const auto hits = static_cast<double>(confusion(c, c));
    r.precision.push_back(ratio(hits, predicted));
    r.recall.push_back(ratio(hits, support));
    r.f1.push_back(harmonic(r.precision[c], r.recall[c]));
    r.support.push_back(static_cast<std::size_t>(support));
    there += predicted + support > 0;
    all_hits += hits;
    all_predicted += predicted;
    all += support;
  }
  const auto mean = [&](const std::vector<double>& v, bool weighted) {
    double sum = 0;  // of an absent class all are 0
    for (std::size_t c = 0; c < classes; ++c) {
      sum += weighted ? v[c] * static_cast<double>(r.support[c]) : v[c];
    }
    return sum / (weighted ? all : there);
  };
  r.macro = {mean(r.precision, false), mean(r.recall, false), mean(r.f1, false)};
  r.weighted = {mean(r.precision, true), mean(r.recall, true), mean(r.f1, true)};
  const double precision = ratio(all_hits, all_predicted), recall = all_hits / all;
  r.micro = {all == 0 ? kNaN : precision, recall, all == 0 ? kNaN : harmonic(precision, recall)};
  return r;
}

double RocCurve::area() const {
  double sum = 0;
  for (std::size_t i = 1; i < thresholds.size(); ++i) {
    sum += (false_positive_rate[i] - false_positive_rate[i - 1]) *
           (true_positive_rate[i] + true_positive_rate[i - 1]) / 2;
  }
  return thresholds.size() < 2 ? kNaN : sum;
}

double PrecisionRecallCurve::area() const {
  double sum = 0, before = 0;
  for (std::size_t i = 0; i < recall.size(); ++i) {
    sum += (recall[i] - before) * precision[i];
    before = recall[i];
  }
  return sum;
}

RocCurve roc_curve(std::span<const double> scores, const std::vector<bool>& positive) {
  const auto order = ranking("roc_curve", scores, positive);
  const double hits = count(positive), others = static_cast<double>(scores.size()) - hits;
  RocCurve r{
      {std::numeric_limits<double>::infinity()}, {others > 0 ? 0 : kNaN}, {hits > 0 ? 0 : kNaN}};
  each_threshold(scores, positive, order, [&](double score, double h, double a) {
    r.thresholds.push_back(score);
    r.false_positive_rate.push_back(a / others);
    r.true_positive_rate.push_back(h / hits);
  });
  return r;
}

PrecisionRecallCurve precision_recall_curve(std::span<const double> scores,
                                            const std::vector<bool>& positive) {
  const auto order = ranking("precision_recall_curve", scores, positive);
  const double hits = count(positive);
  PrecisionRecallCurve r;
  each_threshold(scores, positive, order, [&](double score, double h, double a) {
    r.thresholds.push_back(score);
    r.precision.push_back(h / (h + a));
    r.recall.push_back(ratio(h, hits));
  });
  return r;
}

template <class T>
OneAgainstOthers one_against_others(const Tensor<T>& scores, const Indices& labels,
                                    std::size_t label) {
  check_labels("one_against_others", scores.shape(), labels);
  detail::read_on_host(scores, "one_against_others");
  const std::size_t classes = scores.shape()[1];
  detail::require<std::out_of_range>(label < classes, "one_against_others", "class ", label, " of ",
                                     classes);
  OneAgainstOthers r;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    r.scores.push_back(static_cast<double>(scores.data()[i * classes + label]));
    r.positive.push_back(labels.data()[i] == static_cast<std::int64_t>(label));
  }
  return r;
}

template <class T>
double log_loss(const Tensor<T>& p, const Indices& labels) {
  check_probabilities("log_loss", p, labels);
  constexpr double e = std::numeric_limits<double>::epsilon();
  double sum = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto place = i * p.shape()[1] + static_cast<std::size_t>(labels.data()[i]);
    sum -= std::log(std::clamp(static_cast<double>(p.data()[place]), e, 1 - e));
  }
  return sum / static_cast<double>(labels.size());
}

template <class T>
double brier_score(const Tensor<T>& p, const Indices& labels) {
  check_probabilities("brier_score", p, labels);
  const std::size_t classes = p.shape()[1];
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const bool right = labels.data()[i / classes] == static_cast<std::int64_t>(i % classes);
    const double d = static_cast<double>(p.data()[i]) - (right ? 1 : 0);
    sum += d * d;
  }
  return sum / static_cast<double>(labels.size());
}

double Calibration::expected_error() const {
  double sum = 0, all = 0;
  for (std::size_t b = 0; b < count.size(); ++b) {
    if (count[b] == 0) continue;
    const auto n = static_cast<double>(count[b]);
    sum += n * std::abs(accuracy[b] - confidence[b]);
    all += n;
  }
  return sum / all;
}

double Calibration::largest_error() const {
  double r = 0;
  for (std::size_t b = 0; b < count.size(); ++b) {
    if (count[b] > 0) r = std::max(r, std::abs(accuracy[b] - confidence[b]));
  }
  return r;
}

template <class T>
Calibration calibration(const Tensor<T>& p, const Indices& labels, std::size_t bins) {
  check_probabilities("calibration", p, labels);
  detail::require(bins > 0, "calibration", "bins is 0");
  const std::size_t classes = p.shape()[1];
  Calibration r{std::vector<std::size_t>(bins), std::vector<double>(bins),
                std::vector<double>(bins)};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const T* row = p.data() + i * classes;
    const T* most = std::max_element(row, row + classes);
    const auto sure = static_cast<double>(*most);
    const double place = std::ceil(sure * static_cast<double>(bins)) - 1;
    const auto b = static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(bins - 1)));
    ++r.count[b];
    r.confidence[b] += sure;
    r.accuracy[b] += most - row == labels.data()[i];
  }
  for (std::size_t b = 0; b < bins; ++b) {
    r.confidence[b] /= static_cast<double>(r.count[b]);
    r.accuracy[b] /= static_cast<double>(r.count[b]);
  }
  return r;
}

template <class T>
double mean_absolute_error(const Tensor<T>& p, const Tensor<T>& t) {
  check_targets("mean_absolute_error", p, t);
  return mean_over(p, t, [](double e) { return std::abs(e); });
}

template <class T>
double mean_squared_error(const Tensor<T>& p, const Tensor<T>& t) {
  check_targets("mean_squared_error", p, t);
  return mean_over(p, t, [](double e) { return e * e; });
}

template <class T>
double r_squared(const Tensor<T>& p, const Tensor<T>& t) {
  check_targets("r_squared", p, t);
  const std::size_t n = p.shape()[0], outputs = p.size() / n;
  double total = 0;
  for (std::size_t j = 0; j < outputs; ++j) {
    double mean = 0, deviations = 0, errors = 0;
    bool constant = true;
    const auto at = [&](const Tensor<T>& x, std::size_t i) {
      return static_cast<double>(x.data()[i * outputs + j]);
    };
    for (std::size_t i = 0; i < n; ++i) mean += at(t, i) / static_cast<double>(n);
    for (std::size_t i = 0; i < n; ++i) {
      constant = constant && at(t, i) == at(t, 0);
      deviations += std::pow(at(t, i) - mean, 2);
      errors += std::pow(at(t, i) - at(p, i), 2);
    }
    total += constant ? (errors == 0 ? 1 : 0) : 1 - errors / deviations;
  }
  return total / static_cast<double>(outputs);
}

BootstrapInterval bootstrap(std::size_t n,
                            const std::function<double(std::span<const std::size_t>)>& figure,
                            const BootstrapOptions& o) {
  detail::require(n > 0 && o.resamples > 0, "bootstrap", "samples ", n, ", resamples ",
                  o.resamples);
  detail::require_in("bootstrap", "confidence", o.confidence, "(0, 1)");
  std::vector<std::size_t> rows(n);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  BootstrapInterval r{figure(rows), kNaN, kNaN, kNaN};
  std::vector<double> values;
  for (std::size_t s = 0; s < o.resamples; ++s) {
    Draws draws(o.seed, 0, s);
    for (std::size_t& row : rows) {
      row = static_cast<std::size_t>(draws.integer(0, static_cast<std::int64_t>(n) - 1));
    }
    const double v = figure(rows);
    if (!std::isnan(v)) values.push_back(v);
  }
  if (values.size() < 2) return r;
  std::sort(values.begin(), values.end());
  const double tail = (1 - o.confidence) / 2;
  r.low = percentile(values, tail);
  r.high = percentile(values, 1 - tail);
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  r.standard_error = std::sqrt(squares / (count - 1));
  return r;
}

#define XGRAD_INSTANTIATE(T)                                                                   \
  template OneAgainstOthers one_against_others(const Tensor<T>&, const Indices&, std::size_t); \
  template double log_loss(const Tensor<T>&, const Indices&);                                  \
  template double brier_score(const Tensor<T>&, const Indices&);                               \
  template Calibration calibration(const Tensor<T>&, const Indices&, std::size_t);             \
  template double mean_absolute_error(const Tensor<T>&, const Tensor<T>&);                     \
  template double mean_squared_error(const Tensor<T>&, const Tensor<T>&);                      \
  template double r_squared(const Tensor<T>&, const Tensor<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
