#pragma once

// What modules that hold other modules have in common: taking them in. Internal.

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include "xgrad/modules/module.hpp"

namespace xgrad {

/// A module that is given away: a temporary or a moved one.
template <class M, class T>
concept ModuleOf = std::derived_from<M, Module<T>> && !std::is_const_v<M>;

namespace detail {

template <class T, ModuleOf<T> M>
std::unique_ptr<Module<T>> owned(M&& module) {
  return std::make_unique<M>(std::move(module));
}

}  // namespace detail
}  // namespace xgrad
