#pragma once

// LibraryModule: what the library's own modules have in common. They are known by their options, so
// that they can be cloned, converted to another type of number, and rebuilt from a file.

#include <memory>

#include "xgrad/modules/module.hpp"

namespace xgrad {

/// `from` makes a module from the options of another. A module with options has a `from` of its
/// own.
template <template <class> class M, class T>
class LibraryModule : public Module<T> {
 public:
  std::unique_ptr<Module<T>> structure() const override { return M<T>::from(this->options()); }
  static std::unique_ptr<Module<T>> from(const ModuleOptions&) { return std::make_unique<M<T>>(); }
};

}  // namespace xgrad
