// The checks of the data.

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "xgrad/base/errors.hpp"
#include "xgrad/doctor/patient.hpp"

namespace xgrad::detail {
namespace {

constexpr std::size_t kMost = 10000;  // samples that the data are looked at by

template <class T>
std::size_t row_size(const Tensor<T>& x) {
  return x.size() / std::max<std::size_t>(x.shape()[0], 1);
}

template <class T>
std::vector<std::size_t> rows_not_finite(const Tensor<T>& x) {
  std::vector<std::size_t> r;
  const std::size_t row = row_size(x);
  for (std::size_t i = 0; i < x.size() && r.size() < 5; ++i) {
    if (!std::isfinite(x.data()[i]) && (r.empty() || r.back() != i / row)) r.push_back(i / row);
  }
  return r;
}

// Of each feature. A sample at a time: data sets are large.
template <class T>
struct Features {
  std::vector<Moments> of;  // the variance is that times n - 1 until finish()
  std::vector<double> low, high;

  void add(const Tensor<T>& x) {
    of.resize(row_size(x));
    low.resize(of.size(), HUGE_VAL);
    high.resize(of.size(), -HUGE_VAL);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t j = i % of.size();
      const auto v = static_cast<double>(x.data()[i]);
      if (!std::isfinite(v)) continue;
      const double before = v - of[j].mean;
      of[j].mean += before / static_cast<double>(++of[j].n);
      of[j].variance += before * (v - of[j].mean);
      low[j] = std::min(low[j], v);
      high[j] = std::max(high[j], v);
    }
  }
  void add(const Examples<T>& all) {
    constexpr std::size_t kRows = 2048;
    std::vector<std::int64_t> rows;
    for (std::size_t i = 0; i < all.size(); ++i) {
      rows.push_back(static_cast<std::int64_t>(i));
      if (rows.size() < kRows && i + 1 < all.size()) continue;
      add(all.get(rows).inputs);
      rows.clear();
    }
  }
  Features& finish() {
    for (Moments& m : of) m.variance = m.n > 1 ? m.variance / static_cast<double>(m.n - 1) : 0;
    return *this;
  }
};

template <class T>
std::string_view row_bytes(const Tensor<T>& x, std::size_t i) {
  const std::size_t row = row_size(x);
  return {reinterpret_cast<const char*>(x.data() + i * row), row * sizeof(T)};
}

}  // namespace

template <class T>
void check_finite(Patient<T>& p) {
  const auto numbers = p.data.choose(kMost, p.options.seed);
  const ExampleBatch<T> batch = p.data.get(numbers);
  const auto look = [&](const char* what, const Tensor<T>& x) {
    if (!x.defined()) return;
    std::vector<std::size_t> rows = rows_not_finite(x);
    if (rows.empty()) return;
    for (std::size_t& r : rows) r = static_cast<std::size_t>(numbers[r]);
    p.report({.check = "inputs-finite",
              .severity = Severity::error,
              .title = std::string("there are NaN or infinite numbers among the ") + what,
              .measured = "first in the samples listed",
              .expected = "finite numbers: one NaN makes the loss and all gradients NaN",
              .remedy = "fill or leave out missing values before training",
              .samples = std::move(rows)});
  };
  look("inputs", batch.inputs);
  look("targets", batch.targets);
}

template <class T>
void check_input_scale(Patient<T>& p) {
  const Tensor<T>& x = p.probe.inputs;
  Features<T> features;
  features.add(x);
  features.finish();
  double squares = 0, largest = 0, off = 0;
  std::vector<double> deviations;
  for (const Moments& f : features.of) {
    squares += f.mean * f.mean + f.variance;
    if (f.variance > 0) deviations.push_back(f.deviation());
    if (f.variance > 0) off = std::max(off, std::abs(f.mean) / f.deviation());
  }
  const double rms = std::sqrt(squares / static_cast<double>(features.of.size()));
  const double typical = median_of(deviations);
  for (const double d : deviations) largest = std::max(largest, d);
  std::string first;
  p.model.apply([&](const std::string&, Module<T>& m) {
    if (first.empty() && m.children().empty()) first = m.type_name();
  });
  const bool embedded = first == "Embedding", normalized = first.ends_with("Norm");
  if (embedded || rms == 0) return;
  // Scores of a linear layer by He are as large as sqrt(2) rms: 4.6 saturates a sigmoid.
  const bool large = rms > 10, small = rms < 1e-2;
  const bool uneven = deviations.size() > 1 && largest > 100 * typical;
  if ((large || small || uneven) && !normalized) {
    p.report({.check = "input-scale",
              .severity = large ? Severity::error : Severity::warning,
              .title = uneven && !large ? "the inputs' features are of very different scales"
                       : large          ? "the inputs are far too large"
                                        : "the inputs are very small",
              .measured = "root of the mean square " + rounded(rms, 3) +
                          ", deviations of features up to " + rounded(largest, 3) +
                          ", of the middle one " + rounded(typical, 3),
              .expected = "near 1, features alike: initial weights are made for inputs of variance "
                          "1 (Xavier, He), and larger ones saturate what follows",
              .where = "inputs",
              .remedy = "subtract the mean of the training data and divide by their deviation, "
                        "feature by feature (Standardize)",
              .value = rms,
              .low = 1e-2,
              .high = 10});
  } else if (off > 10 && !normalized) {
    p.report(
        {.check = "input-scale",
         .severity = Severity::warning,
         .title = "the inputs are far from 0 compared with how much they vary",
         .measured = "a feature's mean is " + rounded(off, 3) + " of its deviations from 0",
         .expected = "zero-centred inputs: weights of one unit otherwise all move the same way",
         .where = "inputs",
         .remedy = "subtract the mean of the training data",
         .value = off,
         .high = 10});
  }
}

template <class T>
void check_targets(Patient<T>& p) {
  const Tensor<T>& t = p.probe.targets;
  if (!t.defined()) return;
  const Moments m = moments_of(t.data(), t.size());
  if (m.variance == 0) {
    return p.report({.check = "targets",
                     .severity = Severity::error,
                     .title = "all targets are the same",
                     .measured = "all are " + rounded(m.mean),
                     .expected = "targets that vary: there is nothing else to learn",
                     .where = "targets",
                     .remedy = "look at how the targets are read"});
  }
  std::set<double> different;
  bool whole = true;
  for (std::size_t i = 0; i < t.size(); ++i) {
    const auto v = static_cast<double>(t.data()[i]);
    whole = whole && v == std::floor(v) && v >= 0;
    if (different.size() <= 20) different.insert(v);
  }
  const bool one = row_size(t) == 1;
  if (whole && one && different.size() > 2 && different.size() <= 20 && t.size() >= 50 &&
      *different.rbegin() == static_cast<double>(different.size()) - 1) {
    p.report({.check = "targets",
              .severity = Severity::warning,
              .title = "the targets look like numbers of classes",
              .measured = "0 to " + rounded(*different.rbegin()) + ", each a whole number",
              .expected = "quantities: of class numbers, 1 is no nearer to 2 than to 7",
              .where = "targets",
              .remedy = "for classes, labels with cross_entropy on one output for each class"});
  }
  const double scale = m.deviation(), rms = std::sqrt(m.mean * m.mean + m.variance);
  if (rms > 10 || scale < 1e-2 || std::abs(m.mean) > 10 * scale) {
    p.report({.check = "targets",
              .severity = Severity::warning,
              .title = "the targets are not scaled",
              .measured = "mean " + rounded(m.mean, 3) + ", deviation " + rounded(scale, 3),
              .expected = "near 0 and 1, where a model's first outputs are",
              .where = "targets",
              .remedy = "subtract their mean and divide by their deviation, and undo it afterwards",
              .value = scale});
  }
}

template <class T>
void check_labels(Patient<T>& p) {
  if (!p.data.labeled()) return;
  const Indices labels = p.data.some(kMost, p.options.seed).labels;
  std::map<std::int64_t, std::size_t> counts;
  for (const std::int64_t l : labels) ++counts[l];
  counts.erase(-100);  // not to be counted: ignore_index
  std::size_t outputs = 0;
  if (!p.broken) {
    const NoGrad guard;
    const Tensor<T> y =
        p.predict(slice_of(p.probe, 0, std::min<std::size_t>(p.probe.size(), 4)).inputs);
    if (y.rank() >= 2) outputs = y.shape()[1];
  }
  const std::int64_t low = counts.begin()->first, high = counts.rbegin()->first;
  const auto classes = static_cast<std::int64_t>(outputs);
  const std::string range = "labels " + text(low) + " to " + text(high);
  if (counts.size() == 1) {
    return p.report({.check = "labels",
                     .severity = Severity::error,
                     .title = "all labels are the same",
                     .measured = "all are " + text(low),
                     .expected = "at least two classes",
                     .where = "labels",
                     .remedy = "look at how the labels are read"});
  }
  if (low < 0 || (outputs > 1 && high >= classes)) {
    p.report({.check = "labels",
              .severity = Severity::error,
              .title = "labels are no numbers of outputs",
              .measured = range + ", outputs " + text(outputs),
              .expected = "0 to " + text(classes - 1),
              .where = "labels",
              .remedy = "count classes from 0, and give the last layer an output for each"});
  } else if (outputs > 1 && high + 1 < classes) {
    p.report({.check = "labels",
              .severity = Severity::warning,
              .title = "the model has more outputs than there are classes",
              .measured = range + ", outputs " + text(outputs),
              .expected = "an output for each class",
              .where = "labels",
              .remedy = "look at the size of the last layer, and for classes that are missing"});
  } else if (low == 1 && labels.size() > 20) {
    p.report({.check = "labels",
              .severity = Severity::warning,
              .title = "class 0 has no samples",
              .measured = range,
              .expected = "classes counted from 0",
              .where = "labels",
              .remedy = "subtract 1 if the labels were counted from 1"});
  }
  std::size_t most = 0;
  for (const auto& c : counts) most = std::max(most, c.second);
  const double share = static_cast<double>(most) / static_cast<double>(labels.size());
  const double even = 1 / static_cast<double>(counts.size());
  if (share > std::max(0.9, 1 - even / 2)) {
    p.report({.check = "class-balance",
              .severity = Severity::warning,
              .title = "almost all samples are of one class",
              .measured = "a share of " + rounded(share, 3),
              .expected = "an even share is " + rounded(even, 3) +
                          "; a model that always says this class looks accurate",
              .where = "labels",
              .remedy = "class weights in the loss, weighted_sampler, and F1 in place of accuracy",
              .value = share,
              .high = 0.9});
  }
}

template <class T>
void check_duplicates(Patient<T>& p) {
  if (p.options.validation.empty()) return p.skip("duplicates", "there is no validation data");
  const ExampleBatch<T> train = p.data.some(2 * kMost, p.options.seed);
  const ExampleBatch<T> validation = p.options.validation.some(kMost, p.options.seed);
  if (row_size(train.inputs) != row_size(validation.inputs)) return;
  std::unordered_map<std::string_view, std::size_t> seen;
  std::size_t repeated = 0;
  for (std::size_t i = 0; i < train.size(); ++i) repeated += seen[row_bytes(train.inputs, i)]++ > 0;
  std::vector<std::size_t> common;
  for (std::size_t i = 0; i < validation.size(); ++i) {
    if (seen.contains(row_bytes(validation.inputs, i))) common.push_back(i);
  }
  const auto n = static_cast<double>(validation.size());
  const double share = static_cast<double>(common.size()) / n,
               inside = static_cast<double>(repeated) / static_cast<double>(train.size());
  // What repeats itself inside the training data repeats itself here as well.
  const double error = std::sqrt(std::max(inside * (1 - inside), 1 / n) / n);
  if (common.empty() || share <= inside + kSigmas * error) return;
  common.resize(std::min<std::size_t>(common.size(), 5));
  p.report({.check = "duplicates",
            .severity = share > inside + 0.01 ? Severity::error : Severity::warning,
            .title = "samples of the validation data are in the training data",
            .measured = "a share of " + rounded(share, 3) + " of the validation samples",
            .expected = "no more than repeat inside the training data, " + rounded(inside, 3) +
                        ", and 4 standard errors of it",
            .where = "validation data",
            .remedy = "split before anything is copied or augmented, by whole groups that belong "
                      "together",
            .value = share,
            .high = inside + kSigmas * error,
            .samples = std::move(common)});
}

namespace {

template <class T>
void report_leak(Patient<T>& p, const std::string& measured, const std::string& expected) {
  p.report(
      {.check = "leak",
       .severity = Severity::error,
       .title = "statistics for preprocessing were computed with the validation data",
       .measured = measured,
       .expected = expected,
       .where = "inputs",
       .remedy = "fit on the training data only, and apply the same numbers to both (Pipeline)"});
}

// How many features have the mean 0 to the last digits, and, when `scaled`, the variance 1.
template <class T>
std::size_t exactly_centred(const Features<T>& f, bool scaled = false) {
  const double tiny = 30 * static_cast<double>(std::numeric_limits<T>::epsilon());
  return static_cast<std::size_t>(std::count_if(f.of.begin(), f.of.end(), [&](const Moments& m) {
    const double off = std::abs(m.variance - 1);
    return m.variance > 0 && std::abs(m.mean) < tiny * std::max(1.0, m.deviation()) &&
           (!scaled || off < 1e-4 + 1.5 / static_cast<double>(m.n));
  }));
}

template <class T>
void check_shift(Patient<T>& p, const Features<T>& train, const Features<T>& validation,
                 double n_train, double n_validation) {
  std::vector<double> shifts, factors;
  for (std::size_t j = 0; j < train.of.size(); ++j) {
    const double s = train.of[j].deviation();
    if (s == 0) continue;
    shifts.push_back(std::abs(validation.of[j].mean - train.of[j].mean) / s);
    factors.push_back(validation.of[j].deviation() / s);
  }
  if (shifts.empty()) return;
  const double shift = median_of(shifts), factor = median_of(factors);
  const double error = kSigmas * std::sqrt(1 / n_train + 1 / n_validation);
  if (shift <= 1 + error && factor > 0.25 * (1 - error) && factor < 4 * (1 + error)) return;
  p.report({.check = "validation-scale",
            .severity = Severity::error,
            .title = "validation data are scaled in another way than training data",
            .measured = "the middle feature's mean is " + rounded(shift, 3) +
                        " deviations away, its deviation " + rounded(factor, 3) + " times as large",
            .expected = "samples of one source: 0 and 1, with sampling errors of " +
                        rounded(error, 2) + " (4 standard errors)",
            .where = "validation data",
            .remedy = "apply the preprocessing that was fitted on the training data to both",
            .value = shift,
            .high = 1 + error});
}

}  // namespace

template <class T>
void check_leak(Patient<T>& p) {
  if (p.options.validation.empty()) return p.skip("leak", "there is no validation data");
  const Examples<T>& validation = p.options.validation;
  if (p.options.fitted && p.options.fitted->samples > 0) {
    const double share = p.options.fitted->share_of(validation.some(kMost, 0).inputs.value());
    if (share > 0.01) {
      return report_leak(p,
                         "preprocessing fitted on " + quote(p.options.fitted->name) +
                             " knew a share of " + rounded(share, 3) + " of the validation samples",
                         "none of them");
    }
  }
  const std::vector<std::int64_t> first{0};
  const std::size_t row = row_size(p.data.get(first).inputs);
  if (row != row_size(validation.get(first).inputs)) return;
  if (row * (p.data.size() + validation.size()) > 500'000'000) {
    return p.skip("leak", "the data are too many to look at all of them");
  }
  Features<T> a, b;
  a.add(p.data);
  Features<T> both = a;
  both.add(validation);
  b.add(validation);
  for (Features<T>* f : {&a, &b, &both}) f->finish();
  const auto half = [&](std::size_t n) { return n > 0 && 2 * n > row; };
  if (half(exactly_centred(both)) && !half(exactly_centred(a))) {
    return report_leak(p,
                       "the mean of training and validation data together is 0 to the last "
                       "digit, that of the training data is not",
                       "the mean of the training data is 0, that of both differs by chance");
  }
  if (half(exactly_centred(b, true)) && half(exactly_centred(a, true))) {
    return report_leak(p, "the mean of the validation data by themselves is 0 to the last digit",
                       "the mean of the training data is 0, that of the validation data differs by "
                       "chance");
  }
  std::size_t ends = 0,
              inside = 0;  // smallest and largest, of both together and of the training data
  for (std::size_t j = 0; j < row; ++j) {
    ends += both.low[j] == 0 && both.high[j] == 1 && both.of[j].variance > 0;
    inside += a.low[j] == 0 && a.high[j] == 1 && a.of[j].variance > 0;
  }
  const Tensor<T>& some = p.probe.inputs;
  const std::set<T> values(some.data(), some.data() + some.size());
  if (half(ends) && inside < ends && (values.size() > 300 || 2 * values.size() > some.size())) {
    return report_leak(p,
                       text(ends - inside) +
                           " features have their end at 0 or 1 in the validation "
                           "data and not in the training data, and none goes beyond",
                       "validation data that go beyond [0, 1] here and there");
  }
  check_shift(p, a, b, static_cast<double>(p.data.size()), static_cast<double>(validation.size()));
}

#define XGRAD_INSTANTIATE(T)                    \
  template void check_finite(Patient<T>&);      \
  template void check_input_scale(Patient<T>&); \
  template void check_targets(Patient<T>&);     \
  template void check_labels(Patient<T>&);      \
  template void check_duplicates(Patient<T>&);  \
  template void check_leak(Patient<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
