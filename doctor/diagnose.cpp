#include "xgrad/doctor/diagnose.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "xgrad/base/errors.hpp"
#include "xgrad/doctor/patient.hpp"
#include "xgrad/training/diagnostics.hpp"

namespace xgrad::detail {
namespace {

template <class T>
Tensor<T> rows_of(const Tensor<T>& x, const std::vector<std::size_t>& rows) {
  if (!x.defined()) return {};
  Shape shape = x.shape();
  const std::size_t row = row_size(x);
  shape[0] = rows.size();
  Tensor<T> r = Tensor<T>::uninitialized(shape);
  T* to = r.mutable_data();
  for (const std::size_t i : rows) to = std::copy_n(x.data() + i * row, row, to);
  return r;
}

template <class T>
struct Check {
  const char* name;
  void (*make)(Patient<T>&);
};

template <class T>
constexpr std::array<Check<T>, 21> kChecks{{{"runs", check_runs<T>},
                                            {"inputs-finite", check_finite<T>},
                                            {"input-scale", check_input_scale<T>},
                                            {"targets", check_targets<T>},
                                            {"labels", check_labels<T>},
                                            {"duplicates", check_duplicates<T>},
                                            {"leak", check_leak<T>},
                                            {"parameters", check_parameters<T>},
                                            {"symmetry", check_symmetry<T>},
                                            {"decay", check_decay<T>},
                                            {"initial-loss", check_initial_loss<T>},
                                            {"loss-mean", check_loss_mean<T>},
                                            {"loss-direction", check_loss_direction<T>},
                                            {"double-softmax", check_double_softmax<T>},
                                            {"mixed-samples", check_mixed_samples<T>},
                                            {"ignores-input", check_ignores_input<T>},
                                            {"signal", check_signal<T>},
                                            {"gradient", check_gradient<T>},
                                            {"overfit", check_overfit<T>},
                                            {"labels-unrelated", check_labels_unrelated<T>},
                                            {"learning-rate", check_learning_rate<T>}}};

// These ask for a model that runs.
bool needs_model(std::string_view check) {
  constexpr std::array kOfData{"runs",   "inputs-finite", "input-scale", "targets",
                               "labels", "duplicates",    "leak"};
  return std::find(kOfData.begin(), kOfData.end(), check) == kOfData.end();
}

template <class T>
void make(const Check<T>& check, Patient<T>& p) {
  const std::size_t found = p.diagnosis.findings.size(), skipped = p.diagnosis.skipped.size();
  try {
    const TrainingStateScope<T> state(p.model, p.options.optimizer);
    p.model.train();
    check.make(p);
  } catch (const std::exception& e) {
    p.skip(check.name, e.what());
  }
  if (p.diagnosis.findings.size() == found && p.diagnosis.skipped.size() == skipped) {
    p.diagnosis.passed.emplace_back(check.name);
  }
}

}  // namespace

template <class T>
ExampleBatch<T> rows_of(const ExampleBatch<T>& batch, const std::vector<std::size_t>& rows) {
  ExampleBatch<T> r{rows_of(batch.inputs, rows), rows_of(batch.targets, rows), {}};
  if (batch.labels.dimension() > 0) {
    r.labels = Indices(Indices::shape_type{rows.size()});
    for (std::size_t i = 0; i < rows.size(); ++i) r.labels.data()[i] = batch.labels.data()[rows[i]];
  }
  return r;
}

template <class T>
ExampleBatch<T> slice_of(const ExampleBatch<T>& batch, std::size_t from, std::size_t to) {
  std::vector<std::size_t> rows;
  for (std::size_t i = from; i < to; ++i) rows.push_back(i);
  return rows_of(batch, rows);
}

template <class T>
std::vector<double> losses_one_by_one(const Patient<T>& p, const Tensor<T>& predictions,
                                      const ExampleBatch<T>& batch, std::size_t count) {
  const NoGrad guard;
  std::vector<double> r;
  for (std::size_t i = 0; i < std::min(count, batch.size()); ++i) {
    const Tensor<T> loss = p.loss(rows_of(predictions, {i}), rows_of(batch, {i}));
    r.push_back(static_cast<double>(loss.item()));
  }
  return r;
}

template <class T>
std::vector<double> train_some(const Patient<T>& p, Optimizer<T>& optimizer,
                               const ExampleBatch<T>& all, std::size_t batch_size,
                               std::size_t steps, double until) {
  std::vector<double> losses;
  const std::size_t n = all.size(), size = std::min(batch_size, n), batches = n / size;
  for (std::size_t s = 0; s < steps; ++s) {
    const std::size_t from = s % batches * size;
    const ExampleBatch<T> batch = batches == 1 ? all : slice_of(all, from, from + size);
    optimizer.zero_grad();
    const Tensor<T> loss = p.loss_of(batch);
    losses.push_back(static_cast<double>(loss.item()));
    if (!std::isfinite(losses.back()) || losses.back() < until) break;
    loss.backward();
    optimizer.step();
  }
  return losses;
}

template <class T>
Diagnosis diagnose_examples(Module<T>& model, const Examples<T>& data, const ExampleLoss<T>& loss,
                            DiagnoseOptions<T> options) {
  require(!data.empty(), "diagnose", "there are no samples");
  require(options.batch_size > 0 && options.samples > 1, "diagnose", "batch_size ",
          options.batch_size, ", samples ", options.samples);
  const TrainingStateScope<T> state(model, options.optimizer);
  const EnableGrad recorded;
  Patient<T> p{model, data, loss, options};
  p.probe = data.some(options.samples, options.seed);
  for (const Check<T>& check : kChecks<T>) {
    if (std::find(options.skip.begin(), options.skip.end(), check.name) != options.skip.end()) {
      p.skip(check.name, "not wanted");
    } else if (p.broken && needs_model(check.name)) {
      p.skip(check.name, "the model does not run");
    } else {
      make(check, p);
    }
  }
  return std::move(p.diagnosis);
}

#define XGRAD_INSTANTIATE(T)                                                                       \
  template ExampleBatch<T> rows_of(const ExampleBatch<T>&, const std::vector<std::size_t>&);       \
  template ExampleBatch<T> slice_of(const ExampleBatch<T>&, std::size_t, std::size_t);             \
  template std::vector<double> losses_one_by_one(const Patient<T>&, const Tensor<T>&,              \
                                                 const ExampleBatch<T>&, std::size_t);             \
  template std::vector<double> train_some(                                                         \
      const Patient<T>&, Optimizer<T>&, const ExampleBatch<T>&, std::size_t, std::size_t, double); \
  template Diagnosis diagnose_examples(Module<T>&, const Examples<T>&, const ExampleLoss<T>&,      \
                                       DiagnoseOptions<T>);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
