#include "xgrad/optimizers/adam.hpp"

#include <cmath>

namespace xgrad {

void check_options(const AdamOptions& o) { detail::check_adam_options("Adam", o); }
void check_options(const AdamWOptions& o) { detail::check_adam_options("AdamW", o); }

namespace detail {

template <class T, class Options>
std::vector<std::string> AdamFamily<T, Options>::state_names(std::size_t group) const {
  if (this->options(group).amsgrad) {
    return {"first_moment", "second_moment", "largest_second_moment"};
  }
  return {"first_moment", "second_moment"};
}

template <class T, class Options>
void AdamFamily<T, Options>::update(Slot& slot) {
  const Options& o = this->options_of(slot);
  const auto averages = averages_of<T>(o);
  const auto rate = static_cast<T>(this->rate_of(slot) / first_(o.beta1, slot.steps));
  const auto root_scale = static_cast<T>(1 / std::sqrt(second_(o.beta2, slot.steps)));
  const auto epsilon = static_cast<T>(o.epsilon);
  if (o.amsgrad) {
    this->apply(kernels::AdamRule<T, true>{averages, rate, root_scale, epsilon}, slot);
  } else {
    this->apply(kernels::AdamRule<T, false>{averages, rate, root_scale, epsilon}, slot);
  }
}

template class AdamFamily<float, AdamOptions>;
template class AdamFamily<double, AdamOptions>;
template class AdamFamily<float, AdamWOptions>;
template class AdamFamily<double, AdamWOptions>;

}  // namespace detail
}  // namespace xgrad
