#pragma once

// Sequential: one module after the other.

#include <string>
#include <utility>

#include "xgrad/base/text.hpp"
#include "xgrad/modules/container.hpp"

namespace xgrad {

/// y = last(... second(first(x))). The modules are moved in and get the names "0", "1", ... (Braces
/// make them from left to right, so that they draw the same weights with every compiler.)
///
///   Sequential<float> net{Linear<float>(784, 256), Relu<float>(), Linear<float>(256, 10)};
///   net.append(Softmax<float>());
///
/// A module that gives several tensors hands all of them to the next one (xgrad/modules/lists.hpp).
///
/// **Shapes** of x whatever the first module takes. Empty, it returns x.
template <class T>
class Sequential : public Module<T> {
 public:
  template <ModuleOf<T>... Modules>
  explicit Sequential(Modules&&... modules) {
    (append(std::forward<Modules>(modules)), ...);
  }

  /// Adds a module at the end, under its index or the given name. Throws std::invalid_argument for
  /// a name that is taken or has a dot.
  template <ModuleOf<T> M>
  Sequential& append(M&& module, const std::string& name = {}) {
    return append(detail::owned<T>(std::forward<M>(module)), name);
  }
  Sequential& append(std::unique_ptr<Module<T>> module, const std::string& name = {});
  /// Constructs a module of type M at the end: `net.emplace<Block<float>>(64)`. A module of your
  /// own that is added in this way can be cloned.
  template <class M, class... Args>
  M& emplace(Args&&... args) {
    return this->template add<M>(detail::text(size()), std::forward<Args>(args)...);
  }

  std::size_t size() const { return this->children().size(); }
  /// Throws std::out_of_range.
  Module<T>& operator[](std::size_t i) const;

  /// Throws std::logic_error when there are several outputs: call it with a list.
  Tensor<T> forward(const Tensor<T>& x) override;
  TensorList<T> forward_list(const TensorList<T>& x) override;
  bool takes_list() const override;
  std::unique_ptr<Module<T>> structure() const override;
};

/// `Sequential{Linear<float>(784, 10), Softmax<float>()}` is one of float.
template <class M, class... Modules>
Sequential(M&&, Modules&&...) -> Sequential<typename std::remove_cvref_t<M>::value_type>;

extern template class Sequential<float>;
extern template class Sequential<double>;

}  // namespace xgrad
