#include "xgrad/optimizers/adamax.hpp"

#include "xgrad/optimizers/moving_averages.hpp"

namespace xgrad {

void check_options(const AdamaxOptions& o) { detail::check_adam_options("Adamax", o); }

template <class T>
std::vector<std::string> Adamax<T>::state_names(std::size_t) const {
  return {"first_moment", "largest_gradient"};
}

template <class T>
void Adamax<T>::update(Slot& slot) {
  const AdamaxOptions& o = this->options_of(slot);
  const double rate = this->rate_of(slot) / detail::correction(o.beta1, slot.steps);
  this->apply(kernels::AdamaxRule<T>{static_cast<T>(o.beta1), static_cast<T>(1 - o.beta1),
                                     static_cast<T>(o.beta2), static_cast<T>(rate),
                                     static_cast<T>(o.epsilon)},
              slot);
}

template class Adamax<float>;
template class Adamax<double>;

}  // namespace xgrad
