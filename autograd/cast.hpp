#pragma once

// Tensor::to: an entry of the tape whose input is of the other type. Internal.
//
// Such an entry has no edges, which are to nodes of its own type: what it came from is its
// attribute. A backward pass that meets one goes on in a pass of the other type; see
// autograd/engine.hpp.

#include <type_traits>

#include "xgrad/autograd/node.hpp"

namespace xgrad::detail {

template <class T>
using OtherType = std::conditional_t<std::is_same_v<T, float>, double, float>;

/// What a cast keeps: the node, not its numbers.
template <class U>
struct CastSource {
  explicit CastSource(Node<U>* n) : node(n) { hold_node(node); }
  CastSource(const CastSource& other) : CastSource(other.node) {}
  CastSource& operator=(const CastSource&) = delete;
  ~CastSource() { drop_node(node); }

  Node<U>* node;
};

template <class T>
void hand_over(const void* source, Backward<T>& b);

template <class T>
void destroy_source(void* source) noexcept {
  static_cast<CastSource<OtherType<T>>*>(source)->~CastSource();
}

template <class T>
inline constexpr Rule<T> cast_rule = {"to", &hand_over<T>, &destroy_source<T>};

template <class T>
Node<OtherType<T>>* source_of(const Node<T>* n) {
  return static_cast<const CastSource<OtherType<T>>*>(n->attributes())->node;
}

}  // namespace xgrad::detail
