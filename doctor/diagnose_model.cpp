// The checks of the model: what goes through it forward and backward.

#include <algorithm>
#include <cmath>

#include "xgrad/base/errors.hpp"
#include "xgrad/doctor/activity.hpp"
#include "xgrad/doctor/patient.hpp"

namespace xgrad::detail {
namespace {

// The largest |a - b| of the first rows, and the largest |a|.
template <class T>
std::pair<double, double> difference(const Tensor<T>& a, const Tensor<T>& b) {
  double most = 0, size = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const auto x = static_cast<double>(a.data()[i]), y = static_cast<double>(b.data()[i]);
    most = std::max(most, std::abs(x - y));
    size = std::max(size, std::abs(x));
  }
  return {most, size};
}

template <class T>
bool last_layer_is_zero(const Module<T>& model) {
  Tensor<T> last;
  for (const auto& [name, t] : model.parameters()) {
    if (t.rank() >= 2) last = t;
  }
  return last.defined() &&
         std::all_of(last.data(), last.data() + last.size(), [](T v) { return v == 0; });
}

template <class T>
bool uses_batch_statistics(const Module<T>& model) {
  bool found = false;
  model.apply([&](const std::string&, const Module<T>& m) {
    found = found || (m.type_name() == "BatchNorm" && m.own_buffers().empty());
  });
  return found;
}

}  // namespace

template <class T>
void check_mixed_samples(Patient<T>& p) {
  p.model.eval();
  if (p.probe.size() < 8) return p.skip("mixed-samples", "fewer than 8 samples");
  if (uses_batch_statistics(p.model)) {
    return p.skip("mixed-samples", "batch normalisation without running statistics mixes them");
  }
  const ExampleBatch<T> eight = slice_of(p.probe, 0, 8);
  const Tensor<T> all = p.outputs(eight);
  if (difference(all, p.outputs(eight)).first > 0)
    return p.skip("mixed-samples", "two evaluations of the same samples differ");
  const Tensor<T> some = p.outputs(slice_of(p.probe, 0, 3));
  const bool fits = all.rank() > 0 && all.shape()[0] == 8 && some.size() * 8 == all.size() * 3;
  const auto [most, size] = fits ? difference(all, some) : std::pair(0.0, 0.0);
  const double tolerance = 1e3 * static_cast<double>(std::numeric_limits<T>::epsilon());
  if (fits && most <= tolerance * std::max(size, 1e-3)) return;
  p.report({.check = "mixed-samples",
            .severity = Severity::error,
            .title = "a sample's output depends on its neighbours in the batch",
            .measured = "outputs " + text(all.shape()) + " of 8 samples change by up to " +
                        rounded(most, 3) + " when 5 of them are left out, in evaluation mode",
            .expected = "no change: samples are independent along axis 0",
            .where = "model",
            .remedy = "look at the axes of softmax, sums and means (1, not 0), at reshape and "
                      "transpose",
            .value = most,
            .high = tolerance});
}

template <class T>
void check_ignores_input(Patient<T>& p) {
  p.train_without_dropout();
  const Tensor<T> y = p.outputs(p.probe);
  ExampleBatch<T> zeroed = p.probe;
  zeroed.inputs = Tensor<T>::filled(p.probe.inputs.shape(), 0);
  const std::size_t n = y.rank() == 0 ? 1 : y.shape()[0], row = y.size() / n;
  double spread = 0, squares = 0;
  for (std::size_t j = 0; j < row; ++j) {
    std::vector<double> column(n);
    for (std::size_t i = 0; i < n; ++i) column[i] = static_cast<double>(y.data()[i * row + j]);
    const Moments m = moments_of(column);
    spread += m.variance;
    squares += m.variance + m.mean * m.mean;
  }
  const double share = squares > 0 ? std::sqrt(spread / squares) : 0;
  if (share > 1e-4 || last_layer_is_zero(p.model)) return;
  p.report(
      {.check = "ignores-input",
       .severity = Severity::error,
       .title = "the output hardly depends on the input",
       .measured = "outputs of different samples differ by " + rounded(share, 3) +
                   " of their size; loss " + rounded(p.loss_value(p.probe)) +
                   ", on inputs of zeros " + rounded(p.loss_value(zeroed)),
       .expected = "outputs that differ: with equal ones nothing but a constant can be learned",
       .where = "model",
       .remedy = "initialise by He or Xavier, look for units that are dead or saturated, and "
                 "whether forward uses its input",
       .value = share,
       .low = 1e-4});
}

template <class T>
void check_signal(Patient<T>& p) {
  p.train_without_dropout();
  p.model.zero_grad();
  ActivityWatch<T> watch;
  const std::unique_ptr<ObservedPass<T>> pass = p.observe(p.probe);
  watch.forward(pass->tape, pass->output.node()->sequence);
  pass->loss.backward({.retain_graph = true});
  watch.backward();
  judge_activity(watch.layers(), true, Finding::kNever, p.diagnosis);
}

namespace {

// The slopes of the loss to both sides along a direction of a parameter.
struct Sides {
  double left, right;
  double low() const { return std::min(left, right); }
  double high() const { return std::max(left, right); }
};

template <class T>
Sides slopes(const Patient<T>& p, const ExampleBatch<T>& batch, Tensor<T> parameter,
             const std::vector<double>& direction, double step, double loss) {
  const Tensor<T> before = parameter.clone();
  const auto at = [&](double h) {
    T* to = parameter.mutable_data();
    for (std::size_t i = 0; i < direction.size(); ++i) {
      to[i] = static_cast<T>(static_cast<double>(before.data()[i]) + h * direction[i]);
    }
    const double moved = p.loss_value(batch);
    parameter.set_value(before.value());
    return moved;
  };
  return {(loss - at(-step)) / step, (at(step) - loss) / step};
}

struct Slopes {
  double analytic = 0, nearest = 0;  // of several steps the one that agrees best
  bool agrees = false;
};

// Steps that change the loss by about these parts of it: large ones meet curvature and kinks, between
// whose sides the gradient may lie, small ones rounding.
template <class T>
Slopes compare(const Patient<T>& p, const ExampleBatch<T>& batch, const Tensor<T>& parameter,
               const Tensor<T>& gradient, double loss) {
  const double norm = norm_of(gradient), size = std::max(std::abs(loss), 0.1);
  std::vector<double> direction(gradient.size());
  for (std::size_t i = 0; i < direction.size(); ++i) {
    direction[i] = static_cast<double>(gradient.data()[i]) / norm;
  }
  Slopes r{norm, Finding::kNone, false};
  for (const double part : {1e-2, 3e-3, 1e-3, 3e-2, 1e-4}) {
    const Sides s = slopes(p, batch, parameter, direction, part * size / norm, loss);
    const double nearest = std::clamp(norm, s.low(), s.high());
    // Sides that are far apart say nothing.
    const bool tells = s.high() - s.low() < 0.5 * norm;
    if (tells && !(std::abs(nearest - norm) >= std::abs(r.nearest - norm))) r.nearest = nearest;
    r.agrees = std::abs(r.nearest - norm) <= 0.05 * norm;
    if (r.agrees) break;
  }
  return r;
}

}  // namespace

template <class T>
void check_gradient(Patient<T>& p) {
  p.train_without_dropout();
  const ExampleBatch<T> batch = slice_of(p.probe, 0, std::min<std::size_t>(p.probe.size(), 4));
  const double first = p.loss_value(batch), second = p.loss_value(batch);
  if (first != second) return p.skip("gradient", "two evaluations at the same weights differ");
  p.model.zero_grad();
  p.loss_of(batch).backward();
  for (const auto& [name, t] : p.model.parameters()) {
    if (!t.requires_grad() || !t.has_grad()) continue;
    const Tensor<T> gradient = t.gradient().clone();
    // Less than rounding of the loss shows.
    const double least = 1e3 * static_cast<double>(std::numeric_limits<T>::epsilon());
    const double reach = norm_of(gradient) * std::max(norm_of(t), 1e-2);
    if (reach < least * std::max(std::abs(first), 0.1)) continue;
    const Slopes s = compare(p, batch, t, gradient, first);
    if (s.agrees || std::isnan(s.nearest)) continue;
    p.report({.check = "gradient",
              .severity = Severity::error,
              .title = "the gradient is not the slope of the loss",
              .measured = "along the gradient of " + name + " the loss rises by " +
                          rounded(s.nearest, 4) + " per step, the gradient says " +
                          rounded(s.analytic, 4),
              .expected = "the same within 5 % for some length of the step, of five from 1e-4 to "
                          "3e-2 of the loss",
              .where = name,
              .remedy =
                  "check_gradients finds the operation; look for detach() and values taken out "
                  "of tensors on one of several ways, and at custom backward rules",
              .value = s.nearest,
              .low = 0.95 * s.analytic,
              .high = 1.05 * s.analytic});
  }
}

#define XGRAD_INSTANTIATE(T)                      \
  template void check_mixed_samples(Patient<T>&); \
  template void check_ignores_input(Patient<T>&); \
  template void check_signal(Patient<T>&);        \
  template void check_gradient(Patient<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
