#pragma once

// Names that options have elsewhere: they do not compile, and the compiler says what to write. An option of such
// a type stands where its name is expected and takes no room. Internal: nobody uses them.

#include <type_traits>

#include "xgrad/autograd/array.hpp"

namespace xgrad::detail {

/// Stands where PyTorch has `lr`, and says that here it is `learning_rate`.
struct LearningRateIsItsName {
  LearningRateIsItsName() = default;
  template <class V>
  requires(std::is_arithmetic_v<V>) LearningRateIsItsName(V) {
    static_assert(kNever<V>, "xgrad: the option is called learning_rate: {.learning_rate = 1e-3}");
  }
};

/// Stands where PyTorch has `eps`.
struct EpsilonIsItsName {
  EpsilonIsItsName() = default;
  template <class V>
  requires(std::is_arithmetic_v<V>) EpsilonIsItsName(V) {
    static_assert(kNever<V>, "xgrad: the option is called epsilon: {.epsilon = 1e-8}");
  }
};

/// Stands where PyTorch has `betas`, a pair.
struct BetasAreTwo {
  BetasAreTwo() = default;
  template <class A, class B>
  BetasAreTwo(A, B) {
    static_assert(kNever<A>, "xgrad: the betas are two options: {.beta1 = 0.9, .beta2 = 0.999}");
  }
};

/// Stands where PyTorch's RMSprop has `alpha`.
struct MemoryIsItsName {
  MemoryIsItsName() = default;
  template <class V>
  requires(std::is_arithmetic_v<V>) MemoryIsItsName(V) {
    static_assert(kNever<V>, "xgrad: the option is called memory: {.memory = 0.99}");
  }
};

/// Stands where PyTorch's RMSprop has `centered`.
struct CentredIsItsName {
  CentredIsItsName() = default;
  template <class V>
  requires(std::is_arithmetic_v<V>) CentredIsItsName(V) {
    static_assert(kNever<V>, "xgrad: the option is called centred: {.centred = true}");
  }
};

}  // namespace xgrad::detail
