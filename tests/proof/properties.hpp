#pragma once

// What is proved of every operation.

#include <vector>

#include "row.hpp"

namespace proof {

struct Property {
  const char* name;
  bool (*applies)(const Row&);
  void (*check)(const Row&);
};

/// value, float, gradient, second_gradient, shapes, kink, agreement, broadcast, shared, not_finite,
/// threads, no_grad, again, freed.
const std::vector<Property>& properties();

}  // namespace proof
