// The checks of the data.

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "xgrad/base/errors.hpp"
#include "xgrad/doctor/activity.hpp"
#include "xgrad/doctor/features.hpp"
#include "xgrad/doctor/patient.hpp"

namespace xgrad::detail {
namespace {

template <class T>
std::vector<std::size_t> rows_not_finite(const Tensor<T>& x) {
  std::vector<std::size_t> r;
  const std::size_t row = row_size(x);
  for (std::size_t i = 0; i < x.size() && r.size() < 5; ++i) {
    if (!std::isfinite(x.data()[i]) && (r.empty() || r.back() != i / row)) r.push_back(i / row);
  }
  return r;
}

// Whether the model makes numbers of usual size of its inputs, as one does that divides by 255
// itself: the mean square of what the first product with a weight gives.
template <class T>
bool scales_inputs_itself(const Patient<T>& p) {
  if (p.broken) return false;
  const auto pass = p.observe(p.probe);
  const auto first = std::find_if(pass->tape.begin(), pass->tape.end(),
                                  [](const auto& e) { return is_product(e.operation()); });
  if (first == pass->tape.end() || !first->has_value()) return false;
  const Moments m = moments_of(first->node->data, first->node->elements);
  return m.mean * m.mean + m.variance < kLargestFactor;
}

// Of a sample's, 0 where that is not known. The model may run where the loss does not.
template <class T>
std::size_t outputs_of(const Patient<T>& p) {
  try {
    const Tensor<T> y = p.outputs(slice_of(p.probe, 0, std::min<std::size_t>(p.probe.size(), 4)));
    return y.rank() >= 2 ? y.shape()[1] : 0;
  } catch (const std::exception&) {
    return 0;
  }
}

// A model may know what to do with values that are missing.
template <class T>
bool copes_with(const Patient<T>& p, const ExampleBatch<T>& batch) {
  try {
    return !p.broken && std::isfinite(p.loss_value(batch));
  } catch (const std::exception&) {
    return false;
  }
}

// What becomes of a sample with such a label: its loss is not counted (ignore_index), or refused.
enum class Fate { counted, ignored, refused };

template <class T>
Fate fate_of(const Patient<T>& p, std::int64_t label, std::int64_t classes) {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < p.probe.size() && rows.size() < 4; ++i) {
    const std::int64_t l = p.probe.labels.data()[i];
    if (l >= 0 && l < classes) rows.push_back(i);
  }
  if (p.broken || rows.size() < 4) return Fate::refused;
  ExampleBatch<T> batch = rows_of(p.probe, rows);
  const Tensor<T> y = p.outputs(batch);
  const auto without = p.loss_at(rows_of<T>({y, {}, {}}, {0, 1, 2}).inputs, slice_of(batch, 0, 3));
  batch.labels.data()[3] = label;
  const auto with = p.loss_at(y, batch);
  if (!with) return Fate::refused;
  return without && std::abs(*with - *without) <= 1e-5 * std::abs(*without) ? Fate::ignored
                                                                            : Fate::counted;
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
    if (copes_with(p, rows_of(batch, rows))) return;
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
  double squares = 0, variances = 0, largest = 0, off = 0;
  std::vector<double> deviations;
  for (const Moments& f : features.of) {
    squares += f.mean * f.mean + f.variance;
    variances += f.variance;
    if (f.variance > 0) deviations.push_back(f.deviation());
  }
  const auto count = static_cast<double>(features.of.size());
  const double rms = std::sqrt(squares / count), spread = std::sqrt(variances / count);
  // One that hardly varies, as a picture's corner, and is no larger than what others vary is a small bias.
  for (const Moments& f : features.of) {
    if (f.variance > 0 && std::abs(f.mean) > spread)
      off = std::max(off, std::abs(f.mean) / f.deviation());
  }
  const double typical = median_of(deviations);
  for (const double d : deviations) largest = std::max(largest, d);
  std::string first;
  p.model.apply([&](const std::string&, Module<T>& m) {
    if (first.empty() && m.children().empty()) first = m.type_name();
  });
  const bool embedded = first == "Embedding", normalized = first.ends_with("Norm");
  if (embedded || rms == 0) return;
  // Scores of a linear layer by He are as large as sqrt(2) rms: 4.6 saturates a sigmoid.
  const bool large = rms > 10 && !scales_inputs_itself(p), small = rms < 1e-2;
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
    return p.report({.check = "targets",  // a residual, say, is to become 0 everywhere
                     .severity = p.options.predict ? Severity::warning : Severity::error,
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
  const std::size_t outputs = outputs_of(p);
  const auto classes = static_cast<std::int64_t>(outputs);
  const auto is_outside = [&](std::int64_t l) { return l < 0 || (outputs > 1 && l >= classes); };
  bool refused = false;
  std::size_t counted = labels.size();
  std::erase_if(counts, [&](const auto& c) {
    if (!is_outside(c.first)) return false;
    const Fate fate =
        c.first == -100 ? Fate::ignored : fate_of(p, c.first, outputs > 1 ? classes : 2);
    refused = refused || fate == Fate::refused;
    if (fate == Fate::ignored) counted -= c.second;
    return fate == Fate::ignored;
  });
  if (counts.size() < 2) {
    const bool all = p.data.size() <= kMost;
    return p.report({.check = "labels",
                     .severity = all ? Severity::error : Severity::warning,
                     .title = "all labels are the same",
                     .measured = text(counted) + " samples that count" +
                                 (counts.empty() ? "" : ", all are " + text(counts.begin()->first)),
                     .expected = "at least two classes",
                     .where = "labels",
                     .remedy = "look at how the labels are read"});
  }
  const std::int64_t low = counts.begin()->first, high = counts.rbegin()->first;
  const std::string range = "labels " + text(low) + " to " + text(high);
  if (is_outside(low) || is_outside(high)) {
    p.report({.check = "labels",
              .severity = refused ? Severity::error : Severity::warning,
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
  } else if (low == 1 && counted > 20) {
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
  const double share = static_cast<double>(most) / static_cast<double>(counted);
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

#define XGRAD_INSTANTIATE(T)                    \
  template void check_finite(Patient<T>&);      \
  template void check_input_scale(Patient<T>&); \
  template void check_targets(Patient<T>&);     \
  template void check_labels(Patient<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
