#pragma once

// Operations with one bug planted in their backward rule.

#include <functional>
#include <string>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/autograd/tensor_function.hpp"

namespace mutations {

using D = xgrad::Tensor<double>;
using Tensors = std::vector<D>;
using Operation = std::function<D(const Tensors&)>;
/// A backward rule: the gradients of the inputs.
using Rule = std::function<Tensors(const Tensors& inputs, const D& output, const D& gradient)>;

struct Mutant {
  std::string name;  ///< "matmul: gradient transposed"
  Operation right;   ///< the operation as it should be
  Operation wrong;   ///< the same with the bug
  Tensors inputs;    ///< where to check it
  double size = 0;   ///< largest error of the gradient relative to its largest element
};

/// `forward` with another backward rule.
Operation with_rule(const std::string& name, Operation forward, Rule rule);

/// The gradients that the library's own rules give.
Tensors right_gradients(const Operation& f, const Tensors& inputs, const D& gradient);

/// The library's rules, their gradients altered: wrong signs, factors, axes, masks, elements, and
/// small errors.
std::vector<Mutant> altered_mutants();
/// Rules written by hand with the mistakes that people make.
std::vector<Mutant> handwritten_elementwise_mutants();
std::vector<Mutant> handwritten_mutants();

/// All that differ from the right gradient, with their sizes.
std::vector<Mutant> all_mutants();

/// Numbers in [low, high], the same for the same arguments.
D numbers(const xgrad::Shape& shape, double low, double high, unsigned seed);

}  // namespace mutations
