#pragma once

// What the checks of a diagnosis share. Internal.

#include <memory>
#include <string>
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
  Tensor<T> loss_of(const ExampleBatch<T>& batch) const {
    return loss(predict(batch.inputs), batch);
  }
  /// Without recording.
  double loss_value(const ExampleBatch<T>& batch) const {
    const NoGrad guard;
    return static_cast<double>(loss_of(batch).item());
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

/// What guessing gives: equal scores for labels, for targets the best of some constants.
template <class T>
struct Guess {
  Tensor<T> prediction;
  double loss;
  std::string source;    // "log 10, of equal probabilities"
  bool shift_invariant;  // adding a number to all scores of a sample changes nothing
};
template <class T>
Guess<T> guess_of(const Patient<T>& p, const Tensor<T>& predictions, const ExampleBatch<T>& batch);

/// The model learns from the batches by Adam, or by `step`; returns the loss on each.
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
