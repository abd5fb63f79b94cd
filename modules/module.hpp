#pragma once

// Module: parameters plus a forward written in operations. A module of your own:
//
//   template <class T>
//   struct Net : Module<T> {
//     Linear<T>& fc1 = this->template add<Linear<T>>("fc1", 784, 256);
//     Linear<T>& fc2 = this->template add<Linear<T>>("fc2", 256, 10);
//     Tensor<T> forward(const Tensor<T>& x) override { return fc2(relu(fc1(x))); }
//   };
//
// `add` constructs a child that the module owns, `add_parameter` and `add_buffer` do the same for tensors: what has no
// name in the module does not exist for it, so nothing can be forgotten. A module can be moved (its children stay where
// they are), not copied by accident: `clone(net)` copies deeply.

#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "xgrad/autograd/parameters.hpp"
#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

struct LoadOptions {
  bool strict = true;  ///< names that are missing or unexpected are errors
};

/// Names that did not match in a load that was not strict.
struct LoadReport {
  std::vector<std::string> missing, unexpected;
};

template <class T>
class Module {
 public:
  using value_type = T;
  using ForwardHook = std::function<Tensor<T>(Module& module, const Tensor<T>& input, const Tensor<T>& output)>;
  using BackwardHook = std::function<Tensor<T>(Module& module, const Tensor<T>& gradient)>;

  Module() = default;
  Module(Module&&) = default;
  Module& operator=(Module&&) = default;
  virtual ~Module() = default;

  /// The output for an input. Called through operator(), which runs hooks and completes error messages.
  /// The default throws std::logic_error: the module takes another kind of input.
  virtual Tensor<T> forward(const Tensor<T>& x);

  /// forward(x); a std::invalid_argument or std::out_of_range thrown inside ends with the path of modules:
  /// "matmul: inner sizes differ: a (2, 3), b (4, 5), in Net / encoder / fc2 (Linear)".
  Tensor<T> operator()(const Tensor<T>& x);

  /// Training mode (the default) or evaluation mode, of this module and everything below.
  virtual void train(bool on = true);
  void eval() { train(false); }
  bool is_training() const { return training_; }

  /// All parameters of this module and everything below, named by path.
  NamedTensors<T> parameters() const;
  /// Likewise the buffers: tensors that belong to the state but are not learned.
  NamedTensors<T> buffers() const;
  /// The parameter or buffer of that path. Throws std::out_of_range naming it.
  Tensor<T> at(const std::string& path) const;
  /// Number of numbers in all parameters.
  std::size_t parameter_count() const;

  /// Freezes or unfreezes every parameter of this module and below.
  void requires_grad_(bool on = true);
  /// Removes the gradients of all parameters.
  void zero_grad();

  /// Parameters and buffers by name, sharing memory with the module.
  NamedTensors<T> state_dict() const;
  /// Writes the given numbers into parameters and buffers. Everything is checked before anything is written; one
  /// std::invalid_argument names all that is missing, unexpected or of another shape. Shapes must fit in any case.
  template <class U>
  LoadReport load_state_dict(const NamedTensors<U>& state, LoadOptions options = {});

  /// Direct children with their names.
  const std::vector<std::unique_ptr<Module>>& children() const { return children_; }
  /// Name given by the parent; empty for a root.
  const std::string& name() const { return name_; }
  /// Class name without namespace and template arguments.
  virtual std::string type_name() const;
  /// Calls f(path, module) for this module (path "") and everything below, parents first.
  void apply(const std::function<void(const std::string& path, Module& module)>& f);

  /// Called after each forward; a defined tensor that it returns takes the output's place. Returns an id.
  std::size_t register_forward_hook(ForwardHook hook);
  /// Called in each backward pass with the gradient with respect to the output; a defined tensor takes its place.
  std::size_t register_backward_hook(BackwardHook hook);
  void remove_hook(std::size_t id);

  /// A module made like this one, without its state; null when that is not known. The library's modules and
  /// everything made by `add` know it.
  virtual std::unique_ptr<Module> structure() const { return factory_ ? factory_() : nullptr; }
  /// Takes over numbers, modes and freezing of a module of the same structure.
  void copy_state(const Module& other);

  /// Adds a child made somewhere else. Throws std::invalid_argument for a name that is empty, taken, or has a dot.
  Module& add_module(const std::string& name, std::unique_ptr<Module> child);

 protected:
  /// Constructs a child of type M and owns it.
  template <class M, class... Args>
  M& add(const std::string& name, Args&&... args) {
    auto child = std::make_unique<M>(args...);
    M& r = *child;
    if constexpr ((std::is_copy_constructible_v<std::decay_t<Args>> && ...)) {
      r.factory_ = [... kept = std::decay_t<Args>(args)]() -> std::unique_ptr<Module> {
        return std::make_unique<M>(kept...);
      };
    }
    add_module(name, std::move(child));
    return r;
  }
  /// Registers a tensor as a parameter: it requires gradients from here on. Returns a handle to it.
  Tensor<T> add_parameter(const std::string& name, const Tensor<T>& value);
  /// Registers a tensor as part of the state that is not learned.
  Tensor<T> add_buffer(const std::string& name, const Tensor<T>& value);

 private:
  struct Hook {
    std::size_t id;
    ForwardHook forward;
    BackwardHook backward;
  };

  void check_name(const std::string& name) const;
  Tensor<T> run(const Tensor<T>& x);
  void collect(const std::string& prefix, NamedTensors<T> Module::*list, NamedTensors<T>& found) const;
  void visit(const std::string& path, const std::function<void(const std::string&, Module&)>& f);
  void copy_flags(const Module& other);

  std::string name_;
  NamedTensors<T> parameters_, buffers_;
  std::vector<std::unique_ptr<Module>> children_;
  std::vector<Hook> hooks_;
  std::size_t next_hook_ = 0;
  bool training_ = true;
  std::function<std::unique_ptr<Module>()> factory_;
};

/// A deep copy: parameters, buffers, modes; no hooks, no gradients. `args` are the constructor's arguments, needed for
/// a module of your own that is neither default-constructible nor was made by `add`.
template <class M, class... Args>
std::unique_ptr<M> clone(const M& module, const Args&... args) {
  std::unique_ptr<M> copy;
  if constexpr (sizeof...(Args) == 0) copy.reset(dynamic_cast<M*>(module.structure().release()));
  if constexpr (std::is_constructible_v<M, const Args&...>) {
    if (copy == nullptr) copy = std::make_unique<M>(args...);
  }
  if (copy == nullptr) {
    throw std::logic_error("clone: how a " + module.type_name() +
                           " is constructed is not known; give clone the constructor's arguments");
  }
  copy->copy_state(module);
  return copy;
}

extern template class Module<float>;
extern template class Module<double>;

}  // namespace xgrad
