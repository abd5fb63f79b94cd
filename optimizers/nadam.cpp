#include "xgrad/optimizers/nadam.hpp"

#include "xgrad/optimizers/moving_averages.hpp"

namespace xgrad {
namespace {

double momentum_at(const NadamOptions& o, double t) {
  return o.beta1 * (1 - 0.5 * std::pow(0.96, t * o.momentum_decay));
}

}  // namespace

void check_options(const NadamOptions& o) {
  detail::check_adam_options("Nadam", o);
  detail::require_in("Nadam", "momentum_decay", o.momentum_decay, "[0, inf)");
}

template <class T>
std::vector<std::string> Nadam<T>::state_names(std::size_t) const {
  return {"first_moment", "second_moment"};
}

template <class T>
double& Nadam<T>::product_of(const Slot& slot) {
  return products_[this->index_of(slot)];
}

template <class T>
void Nadam<T>::visit_numbers(const typename Optimizer<T>::Visitor& visit) {
  Optimizer<T>::visit_numbers(visit);
  begin_step();
  for (const Slot& s : this->slots()) visit(s.name + "/momentum_product", product_of(s));
}

template <class T>
void Nadam<T>::begin_step() {
  products_.resize(this->slots().size(), 1.0);
}

template <class T>
void Nadam<T>::update(Slot& slot) {
  const NadamOptions& o = this->options_of(slot);
  const double rate = this->rate_of(slot), t = slot.steps;
  const double now = momentum_at(o, t), next = momentum_at(o, t + 1);
  double& product = product_of(slot);
  product *= now;
  const double moment_rate = rate * next / (1 - product * next);
  const double gradient_rate = rate * (1 - now) / (1 - product);
  const double root_scale = 1 / std::sqrt(detail::correction(o.beta2, t));
  this->apply(kernels::NadamRule<T>{detail::averages_of<T>(o), static_cast<T>(moment_rate),
                                    static_cast<T>(gradient_rate), static_cast<T>(root_scale),
                                    static_cast<T>(o.epsilon)},
              slot);
}

template class Nadam<float>;
template class Nadam<double>;

}  // namespace xgrad
