#pragma once

// Module: parameters plus a forward written in operations. A module of your own:
//
//   template <class T>
//   struct Net : Module<T> {
//     Linear<T>& fc1 = this->template add<Linear<T>>("fc1", 784, 256);
//     Linear<T>& fc2 = this->template add<Linear<T>>("fc2", 256, 10);
//     Tensor<T>& scale = this->add_parameter("scale", Tensor<T>::filled({10}, 1));
//     Tensor<T> forward(const Tensor<T>& x) override { return fc2(relu(fc1(x))) * scale; }
//   };
//
// `add` constructs a child that the module owns, `add_parameter` and `add_buffer` do the same for
// tensors: there is no second list to keep. A module that was made in another way and is called
// inside a forward is an error that names it. The references stay valid when the module is moved;
// it cannot be copied by accident: `clone(net)` copies deeply.

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <list>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "xgrad/autograd/parameters.hpp"
#include "xgrad/autograd/place.hpp"
#include "xgrad/autograd/tensor.hpp"
#include "xgrad/autograd/trace.hpp"
#include "xgrad/kernels/random.hpp"
#include "xgrad/modules/options.hpp"
#include "xgrad/modules/state_dict.hpp"
#include "xgrad/ops/arithmetic.hpp"  // what forward is written in

namespace xgrad {

/// Inputs or outputs of a module that has several.
template <class T>
using TensorList = std::vector<Tensor<T>>;

template <class T>
class ParameterScope;

namespace detail {

/// Copying is refused while compiling, in the words that say what to write. (A deleted constructor
/// would be named after the module that somebody derived.)
template <class T>
struct CopiedByClone {
  CopiedByClone() = default;
  CopiedByClone(CopiedByClone&&) noexcept = default;
  CopiedByClone& operator=(CopiedByClone&&) noexcept = default;
  CopiedByClone(const CopiedByClone&) { refuse(); }
  CopiedByClone& operator=(const CopiedByClone&) {
    refuse();
    return *this;
  }
  ~CopiedByClone() = default;

 private:
  static void refuse() {
    static_assert(kNever<T>,
                  "xgrad: a module is not copied by accident: write auto copy = clone(net) for a "
                  "deep copy, const auto& or std::move(net) for none");
  }
};

}  // namespace detail

template <class T>
class Module : detail::CopiedByClone<T> {
 public:
  using value_type = T;
  /// What register_forward_hook takes.
  using ForwardHook =
      std::function<Tensor<T>(Module& module, const Tensor<T>& input, const Tensor<T>& output)>;
  /// What register_backward_hook takes.
  using BackwardHook = std::function<Tensor<T>(Module& module, const Tensor<T>& gradient)>;

  Module() = default;
  Module(const Module& other) : detail::CopiedByClone<T>(other) {}  // does not compile
  Module& operator=(const Module& other) {
    detail::CopiedByClone<T>::operator=(other);
    return *this;
  }
  Module(Module&& other) noexcept { take(other); }
  Module& operator=(Module&& other) noexcept {
    if (this != &other) take(other);
    return *this;
  }
  virtual ~Module() = default;

  // --- Calling ---

  /// The output for an input. Called through operator(), which runs hooks and completes error
  /// messages. The default throws std::logic_error: the module takes another kind of input.
  virtual Tensor<T> forward(const Tensor<T>& x);

  /// forward(x); a std::invalid_argument, std::out_of_range or std::logic_error thrown inside ends
  /// with the path: "linear: input sizes differ: ..., in Net / encoder / fc2 (Linear)".
  /// Throws std::logic_error when it is called inside another module's forward without belonging to
  /// the same tree, and has parameters to learn: they would not be found. A module that is meant to
  /// stay outside is frozen, or called by its forward().
  Tensor<T> operator()(const Tensor<T>& x);
  /// Refused while compiling.
  template <class U>
  requires(!std::is_same_v<T, U>) Tensor<T>
  operator()(const Tensor<U>& x) { return (*this)(Tensor<T>(x)); }

  /// The outputs for a list of inputs: forward of the only one, unless the module is one for lists
  /// (xgrad/modules/lists.hpp). The default throws std::invalid_argument for several.
  virtual TensorList<T> forward_list(const TensorList<T>& x);
  /// forward_list(x) with hooks, which are called for each output, and completed messages.
  TensorList<T> operator()(const TensorList<T>& x);
  /// Whether lists are what the module is for.
  virtual bool takes_list() const { return false; }

  /// Training mode (the default) or evaluation mode, of this module and everything below.
  virtual void train(bool on = true);
  void eval() { train(false); }
  bool is_training() const {
    if (detail::tracer != nullptr) [[unlikely]]
      detail::tracer->mode(mode());
    return training_;
  }

  // --- Parameters and state ---

  /// All parameters of this module and everything below, named by path, each once: one that is
  /// registered in several places has the first place's name.
  NamedTensors<T> parameters() const;
  /// Likewise the buffers: tensors that belong to the state but are not learned.
  NamedTensors<T> buffers() const;
  /// Parameters and buffers of this module without those below.
  NamedTensors<T> own_parameters() const { return own(Kind::parameter); }
  NamedTensors<T> own_buffers() const { return own(Kind::buffer); }
  /// The parameter or buffer of that path. Throws std::out_of_range naming it.
  Tensor<T> at(const std::string& path) const;
  bool has(const std::string& path) const { return find(path) != nullptr; }
  /// Number of numbers in all parameters.
  std::size_t parameter_count() const;

  /// Freezes or unfreezes every parameter of this module and below.
  void requires_grad_(bool on = true);
  /// Removes the gradients of all parameters.
  void zero_grad();

  /// Parameters and buffers by name, sharing memory with the module.
  NamedTensors<T> state_dict() const;
  /// Writes the given numbers, float or double, into parameters and buffers. Everything is checked
  /// before anything is written; one std::invalid_argument names all that is missing, unexpected or
  /// of another shape. Shapes must fit in any case. A tensor that is registered in several places
  /// may come under any of its names.
  template <class U>
  LoadReport load_state_dict(const NamedTensors<U>& state, LoadOptions options = {});

  /// The names of what is one tensor under several names, together; the first is the one it is
  /// listed with.
  std::vector<std::vector<std::string>> tied() const;
  /// Makes all these names one tensor, that of the first. Throws std::out_of_range for a name that
  /// is not there, std::invalid_argument where shapes differ or a parameter meets a buffer.
  void tie(const std::vector<std::string>& names);

  // --- The tree ---

  /// Direct children with their names.
  const std::vector<std::unique_ptr<Module>>& children() const { return children_; }
  /// Name given by the parent; empty for a root.
  const std::string& name() const { return name_; }
  /// Names from the root down to this module: "encoder.fc2"; empty for a root.
  std::string path() const;
  /// Class name without namespace and template arguments.
  virtual std::string type_name() const;
  /// Calls f(path, module) for this module (path "") and everything below, parents first.
  void apply(const std::function<void(const std::string& path, Module& module)>& f);
  void apply(const std::function<void(const std::string& path, const Module& module)>& f) const;

  /// Adds a child made somewhere else. Throws std::invalid_argument for a name that is empty,
  /// taken, or has a dot.
  Module& add_module(const std::string& name, std::unique_ptr<Module> child);

  // --- Hooks ---

  /// Called after each forward; a defined tensor that it returns takes the output's place. For a
  /// module with another kind of input, or several, `input` is undefined; for one with several
  /// outputs it is called for each of them in turn. Returns an id.
  std::size_t register_forward_hook(ForwardHook hook);
  /// Called in each backward pass with the gradient with respect to the output; a defined tensor
  /// takes its place.
  std::size_t register_backward_hook(BackwardHook hook);
  void remove_hook(std::size_t id);

  // --- Making another one ---

  /// What the constructor was given, for files that store a module's structure. The default
  /// is empty.
  virtual ModuleOptions options() const { return {}; }
  /// A module made like this one, without its state; null when that is not known. The library's
  /// modules and everything made by `add` know it.
  virtual std::unique_ptr<Module> structure() const { return factory_ ? factory_() : nullptr; }
  /// Takes over numbers, shared parameters, modes and freezing of a module of the same structure.
  /// Throws std::invalid_argument, before anything is written, where the structures differ.
  void copy_state(const Module& other);

 protected:
  /// Constructs a child of type M and owns it.
  template <class M, class... Args>
  M& add(const std::string& name, Args&&... args);
  /// Registers a tensor as a parameter: it requires gradients from here on. An undefined tensor
  /// keeps the name for later and is not listed. Returns its place, to be kept as a reference;
  /// assigning to it keeps the parameter:
  ///   net.scale = Tensor<T>::filled({10}, 2);  // numbers are written into it: it stays trainable
  ///                                            // or frozen, optimizers made before see them
  ///   net.b.weight = net.a.weight;             // a parameter that is held elsewhere is shared;
  ///                                            // an optimizer of the one before refuses to step
  ///   net.scale = exp(s);                      // what was recorded covers the parameter, and
  ///                                            // gradients flow through, until the next
  ///                                            // assignment; parameters() lists it all the time
  ///   net.scale = Tensor<T>();                 // the parameter is removed
  /// A value of another shape is refused with std::invalid_argument. Reading `auto w = net.scale`
  /// makes an ordinary handle; so is what parameters() and at() hand out: write through one of
  /// these with set_value.
  Tensor<T>& add_parameter(const std::string& name, const Tensor<T>& value);
  /// Registers a tensor as part of the state that is not learned.
  Tensor<T>& add_buffer(const std::string& name, const Tensor<T>& value);

  /// The place of the own parameter `name` of a child, which is no parameter from here on: this
  /// module computes it before each forward. Throws std::invalid_argument when there is none.
  static Tensor<T>& derive_parameter(Module& child, const std::string& name);

  /// f() as the forward of this module, with what operator() does for one tensor. For other inputs:
  ///   Tensor<T> operator()(const Tensor<T>& a, const Tensor<T>& b) {
  ///     return this->inside([&] { return this->hooked(a, forward(a, b)); });
  ///   }
  template <class F>
  auto inside(F&& f) {
    const Running running(*this);
    try {
      return f();
    } catch (const std::logic_error& e) {
      rethrow_with_path(e);
    }
  }
  /// Runs the hooks: the output, or what they put in its place.
  Tensor<T> hooked(const Tensor<T>& input, Tensor<T> output);
  TensorList<T> hooked(const TensorList<T>& inputs, TensorList<T> outputs);

 private:
  Tensor<T> run_hooks(const Tensor<T>& x, Tensor<T> y);
  void hooks_change();

  friend class ParameterScope<T>;
  enum class Kind { parameter, buffer, derived };
  struct Slot {
    Slot(const std::string& name, const Tensor<T>& value, Kind k)
        : place(name, value, k == Kind::parameter), kind(k) {}
    detail::Place<T> place;
    Kind kind;
  };
  struct Hook {
    std::size_t id;
    ForwardHook forward;
    BackwardHook backward;
  };
  struct Copy;
  // The innermost module whose forward runs in this thread.
  class Running {
   public:
    explicit Running(const Module& module);
    ~Running();
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    const Module* before_;
  };

  void take(Module& other) noexcept;
  std::shared_ptr<const bool> mode() const;
  void set_training(bool on);
  const Module& root() const;
  std::string place() const;
  [[noreturn]] void rethrow_with_path(const std::logic_error& e) const;
  void check_registered(const Module& caller) const;
  void check_name(const std::string& name) const;
  Tensor<T>& add_slot(const std::string& name, const Tensor<T>& value, Kind kind);
  NamedTensors<T> own(Kind kind) const;
  const Slot* find(const std::string& path) const;
  void collect(const std::string& prefix, Kind kind, NamedTensors<T>& found) const;
  template <class M, class F>
  static void visit(M& module, const std::string& path, const F& f);
  void plan_copy(const Module& other, Copy& copy);

  std::string name_;
  Module* parent_ = nullptr;
  std::list<Slot> slots_;  // a list: the places stay
  std::vector<std::unique_ptr<Module>> children_;
  std::vector<Hook> hooks_;
  std::size_t next_hook_ = 0;
  bool training_ = true;
  mutable std::shared_ptr<bool> mode_;  // the same, for who watches it
  std::function<std::unique_ptr<Module>()> factory_;
};

namespace detail {
template <class T>
bool is_module(const Module<T>*);
template <class A>
concept IsModule = requires(const A* a) {
  is_module(a);
};

/// An argument of a constructor that can be kept.
template <class A>
inline constexpr bool kCopied = std::is_copy_constructible_v<A>;
template <IsModule A>
inline constexpr bool kCopied<A> = false;
}  // namespace detail

template <class T>
template <class M, class... Args>
M& Module<T>::add(const std::string& name, Args&&... args) {
  std::function<std::unique_ptr<Module>()> factory;
  if constexpr ((detail::kCopied<std::decay_t<Args>> && ...) &&
                std::is_constructible_v<M, const std::decay_t<Args>&...>) {
    factory = [... kept = std::decay_t<Args>(args)]() -> std::unique_ptr<Module> {
      return std::make_unique<M>(kept...);
    };
  }
  auto child = std::make_unique<M>(std::forward<Args>(args)...);
  M& r = *child;
  add_module(name, std::move(child)).factory_ = std::move(factory);
  return r;
}

namespace detail {
[[noreturn]] void fail_clone(const std::string& type_name);
}

/// A deep copy: parameters (shared ones stay shared), buffers, modes; no hooks, no gradients.
/// `args` are the constructor's arguments, needed for a module of your own that is neither
/// default-constructible nor was made by `add`. The default generator is left as it is.
/// Throws std::logic_error when it is not known how the module or one below is constructed.
template <class M, class... Args>
std::unique_ptr<M> clone(const M& module, const Args&... args) {
  using Base = Module<typename M::value_type>;
  Generator scratch;
  const GeneratorScope scope(scratch);  // initial numbers, which are overwritten
  std::unique_ptr<Base> copy;
  // A container that does not know a child's structure is not made without it.
  constexpr bool knows =
      !std::is_same_v<decltype(&M::structure), std::unique_ptr<Base> (Base::*)() const>;
  if constexpr (sizeof...(Args) == 0) copy = module.structure();
  if constexpr (std::is_constructible_v<M, const Args&...> && (sizeof...(Args) > 0 || !knows) &&
                !std::is_same_v<M, Base>) {
    if (copy == nullptr) copy = std::make_unique<M>(args...);
  }
  if (copy == nullptr || typeid(*copy) != typeid(module)) detail::fail_clone(module.type_name());
  copy->copy_state(module);
  return std::unique_ptr<M>(static_cast<M*>(copy.release()));
}

/// The module and what is in it, indented, with what their constructors were given:
///   Sequential {
///     0: Linear(in 784, out 10, bias 1)
///     1: Softmax(axis -1)
///   }
/// One that does not know it shows its parameters: `Net(scale (10))`.
template <class T>
std::string to_string(const Module<T>& module);
/// Writes to_string(module).
template <class T>
std::ostream& operator<<(std::ostream& out, const Module<T>& module);

extern template class Module<float>;
extern template class Module<double>;

}  // namespace xgrad
