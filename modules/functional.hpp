#pragma once

// Modules as functions of their parameters: other tensors take the parameters' places while a
// forward runs, and gradients flow to them, of any order.
//
//   NamedTensors<double> fast = net.parameters();                        // a step of MAML
//   const auto g = grad({loss(net(x))}, tensors_of(fast), {.create_graph = true});
//   for (std::size_t i = 0; i < g.size(); ++i) fast[i].tensor = fast[i].tensor - 0.1 * g[i];
//   loss(functional_call(net, fast, x)).backward();                      // down to the first ones
//
//   functional_call(net, {{"weight", hyper(z)}}, x, {.partial = true});   // a hypernetwork
//
// The module's own parameters stay what parameters(), state_dict() and optimizers see, and stand in
// their places again afterwards, also when something throws. Derivatives by parameters: give
// `jacobian` or `hessian` (xgrad/autograd/derivatives.hpp) a function of the tensors that calls
// functional_call with `named_like(net, tensors)`.

#include <concepts>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "xgrad/modules/module.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {

struct FunctionalOptions {
  bool partial = false;  ///< parameters that are not given keep their own tensors
};

/// Puts tensors in the places of a module's parameters, and of buffers if they are named too, for
/// its lifetime. A parameter that is registered in several places, under whichever of its names, is
/// replaced in all of them. A forward that writes its buffers writes those that were put in place.
/// What is assigned to a parameter meanwhile stays. Not to be used while another thread calls the
/// module.
/// Throws std::invalid_argument, before anything changes, for a name that is not there, given twice
/// or of a parameter that was given under another name, for a tensor of another shape or none, and,
/// unless `partial`, for parameters that are missing.
template <class T>
class ParameterScope {
 public:
  ParameterScope(Module<T>& module, const NamedTensors<T>& tensors, FunctionalOptions options = {});
  ~ParameterScope();
  ParameterScope(const ParameterScope&) = delete;
  ParameterScope& operator=(const ParameterScope&) = delete;

  /// Whether something is called beside the module's own forward. Internal.
  static bool has_hooks(const Module<T>& module) { return !module.hooks_.empty(); }

 private:
  struct Found {
    std::string name;
    typename Module<T>::Slot* slot;
  };
  struct Covered {
    detail::Place<T>* place;
    Tensor<T> value, before;
  };
  static void collect(Module<T>& module, const std::string& prefix, std::vector<Found>& found);
  void plan(const std::vector<Found>& all, const NamedTensor<T>& given);

  std::vector<Covered> covered_;
};

/// net(x) with these tensors as parameters; see ParameterScope.
template <class T>
Tensor<T> functional_call(Module<T>& net, const NamedTensors<T>& tensors,
                          const std::type_identity_t<Tensor<T>>& x, FunctionalOptions options = {});
/// ... for a list of inputs.
template <class T>
TensorList<T> functional_call(Module<T>& net, const NamedTensors<T>& tensors,
                              const std::type_identity_t<TensorList<T>>& x,
                              FunctionalOptions options = {});
/// f() with these tensors as the net's parameters.
template <class T, std::invocable F>
auto functional_call(Module<T>& net, const NamedTensors<T>& tensors, F&& f,
                     FunctionalOptions options = {}) {
  const ParameterScope<T> scope(net, tensors, options);
  return f();
}

/// The tensors without their names.
template <class T>
TensorList<T> tensors_of(const NamedTensors<T>& named);
/// The tensors with the names of the net's parameters, in their order. Throws std::invalid_argument
/// for another number of them.
template <class T>
NamedTensors<T> named_like(const Module<T>& net, const TensorList<T>& tensors);

/// The parameters of modules of one structure, those of a name on a new first axis.
/// Throws std::invalid_argument for no modules and where names or shapes differ.
template <class T>
NamedTensors<T> stack_parameters(const std::vector<const Module<T>*>& modules);

/// An ensemble: net(x) with the tensors at each index of their first axis as parameters, on a new
/// first axis. Shapes: tensors (k, ...) -> (k, shape of net(x)). Gradients flow to the stacked
/// tensors. Throws as ParameterScope, and std::invalid_argument where the first axes differ.
template <class T>
Tensor<T> ensemble_call(Module<T>& net, const NamedTensors<T>& stacked,
                        const std::type_identity_t<Tensor<T>>& x, FunctionalOptions options = {});

namespace detail {

/// The loss of sample i, of which the predictions are given with a first axis of 1.
template <class T>
using SampleLoss = std::function<Tensor<T>(const Tensor<T>& predictions, std::size_t i)>;

/// Those of all samples in one pass, if the net is of modules that keep samples apart.
template <class T>
std::optional<NamedTensors<T>> sample_gradients_at_once(Module<T>& net, const Tensor<T>& inputs,
                                                        const SampleLoss<T>& loss);
template <class T>
NamedTensors<T> per_sample_gradients(Module<T>& net, std::size_t n,
                                     const std::function<Tensor<T>(std::size_t)>& loss);
/// Position i of the first axis, which stays with size 1.
Indices sample_of(const Indices& labels, std::size_t i);
template <class T>
Tensor<T> sample_of(const Tensor<T>& x, std::size_t i) {
  const auto at = static_cast<std::ptrdiff_t>(i);
  return slice(x, 0, at, at + 1);
}

/// A batch of one of a batch of inputs with labels or targets.
template <class Batch>
Batch batch_of_one(const Batch& batch, std::size_t i) {
  if constexpr (requires { batch.labels; }) {
    return {sample_of(batch.inputs, i), sample_of(batch.labels, i)};
  } else {
    return {sample_of(batch.inputs, i), sample_of(batch.targets, i)};
  }
}

template <class Loss, class T, class Batch>
Tensor<T> loss_of(const Loss& loss, const Tensor<T>& predictions, const Batch& one) {
  if constexpr (std::invocable<const Loss&, const Tensor<T>&, const Batch&>) {
    return loss(predictions, one);
  } else if constexpr (requires { one.labels; }) {
    return loss(predictions, one.labels);
  } else {
    return loss(predictions, one.targets);
  }
}

}  // namespace detail

struct SampleGradientOptions {
  /// One pass for all samples, where the net allows it: the numbers of the loop to the last ulps, which
  /// depend on the batch.
  bool at_once = false;
};

/// The gradients of each sample's loss by the parameters that are not frozen, bit for bit those of
/// a loop over batches of one, which it is unless `at_once`. `batch` has inputs and labels or targets, such as
/// LabeledBatch and TargetBatch; `loss` takes predictions and a batch (as that of a Task), or
/// predictions and labels or targets.
///
///   const auto g = per_sample_gradients(net, task.loss, batch);   // g[0].tensor: (n, shape)
///
/// Gradients of the net stay as they are; parameters that a loss does not depend on get 0.
/// Throws std::logic_error for batch normalisation in training mode, where a sample has no loss of
/// its own; std::invalid_argument for a loss that is not one number.
/// **Complexity** n evaluations and n backward passes. With `at_once` one of each, n of the loss alone, and
/// products for each sample, if the inputs are one tensor and the net is a Sequential of Linear, Conv1d
/// to Conv3d, activations without parameters, pooling, Flatten, and in evaluation mode dropout and frozen
/// batch normalisation, or one of these, without hooks; else the loop.
template <class T, class Loss, class Batch>
requires requires(const Batch& b) { b.inputs; }
NamedTensors<T> per_sample_gradients(Module<T>& net, const Loss& loss, const Batch& batch,
                                     SampleGradientOptions options = {}) {
  if constexpr (std::is_same_v<std::decay_t<decltype(batch.inputs)>, Tensor<T>>) {
    const auto of_sample = [&](const Tensor<T>& y, std::size_t i) {
      return Tensor<T>(detail::loss_of(loss, y, detail::batch_of_one(batch, i)));
    };
    auto all = options.at_once ? detail::sample_gradients_at_once<T>(net, batch.inputs, of_sample)
                               : std::optional<NamedTensors<T>>();
    if (all) return *std::move(all);
  }
  return detail::per_sample_gradients<T>(net, batch.inputs.size(0), [&](std::size_t i) {
    const Batch one = detail::batch_of_one(batch, i);
    return Tensor<T>(detail::loss_of(loss, net(one.inputs), one));
  });
}
/// The same for n samples of any kind: loss(i) is that of sample i.
template <class T, std::invocable<std::size_t> Loss>
NamedTensors<T> per_sample_gradients(Module<T>& net, const Loss& loss, std::size_t n) {
  return detail::per_sample_gradients<T>(net, n, loss);
}

/// d net(x)[i...] / d p[j...] for each parameter p that is not frozen.
/// **Shapes** -> (shape of net(x)..., shape of p...). **Throws** std::invalid_argument for more than
/// 8 axes together. **Complexity** one evaluation and a backward pass for each number of net(x).
template <class T>
NamedTensors<T> parameter_jacobian(Module<T>& net, const std::type_identity_t<Tensor<T>>& x);

}  // namespace xgrad
