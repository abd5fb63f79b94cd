#include "xgrad/doctor/monitor.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "xgrad/autograd/observe.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/doctor/activity.hpp"
#include "xgrad/doctor/gradient_sum.hpp"
#include "xgrad/doctor/loss_operations.hpp"
#include "xgrad/doctor/not_finite.hpp"
#include "xgrad/doctor/parameters.hpp"
#include "xgrad/doctor/statistics.hpp"

namespace xgrad {
namespace {

using detail::norm_of;
using detail::rounded;
using detail::text;

template <class T>
bool depends_on_mode(const Module<T>& m) {
  return m.type_name() == "BatchNorm" || m.type_name().find("Drop") != std::string::npos;
}

}  // namespace

template <class T>
struct Monitor<T>::State {
  // While a step is watched or traced.
  struct Watch {
    detail::CallLog log;
    detail::KeepEntryValues keep;
    std::optional<detail::OperationLog<T>> operations;  // of a trace
    std::vector<Tensor<T>> before;  // parameters, at the end of the module's forward
    std::unique_ptr<detail::GradientTrace<T>> trace;
    detail::ActivityWatch<T> activity;
    bool seen = false;  // a backward pass has begun
  };
  State(Module<T>& m, Optimizer<T>& o, MonitorOptions how)
      : module(m), optimizer(o), options(how), parameters(m.parameters()) {}

  Module<T>& module;
  Optimizer<T>& optimizer;
  MonitorOptions options;
  TrainingRecord record;
  History epochs;
  Diagnosis found;
  std::optional<OperationReplay<T>> replay;
  NamedTensors<T> parameters;
  std::unique_ptr<Watch> watch;
  std::optional<detail::GradientSum<T>> sum;
  std::size_t step = 0, passes = 0;
  std::vector<std::pair<Module<T>*, std::size_t>> hooks;
  std::size_t evaluated_in_training = 0, smallest_batch_norm = 0;
  bool mode_matters = false;

  bool is_watched() const { return options.every > 0 && step % options.every == 0; }
  void report(Finding f) {
    f.step = f.step == Finding::kNever ? step : f.step;
    // Once: what goes on, goes on.
    if (std::any_of(found.findings.begin(), found.findings.end(), [&](const Finding& o) {
          return o.check == f.check && o.where == f.where && o.title == f.title;
        })) {
      return;
    }
    found.findings.push_back(std::move(f));
  }
  void report(std::optional<detail::Culprit<T>> culprit) {
    if (!culprit) return;
    report(std::move(culprit->finding));
    if (!replay) replay = std::move(culprit->replay);
  }
  void end_trace() {  // of a pass
    if (watch->trace) report(watch->trace->first_not_finite(step));
    watch->trace.reset();
  }
  void report_all(const Diagnosis& d) {
    for (const Finding& f : d.findings) report(f);
  }
  void arm() {
    watch.reset();
    if (options.trace || is_watched()) watch = std::make_unique<Watch>();
    if (options.trace) watch->operations.emplace();
  }
  void install_hooks();
  void look(const Tensor<T>& loss);
  void look_at(const std::vector<detail::TapeEntry<T>>& tape);
  void look_at_modes();
  void look_at_writes();
  void note_parameters();
  void note_layers();
  void note_updates();
};

template <class T>
void Monitor<T>::State::install_hooks() {
  module.apply([&](const std::string&, Module<T>& m) {
    mode_matters = mode_matters || depends_on_mode(m);
    if (m.type_name() != "BatchNorm") return;
    hooks.emplace_back(
        &m, m.register_forward_hook([this](Module<T>& bn, const Tensor<T>& x, const Tensor<T>&) {
          if (!bn.is_training() || !is_recording() || x.rank() < 2) return Tensor<T>();
          const std::size_t n = x.size() / x.shape()[1];
          smallest_batch_norm = smallest_batch_norm == 0 ? n : std::min(smallest_batch_norm, n);
          return Tensor<T>();
        }));
  });
  hooks.emplace_back(&module, module.register_forward_hook([this](Module<T>& m, const Tensor<T>&,
                                                                  const Tensor<T>&) {
    if (!is_recording() && m.is_training() && !detail::is_repeating()) ++evaluated_in_training;
    if (watch && is_recording() && is_watched()) {
      watch->before.clear();
      for (const auto& p : parameters) watch->before.push_back(p.tensor.clone());
    }
    return Tensor<T>();
  }));
}

template <class T>
void Monitor<T>::State::look_at_modes() {
  std::vector<std::string> off;
  module.apply([&](const std::string& path, Module<T>& m) {
    if (depends_on_mode(m) && !m.is_training()) off.push_back(path);
  });
  const bool all = !module.is_training();
  if (off.empty() && !all) return;
  report({.check = "mode",
          .severity = all && !off.empty() ? Severity::error : Severity::note,
          .title = "the model is trained in evaluation mode",
          .measured = off.empty() ? "no layer of it depends on the mode"
                                  : "among them " + detail::join(off),
          .expected = "training mode: else dropout drops nothing, and batch normalisation neither "
                      "uses nor learns statistics",
          .where = off.empty() ? "model" : detail::join(off),
          .remedy = "net.train() before each epoch, net.eval() only for evaluation (EvalScope)"});
}

template <class T>
void Monitor<T>::State::look(const Tensor<T>& loss) {
  auto tape = detail::tape_of(loss, &watch->log);
  const auto* const log = watch->operations ? &*watch->operations : nullptr;
  const auto value = static_cast<double>(loss.size() == 1 ? loss.item() : T(0));
  if (!std::isfinite(value)) report(detail::first_not_finite(tape, log, step));
  if (is_watched() && !watch->seen) look_at(tape);
  if (log == nullptr || !std::isfinite(value)) return;
  end_trace();
  watch->trace = std::make_unique<detail::GradientTrace<T>>(std::move(tape), *log);
}

template <class T>
void Monitor<T>::State::look_at(const std::vector<detail::TapeEntry<T>>& tape) {
  watch->seen = true;
  Diagnosis d;
  detail::report_strangers(module, &optimizer, tape, d);
  if (step == 0) detail::report_parameters(module, &optimizer, tape, d);
  std::uint64_t last = 0;  // of the model's own operations
  for (const auto& call : watch->log.calls()) last = std::max(last, call.last);
  detail::report_loss_operations(tape, last, d);
  report_all(d);
  look_at_modes();
  watch->activity.forward(tape, last);
  sum.reset();
  if (passes == 1) sum.emplace(optimizer);  // those of several batches are meant to be added up
}

template <class T>
void Monitor<T>::State::look_at_writes() {
  std::vector<std::string> written;
  for (std::size_t i = 0; i < watch->before.size(); ++i) {
    const Tensor<T>& now = parameters[i].tensor;
    const Tensor<T>& then = watch->before[i];
    if (now.size() != then.size()) continue;
    // NaN differs from itself: bytes.
    if (std::memcmp(now.data(), then.data(), now.size() * sizeof(T)) != 0) {
      written.push_back(parameters[i].name);
    }
  }
  if (written.empty()) return;
  report({.check = "written-while-pending",
          .severity = Severity::error,
          .title = "parameters were written between the forward pass and the step",
          .measured = text(written.size()) + " parameters have other numbers",
          .expected = "the same numbers until the gradients are there: else these are gradients of "
                      "neither",
          .where = detail::join(written),
          .remedy = "write after step(), through set_value, which refuses while a pass is pending; "
                    "look for pointers and views that were taken before"});
}

template <class T>
void Monitor<T>::State::note_parameters() {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Tensor<T>& t = parameters[i].tensor;
    ParameterSeries& s = record.parameters[i];
    const double g = t.has_grad() ? norm_of(t.gradient()) : Finding::kNone;
    s.norm.push_back(norm_of(t));
    s.gradient_norm.push_back(g);
    if (t.has_grad() && !std::isfinite(g)) {
      report({.check = "not-finite",
              .severity = Severity::error,
              .title = "a gradient is not finite",
              .measured = "its norm is " + rounded(g),
              .expected = "finite gradients",
              .where = parameters[i].name,
              .remedy = "MonitorOptions{.trace = true} names the operation"});
    }
  }
}

template <class T>
void Monitor<T>::State::note_updates() {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    ParameterSeries& s = record.parameters[i];
    const bool known = !watch->before.empty() && s.norm.back() > 0;
    s.update_ratio.push_back(known ? detail::distance_of(parameters[i].tensor, watch->before[i]) /
                                         s.norm.back()
                                   : Finding::kNone);
  }
}

template <class T>
void Monitor<T>::State::note_layers() {
  for (const detail::LayerActivity& l : watch->activity.layers()) {
    auto& all = record.layers;
    auto it = std::find_if(all.begin(), all.end(),
                           [&](const LayerSeries& o) { return o.name == l.name; });
    if (it == all.end()) {
      all.push_back({l.name, l.operation, {}, {}, {}, {}, {}});
      it = all.end() - 1;
    }
    if (it->mean.size() >= record.watched.size()) continue;  // called several times in a step
    const std::size_t missed = record.watched.size() - 1;
    for (auto* v : {&it->mean, &it->variance, &it->saturated, &it->dead, &it->gradient_variance})
      v->resize(missed, Finding::kNone);
    it->mean.push_back(l.mean);
    it->variance.push_back(l.variance);
    it->saturated.push_back(l.saturated);
    it->dead.push_back(l.dead);
    it->gradient_variance.push_back(l.gradient_variance);
  }
}

// --- calls ---

template <class T>
Monitor<T>::Monitor(Module<T>& module, Optimizer<T>& optimizer, MonitorOptions options)
    : s_(new State(module, optimizer, options)) {
  for (const auto& p : s_->parameters) s_->record.parameters.push_back({p.name, {}, {}, {}});
  s_->install_hooks();
  s_->arm();
}

template <class T>
Monitor<T>::~Monitor() {
  for (auto& [module, id] : s_->hooks) module->remove_hook(id);
}

template <class T>
void Monitor<T>::before_backward(const Tensor<T>& loss) {
  State& s = *s_;
  ++s.passes;
  const auto value = static_cast<double>(loss.item());
  if (s.passes == 1) {
    s.record.losses.push_back(value);
    s.record.learning_rates.push_back(s.optimizer.learning_rate());
  }
  if (s.watch) {
    s.look(loss);
  } else if (!std::isfinite(value)) {
    s.report({.check = "not-finite",
              .severity = Severity::error,
              .title = "the loss is not finite",
              .measured = "loss " + rounded(value),
              .expected = "a finite number",
              .where = "loss",
              .remedy = "MonitorOptions{.trace = true} names the operation; a lower learning rate, "
                        "gradient clipping"});
  }
}

template <class T>
void Monitor<T>::before_step() {
  State& s = *s_;
  if (!s.watch) return;
  s.end_trace();
  if (!s.is_watched()) return;
  if (s.sum) {
    if (auto f = s.sum->finding()) s.report(std::move(*f));
    s.sum.reset();
  }
  s.look_at_writes();
  s.watch->activity.backward();
  Diagnosis d;
  detail::judge_activity(s.watch->activity.layers(), s.step == 0, s.step, d);
  s.report_all(d);
  s.record.watched.push_back(s.step);
  s.note_parameters();
  s.note_layers();
}

template <class T>
void Monitor<T>::after_step() {
  State& s = *s_;
  if (!s.record.watched.empty() && s.record.watched.back() == s.step) s.note_updates();
  ++s.step;
  s.passes = 0;
  s.arm();
}

template <class T>
void Monitor<T>::end_epoch(const Figures& figures) {
  s_->epochs.add(figures);
}

template <class T>
void Monitor<T>::attach(TrainerOptions<T>& o) {
  const auto chain = [](auto& slot, auto call) {
    slot = [before = std::move(slot), call](const auto&... args) {
      if (before) before(args...);
      call(args...);
    };
  };
  chain(o.before_backward, [this](const Tensor<T>& loss) { before_backward(loss); });
  chain(o.before_step, [this] { before_step(); });
  chain(o.after_step, [this](const StepReport&) { after_step(); });
  chain(o.on_epoch_end, [this](std::size_t, const Figures& f) { end_epoch(f); });
}

template <class T>
std::size_t Monitor<T>::steps() const {
  return s_->step;
}

template <class T>
const TrainingRecord& Monitor<T>::record() const& {
  return s_->record;
}

template <class T>
std::optional<OperationReplay<T>> Monitor<T>::replay() const {
  return s_->replay;
}

template <class T>
Diagnosis Monitor<T>::diagnosis() const {
  Diagnosis d = s_->found;
  if (s_->mode_matters && s_->evaluated_in_training > 0) {
    d.findings.push_back(
        {.check = "mode",
         .severity = Severity::warning,
         .title = "the model is evaluated in training mode",
         .measured = text(s_->evaluated_in_training) + " forward passes without recording",
         .expected =
             "evaluation mode: else dropout drops, and batch normalisation uses, and learns "
             "from, what it is measured on",
         .where = "model",
         .remedy = "net.eval() while evaluating, and net.train() after it (EvalScope)"});
  }
  const std::size_t n = s_->smallest_batch_norm;
  if (n > 0 && n < 8) {
    d.findings.push_back(
        {.check = "batch-norm-batch",
         .severity = Severity::warning,
         .title = "batch normalisation has very few numbers to take statistics of",
         .measured = text(n) + " per channel",
         .expected =
             "8 or more: the variance of n numbers is off by sqrt(2 / (n - 1)) of itself, " +
             rounded(std::sqrt(2 / std::max(static_cast<double>(n) - 1, 1.0)), 2) + " here",
         .where = "BatchNorm",
         .remedy = "larger batches, drop_last in the loader, or group or layer normalisation",
         .value = static_cast<double>(n),
         .low = 8});
  }
  detail::judge_curve(s_->record, d);
  detail::judge_updates(s_->record, d);
  detail::judge_epochs(s_->epochs, d);
  return d;
}

template class Monitor<float>;
template class Monitor<double>;

}  // namespace xgrad
