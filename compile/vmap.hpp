#pragma once

// vmap: a function of one sample as a function of a batch of them, by operations that have one more
// axis in place of a loop.
//
//   const auto price = [](const Tensor<double>& spot, const Tensor<double>& volatility) { ... };
//   const auto prices = vmap(price, {.in_axes = {0, kShared}});
//   Tensor<double> y = prices(spots, volatility);      // spots (n), volatility () -> y (n)
//
//   const auto gradients = vmap([&](const auto& x) { return grad(price(x, v), v); });   // of each sample
//
// In words, with what a function may do and what it may not: docs/vmap.md.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "xgrad/compile/compile.hpp"
#include "xgrad/compile/compiled_values.hpp"

namespace xgrad {

/// In VmapOptions::in_axes: all samples share the argument.
inline constexpr std::nullopt_t kShared = std::nullopt;

struct VmapOptions {
  /// For each argument the axis that the samples are on, negative ones counted from the end, or kShared;
  /// that of a vector is the axis of all its tensors. Empty: 0 for all.
  std::vector<std::optional<std::ptrdiff_t>> in_axes = {};
  /// For each tensor that is returned the axis that the samples come to. Empty: 0 for all.
  std::vector<std::ptrdiff_t> out_axes = {};
  OnRead on_read =
      OnRead::refuse;  ///< call: a function that reads numbers is called for each sample
};

namespace detail {

/// Arguments, and which of the function's own each tensor is of.
struct VmapArguments {
  TensorLists lists;
  std::vector<std::size_t> floats, doubles, indices;
  std::vector<const Indices*> sources;  ///< indices that are arguments by themselves
  std::size_t count = 0;

  template <class A>
  void add(const A& argument) {
    append(lists, argument);
    if constexpr (std::is_same_v<A, Indices>) sources.resize(lists.indices.size(), &argument);
    sources.resize(lists.indices.size(), nullptr);
    floats.resize(lists.floats.size(), count);
    doubles.resize(lists.doubles.size(), count);
    indices.resize(lists.indices.size(), count);
    ++count;
  }
};

/// What was recorded of a function. Threads may share it.
class VmapPrograms {
 public:
  explicit VmapPrograms(VmapOptions options);
  ~VmapPrograms();
  VmapPrograms(const VmapPrograms&) = delete;
  VmapPrograms& operator=(const VmapPrograms&) = delete;

  TensorLists run(const VmapArguments& arguments,
                  const std::function<TensorLists(TensorLists&)>& call);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detail

/// A function of a batch. Copies share what was recorded.
template <class F>
class Vmapped {
 public:
  /// As vmap() makes it.
  Vmapped(F f, VmapOptions options)
      : f_(std::move(f)), programs_(std::make_shared<detail::VmapPrograms>(std::move(options))) {}

  /// Arguments are tensors, vectors of tensors, and Indices.
  template <class... A>
  auto operator()(const A&... arguments) const {
    using Result = std::invoke_result_t<const F&, const A&...>;
    static_assert(!std::is_void_v<Result>, "xgrad: a function that vmap takes returns tensors");
    detail::VmapArguments given;
    (given.add(arguments), ...);
    const auto call = [&](detail::TensorLists& lists) {
      const auto f = [this](const auto&... x) -> Result { return f_(x...); };
      detail::TensorLists results;
      detail::append(results, detail::call_with(f, lists, arguments...));
      return results;
    };
    const detail::TensorLists results = programs_->run(given, call);
    detail::ListReader reader{results, {}};
    return detail::take_result<Result>(reader);
  }

 private:
  F f_;
  std::shared_ptr<detail::VmapPrograms> programs_;
};

/// `f`, a function of one sample, as a function of a batch: argument by argument with one more axis. It is
/// recorded with the first sample and done for all of them at once by operations with that axis, which
/// are recorded on the tape, compiled inside of compile(), and batched again inside of vmap() as any.
///
/// `f` takes and returns what a compiled function does. Gradients by grad() inside of it are those of each
/// sample, also by tensors that the samples share. Random operations draw for one sample after the
/// other. Results that do not depend on the batch are repeated.
///
/// Throws std::invalid_argument where nothing is batched, sizes of the batch axes differ or are 0, or
/// in_axes or out_axes do not fit; std::out_of_range for an axis that is not there; std::logic_error where
/// `f` changes state, calls backward(), or reads numbers and OnRead says so; and what `f` throws.
/// **Complexity** n samples by operations on n times as many numbers; operations without a rule for a
/// batch are called for each sample, and named so in graphs.
/// Source: the idea of JAX's vmap (Bradbury et al. 2018).
template <class F>
Vmapped<F> vmap(F f, VmapOptions options = {}) {
  return Vmapped<F>(std::move(f), std::move(options));
}

}  // namespace xgrad
