#pragma once

// Loading numbers by name: what Module::load_state_dict is given and gives back.

#include <string>
#include <vector>

#include "xgrad/autograd/parameters.hpp"

namespace xgrad {

struct LoadOptions {
  bool strict = true;  ///< names that are missing or unexpected are errors
};

/// Names that did not match in a load that was not strict.
struct LoadReport {
  std::vector<std::string> missing,
      unexpected;  ///< parameters without numbers; numbers without a parameter
};

namespace detail {
// `own` has shared tensors under each of their names.
template <class T, class U>
LoadReport load_state(const std::string& type_name, const NamedTensors<T>& own,
                      const NamedTensors<U>& state, LoadOptions options);
}  // namespace detail

}  // namespace xgrad
