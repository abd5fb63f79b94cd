#include "xgrad/optimizers/lion.hpp"

#include "xgrad/base/errors.hpp"

namespace xgrad {

void check_options(const LionOptions& o) {
  detail::require_in("Lion", "learning_rate", o.learning_rate, "[0, inf)");
  detail::require_in("Lion", "beta1", o.beta1, "[0, 1)");
  detail::require_in("Lion", "beta2", o.beta2, "[0, 1)");
  detail::check_decay("Lion", o.weight_decay, o.decay);
}

template <class T>
std::vector<std::string> Lion<T>::state_names(std::size_t) const {
  return {"first_moment"};
}

template <class T>
void Lion<T>::update(Slot& slot) {
  const LionOptions& o = this->options_of(slot);
  this->apply(kernels::LionRule<T>{static_cast<T>(o.beta1), static_cast<T>(1 - o.beta1),
                                   static_cast<T>(o.beta2), static_cast<T>(1 - o.beta2),
                                   static_cast<T>(this->rate_of(slot))},
              slot);
}

template class Lion<float>;
template class Lion<double>;

}  // namespace xgrad
