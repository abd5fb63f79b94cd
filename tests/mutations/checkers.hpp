#pragma once

// Gradient checks of other libraries, rewritten from their published rules, all in double (some are
// float in the original, which finds less).

#include "mutants.hpp"

namespace mutations {

struct Checker {
  const char* name;
  const char* rule;
  /// True when the check accepts the gradients of `f` at `inputs`.
  bool (*accepts)(const Operation& f, const Tensors& inputs);
};

/// True when xgrad's check passes, nothing being inconclusive.
bool xgrad_proves(const Operation& f, const Tensors& inputs);

/// xgrad first, then PyTorch, JAX, HIPS autograd, mlpack, DyNet, dlib.
const std::vector<Checker>& checkers();

}  // namespace mutations
