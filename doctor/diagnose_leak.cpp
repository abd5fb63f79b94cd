// The checks of the training data against the validation data.

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <unordered_map>

#include "xgrad/base/errors.hpp"
#include "xgrad/doctor/features.hpp"
#include "xgrad/doctor/patient.hpp"

namespace xgrad::detail {

template <class T>
void check_duplicates(Patient<T>& p) {
  if (p.options.validation.empty()) return p.skip("duplicates", "there is no validation data");
  const ExampleBatch<T> train = p.data.some(2 * kMost, p.options.seed);
  const ExampleBatch<T> validation = p.options.validation.some(kMost, p.options.seed);
  if (row_size(train.inputs) != row_size(validation.inputs)) return;
  std::unordered_map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < train.size(); ++i) ++seen[row_bytes(train.inputs, i)];
  std::size_t repeated = 0;  // as many find another like themselves
  for (const auto& s : seen) repeated += s.second > 1 ? s.second : 0;
  std::vector<std::size_t> common;
  for (std::size_t i = 0; i < validation.size(); ++i) {
    if (seen.contains(row_bytes(validation.inputs, i))) common.push_back(i);
  }
  const auto n = static_cast<double>(validation.size());
  const double share = static_cast<double>(common.size()) / n,
               inside = static_cast<double>(repeated) / static_cast<double>(train.size());
  // A sample of the same source is found as often as a training sample is among the others.
  const double error = std::sqrt(std::max(inside * (1 - inside), 1 / n) *
                                 (1 / n + 1 / static_cast<double>(train.size())));
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
void report_leak(Patient<T>& p, bool proof, const std::string& measured,
                 const std::string& expected) {
  p.report(
      {.check = "leak",
       .severity = proof ? Severity::error : Severity::warning,
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
  p.report(
      {.check = "validation-scale",
       .severity = shift > 10 || factor > 10 || factor < 0.1 ? Severity::error : Severity::warning,
       .title = "validation data are scaled in another way than training data",
       .measured = "the middle feature's mean is " + rounded(shift, 3) +
                   " deviations away, its deviation " + rounded(factor, 3) + " times as large",
       .expected = "samples of one source, unless validation is meant to be elsewhere: 0 and 1, "
                   "with sampling errors of " +
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
      return report_leak(p, true,
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
    // Samples of a grid that is symmetric are centred as well; their variance is another.
    return report_leak(p, half(exactly_centred(both, true)),
                       "the mean of training and validation data together is 0 to the last "
                       "digit, that of the training data is not",
                       "the mean of the training data is 0, that of both differs by chance");
  }
  if (half(exactly_centred(b, true)) && half(exactly_centred(a, true))) {
    return report_leak(p, true,
                       "the mean of the validation data by themselves is 0 to the last digit",
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
    return report_leak(p, ends - inside > 2,  // of few features it may be a grid's end
                       text(ends - inside) +
                           " features have their end at 0 or 1 in the validation "
                           "data and not in the training data, and none goes beyond",
                       "validation data that go beyond [0, 1] here and there");
  }
  check_shift(p, a, b, static_cast<double>(p.data.size()), static_cast<double>(validation.size()));
}

#define XGRAD_INSTANTIATE(T)                   \
  template void check_duplicates(Patient<T>&); \
  template void check_leak(Patient<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
