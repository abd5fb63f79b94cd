#pragma once

// compile: a function of tensors is recorded once and then run as a program, in which formulas are one
// pass over memory each.
//
//   const auto f = compile([&](const Tensor<float>& x) { return gelu_by_hand(x) * net.scale; });
//   Tensor<float> y = f(x);               // recorded at the first call, run at the others
//   y.backward(seed);                     // gradients as without compile, to the last bit
//
//   const auto step = compile([&](const Tensor<float>& x, const Indices& labels) {
//     optimizer.zero_grad();
//     const Tensor<float> loss = cross_entropy(net(x), labels);
//     loss.backward();
//     optimizer.step();
//     return loss;
//   });
//
// In words, with what a function may do and what it may not: docs/compile.md.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/compile/compiled_values.hpp"
#include "xgrad/compile/graph.hpp"

namespace xgrad {

struct MemoryPlan;

/// What happens when a function reads numbers on the host while it is recorded, by item(), value() or
/// a result that is no tensor, or writes some.
enum class OnRead {
  refuse,  ///< std::logic_error that names what is read and where
  call     ///< the function is called each time, not compiled
};

struct CompileOptions {
  OnRead on_read = OnRead::refuse;  ///< what is done about a function that reads numbers
  /// How many programs are kept, for arguments of other shapes and the like; the one that was not used
  /// for longest goes. At least 1.
  std::size_t cache_limit = 16;
};

/// What became of the calls of a compiled function.
struct CompileStatistics {
  std::size_t recorded = 0;  ///< calls that made a program
  std::size_t run = 0;       ///< calls that ran one
  std::size_t called = 0;    ///< calls of the function itself, as it cannot be compiled
  std::size_t programs = 0;  ///< that are kept now
  std::size_t dropped = 0;   ///< because of the limit
  /// Why functions could not be compiled: the last reason, empty for none.
  std::string why_called;
  std::size_t without_tape =
      0;  ///< of those that ran a program: small tensors only, nothing recorded
};

namespace detail {

/// The programs of a compiled function. Threads may share one.
class CompiledPrograms {
 public:
  explicit CompiledPrograms(const CompileOptions& options);
  ~CompiledPrograms();
  CompiledPrograms(const CompiledPrograms&) = delete;
  CompiledPrograms& operator=(const CompiledPrograms&) = delete;

  /// The results; records `call`, which takes other arguments of the same kinds, when there is no
  /// program for these ones.
  TensorLists run(TensorLists& arguments, const std::function<TensorLists(TensorLists&)>& call);
  Graph graph(const TensorLists& arguments) const;
  std::shared_ptr<const MemoryPlan> memory_plan(const TensorLists& arguments) const;
  CompileStatistics statistics() const;

 private:
  struct Entry;
  struct State;
  std::shared_ptr<const Entry> find(const TensorLists& arguments) const;
  std::shared_ptr<const Entry> compiled(const TensorLists& arguments, const char* who) const;
  TensorLists record(TensorLists& arguments, const std::function<TensorLists(TensorLists&)>& call);
  void keep(std::shared_ptr<const Entry> entry);

  std::unique_ptr<State> state_;
};

}  // namespace detail

/// A compiled function. Copies share their programs.
template <class F>
class Compiled {
 public:
  /// As compile() makes it.
  Compiled(F f, const CompileOptions& options)
      : f_(std::move(f)), programs_(std::make_shared<detail::CompiledPrograms>(options)) {}

  /// f(arguments...). Arguments are tensors, vectors of tensors, and Indices.
  template <class... A>
  auto operator()(const A&... arguments) const {
    using Result = std::invoke_result_t<const F&, const A&...>;
    detail::TensorLists given;
    (detail::append(given, arguments), ...);
    const auto call = [&](detail::TensorLists& lists) {
      detail::TensorLists results;
      const auto f = [this](const auto&... x) -> Result { return f_(x...); };
      if constexpr (std::is_void_v<Result>) {
        detail::call_with(f, lists, arguments...);
      } else {
        detail::append(results, detail::call_with(f, lists, arguments...));
      }
      return results;
    };
    detail::TensorLists results = programs_->run(given, call);
    if constexpr (!std::is_void_v<Result>) {
      detail::ListReader reader{results, {}};
      return detail::take_result<Result>(reader);
    }
  }

  /// The program for such arguments. Throws std::invalid_argument when there is none yet.
  template <class... A>
  Graph graph(const A&... arguments) const {
    detail::TensorLists given;
    (detail::append(given, arguments), ...);
    return programs_->graph(given);
  }

  /// What was compiled and called so far.
  CompileStatistics statistics() const { return programs_->statistics(); }

 private:
  template <class G, class... A>
  friend MemoryPlan memory_plan(const Compiled<G>& f, const A&... arguments);

  F f_;
  std::shared_ptr<detail::CompiledPrograms> programs_;
};

/// `f` as a function that is recorded when it is called first, and run as a program when it is called
/// again. Results, gradients, random numbers and what it does to parameters, running statistics and
/// optimizers are those of `f` to the last bit.
///
/// `f` takes tensors, vectors of tensors and Indices, and returns nothing, a tensor, or a vector, pair,
/// tuple or array of them. It may hold modules, parameters and other tensors: their numbers are read
/// anew at each call. Other numbers it holds are those of the first call for good. Another shape, type
/// or need of gradients of an argument, recording on or off, training or evaluation of a module that
/// it uses, another tensor in the place of a parameter: each makes a program of its own.
///
/// What it holds lives as long as the result. The result may be called from several threads, as far as
/// `f` may. Throws what `f` throws, std::logic_error as OnRead says, and std::invalid_argument for a
/// cache_limit of 0.
template <class F>
Compiled<F> compile(F f, const CompileOptions& options = {}) {
  return Compiled<F>(std::move(f), options);
}

}  // namespace xgrad
