#pragma once

// What diagnose and Monitor both look at: whose the parameters are. Internal.

#include <vector>

#include "xgrad/doctor/finding.hpp"
#include "xgrad/doctor/tape.hpp"
#include "xgrad/modules/module.hpp"
#include "xgrad/optimizers/optimizer.hpp"

namespace xgrad::detail {

/// Whether each parameter requires a gradient and is the optimizer's, which may be null, and the
/// optimizer has no other than those and what the loss was computed from.
template <class T>
void report_parameters(const Module<T>& model, const Optimizer<T>* optimizer,
                       const std::vector<TapeEntry<T>>& tape, Diagnosis& d);
/// Whether everything learned that a loss was computed from is the model's, or at least the
/// optimizer's.
template <class T>
void report_strangers(const Module<T>& model, const Optimizer<T>* optimizer,
                      const std::vector<TapeEntry<T>>& tape, Diagnosis& d);

}  // namespace xgrad::detail
