#include <cmath>

#include "tests/errors/bad_calls.hpp"
#include "xgrad/xgrad.hpp"

namespace bad_calls {
namespace {

using namespace xgrad;
using D = double;
using T = Tensor<double>;

T of(const Shape& shape) { return parameter(T::filled(shape, 0.5)); }

NamedTensors<D> w() { return {{"w", of({2})}}; }

NamedTensors<D> with_gradient(double value) {
  NamedTensors<D> tensors = w();
  tensors[0].tensor.set_gradient(T::filled({2}, value));
  return tensors;
}

Sgd<D>& sgd() {
  static Sgd<D> optimizer(w());
  return optimizer;
}

Scheduler<D>& scheduler() {
  static Scheduler<D> s(sgd(), ConstantRate{});
  return s;
}

}  // namespace

// clang-format off
std::vector<Call> optimizers() {
  return {
      XGRAD_BAD(Sgd<D>(w(), {.learning_rate = -1e-9})),
      XGRAD_BAD(Sgd<D>(w(), {.learning_rate = INFINITY})),
      XGRAD_BAD(Sgd<D>(w(), {.momentum = 1})),
      XGRAD_BAD(Sgd<D>(w(), {.dampening = -0.5})),
      XGRAD_BAD(Sgd<D>(w(), {.nesterov = true})),
      XGRAD_BAD(Sgd<D>(w(), {.momentum = 0.9, .dampening = 0.1, .look_ahead = true})),
      XGRAD_BAD(Sgd<D>(w(), {.weight_decay = -1e-4})),
      XGRAD_BAD(Sgd<D>(w(), {.decay = {.l1 = -1}})),
      XGRAD_BAD(Sgd<D>(w(), {.decay = {.lp = NAN}})),
      XGRAD_BAD(Sgd<D>(w(), {.decay = {.power = 0.999999999}})),
      XGRAD_BAD(Sgd<D>(NamedTensors<D>{})),
      XGRAD_BAD(Sgd<D>(NamedTensors<D>{{"w", T()}})),
      XGRAD_BAD(Sgd<D>(NamedTensors<D>{{"w", of({2})}, {"w", of({2})}})),
      XGRAD_BAD(Sgd<D>(w()).load_state_dict(Adam<D>(w()).state_dict())),
      XGRAD_BAD(Sgd<D>(w()).add_group(NamedTensors<D>{{"v", of({2})}}, {.momentum = 2})),
      XGRAD_BAD(Sgd<D>(w()).set_learning_rate(-1e-9)),
      XGRAD_BAD(Sgd<D>(w()).set_learning_rate(1, 1)),
      XGRAD_BAD(Adagrad<D>(w(), {.learning_rate = -1e-9})),
      XGRAD_BAD(Adagrad<D>(w(), {.learning_rate_decay = -1e-9})),
      XGRAD_BAD(Adagrad<D>(w(), {.initial_accumulator = -1e-9})),
      XGRAD_BAD(Adagrad<D>(w(), {.epsilon = -1e-9})),
      XGRAD_BAD(Adagrad<D>(w(), {.weight_decay = -1e-9})),
      XGRAD_BAD(Adadelta<D>(w(), {.learning_rate = -1e-9})),
      XGRAD_BAD(Adadelta<D>(w(), {.rho = 1})),
      XGRAD_BAD(Adadelta<D>(w(), {.epsilon = 0})),
      XGRAD_BAD(Adadelta<D>(w(), {.weight_decay = -1e-9})),
      XGRAD_BAD(RmsProp<D>(w(), {.learning_rate = NAN})),
      XGRAD_BAD(RmsProp<D>(w(), {.memory = 2})),
      XGRAD_BAD(RmsProp<D>(w(), {.epsilon = -1e-9})),
      XGRAD_BAD(RmsProp<D>(w(), {.momentum = 1})),
      XGRAD_BAD(RmsProp<D>(w(), {.weight_decay = -1e-9})),
      XGRAD_BAD(Adam<D>(w(), {.learning_rate = -1e-9})),
      XGRAD_BAD(Adam<D>(w(), {.beta1 = 1})),
      XGRAD_BAD(Adam<D>(w(), {.beta2 = -0.1})),
      XGRAD_BAD(Adam<D>(w(), {.epsilon = -1e-9})),
      XGRAD_BAD(Adam<D>(w(), {.weight_decay = -1e-9})),
      XGRAD_BAD(AdamW<D>(w(), {.learning_rate = -1e-9})),
      XGRAD_BAD(AdamW<D>(w(), {.beta1 = 1})),
      XGRAD_BAD(AdamW<D>(w(), {.beta2 = -0.1})),
      XGRAD_BAD(AdamW<D>(w(), {.epsilon = -1e-9})),
      XGRAD_BAD(AdamW<D>(w(), {.weight_decay = -1e-9})),
      XGRAD_BAD(Nadam<D>(w(), {.learning_rate = -1e-9})),
      XGRAD_BAD(Nadam<D>(w(), {.beta1 = 1})),
      XGRAD_BAD(Nadam<D>(w(), {.beta2 = -0.1})),
      XGRAD_BAD(Nadam<D>(w(), {.epsilon = -1e-9})),
      XGRAD_BAD(Nadam<D>(w(), {.momentum_decay = -1e-9})),
      XGRAD_BAD(Nadam<D>(w(), {.weight_decay = -1e-9})),
      XGRAD_BAD(RAdam<D>(w(), {.learning_rate = -1e-9})),
      XGRAD_BAD(RAdam<D>(w(), {.beta1 = 1})),
      XGRAD_BAD(RAdam<D>(w(), {.beta2 = -0.1})),
      XGRAD_BAD(RAdam<D>(w(), {.epsilon = -1e-9})),
      XGRAD_BAD(RAdam<D>(w(), {.weight_decay = -1e-9})),
      XGRAD_BAD(Adamax<D>(w(), {.learning_rate = -1e-9})),
      XGRAD_BAD(Adamax<D>(w(), {.beta1 = 1})),
      XGRAD_BAD(Adamax<D>(w(), {.beta2 = -0.1})),
      XGRAD_BAD(Adamax<D>(w(), {.epsilon = -1e-9})),
      XGRAD_BAD(Adamax<D>(w(), {.weight_decay = -1e-9})),
      XGRAD_BAD(Lion<D>(w(), {.learning_rate = -1e-9})),
      XGRAD_BAD(Lion<D>(w(), {.beta1 = 1})),
      XGRAD_BAD(Lion<D>(w(), {.beta2 = -0.1})),
      XGRAD_BAD(Lion<D>(w(), {.weight_decay = -1e-9})),
      XGRAD_BAD(Lbfgs<D>(w(), {.learning_rate = 0})),
      XGRAD_BAD(Lbfgs<D>(w(), {.max_iterations = 0})),
      XGRAD_BAD(Lbfgs<D>(w(), {.tolerance_gradient = -1e-9})),
      XGRAD_BAD(Lbfgs<D>(w(), {.tolerance_change = NAN})),
      XGRAD_BAD(Lbfgs<D>(w(), {.history = 0})),
      XGRAD_BAD(Lbfgs<D>(w()).step()),
      XGRAD_BAD(NewtonCg<D>(w(), {.learning_rate = 0})),
      XGRAD_BAD(NewtonCg<D>(w(), {.max_iterations = 0})),
      XGRAD_BAD(NewtonCg<D>(w(), {.tolerance_gradient = -1e-9})),
      XGRAD_BAD(NewtonCg<D>(w(), {.forcing = 1.0000001})),
      XGRAD_BAD(NewtonCg<D>(w()).step()),
      XGRAD_BAD(Ema<D>(w(), {.decay = 1})),
      XGRAD_BAD(clip_grad_norm(with_gradient(1), 0)),
      XGRAD_BAD(clip_grad_norm(with_gradient(NAN), 1)),
      XGRAD_BAD(clip_grad_value(with_gradient(1), -1e-9)),
      XGRAD_BAD(GradientNoise({.eta = -1e-9})),
      XGRAD_BAD(GradientNoise({.gamma = NAN})),
  };
}

std::vector<Call> schedules() {
  return {
      XGRAD_BAD(Schedule(ConstantRate{.factor = -1e-9})),
      XGRAD_BAD(Schedule(StepDecay{.interval = 0})),
      XGRAD_BAD(Schedule(StepDecay{.factor = NAN})),
      XGRAD_BAD(Schedule(MultiStepDecay{.factor = -1e-9})),
      XGRAD_BAD(Schedule(ExponentialDecay{.k = -1e-9})),
      XGRAD_BAD(Schedule(InverseTimeDecay{.k = -1e-9})),
      XGRAD_BAD(Schedule(InverseSqrtDecay{.scale = 0})),
      XGRAD_BAD(Schedule(LinearDecay{.duration = 0})),
      XGRAD_BAD(Schedule(LinearDecay{.end = -1e-9})),
      XGRAD_BAD(Schedule(CosineDecay{.duration = -1e-9})),
      XGRAD_BAD(Schedule(CosineDecay{.end = -1e-9})),
      XGRAD_BAD(Schedule(CosineRestarts{.duration = 0})),
      XGRAD_BAD(Schedule(CosineRestarts{.growth = 0.999999999})),
      XGRAD_BAD(Schedule(CosineRestarts{.end = -1e-9})),
      XGRAD_BAD(Schedule(PolynomialDecay{.duration = 0})),
      XGRAD_BAD(Schedule(PolynomialDecay{.power = 0})),
      XGRAD_BAD(Schedule(PolynomialDecay{.end = -1e-9})),
      XGRAD_BAD(Schedule(OneCycle{.duration = 0})),
      XGRAD_BAD(Schedule(OneCycle{.rise = 1.0000001})),
      XGRAD_BAD(Schedule(OneCycle{.start = -1e-9})),
      XGRAD_BAD(Schedule(OneCycle{.end = -1e-9})),
      XGRAD_BAD(Schedule(WarmUp{.duration = 0})),
      XGRAD_BAD(Schedule(WarmUp{.start = -1e-9})),
      XGRAD_BAD(Schedule(ReduceOnPlateau{.factor = 1})),
      XGRAD_BAD(Schedule(ReduceOnPlateau{.threshold = -1e-9})),
      XGRAD_BAD(Schedule(ReduceOnPlateau{.smallest = -1e-9})),
      XGRAD_BAD(sequence(std::vector<ScheduleStage>{})),
      XGRAD_BAD(sequence(std::vector<ScheduleStage>{{ConstantRate{}, 0}, {ConstantRate{}, 1}})),
      XGRAD_BAD(product(std::vector<Schedule>{})),
      XGRAD_BAD(scheduler().set_time(-1e-9)),
      XGRAD_BAD(scheduler().observe(NAN)),
      XGRAD_BAD(scheduler().load_state_dict(StateNumbers{})),
  };
}
// clang-format on

}  // namespace bad_calls
