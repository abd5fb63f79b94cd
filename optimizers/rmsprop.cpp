#include "xgrad/optimizers/rmsprop.hpp"

#include "xgrad/optimizers/text.hpp"

namespace xgrad {

void check_options(const RmsPropOptions& o) {
  detail::require_not_negative("RmsProp", "learning_rate", o.learning_rate);
  detail::require_fraction("RmsProp", "memory", o.memory);
  detail::require_not_negative("RmsProp", "epsilon", o.epsilon);
  detail::require_fraction("RmsProp", "momentum", o.momentum);
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
