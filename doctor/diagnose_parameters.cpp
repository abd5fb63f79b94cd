// The checks of the parameters, what the optimizer does with them, and what pulls at them.

#include <algorithm>
#include <cmath>

#include "xgrad/base/errors.hpp"
#include "xgrad/doctor/parameters.hpp"
#include "xgrad/doctor/patient.hpp"
#include "xgrad/optimizers/sgd.hpp"

namespace xgrad::detail {
namespace {

template <class T>
bool is_zero(const Tensor<T>& x) {
  return std::all_of(x.data(), x.data() + x.size(), [](T v) { return v == 0; });
}

template <class T>
void report_unreached(Patient<T>& p, const NamedTensors<T>& without, const NamedTensors<T>& zero) {
  const auto names = [](const NamedTensors<T>& some) {
    std::vector<std::string> r;
    for (const auto& t : some) r.push_back(t.name);
    return join(r);
  };
  if (!without.empty()) {
    p.report({.check = "parameters",
              .severity = Severity::error,
              .title = "parameters get no gradient: the loss is not connected with them",
              .measured = text(without.size()) + " without a gradient after a backward pass",
              .expected = "a gradient for each parameter that requires one",
              .where = names(without),
              .remedy =
                  "look for detach(), value(), NoGrad, or numbers taken out of tensors on the "
                  "way, and for layers that forward does not call"});
  }
  if (!zero.empty()) {
    p.report({.check = "zero-gradient",
              .severity = Severity::error,
              .title = "the gradients of parameters are 0 everywhere, and stay so",
              .measured = text(zero.size()) + " parameters, over some steps on several batches",
              .expected =
                  "gradients other than 0: units that are dead, saturated, or multiplied by "
                  "weights of 0 pass none on",
              .where = names(zero),
              .remedy = "initialise at random (He for relu, Xavier for tanh); look for units that "
                        "are dead or saturated"});
  }
}

// Gradients of zero at first are those of a last layer that begins at 0, as in residual blocks:
// after a few steps they are others.
template <class T>
void check_reached(Patient<T>& p) {
  const NamedTensors<T> all = p.learned();
  if (all.empty()) {
    return p.report({.check = "parameters",
                     .severity = Severity::error,
                     .title = "no parameter requires a gradient",
                     .expected = "something to learn",
                     .remedy = "requires_grad_() for what is to be learned"});
  }
  std::vector<bool> has(all.size()), moves(all.size());
  Sgd<T> steps(all, {.learning_rate = 0.01});
  for (std::size_t s = 0; s < 4; ++s) {
    steps.zero_grad();
    const Tensor<T> loss = p.loss_of(p.data.some(64, p.options.seed + s));
    if (!loss.requires_grad()) break;
    loss.backward();
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!all[i].tensor.has_grad()) continue;
      has[i] = true;
      if (!is_zero(all[i].tensor.gradient())) moves[i] = true;
    }
    steps.step();
  }
  NamedTensors<T> without, zero;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!has[i]) without.push_back(all[i]);
    if (has[i] && !moves[i]) zero.push_back(all[i]);
  }
  report_unreached(p, without, zero);
}

// Rows of a weight are its units.
template <class T>
bool units_are_alike(const Tensor<T>& w) {
  if (w.rank() < 2 || w.shape()[0] < 2) return false;
  const std::size_t row = w.size() / w.shape()[0];
  for (std::size_t i = 1; i < w.shape()[0]; ++i) {
    if (!std::equal(w.data(), w.data() + row, w.data() + i * row)) return false;
  }
  return true;
}

}  // namespace

template <class T>
void check_runs(Patient<T>& p) {
  const auto fail_with = [&](const std::string& title, const std::string& measured) {
    p.broken = true;
    p.report({.check = "runs",
              .severity = Severity::error,
              .title = title,
              .measured = measured,
              .expected = "a finite number for a batch of the data",
              .remedy = "read the message: it names the operation, the shapes and the layer"});
  };
  try {
    const Tensor<T> y = p.predict(p.probe.inputs);
    const Tensor<T> loss = p.loss(y, p.probe);
    if (loss.size() != 1) return fail_with("the loss is not one number", text(loss.shape()));
    if (!loss.requires_grad()) {
      p.report({.check = "runs",
                .severity = Severity::error,
                .title = "the loss depends on nothing that requires a gradient",
                .expected = "a loss that is recorded on the tape",
                .remedy = "look for NoGrad, detach() and frozen parameters"});
    }
    for (const Tensor<T>& t : {y, loss}) {
      for (std::size_t i = 0; i < t.size(); ++i) {
        if (!std::isfinite(t.data()[i])) {
          return fail_with(
              "outputs or the loss are not finite before training",
              "output " + text(y.shape()) + ", loss " + rounded(static_cast<double>(loss.item())));
        }
      }
    }
  } catch (const std::exception& e) {
    fail_with("model or loss refuse a batch", e.what());
  }
}

template <class T>
void check_parameters(Patient<T>& p) {
  const Tensor<T> loss = p.loss_of(p.probe);
  const auto tape = tape_of(loss, nullptr);
  report_parameters(p.model, p.options.optimizer, tape, p.diagnosis);
  report_strangers(p.model, p.options.optimizer, tape, p.diagnosis);
  check_reached(p);
}

template <class T>
void check_symmetry(Patient<T>& p) {
  NamedTensors<T> weights = p.model.parameters();
  std::erase_if(weights, [](const auto& t) { return t.tensor.rank() < 2; });
  if (weights.size() < 2) return;  // one layer may begin alike
  std::vector<std::string> alike;
  for (std::size_t i = 0; i + 1 < weights.size(); ++i) {
    if (units_are_alike(weights[i].tensor) && weights[i].tensor.requires_grad()) {
      alike.push_back(weights[i].name);
    }
  }
  const std::size_t hidden = weights.size() - 1;
  const bool most = 2 * alike.size() > hidden;
  const bool zeros = std::all_of(weights.begin(), weights.end(), [&](const auto& w) {
    return std::find(alike.begin(), alike.end(), w.name) == alike.end() || is_zero(w.tensor);
  });
  if (alike.empty() || (zeros && !most)) return;  // branches that begin at 0
  p.report(
      {.check = "symmetry",
       .severity = most ? Severity::error : Severity::warning,
       .title = "the units of layers are all the same",
       .measured = text(alike.size()) + " of " + text(hidden) + " hidden weights have equal rows",
       .expected = "units that differ: equal ones get equal gradients and stay one unit",
       .where = join(alike),
       .remedy = "initialise weights at random (He, Xavier); only biases, and the last layer of "
                 "a residual block, begin at 0"});
}

template <class T>
void check_decay(Patient<T>& p) {
  const NamedTensors<T> all = p.learned();
  p.model.zero_grad();
  const Tensor<T> data = p.loss_of(p.probe);
  data.backward();
  double pull = 0, gradient = 0;
  for (const auto& [name, t] : all) {
    if (!t.has_grad()) continue;
    const double lambda = p.options.optimizer ? p.options.optimizer->weight_decay(t) : 0;
    const bool decoupled = p.options.optimizer && p.options.optimizer->decouples_decay(t);
    const double root = std::sqrt(static_cast<double>(t.size()));
    // Decoupled decay stands beside steps of about 1 in each number, not beside the gradient.
    gradient += std::pow(decoupled ? root : norm_of(t.gradient()), 2);
    pull += std::pow(lambda * norm_of(t), 2);
  }
  const auto judge = [&](double ratio, const char* what) {
    if (!(ratio > 1)) return;
    p.report(
        {.check = "decay",
         .severity = ratio > 10 ? Severity::error : Severity::warning,
         .title = std::string(what) + " pulls harder than the loss does",
         .measured = "the norm of its gradient is " + rounded(ratio, 3) + " times that of the loss",
         .expected = "less than 1 before training, when weights are small and the loss is large; "
                     "beyond 10 the gradient of the loss is hidden",
         .where = "weights",
         .remedy = "a weaker one: 1e-5 to 1e-3 is usual",
         .value = ratio,
         .high = 1});
  };
  if (gradient == 0) return p.skip("decay", "the loss has no gradient");
  judge(std::sqrt(pull / gradient), "weight decay");
  if (!p.options.penalty) return;
  p.model.zero_grad();
  const Tensor<T> penalty = p.options.penalty();
  const auto amount = static_cast<double>(penalty.item());
  if (!(amount >= 0)) {
    p.report({.check = "decay",
              .severity = Severity::error,
              .title = "the penalty makes the loss smaller",
              .measured = "the penalty is " + rounded(amount),
              .expected = "at least 0: the loss rises when regularisation is added",
              .where = "penalty",
              .remedy = "look at its sign",
              .value = amount,
              .low = 0});
  }
  if (!penalty.requires_grad()) return;
  penalty.backward();
  double of_penalty = 0;
  for (const auto& [name, t] : all) {
    if (t.has_grad()) of_penalty += std::pow(norm_of(t.gradient()), 2);
  }
  judge(std::sqrt(of_penalty / gradient), "the penalty");
}

// --- shared with the monitor ---

namespace {

template <class T>
bool holds(const NamedTensors<T>& list, const Node<T>* node) {
  return std::any_of(list.begin(), list.end(),
                     [&](const auto& o) { return o.tensor.node() == node; });
}

template <class T>
NamedTensors<T> parameters_of(const Optimizer<T>* optimizer) {
  return optimizer != nullptr ? optimizer->parameters() : NamedTensors<T>{};
}

}  // namespace

template <class T>
void report_parameters(const Module<T>& model, const Optimizer<T>* optimizer,
                       const std::vector<TapeEntry<T>>& tape, Diagnosis& d) {
  std::vector<std::string> frozen, missing, wasted, strange;
  const NamedTensors<T> own = model.parameters();
  const NamedTensors<T> optimized = parameters_of(optimizer);
  const auto is_used = [&](const Node<T>* node) {
    return std::any_of(tape.begin(), tape.end(), [&](const auto& e) { return e.node == node; });
  };
  for (const auto& [name, t] : own) {
    const bool in = holds(optimized, t.node());
    if (!t.requires_grad()) (in ? wasted : frozen).push_back(name);
    if (t.requires_grad() && optimizer != nullptr && !in) missing.push_back(name);
  }
  for (const auto& [name, t] : optimized) {
    if (!holds(own, t.node()) && !is_used(t.node())) strange.push_back(name);
  }
  const auto add = [&](const std::vector<std::string>& names, Severity severity, const char* title,
                       const char* expected, const char* remedy) {
    if (names.empty()) return;
    d.findings.push_back({.check = "parameters",
                          .severity = severity,
                          .title = title,
                          .measured = text(names.size()) + " parameters",
                          .expected = expected,
                          .where = join(names),
                          .remedy = remedy});
  };
  add(missing, Severity::error, "parameters are not in the optimizer: they are never updated",
      "each parameter that requires a gradient in the optimizer, once",
      "make the optimizer of net.parameters(), after the last layer was added or replaced");
  add(strange, Severity::error, "the optimizer updates tensors that are not the model's",
      "parameters of this model: a copy, or a layer that was replaced, is another one",
      "make the optimizer after the model is complete, from its own parameters()");
  add(wasted, Severity::warning, "frozen parameters are in the optimizer",
      "a gradient for what is optimized: steps and weight decay leave a frozen parameter as it is",
      "requires_grad_() if they are to be learned; leave them out of the optimizer if not");
  add(frozen, Severity::note, "parameters are frozen", "every parameter learned, unless meant",
      "requires_grad_() if they are to be learned");
}

template <class T>
void report_strangers(const Module<T>& model, const Optimizer<T>* optimizer,
                      const std::vector<TapeEntry<T>>& tape, Diagnosis& d) {
  const NamedTensors<T> own = model.parameters(), optimized = parameters_of(optimizer);
  std::vector<std::string> lost, learned;
  for (const TapeEntry<T>& e : tape) {
    if (e.node->rule != nullptr || holds(own, e.node)) continue;
    (holds(optimized, e.node) ? learned : lost).push_back(text(e.node->shape));
  }
  const auto add = [&](const std::vector<std::string>& shapes, Severity severity, const char* title,
                       const char* expected) {
    if (shapes.empty()) return;
    d.findings.push_back(
        {.check = "parameters",
         .severity = severity,
         .title = title,
         .measured = text(shapes.size()) + " of shape " + join(shapes),
         .expected = expected,
         .where = "outside of the model",
         .remedy = "add_parameter for tensors, add for modules, so that parameters() lists them"});
  };
  add(lost, Severity::error,
      "the loss depends on tensors that require gradients and are not the model's",
      "parameters that the model knows: others are neither optimized nor saved");
  add(learned, Severity::note, "the optimizer learns tensors that are not the model's as well",
      "parameters that the model knows, unless they are saved by other means");
}

#define XGRAD_INSTANTIATE(T)                                                     \
  template void check_runs(Patient<T>&);                                         \
  template void check_parameters(Patient<T>&);                                   \
  template void check_symmetry(Patient<T>&);                                     \
  template void check_decay(Patient<T>&);                                        \
  template void report_parameters(const Module<T>&, const Optimizer<T>*,         \
                                  const std::vector<TapeEntry<T>>&, Diagnosis&); \
  template void report_strangers(const Module<T>&, const Optimizer<T>*,          \
                                 const std::vector<TapeEntry<T>>&, Diagnosis&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
