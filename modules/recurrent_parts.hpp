#pragma once

// What the sources of recurrent modules share. Internal.

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/base/errors.hpp"
#include "xgrad/modules/options.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/recurrent.hpp"

namespace xgrad::detail {

template <class T>
Tensor<T> initial_recurrent(const Shape& shape, std::size_t hidden) {
  const T bound = 1 / std::sqrt(static_cast<T>(hidden));
  return uniform<T>(shape, -bound, bound);
}

inline Nonlinearity nonlinearity_of(const ModuleOptions& o) {
  if (!o.has("nonlinearity")) return Nonlinearity::tanh;
  const std::string word = o.text("nonlinearity");
  if (word == "tanh") return Nonlinearity::tanh;
  if (word == "relu") return Nonlinearity::relu;
  fail("make_module", "the nonlinearity is neither tanh nor relu: ", quote(word));
}

inline ModuleOptions with_nonlinearity(const ModuleOptions& options, Nonlinearity f) {
  std::vector<ModuleOption> all(options.begin(), options.end());
  all.push_back({"nonlinearity", f == Nonlinearity::relu ? "relu" : "tanh"});
  return ModuleOptions(std::move(all));
}

}  // namespace xgrad::detail
