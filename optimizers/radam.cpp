#include "xgrad/optimizers/radam.hpp"

#include "xgrad/optimizers/moving_averages.hpp"

namespace xgrad {
namespace {

// r of the rule; 0 while rho is at most 5.
double rectification(double beta2, double t) {
  const double longest = 2 / (1 - beta2) - 1;
  const double rho = longest - 2 * t * std::pow(beta2, t) / detail::correction(beta2, t);
  if (!(rho > 5)) return 0;
  return std::sqrt((rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho));
}

}  // namespace

void check_options(const RAdamOptions& o) { detail::check_adam_options("RAdam", o); }

template <class T>
std::vector<std::string> RAdam<T>::state_names(std::size_t) const {
  return {"first_moment", "second_moment"};
}

template <class T>
void RAdam<T>::update(Slot& slot) {
  const RAdamOptions& o = this->options_of(slot);
  const auto averages = detail::averages_of<T>(o);
  const double rate = this->rate_of(slot) / detail::correction(o.beta1, slot.steps);
  const double r = rectification(o.beta2, slot.steps);
  if (r == 0) {
    return this->apply(kernels::FirstMomentRule<T>{averages, static_cast<T>(rate)}, slot);
  }
  const double rectified = rate * r * std::sqrt(detail::correction(o.beta2, slot.steps));
  this->apply(kernels::AdamRule<T, false>{averages, static_cast<T>(rectified), T(1),
                                          static_cast<T>(o.epsilon)},
              slot);
}

template class RAdam<float>;
template class RAdam<double>;

}  // namespace xgrad
