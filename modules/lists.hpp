#pragma once

// Modules with several inputs or outputs. One of your own says what it does with lists:
//
//   template <class T>
//   struct Latent : ListModule<T> {                       // (mean, log variance) -> (z, both)
//     TensorList<T> forward_list(const TensorList<T>& x) override {
//       return {sample_normal(x[0], exp(0.5 * x[1])), x[0], x[1]};
//     }
//   };
//
//   Sequential<float> vae{std::move(encoder), Heads<float>(Linear<float>(64, 8), Linear<float>(64, 8)),
//                         Latent<float>(), OnFirst<float>(std::move(decoder))};
//   TensorList<float> y = vae(TensorList<float>{x});      // reconstruction, mean, log variance
//
// In a Sequential all outputs of a module are the inputs of the next one. A forward that calls its
// parts by hand needs none of this; nor does a module that returns a struct of tensors from an
// operator() of its own (Module::inside). How such a module is trained: Task::predict.

#include <memory>
#include <utility>

#include "xgrad/modules/container.hpp"

namespace xgrad {

/// The base of modules that are made for lists.
template <class T>
class ListModule : public Module<T> {
 public:
  /// The outputs for the inputs. Called through operator(), with hooks and completed messages.
  TensorList<T> forward_list(const TensorList<T>& x) override = 0;
  /// The only output for one input. Throws std::logic_error when there are several.
  Tensor<T> forward(const Tensor<T>& x) final;
  bool takes_list() const final { return true; }

  using Module<T>::operator();
  /// Several inputs without braces: net(a, b).
  template <class... More>
  TensorList<T> operator()(const Tensor<T>& a, const Tensor<T>& b, const More&... more) {
    return (*this)(TensorList<T>{a, b, more...});
  }
};

/// (first(x), second(x), ...): modules side by side on the same inputs, each with one output.
///
///   Heads<float> heads(Linear<float>(64, 8), Linear<float>(64, 8));   // one tensor -> two
///
/// The modules are moved in and get the names "0", "1", ...
template <class T>
class Heads : public ListModule<T> {
 public:
  template <ModuleOf<T>... Modules>
  explicit Heads(Modules&&... modules) {
    (append(detail::owned<T>(std::forward<Modules>(modules))), ...);
  }
  /// Adds a module under its index or the given name.
  Heads& append(std::unique_ptr<Module<T>> module, const std::string& name = {});

  /// Throws std::logic_error when empty, or for a module with another number of outputs than one.
  TensorList<T> forward_list(const TensorList<T>& x) override;
  std::unique_ptr<Module<T>> structure() const override;
};

/// (inner(first), second, third, ...): a module on the first of several tensors; the others are
/// handed on. Child: "inner".
template <class T>
class OnFirst : public ListModule<T> {
 public:
  template <ModuleOf<T> Inner>
  explicit OnFirst(Inner&& inner) : OnFirst(detail::owned<T>(std::forward<Inner>(inner))) {}
  explicit OnFirst(std::unique_ptr<Module<T>> inner);

  /// Throws std::invalid_argument for no tensors.
  TensorList<T> forward_list(const TensorList<T>& x) override;
  std::unique_ptr<Module<T>> structure() const override;
};

namespace detail {
/// Throws std::logic_error unless there is one.
template <class T>
Tensor<T> only_output(const Module<T>& module, const TensorList<T>& y);
}  // namespace detail

}  // namespace xgrad
