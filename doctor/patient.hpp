#pragma once

// What the checks of a diagnosis share. Internal.

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/observe.hpp"
#include "xgrad/doctor/diagnose.hpp"
#include "xgrad/doctor/statistics.hpp"
#include "xgrad/doctor/tape.hpp"

namespace xgrad::detail {

/// A forward pass with all of its values.
template <class T>
struct ObservedPass {
  CallLog log;
  Tensor<T> output, loss;
  std::vector<TapeEntry<T>> tape;
};

template <class T>
struct Patient {
  Module<T>& model;
  const Examples<T>& data;
  const ExampleLoss<T>& loss;
  const DiagnoseOptions<T>& options;
  Diagnosis diagnosis = {};
  ExampleBatch<T> probe = {};  // chosen once
  bool broken = false;         // a forward is not possible

  Tensor<T> predict(const Tensor<T>& x) const {
    return options.predict ? options.predict(x) : model(x);
  }
  /// Without recording.
  Tensor<T> outputs(const ExampleBatch<T>& batch) const {
    const NoGrad guard;
    return predict(batch.inputs);
  }
  Tensor<T> loss_of(const ExampleBatch<T>& batch) const {
    return loss(predict(batch.inputs), batch);
  }
  /// Of these predictions, without recording; nothing where it is refused or not finite.
  std::optional<double> loss_at(const Tensor<T>& predictions, const ExampleBatch<T>& batch) const {
    const NoGrad guard;
    try {
      const auto v = static_cast<double>(loss(predictions, batch).item());
      return std::isfinite(v) ? std::optional(v) : std::nullopt;
    } catch (const std::exception&) {
      return std::nullopt;
    }
  }
  /// Without recording.
  double loss_value(const ExampleBatch<T>& batch) const {
    const NoGrad guard;
    return static_cast<double>(loss_of(batch).item());
  }
  NamedTensors<T> learned() const {
    NamedTensors<T> all = model.parameters();
    std::erase_if(all, [](const NamedTensor<T>& t) { return !t.tensor.requires_grad(); });
    return all;
  }
  std::unique_ptr<ObservedPass<T>> observe(const ExampleBatch<T>& batch) const {
    auto r = std::make_unique<ObservedPass<T>>();
    const KeepEntryValues keep;
    r->output = predict(batch.inputs);
    r->loss = loss(r->output, batch);
    r->tape = tape_of(r->loss, &r->log);
    return r;
  }
  void report(Finding f) { diagnosis.findings.push_back(std::move(f)); }
  void skip(std::string check, std::string reason) {
    diagnosis.skipped.push_back({std::move(check), std::move(reason)});
  }
  /// In training mode, but nothing is dropped.
  void train_without_dropout() {
    model.train();
    model.apply([](const std::string&, Module<T>& m) {
      if (m.type_name().find("Drop") != std::string::npos) m.train(false);
    });
  }
};

/// Samples that the data are looked at by, at most.
inline constexpr std::size_t kMost = 10000;

/// The numbers of one sample, and its bytes.
template <class T>
std::size_t row_size(const Tensor<T>& x) {
  return x.size() / std::max<std::size_t>(x.shape()[0], 1);
}
template <class T>
std::string_view row_bytes(const Tensor<T>& x, std::size_t i) {
  const std::size_t row = row_size(x);
  return {reinterpret_cast<const char*>(x.data() + i * row), row * sizeof(T)};
}

/// Samples `rows` of a batch.
template <class T>
ExampleBatch<T> rows_of(const ExampleBatch<T>& batch, const std::vector<std::size_t>& rows);
/// The rows [from, to).
template <class T>
ExampleBatch<T> slice_of(const ExampleBatch<T>& batch, std::size_t from, std::size_t to);

/// The loss of each of the first samples, one by one.
template <class T>
std::vector<double> losses_one_by_one(const Patient<T>& p, const Tensor<T>& predictions,
                                      const ExampleBatch<T>& batch, std::size_t count);

/// Whether the loss of a batch is neither mean nor sum of those of its samples: then it is that of
/// pairs, of ranks, of a whole batch, or wrong, and says nothing of classes and single samples.
template <class T>
bool mixes_samples(const Patient<T>& p, const Tensor<T>& predictions);

/// What guessing gives: equal scores for labels, for targets the best of some constants.
template <class T>
struct Guess {
  Tensor<T> prediction;
  double loss;
  std::string source;     // "log 10, of equal probabilities"
  bool shift_invariant;   // adding a number to all scores of a sample changes nothing
  bool takes_logarithms;  // it is minus the score of the label, which has to be a logarithm
};
template <class T>
Guess<T> guess_of(const Patient<T>& p, const Tensor<T>& predictions, const ExampleBatch<T>& batch);

/// The model learns from the batches, again and again; returns the loss on each, until it is not
/// finite or below `until`.
template <class T>
std::vector<double> train_some(const Patient<T>& p, Optimizer<T>& optimizer,
                               const ExampleBatch<T>& all, std::size_t batch_size,
                               std::size_t steps, double until = -1);

// The checks, by file.
template <class T>
void check_runs(Patient<T>& p);
template <class T>
void check_finite(Patient<T>& p);
template <class T>
void check_input_scale(Patient<T>& p);
template <class T>
void check_targets(Patient<T>& p);
template <class T>
void check_labels(Patient<T>& p);
template <class T>
void check_duplicates(Patient<T>& p);
template <class T>
void check_leak(Patient<T>& p);
template <class T>
void check_parameters(Patient<T>& p);
template <class T>
void check_symmetry(Patient<T>& p);
template <class T>
void check_decay(Patient<T>& p);
template <class T>
void check_initial_loss(Patient<T>& p);
template <class T>
void check_loss_mean(Patient<T>& p);
template <class T>
void check_loss_direction(Patient<T>& p);
template <class T>
void check_double_softmax(Patient<T>& p);
template <class T>
void check_mixed_samples(Patient<T>& p);
template <class T>
void check_ignores_input(Patient<T>& p);
template <class T>
void check_signal(Patient<T>& p);
template <class T>
void check_gradient(Patient<T>& p);
template <class T>
void check_overfit(Patient<T>& p);
template <class T>
void check_labels_unrelated(Patient<T>& p);
template <class T>
void check_learning_rate(Patient<T>& p);

}  // namespace xgrad::detail
