#pragma once

// Modules side by side on the same input: Residual, Parallel (a sum), Concat.

#include <string>
#include <utility>

#include "xgrad/modules/container.hpp"

namespace xgrad {

struct ResidualOptions {
  /// Start with a branch that gives 0: all numbers of its last layer with parameters are set to 0,
  /// so that the variance of y is that of x however many blocks follow each other.
  bool zero_last = false;
};

/// y = x + branch(x), or y = projection(x) + branch(x) where the shapes differ.
///
///   Sequential<float> branch{Linear<float>(64, 64), Relu<float>(), Linear<float>(64, 64)};
///   Residual<float> block(std::move(branch), {.zero_last = true});
///
/// **Shapes** branch and shortcut of the same shape, which is y's. Children: "branch" and, when
/// given, "projection".
/// **Source** He, Zhang, Ren, Sun 2016; zero_last: Goyal et al. 2017, section 5.1.
template <class T>
class Residual : public Module<T> {
 public:
  template <ModuleOf<T> Branch>
  explicit Residual(Branch&& branch, ResidualOptions options = {})
      : Residual(detail::owned<T>(std::forward<Branch>(branch)), nullptr, options) {}
  template <ModuleOf<T> Branch, ModuleOf<T> Projection>
  Residual(Branch&& branch, Projection&& projection, ResidualOptions options = {})
      : Residual(detail::owned<T>(std::forward<Branch>(branch)),
                 detail::owned<T>(std::forward<Projection>(projection)), options) {}
  /// `projection` may be null.
  Residual(std::unique_ptr<Module<T>> branch, std::unique_ptr<Module<T>> projection,
           ResidualOptions options = {});

  /// Throws std::invalid_argument when the shapes of branch and shortcut differ.
  Tensor<T> forward(const Tensor<T>& x) override;
  std::unique_ptr<Module<T>> structure() const override;
  ModuleOptions options() const override;

 private:
  ResidualOptions options_;
};

/// y = first(x) + second(x) + ... The modules are moved in and get the names "0", "1", ...
/// **Shapes** all outputs of the same shape, which is y's.
template <class T>
class Parallel : public Module<T> {
 public:
  template <ModuleOf<T>... Modules>
  explicit Parallel(Modules&&... modules) {
    (append(detail::owned<T>(std::forward<Modules>(modules))), ...);
  }
  /// Adds a module under its index or the given name.
  Parallel& append(std::unique_ptr<Module<T>> module, const std::string& name = {});

  /// Throws std::invalid_argument when the shapes of two outputs differ; std::logic_error
  /// when empty.
  Tensor<T> forward(const Tensor<T>& x) override;
  std::unique_ptr<Module<T>> structure() const override;
};

/// first(x), second(x), ... one after the other along an axis.
///
///   Concat<float> both(1, Linear<float>(8, 3), Linear<float>(8, 5));   // (n, 8) -> (n, 8)
///
/// **Shapes** outputs that differ at most in that axis. Children: "0", "1", ...
template <class T>
class Concat : public Module<T> {
 public:
  /// The outputs side by side along `axis`; the modules are moved in.
  template <ModuleOf<T>... Modules>
  explicit Concat(std::ptrdiff_t axis, Modules&&... modules) : axis_(axis) {
    (append(detail::owned<T>(std::forward<Modules>(modules))), ...);
  }
  /// Adds a module under its index or the given name.
  Concat& append(std::unique_ptr<Module<T>> module, const std::string& name = {});

  /// Throws std::invalid_argument when the outputs do not fit together; std::logic_error
  /// when empty.
  Tensor<T> forward(const Tensor<T>& x) override;
  std::unique_ptr<Module<T>> structure() const override;
  ModuleOptions options() const override { return {{"axis", static_cast<double>(axis_)}}; }

 private:
  std::ptrdiff_t axis_;
};

}  // namespace xgrad
