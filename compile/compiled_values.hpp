#pragma once

// Arguments and results of compiled functions as lists. Internal.

#include <array>
#include <cstddef>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "xgrad/autograd/array.hpp"
#include "xgrad/autograd/tensor.hpp"
#include "xgrad/autograd/trace.hpp"

namespace xgrad::detail {

/// Tensors and indices: what a function is given, or returns. Lists of lists by their lengths.
struct TensorLists {
  std::vector<Tensor<float>> floats;
  std::vector<Tensor<double>> doubles;
  std::vector<Indices> indices;
  std::vector<std::size_t> lengths;

  template <class T>
  std::vector<Tensor<T>>& of() {
    if constexpr (std::is_same_v<T, float>) {
      return floats;
    } else {
      return doubles;
    }
  }
  template <class T>
  const std::vector<Tensor<T>>& of() const {
    return const_cast<TensorLists*>(this)->of<T>();
  }
};

/// Lists, and how far they have been read.
struct ListReader {
  const TensorLists& lists;
  std::array<std::size_t, 4> at{};

  template <class T>
  const Tensor<T>& next() {
    return lists.of<T>()[at[std::is_same_v<T, float> ? 0 : 1]++];
  }
  const Indices& next_indices() { return lists.indices[at[2]++]; }
  std::size_t next_length() { return lists.lengths[at[3]++]; }
};

// --- What is put into lists ---

template <class V>
void append(TensorLists&, const V&) {
  static_assert(
      kNever<V>,
      "xgrad: a compiled function takes and returns tensors, Indices, and vectors, pairs, "
      "tuples and arrays of them: make a tensor of a number that changes, and let the "
      "function hold one that stays");
}
template <class T>
void append(TensorLists& lists, const Tensor<T>& t) {
  lists.of<T>().push_back(t);
}
inline void append(TensorLists& lists, const Indices& i) { lists.indices.push_back(i); }
template <class V>
void append(TensorLists& lists, const std::vector<V>& list) {
  lists.lengths.push_back(list.size());
  for (const V& v : list) append(lists, v);
}
template <class V, std::size_t N>
void append(TensorLists& lists, const std::array<V, N>& list) {
  for (const V& v : list) append(lists, v);
}
template <class A, class B>
void append(TensorLists& lists, const std::pair<A, B>& p) {
  append(lists, p.first);
  append(lists, p.second);
}
template <class... V>
void append(TensorLists& lists, const std::tuple<V...>& t) {
  std::apply([&](const V&... v) { (append(lists, v), ...); }, t);
}

// --- What is taken out of them ---

template <class V>
struct Taker;
template <class T>
struct Taker<Tensor<T>> {
  static Tensor<T> take(ListReader& r) { return r.next<T>(); }
};
template <>
struct Taker<Indices> {
  static Indices take(ListReader& r) { return r.next_indices(); }
};
template <class V>
struct Taker<std::vector<V>> {
  static std::vector<V> take(ListReader& r) {
    std::vector<V> list;
    const std::size_t n = r.next_length();
    list.reserve(n);
    for (std::size_t i = 0; i < n; ++i) list.push_back(Taker<V>::take(r));
    return list;
  }
};
template <class V, std::size_t N>
struct Taker<std::array<V, N>> {
  static std::array<V, N> take(ListReader& r) {
    std::array<V, N> list;
    for (V& v : list) v = Taker<V>::take(r);
    return list;
  }
};
template <class A, class B>
struct Taker<std::pair<A, B>> {
  static std::pair<A, B> take(ListReader& r) {
    A a = Taker<A>::take(r);
    return {std::move(a), Taker<B>::take(r)};
  }
};
template <class... V>
struct Taker<std::tuple<V...>> {
  static std::tuple<V...> take(ListReader& r) { return std::tuple<V...>{Taker<V>::take(r)...}; }
};

/// As what an argument is handed on: indices stay where they are, so that operations know them again.
template <class A>
using TakenArgument = std::conditional_t<std::is_same_v<A, Indices>, const Indices&, A>;

template <class A>
TakenArgument<A> take(ListReader& r, const A&) {
  if constexpr (std::is_same_v<A, Indices>) {
    return r.next_indices();
  } else {
    return Taker<A>::take(r);
  }
}
/// While it lives, these are the arguments that followed indices are among.
class IndicesScope {
 public:
  explicit IndicesScope(const std::vector<Indices>& indices)
      : before_(std::exchange(index_arguments, &indices)) {}
  ~IndicesScope() { index_arguments = before_; }
  IndicesScope(const IndicesScope&) = delete;
  IndicesScope& operator=(const IndicesScope&) = delete;

 private:
  const std::vector<Indices>* before_;
};

/// Copies of indices, as long as they are followed.
class FollowedCopies {
 public:
  FollowedCopies() = default;
  ~FollowedCopies() {
    while (!copies_.empty()) copies_.pop_back();  // the last one first
  }
  FollowedCopies(const FollowedCopies&) = delete;
  FollowedCopies& operator=(const FollowedCopies&) = delete;

  void add(const Indices& copy, const Indices& original) {
    copies_.push_back(std::make_unique<FollowedCopy>(copy, original));
  }

 private:
  std::vector<std::unique_ptr<FollowedCopy>> copies_;
};

/// While it lives, the indices in vectors and the like that a function is given are known as those of the
/// lists that they were taken out of.
class FollowedArguments {
 public:
  explicit FollowedArguments(const TensorLists& lists) : lists_(lists) {}

  void follow(const Indices& i) {
    const Indices& original = lists_.indices[next_++];
    if (&i != &original) copies_.add(i, original);
  }
  template <class T>
  void follow(const Tensor<T>&) {}
  template <class V>
  void follow(const std::vector<V>& list) {
    for (const V& v : list) follow(v);
  }
  template <class V, std::size_t N>
  void follow(const std::array<V, N>& list) {
    for (const V& v : list) follow(v);
  }
  template <class A, class B>
  void follow(const std::pair<A, B>& p) {
    follow(p.first);
    follow(p.second);
  }
  template <class... V>
  void follow(const std::tuple<V...>& t) {
    std::apply([this](const V&... v) { (follow(v), ...); }, t);
  }

 private:
  const TensorLists& lists_;
  std::size_t next_ = 0;
  FollowedCopies copies_;
};

/// f of arguments like these, taken out of the lists.
template <class F, class... A>
decltype(auto) call_with(const F& f, const TensorLists& lists, const A&... arguments) {
  [[maybe_unused]] ListReader reader{lists, {}};
  const std::tuple<TakenArgument<A>...> taken{take(reader, arguments)...};
  FollowedArguments followed(lists);
  std::apply([&](const auto&... x) { (followed.follow(x), ...); }, taken);
  return std::apply([&](const auto&... x) -> decltype(auto) { return f(x...); }, taken);
}

template <class R>
R take_result(ListReader& r) {
  return Taker<R>::take(r);
}

}  // namespace xgrad::detail
