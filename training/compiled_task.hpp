#pragma once

// Forward pass and loss of a batch as a compiled function. Internal, for the Trainer.

#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "xgrad/autograd/trace.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/compile/compile.hpp"
#include "xgrad/training/task.hpp"

namespace xgrad::detail {

// --- The members of a batch ---

struct AnyMember {
  template <class V>
  operator V() const;
};
template <class B, class... A>
concept MadeOf = requires {
  B{std::declval<A>()...};
};

/// f(members...) of a plain struct of one to four members; of another type f().
template <class B, class F>
decltype(auto) with_members(B& batch, const F& f) {
  using Plain = std::remove_const_t<B>;
  using Any = AnyMember;
  if constexpr (!std::is_aggregate_v<Plain> || MadeOf<Plain, Any, Any, Any, Any, Any>) {
    return f();
  } else if constexpr (MadeOf<Plain, Any, Any, Any, Any>) {
    auto& [p, q, r, s] = batch;
    return f(p, q, r, s);
  } else if constexpr (MadeOf<Plain, Any, Any, Any>) {
    auto& [p, q, r] = batch;
    return f(p, q, r);
  } else if constexpr (MadeOf<Plain, Any, Any>) {
    auto& [p, q] = batch;
    return f(p, q);
  } else {
    auto& [p] = batch;
    return f(p);
  }
}

template <class V>
inline constexpr bool kOfTensors = std::is_same_v<V, Indices>;
template <class T>
inline constexpr bool kOfTensors<Tensor<T>> = true;
template <class V>
inline constexpr bool kOfTensors<std::vector<V>> = kOfTensors<V>;

/// Copies an argument to a member, by which operations know it as the argument.
template <class V>
void copy_member(V& to, const V& from, FollowedCopies& followed) {
  to = from;
  if constexpr (std::is_same_v<V, Indices>) followed.add(to, from);
}

// --- The function ---

/// Makes the members of a batch of what a compiled function was given.
template <class... V>
struct CopyMembers {
  std::tuple<const V&...> given;
  FollowedCopies& followed;

  template <class... M>
  void operator()(M&... members) const {
    if constexpr (std::is_same_v<std::tuple<M...>, std::tuple<V...>>)
      copy(std::index_sequence_for<V...>{}, members...);
  }
  template <std::size_t... I, class... M>
  void copy(std::index_sequence<I...>, M&... members) const {
    (copy_member(members, std::get<I>(given), followed), ...);
  }
};

/// f(members...).
template <class Result, class F>
struct CallWithMembers {
  const F& f;

  template <class... M>
  Result operator()(const M&... members) const {
    if constexpr (std::is_invocable_v<const F&, const M&...>) {
      return f(members...);
    } else {
      return Result{};
    }
  }
};

template <class T, class Batch, class Output>
struct CompiledTask {
  using Result = std::pair<Output, Tensor<T>>;
  using Function = std::function<Result(const Batch&)>;
  Module<T>& module;
  const Task<T, Batch, Output>& task;

  template <class... V>
  Result of(const V&... given) const {
    Batch batch;
    FollowedCopies followed;
    with_members(batch, CopyMembers<V...>{{given...}, followed});
    Output predictions = task.predictions(module, batch);
    Tensor<T> loss = task.loss(predictions, batch);
    return {std::move(predictions), std::move(loss)};
  }

  // Of the members of some batch.
  template <class... V>
  Function operator()(const V&...) const {
    if constexpr (sizeof...(V) == 0 || !(kOfTensors<V> && ...) || !kOfTensors<Output>) {
      fail("Trainer",
           "compile takes batches that are structs of tensors and Indices, and tasks whose output "
           "is "
           "a tensor or a list of them");
    } else {
      const auto f = compile([self = *this](const V&... given) { return self.of(given...); });
      return [f](const Batch& batch) {
        return with_members(batch, CallWithMembers<Result, std::decay_t<decltype(f)>>{f});
      };
    }
  }
};

/// Module and task outlive it. Throws std::invalid_argument for other batches than plain structs of one
/// to four tensors, Indices and vectors of them, and for another output than tensors.
template <class T, class Batch, class Output>
std::function<std::pair<Output, Tensor<T>>(const Batch&)> compiled_task(
    Module<T>& module, const Task<T, Batch, Output>& task) {
  const CompiledTask<T, Batch, Output> make{module, task};
  if constexpr (std::is_default_constructible_v<Batch>) {
    const Batch some{};
    return with_members(some, make);
  } else {
    return make();
  }
}

}  // namespace xgrad::detail
