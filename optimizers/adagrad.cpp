#include "xgrad/optimizers/adagrad.hpp"

#include "xgrad/base/errors.hpp"

namespace xgrad {

void check_options(const AdagradOptions& o) {
  detail::require_in("Adagrad", "learning_rate", o.learning_rate, "[0, inf)");
  detail::require_in("Adagrad", "learning_rate_decay", o.learning_rate_decay, "[0, inf)");
  detail::require_in("Adagrad", "initial_accumulator", o.initial_accumulator, "[0, inf)");
  detail::require_in("Adagrad", "epsilon", o.epsilon, "[0, inf)");
  detail::check_decay("Adagrad", o.weight_decay, o.decay);
}

template <class T>
std::vector<std::string> Adagrad<T>::state_names(std::size_t) const {
  return {"gradient_squares"};
}

template <class T>
double Adagrad<T>::initial_state(std::size_t group) const {
  return this->options(group).initial_accumulator;
}

template <class T>
void Adagrad<T>::update(Slot& slot) {
  const AdagradOptions& o = this->options_of(slot);
  const double rate = this->rate_of(slot) / (1 + (slot.steps - 1) * o.learning_rate_decay);
  this->apply(kernels::AdagradRule<T>{static_cast<T>(rate), static_cast<T>(o.epsilon)}, slot);
}

template class Adagrad<float>;
template class Adagrad<double>;

}  // namespace xgrad
