#pragma once

// OperationReplay: the operation that made the first NaN or infinity of a training, by itself.
//
//   Monitor<float> monitor(net, optimizer, {.trace = true});
//   ...                                                // a step whose loss is NaN
//   if (const auto replay = monitor.replay()) {
//     std::cout << replay->operation() << " of " << replay->where() << "\n";  // log of fc2
//     replay->forward();                                // NaN again, with a debugger for company
//     replay->forward({clamp(replay->operands()[0], 1e-6F, 1e6F)});          // with other operands
//     replay->backward();                               // the gradients of its operands
//   }

#include <memory>
#include <string>
#include <vector>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {
namespace detail {
template <class T>
struct LoggedOperation;
}

/// An operation with its operands. Holds copies: what becomes of parameters and data later changes nothing.
template <class T>
class OperationReplay {
 public:
  const std::string& operation() const { return operation_; }  ///< "log"
  const std::string& where() const { return where_; }          ///< the finding's, a layer
  /// The values of all operands, in the order of the operation's arguments.
  const std::vector<Tensor<T>>& operands() const { return operands_; }
  const Tensor<T>& output() const { return output_; }  ///< what it gave
  /// Of the output; undefined when the values were not finite before any gradient was there.
  const Tensor<T>& gradient() const { return gradient_; }

  /// The operation again: the same numbers to the last bit. Throws std::logic_error unless
  /// can_forward().
  Tensor<T> forward() const { return forward(operands_); }
  /// The same with other operands, recorded where they require gradients. Throws
  /// std::invalid_argument for another number of them, and what the operation throws.
  Tensor<T> forward(const std::vector<Tensor<T>>& operands) const;
  /// Whether it is known how: of all operations of the library, and of custom ones by custom_function().
  bool can_forward() const;

  /// The gradients of the operands by the operation's own backward rule, from gradient(), or from
  /// ones where there is none; undefined for operands that needed none.
  std::vector<Tensor<T>> backward() const;
  /// The same from another gradient of the output. Throws std::invalid_argument for another shape.
  std::vector<Tensor<T>> backward(const Tensor<T>& gradient) const;

  // Internal.
  OperationReplay(const detail::LoggedOperation<T>& operation, std::string where,
                  Tensor<T> gradient);

 private:
  std::string operation_, where_;
  std::vector<Tensor<T>> operands_;
  Tensor<T> output_, gradient_;
  std::shared_ptr<const detail::LoggedOperation<T>> logged_;
};

}  // namespace xgrad
