#pragma once

// A pattern of einsum as an operation of xgrad; how it is computed is the contender's.

#include <functional>
#include <memory>
#include <stdexcept>

#include "../contenders/einsum_patterns.hpp"
#include "common.hpp"

namespace benchmark_contenders {

template <class T>
using Contraction =
    std::function<Tensor<T>(const EinsumPattern& pattern, const std::vector<Tensor<T>>& x)>;

template <class T>
std::unique_ptr<Workload> make_contraction(const std::string& name, const Parameters& p,
                                           const Contraction<T>& contraction) {
  if (name != "einsum") return nullptr;
  for (const EinsumPattern& pattern : einsum_patterns()) {
    if (pattern.name != p.text("pattern", "scores")) continue;
    std::vector<typename Operation<T>::Leaf> leaves;
    std::vector<Tensor<T>> x;
    for (const auto& shape : pattern.operands) {
      x.push_back(random<T>(Shape(shape), seeds::kParameters + x.size()));
      leaves.push_back({"gradient " + std::to_string(x.size()), x.back()});
    }
    return std::make_unique<Operation<T>>(
        leaves, random<T>(Shape(pattern.result), seeds::kGradient),
        [x, &pattern, contraction] { return contraction(pattern, x); });
  }
  throw std::invalid_argument("einsum: no pattern of that name");
}

}  // namespace benchmark_contenders
