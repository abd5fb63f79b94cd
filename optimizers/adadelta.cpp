#include "xgrad/optimizers/adadelta.hpp"

#include "xgrad/base/errors.hpp"

namespace xgrad {

void check_options(const AdadeltaOptions& o) {
  detail::require_in("Adadelta", "learning_rate", o.learning_rate, "[0, inf)");
  detail::require_in("Adadelta", "rho", o.rho, "[0, 1)");
  detail::require_in("Adadelta", "epsilon", o.epsilon, "(0, inf)");
  detail::check_decay("Adadelta", o.weight_decay, o.decay);
}

template <class T>
std::vector<std::string> Adadelta<T>::state_names(std::size_t) const {
  return {"gradient_squares", "step_squares"};
}

template <class T>
void Adadelta<T>::update(Slot& slot) {
  const AdadeltaOptions& o = this->options_of(slot);
  this->apply(kernels::AdadeltaRule<T>{static_cast<T>(this->rate_of(slot)), static_cast<T>(o.rho),
                                       static_cast<T>(1 - o.rho), static_cast<T>(o.epsilon)},
              slot);
}

template class Adadelta<float>;
template class Adadelta<double>;

}  // namespace xgrad
