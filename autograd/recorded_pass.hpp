#pragma once

// Rules that differentiate the gradient they are given. Internal.
//
// A backward pass that meets an entry with such a rule records itself, as with `create_graph`, so
// that the rule can ask how its gradient depends on its output. What the pass hands out is
// constant nevertheless unless `create_graph` was asked for; the entries on its way keep what they
// saved until their tensors go.

#include "xgrad/autograd/node.hpp"

namespace xgrad::detail {

/// From now on passes that meet the rule record themselves. At most 8 rules; again changes nothing.
template <class T>
void require_recorded_pass(const Rule<T>& rule);

/// Whether there is such a rule at all, and whether this is one.
template <class T>
bool any_recorded_passes();
template <class T>
bool requires_recorded_pass(const Rule<T>* rule);

}  // namespace xgrad::detail
