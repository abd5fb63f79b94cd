#include "xgrad/optimizers/adagrad.hpp"

#include "xgrad/optimizers/text.hpp"

namespace xgrad {

void check_options(const AdagradOptions& o) {
  detail::require_not_negative("Adagrad", "learning_rate", o.learning_rate);
  detail::require_not_negative("Adagrad", "learning_rate_decay", o.learning_rate_decay);
  detail::require_not_negative("Adagrad", "initial_accumulator", o.initial_accumulator);
  detail::require_not_negative("Adagrad", "epsilon", o.epsilon);
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
