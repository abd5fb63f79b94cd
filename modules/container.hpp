#pragma once

// What modules that hold other modules have in common: taking them in. Internal.

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include "xgrad/modules/module.hpp"

namespace xgrad {

/// A module that is given away: a temporary or a moved one. (Another one is refused with a sentence
/// where it is taken in.)
template <class M, class T>
concept ModuleOf = std::derived_from<std::remove_cvref_t<M>, Module<T>>;

namespace detail {

template <class T, ModuleOf<T> M>
std::unique_ptr<Module<T>> owned(M&& module) {
  static_assert(!std::is_reference_v<M> && !std::is_const_v<M>,
                "xgrad: a module owns those in it: write std::move(m), or clone(m) to keep m");
  if constexpr (!std::is_reference_v<M> && !std::is_const_v<M>) {
    return std::make_unique<M>(std::forward<M>(module));
  } else {
    return nullptr;
  }
}

}  // namespace detail
}  // namespace xgrad
