#include "xgrad/doctor/replay.hpp"

#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad {

template <class T>
OperationReplay<T>::OperationReplay(const detail::LoggedOperation<T>& operation, std::string where,
                                    Tensor<T> gradient)
    : operation_(operation.rule->name),
      where_(std::move(where)),
      output_(operation.output.clone()) {
  auto copy = std::make_shared<detail::LoggedOperation<T>>(operation);
  copy->output = output_;
  for (Tensor<T>& x : copy->operands) {
    operands_.push_back(x.clone());
    x = operands_.back().detach().requires_grad_(x.requires_grad());
  }
  if (gradient.defined()) gradient_ = gradient.clone();
  logged_ = std::move(copy);
}

template <class T>
bool OperationReplay<T>::can_forward() const {
  return static_cast<bool>(logged_->again);
}

template <class T>
Tensor<T> OperationReplay<T>::forward(const std::vector<Tensor<T>>& operands) const {
  if (!can_forward()) {
    detail::fail<std::logic_error>("replay", "nobody knows how to run ", operation_,
                                   " forward by itself; backward() does");
  }
  if (operands.size() != operands_.size()) {
    detail::fail("replay", operation_, " takes ", operands_.size(), " operands, not ",
                 operands.size());
  }
  return logged_->again(operands);
}

template <class T>
std::vector<Tensor<T>> OperationReplay<T>::backward() const {
  return backward(gradient_.defined() ? gradient_ : Tensor<T>::filled(output_.shape(), T(1)));
}

template <class T>
std::vector<Tensor<T>> OperationReplay<T>::backward(const Tensor<T>& gradient) const {
  return logged_->gradients(gradient);
}

template class OperationReplay<float>;
template class OperationReplay<double>;

}  // namespace xgrad
