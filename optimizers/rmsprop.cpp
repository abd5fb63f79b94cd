#include "xgrad/optimizers/rmsprop.hpp"

#include "xgrad/base/errors.hpp"

namespace xgrad {

void check_options(const RmsPropOptions& o) {
  detail::require_in("RmsProp", "learning_rate", o.learning_rate, "[0, inf)");
  detail::require_in("RmsProp", "memory", o.memory, "[0, 1)");
  detail::require_in("RmsProp", "epsilon", o.epsilon, "[0, inf)");
  detail::require_in("RmsProp", "momentum", o.momentum, "[0, 1)");
  detail::check_decay("RmsProp", o.weight_decay, o.decay);
}

template <class T>
std::vector<std::string> RmsProp<T>::state_names(std::size_t group) const {
  const RmsPropOptions& o = this->options(group);
  std::vector<std::string> names{"gradient_squares"};
  if (o.momentum != 0) names.push_back("velocity");
  if (o.centred) names.push_back("mean_gradient");
  return names;
}

template <class T>
template <bool Momentum, bool Centred>
void RmsProp<T>::update_as(Slot& slot) {
  const RmsPropOptions& o = this->options_of(slot);
  this->apply(
      kernels::RmsPropRule<T, Momentum, Centred>{
          static_cast<T>(this->rate_of(slot)), static_cast<T>(o.memory),
          static_cast<T>(1 - o.memory), static_cast<T>(o.epsilon), static_cast<T>(o.momentum)},
      slot);
}

template <class T>
void RmsProp<T>::update(Slot& slot) {
  const RmsPropOptions& o = this->options_of(slot);
  if (o.momentum != 0)
    return o.centred ? update_as<true, true>(slot) : update_as<true, false>(slot);
  return o.centred ? update_as<false, true>(slot) : update_as<false, false>(slot);
}

template class RmsProp<float>;
template class RmsProp<double>;

}  // namespace xgrad
