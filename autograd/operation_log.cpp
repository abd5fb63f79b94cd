#include "xgrad/autograd/operation_log.hpp"

#include <algorithm>

namespace xgrad::detail {
namespace {

// Other numbers than those of the log are behind it.
template <class T>
Tensor<T> leaf_like(const Tensor<T>& x) {
  Tensor<T> leaf = x.detach();
  leaf.requires_grad_(x.requires_grad());
  return leaf;
}

}  // namespace

template <class T>
std::vector<Tensor<T>> LoggedOperation<T>::gradients(const Tensor<T>& gradient) const {
  std::vector<Tensor<T>> leaves;
  std::vector<const Tensor<T>*> inputs;
  leaves.reserve(operands.size());
  for (const Tensor<T>& x : operands) inputs.push_back(&leaves.emplace_back(leaf_like(x)));
  const Tensor<T> y = output.detach();
  const EnableGrad guard;
  record_needed<T>(y, *rule, inputs, saves, attributes.get(), attribute_bytes, copy);
  y.backward(gradient);
  std::vector<Tensor<T>> r;
  for (const Tensor<T>& x : leaves) r.push_back(x.gradient());
  return r;
}

template <class T>
OperationLog<T>::~OperationLog() {
  OperationLog** at = &operation_logs<T>;
  while (*at != this) at = &(*at)->next;
  *at = next;
}

template <class T>
void OperationLog<T>::add(LoggedOperation<T> operation) {
  if (operations_.size() >= many_) forget_unseen();
  operations_.push_back(std::move(operation));
}

template <class T>
const LoggedOperation<T>* OperationLog<T>::find(const Node<T>* output) const {
  const auto it = std::find_if(operations_.begin(), operations_.end(),
                               [&](const auto& o) { return o.output.node() == output; });
  return it == operations_.end() ? nullptr : &*it;
}

// What was recorded and left, as in an evaluation without NoGrad: the last operation first, as it
// holds those before.
template <class T>
void OperationLog<T>::forget_unseen() {
  for (std::size_t i = operations_.size(); i-- > 0;) {
    const Node<T>* n = operations_[i].output.node();
    if (n->strong.load() == 1 && n->weak.load() == 1) operations_[i] = {};
  }
  std::erase_if(operations_, [](const auto& o) { return !o.output.defined(); });
  many_ = 2 * operations_.size() + 4096;
}

template class OperationLog<float>;
template class OperationLog<double>;
template struct LoggedOperation<float>;
template struct LoggedOperation<double>;

}  // namespace xgrad::detail
