#pragma once

// Modules that change nothing but the shape: Identity, Flatten, Reshape. They share memory with
// their input.

#include "xgrad/modules/library_module.hpp"

namespace xgrad {

/// y = x.
template <class T>
struct Identity : LibraryModule<Identity, T> {
  Tensor<T> forward(const Tensor<T>& x) override { return x; }
};

/// The axes from `first` on become one. **Shapes** with the default x (n, ...) -> (n, features).
template <class T>
class Flatten : public LibraryModule<Flatten, T> {
 public:
  explicit Flatten(std::size_t first = 1) : first_(first) {}
  /// Throws std::invalid_argument when x has fewer than `first` axes.
  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override { return {{"first", ModuleOptions::of(first_)}}; }
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  std::size_t first_;
};

/// The same numbers of each sample under another shape.
/// **Shapes** x (n, ...) -> (n, shape...), with as many numbers.
template <class T>
class Reshape : public LibraryModule<Reshape, T> {
 public:
  explicit Reshape(const Shape& shape) : shape_(shape) {}
  /// Throws std::invalid_argument for a scalar, and when the sizes do not fit.
  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override { return {{"shape", ModuleOptions::of(shape_)}}; }
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  Shape shape_;
};

}  // namespace xgrad
