// What a function does besides operations: passes back, gradients, changes of state.

#include <algorithm>

#include "xgrad/base/errors.hpp"
#include "xgrad/compile/program_steps.hpp"
#include "xgrad/compile/recorder.hpp"

namespace xgrad::detail {

void RecorderCore::effect(const char* name, std::function<void()> again) {
  explained_ = draws_.states.size();
  RecordedStep s = begin(name);
  s.changes_state = true;
  auto step = std::make_unique<EffectStep>();
  step->again = std::move(again);
  s.step = std::move(step);
  steps_.push_back(std::move(s));
}

void RecorderCore::mode(std::shared_ptr<const bool> now) {
  for (const auto& m : guards_.modes) {
    if (m.first == now) return;
  }
  guards_.modes.emplace_back(now, *now);
}

// NoGrad and EnableGrad inside of the function, for operations for which they matter.
void RecorderCore::keep_modes() {
  for (RecordedStep& s : steps_) {
    const bool matters = std::any_of(s.inputs.begin(), s.inputs.end(), [&](std::uint32_t v) {
      return values_[v].shown.requires_grad;
    });
    if (s.recording == recording_ || s.outputs.empty() || !matters) continue;
    auto step = std::make_unique<ModeStep>();
    step->step = std::move(s.step);
    step->recording = s.recording;
    s.step = std::move(step);
  }
}

// The result of the last step, a copy, that nobody has used yet.
bool RecorderCore::is_fresh_copy(const void* n) const {
  const auto it = known_.find(n);
  return it != known_.end() && !steps_.empty() && steps_.back().name == "clone" &&
         steps_.back().outputs == std::vector<std::uint32_t>{it->second};
}

// What is said of a copy makes it parameter(x), which is a leaf each time.
template <class T>
void RecorderCore::make_parameter() {
  RecordedStep& copy = steps_.back();
  copy.name = "parameter";
  static_cast<AgainStep<T>&>(*copy.step).again = [](const std::vector<Tensor<T>>& x) {
    return parameter(x[0]);
  };
  values_[copy.outputs[0]].shown.requires_grad = true;
}

template <class T>
void RecorderCore::on_backward(const Tensor<T>& y, const Tensor<T>& seed, BackwardOptions options) {
  RecordedStep s = begin("backward");
  s.changes_state = true;
  auto step = std::make_unique<BackwardStep<T>>();
  step->output = operand(y, s);
  step->seed = operand(seed, s);
  step->options = options;
  if (later_products<T> != nullptr) step->later = later_products<T>->shared_from_this();
  s.step = std::move(step);
  steps_.push_back(std::move(s));
}

template <class T>
void RecorderCore::on_grad(const std::vector<Tensor<T>>& outputs,
                           const std::vector<Tensor<T>>& inputs, GradOptions options,
                           const std::vector<Tensor<T>>& seeds,
                           const std::vector<Tensor<T>>& results) {
  RecordedStep s = begin("grad");
  s.changes_state = true;  // hooks
  auto step = std::make_unique<GradStep<T>>();
  step->outputs = operands(outputs, s);
  step->inputs = operands(inputs, s);
  step->seeds = operands(seeds, s);
  step->options = options;
  for (const Tensor<T>& g : results)
    step->results.push_back(g.defined() && known_.count(g.node()) == 0 ? add_result(g, s)
                                                                       : kNoValue);
  for (const Tensor<T>& g : results) {
    if (g.defined() &&
        std::find(s.outputs.begin(), s.outputs.end(), known_[g.node()]) == s.outputs.end())
      refuse("grad returns a tensor that was there before");
  }
  s.step = std::move(step);
  steps_.push_back(std::move(s));
}

template <class T>
Tensor<T> RecorderCore::on_gradient(const Tensor<T>& x) {
  const auto original = originals_.find(x.node());
  const Tensor<T>& real = original != originals_.end() ? given_.of<T>()[original->second] : x;
  Tensor<T> g(real.node()->grad);
  if (!g.defined()) {
    on_host("the function asks for a gradient that is not there, gradient() of " +
            place_of(x.node()) + " " + to_string(x.shape()));
    return g;
  }
  if (known_.count(g.node()) != 0) return g;
  RecordedStep s = begin("gradient");
  auto step = std::make_unique<GradientStep<T>>();
  step->tensor = operand(x, s);
  step->result = add_result(g, s);
  s.changes_state = true;
  s.step = std::move(step);
  steps_.push_back(std::move(s));
  return g;
}

template <class T>
void RecorderCore::on_zero_grad(const Tensor<T>& x) {
  const auto original = originals_.find(x.node());
  {
    const Untraced untraced;
    Tensor<T>(original != originals_.end() ? given_.of<T>()[original->second] : x).zero_grad();
  }
  RecordedStep s = begin("zero_grad");
  s.changes_state = true;
  auto step = std::make_unique<ZeroGradStep<T>>();
  step->tensor = operand(x, s);
  s.step = std::move(step);
  steps_.push_back(std::move(s));
}

#define XGRAD_INSTANTIATE(T)                                                                    \
  template void RecorderCore::make_parameter<T>();                                              \
  template void RecorderCore::on_backward(const Tensor<T>&, const Tensor<T>&, BackwardOptions); \
  template void RecorderCore::on_grad(                                                          \
      const std::vector<Tensor<T>>&, const std::vector<Tensor<T>>&, GradOptions,                \
      const std::vector<Tensor<T>>&, const std::vector<Tensor<T>>&);                            \
  template Tensor<T> RecorderCore::on_gradient(const Tensor<T>&);                               \
  template void RecorderCore::on_zero_grad(const Tensor<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
