#include "xgrad/doctor/gradient_sum.hpp"

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/base/text.hpp"
#include "xgrad/doctor/statistics.hpp"
#include "xgrad/ops/arithmetic.hpp"

namespace xgrad::detail {

template <class T>
GradientSum<T>::GradientSum(const Optimizer<T>& optimizer) {
  for (const auto& p : optimizer.parameters()) {
    if (!p.tensor.requires_grad() || !p.tensor.has_grad()) continue;
    parameter_ = p.tensor;
    before_ = parameter_.gradient().clone();
    hook_ = parameter_.register_hook([this](const Tensor<T>& g) {
      added_ = added_.defined() ? added_ + g : g.clone();
      return Tensor<T>();
    });
    return;
  }
}

template <class T>
GradientSum<T>::~GradientSum() {
  if (parameter_.defined()) parameter_.remove_hook(hook_);
}

template <class T>
std::optional<Finding> GradientSum<T>::finding() const {
  if (!added_.defined() || !parameter_.has_grad()) return std::nullopt;
  const NoGrad guard;
  const double old = norm_of(before_);
  const Tensor<T> now = parameter_.gradient();
  if (old == 0 || distance_of(now, before_ + added_) > 1e-3 * old ||
      distance_of(now, added_) < 0.5 * old) {
    return std::nullopt;
  }
  return Finding{
      .check = "zero-grad",
      .severity = Severity::error,
      .title = "the gradients of several steps are added up: zero_grad() is missing",
      .measured = "a gradient of norm " + rounded(old, 3) +
                  " was there before the pass, and is part of the " + rounded(norm_of(now), 3) +
                  " after it",
      .expected = "the gradient of this step's passes alone",
      .where = "optimizer",
      .remedy =
          "optimizer.zero_grad() before each backward pass, or the first of those that are "
          "meant to be added up"};
}

template class GradientSum<float>;
template class GradientSum<double>;

}  // namespace xgrad::detail
