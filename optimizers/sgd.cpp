#include "xgrad/optimizers/sgd.hpp"

#include <algorithm>
#include <stdexcept>

#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/reduce.hpp"

namespace xgrad {

void check_options(const SgdOptions& o) {
  detail::require_in("Sgd", "learning_rate", o.learning_rate, "[0, inf)");
  detail::require_in("Sgd", "momentum", o.momentum, "[0, 1)");
  detail::require_in("Sgd", "dampening", o.dampening, "[0, 1)");
  detail::check_decay("Sgd", o.weight_decay, o.decay);
  if ((o.nesterov || o.look_ahead) && (o.momentum == 0 || o.dampening != 0)) {
    detail::fail("Sgd", "Nesterov's momentum needs momentum and no dampening: momentum ",
                 o.momentum, ", dampening ", o.dampening);
  }
}

template <class T>
std::vector<std::string> Sgd<T>::state_names(std::size_t group) const {
  if (this->options(group).momentum == 0) return {};
  return {"velocity"};
}

template <class T>
void Sgd<T>::visit_numbers(const typename Optimizer<T>::Visitor& visit) {
  Optimizer<T>::visit_numbers(visit);
  if (!looks_ahead()) return;
  moved_.resize(this->slots().size(), 0);
  visit("ahead", ahead_);
  for (const Slot& s : this->slots()) visit(s.name + "/ahead", moved_[this->index_of(s)]);
}

template <class T>
bool Sgd<T>::looks_ahead() const {
  for (std::size_t i = 0; i < this->group_count(); ++i) {
    if (this->options(i).look_ahead) return true;
  }
  return false;
}

template <class T>
void Sgd<T>::shift(Slot& slot, double velocities) {
  kernels::reduce_kernels<T>().axpy(slot.tensor.mutable_data(), slot.state[0].data(),
                                    static_cast<T>(velocities), slot.tensor.size());
}

template <class T>
void Sgd<T>::look_ahead() {
  if (!looks_ahead()) {
    detail::fail<std::logic_error>("look_ahead", "no group of this Sgd has the option look_ahead");
  }
  if (ahead_ != 0) {
    detail::fail<std::logic_error>("look_ahead",
                                   "the weights are ahead already; step() comes next");
  }
  moved_.assign(this->slots().size(), 0);
  for (Slot& s : this->slots()) {
    const SgdOptions& o = this->options_of(s);
    if (!o.look_ahead || !s.tensor.requires_grad() || s.state.empty()) continue;
    double& moved = moved_[this->index_of(s)];
    moved = -(o.rate_in_velocity ? 1 : this->rate_of(s)) * o.momentum;
    shift(s, moved);
  }
  ahead_ = 1;
}

template <class T>
double Sgd<T>::step(const typename Optimizer<T>::LossFunction& loss) {
  if (looks_ahead() && ahead_ == 0) look_ahead();
  return Optimizer<T>::step(loss);
}

template <class T>
void Sgd<T>::begin_step() {
  if (!looks_ahead()) return;
  if (ahead_ == 0) {
    detail::fail<std::logic_error>("Sgd",
                                   "call look_ahead() before the gradients are taken, then step()");
  }
  moved_.resize(this->slots().size(), 0);
  for (Slot& s : this->slots()) {
    const double moved = moved_[this->index_of(s)];
    if (moved != 0 && !this->is_ready(s)) shift(s, -moved);
  }
  ahead_ = 0;
}

template <class T>
void Sgd<T>::update(Slot& slot) {
  const SgdOptions& o = this->options_of(slot);
  const double rate = this->rate_of(slot);
  if (o.momentum == 0) return this->apply(kernels::SgdRule<T>{static_cast<T>(rate)}, slot);
  const double gain = slot.steps == 1 ? 1 : 1 - o.dampening;
  const double into = o.rate_in_velocity ? rate : 1, out = o.rate_in_velocity ? 1 : rate;
  double along_velocity = out, along_gradient = 0;
  if (o.look_ahead) {
    along_velocity = 0;
    along_gradient = rate;
  } else if (o.nesterov) {
    along_velocity = out * o.momentum;
    along_gradient = rate;
  }
  this->apply(
      kernels::MomentumRule<T>{static_cast<T>(o.momentum), static_cast<T>(into * gain),
                               static_cast<T>(along_velocity), static_cast<T>(along_gradient)},
      slot);
}

template class Sgd<float>;
template class Sgd<double>;

}  // namespace xgrad
