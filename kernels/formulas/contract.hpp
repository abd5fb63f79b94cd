#pragma once

// What a formula is. It has a `name` (of the operation, for messages), the functor itself, whose
// parameters are packs, numbers, duals or tensors, and `Kind`, which says how it is differentiated
// and which further members it has to have, all of them and no others:
//
//   OfOne<reads>   slope(x, y): dy/dx. `reads` says whether it looks at the input or the output:
//                  only that is kept for the backward pass.
//   OfTwo          by_first(x, y, z), by_second(x, y, z): dz/dx and dz/dy, and saves(needed): what
//                  they look at when the inputs in the mask `needed` want a gradient. It may have
//                  shares(b) and vjp(b), a backward pass that hands the gradient on as it is in
//                  place of the kernel, b being xgrad::Backward.
//   OwnRule<n>     saves(needed) and composed(b), the backward pass in operations on tensors.
//   Composed<n>    no more: it is made of words that have slopes.
//   Mask<n>        no more: it has no gradient.
//
// Slopes are evaluated on packs by the backward kernel and inside duals, and on tensors when the
// backward pass is itself recorded. So they are the one place where a derivative is written.
//
// Rules for slopes: finite differences are not to cancel in them (not y (1 - y)); each is good to
// some units in the last place wherever it is a number of the type. A path through a slope that is
// 0 contributes 0, whatever else is on it. Kinks and ties: docs/conventions.md.

#include <concepts>
#include <cstddef>

#include "xgrad/kernels/number.hpp"

namespace xgrad {

enum class Reads { nothing, input, output };

/// What a backward pass reads: bit i for input i, and the output.
struct Saved {
  unsigned inputs = 0;
  bool output = false;
};

template <Reads R>
struct OfOne {
  static constexpr std::size_t arity = 1;
  static constexpr Reads reads = R;
};
struct OfTwo {
  static constexpr std::size_t arity = 2;
};
template <std::size_t N>
struct OwnRule {
  static constexpr std::size_t arity = N;
};
template <std::size_t N>
struct Composed {
  static constexpr std::size_t arity = N;
};
template <std::size_t N>
struct Mask {
  static constexpr std::size_t arity = N;
};

namespace detail {

template <class K>
constexpr bool kOfOne = false;
template <Reads R>
constexpr bool kOfOne<OfOne<R>> = true;
template <class K>
constexpr bool kOfTwo = std::same_as<K, OfTwo>;
template <class K>
constexpr bool kOwnRule = false;
template <std::size_t N>
constexpr bool kOwnRule<OwnRule<N>> = true;
template <class K>
constexpr bool kComposed = false;
template <std::size_t N>
constexpr bool kComposed<Composed<N>> = true;
template <class K>
constexpr bool kMask = false;
template <std::size_t N>
constexpr bool kMask<Mask<N>> = true;

// Stands for any argument of a member that is a template.
struct AnyBackward {};

template <class F>
concept HasKind = requires {
  typename F::Kind;
};
template <class F, class X = Number<double>>
concept HasSlope = requires(const F& f, const X& x) {
  { f.slope(x, x) } -> std::same_as<X>;
};
template <class F, class X = Number<double>>
concept HasSlopes = requires(const F& f, const X& x) {
  { f.by_first(x, x, x) } -> std::same_as<X>;
  { f.by_second(x, x, x) } -> std::same_as<X>;
};
template <class F, class X = Number<double>>
concept HasOneOfSlopes = requires(const F& f, const X& x) {
  f.by_first(x, x, x);
}
|| requires(const F& f, const X& x) { f.by_second(x, x, x); };
template <class F>
concept HasSaves = requires {
  { F::saves(0U) } -> std::same_as<Saved>;
};
template <class F>
concept HasComposed = requires {
  &F::template composed<AnyBackward>;
};
template <class F>
concept HasVjp = requires {
  &F::template vjp<AnyBackward>;
};
template <class F>
concept HasShares = requires {
  &F::template shares<AnyBackward>;
};

/// Refuses a formula that breaks the contract, and says why.
template <class F>
struct Contract {
  static_assert(
      requires {
        { F::name } -> std::convertible_to<const char*>;
      },
      "xgrad: a formula needs a name");
  static_assert(HasKind<F>,
                "xgrad: a formula says what it is: using Kind = OfOne<...>, OfTwo, "
                "OwnRule<n>, Composed<n> or Mask<n>");
  using K = typename F::Kind;
  static_assert(kOfOne<K> || kOfTwo<K> || kOwnRule<K> || kComposed<K> || kMask<K>,
                "xgrad: a formula's Kind is OfOne<...>, OfTwo, OwnRule<n>, Composed<n> or Mask<n>");
  static_assert(HasSlope<F> == kOfOne<K>,
                "xgrad: a formula has X slope(x, y) when its Kind is OfOne, and only then");
  static_assert(
      HasSlopes<F> || !kOfTwo<K>,
      "xgrad: a formula of Kind OfTwo needs X by_first(x, y, z) and X by_second(x, y, z)");
  static_assert(!HasOneOfSlopes<F> || kOfTwo<K>,
                "xgrad: by_first and by_second belong to formulas of Kind OfTwo");
  static_assert(HasSaves<F> == (kOfTwo<K> || kOwnRule<K>),
                "xgrad: a formula has Saved saves(unsigned) when its Kind is OfTwo or OwnRule, and "
                "only then");
  static_assert(HasComposed<F> == kOwnRule<K>,
                "xgrad: a formula has void composed(b) when its Kind is OwnRule, and only then");
  static_assert(HasVjp<F> == HasShares<F>, "xgrad: shares(b) and vjp(b) go together");
  static_assert(!HasVjp<F> || kOfTwo<K>, "xgrad: vjp(b) belongs to formulas of Kind OfTwo");
  static constexpr bool kept = true;
};

/// Users' formulas are composed.
template <class F>
struct KindOf {
  using type = Composed<0>;
};
template <HasKind F>
struct KindOf<F> {
  using type = typename F::Kind;
};
template <class F>
constexpr bool kIsOfOne = kOfOne<typename KindOf<F>::type>;
template <class F>
constexpr bool kIsOfTwo = kOfTwo<typename KindOf<F>::type>;

}  // namespace detail

/// A formula that keeps the contract above.
template <class F>
concept Formula = requires {
  { F::name } -> std::convertible_to<const char*>;
  requires detail::HasKind<F>;
  requires detail::HasSlope<F>
  == detail::kOfOne<typename F::Kind>;
  requires detail::HasSlopes<F>
  == detail::kOfTwo<typename F::Kind>;
  requires detail::HasOneOfSlopes<F>
  == detail::kOfTwo<typename F::Kind>;
  requires detail::HasSaves<F>
  == (detail::kOfTwo<typename F::Kind> || detail::kOwnRule<typename F::Kind>);
  requires detail::HasComposed<F>
  == detail::kOwnRule<typename F::Kind>;
  requires detail::HasVjp<F>
  == detail::HasShares<F>;
  requires !detail::HasVjp<F> || detail::kOfTwo<typename F::Kind>;
};

}  // namespace xgrad
