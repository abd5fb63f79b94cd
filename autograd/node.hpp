#pragma once

// The tape's entries. Internal: operations use autograd/record.hpp, users Tensor<T>.
//
// A Node is a value and, when it came out of a recorded operation, the entry of the tape for it:
// the edges to the inputs and the rule for going back. Value and entry have separate lifetimes in
// one object:
//   strong  what needs the numbers: handles (Tensor), saved inputs
//   weak    what needs the Node only: edges of later entries, backward passes; and one for all the
//           strong ones together
// The numbers are freed when strong reaches 0 and the entry did not save them for itself, the Node
// when weak does, so that y = relu(x + b) does not keep x + b. Freeing is iterative: a chain of a
// million entries does not recurse.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "xgrad/autograd/array.hpp"
#include "xgrad/autograd/ownership.hpp"
#include "xgrad/autograd/shape.hpp"

namespace xgrad {
template <class T>
class Tensor;
template <class T>
class Backward;

namespace detail {

/// What an operation is to the tape: one static object per operation.
template <class T>
struct Rule {
  const char* name;
  /// Adds the gradients of the inputs; `attributes` is what the operation recorded.
  void (*backward)(const void* attributes, Backward<T>& b);
  void (*destroy)(void* attributes) noexcept;  // null: nothing to do
};

template <class T>
struct Node;

/// Why nothing leads to a value that is no result of a recorded operation, for messages.
enum class Apart : std::uint8_t { no, unrecorded, derivative, detached };

/// An input of an entry. `node` is null for an input that neither requires a gradient nor is saved.
template <class T>
struct Edge {
  Node<T>* node;
  std::uint32_t version;  // of the value when it was saved
  bool needs_grad;
  bool saved;
};

/// A function called with the finished gradient of a tensor; it may return another one in
/// its place.
template <class T>
struct Hooks {
  struct Entry {
    std::size_t id;
    std::function<Tensor<T>(const Tensor<T>&)> call;
  };
  std::vector<Entry> entries;
  std::size_t next_id = 0;
};

template <class T>
struct Node {
  std::atomic<std::int32_t> strong{0}, weak{0};
  std::atomic<std::uint32_t> owner{0};  // the mark of the thread that it belongs to
  std::atomic<std::uint32_t> own_version{0};

  // The value.
  T* data = nullptr;
  std::size_t elements = 0;

  std::atomic<std::uint64_t> pass{0};  // which backward pass is here, see autograd/pass.hpp

  // The entry. rule is null for a leaf.
  const Rule<T>* rule = nullptr;
  Edge<T>* edges = nullptr;  // a block with the attributes behind the edges: room, or the pool's
  std::uint64_t sequence =
      0;  // later entries have larger ones, also than those of other threads they use
  // For a block that fits: a walk reads one place of memory for an entry, not two.
  static constexpr std::size_t kRoom = 2 * sizeof(Edge<T>);
  alignas(16) std::byte room[kRoom];
  std::uint32_t edge_count = 0;
  std::uint32_t attribute_bytes = 0;
  std::uint32_t output_version = 0;  // of the value when it was saved for the entry

  bool requires_grad = false;
  bool owns_data = false;                 // data came from the pool; otherwise face's or base's
  bool retains_grad = false;              // an interior node that keeps its gradient
  std::atomic<bool> saves_output{false};  // the entry keeps the value
  bool of_derivative = false;             // recorded by a backward pass with create_graph
  bool replaced = false;     // was a module's parameter, and another one has its place now
  std::uint16_t places = 0;  // of modules, that hold it as a parameter
  std::atomic<bool> gradient_locked{false};  // somebody is adding to the gradient
  Apart apart = Apart::no;
  std::atomic<bool> watched{false};  // compiled functions hold it: who lets go of it is counted
  std::atomic<std::uint32_t> let_go{0};

  // What the user sees of the gradient, and hooks to it.
  Node* grad = nullptr;
  Hooks<T>* hooks = nullptr;
  std::atomic<Array<T>*> face{nullptr};  // the xtensor view of data, made when somebody asks
  std::atomic<Node*> base{nullptr};      // whose value this one shares: detach, reshape

  Shape shape;  // last: most of it is never looked at

  /// What the operation recorded for its rule, of `attribute_bytes` bytes.
  void* attributes() const { return edges + edge_count; }

  /// The node that the value belongs to.
  Node* root() {
    Node* n = this;
    while (Node* up = n->base.load(std::memory_order_acquire)) n = up;
    return n;
  }
  /// Counts the writes in place; shared by all that share the value.
  std::atomic<std::uint32_t>& version() { return root()->own_version; }
};

/// A node without a value.
template <class T>
Node<T>* make_node();

/// A node with room for the numbers of `shape`, not set.
template <class T>
Node<T>* make_value(const Shape& shape);

/// A node that shares the numbers of `n` under another shape of as many elements. Unless it is
/// about to be recorded as an operation on `n`, it does not keep the entry of `n`.
template <class T>
Node<T>* share_value(Node<T>* n, const Shape& shape);

/// The node that the numbers of `n` belong to, one without an entry: those of an entry are
/// handed to a new node first. What shares them through it keeps neither the entry nor the graph
/// behind it.
template <class T>
Node<T>* storage_of(Node<T>* n);

/// Number of nodes that exist; tests compare it before and after.
std::int64_t live_nodes();

template <class T>
void free_value(Node<T>* n) noexcept;
template <class T>
void free_node(Node<T>* n) noexcept;
/// Lets go of the inputs, the saved values and the attributes of an entry.
template <class T>
void release_entry(Node<T>* n) noexcept;

inline std::int32_t add_plainly(std::atomic<std::int32_t>& count, std::int32_t amount) {
  const std::int32_t sum = count.load(std::memory_order_relaxed) + amount;
  count.store(sum, std::memory_order_relaxed);
  return sum;
}
inline std::int32_t add_atomically(std::atomic<std::int32_t>& count, std::int32_t amount) {
  return count.fetch_add(amount, std::memory_order_acq_rel) + amount;
}

// What needs the node, not its numbers.
template <class T>
[[gnu::always_inline]] inline void hold_node(Node<T>* n) {
  owned_or_shared(
      n->owner, [n] { return add_plainly(n->weak, 1); },
      [n] { return add_atomically(n->weak, 1); });
}
template <class T>
[[gnu::always_inline]] inline void drop_node(Node<T>* n) noexcept {
  const std::int32_t left = owned_or_shared(
      n->owner, [n] { return add_plainly(n->weak, -1); },
      [n] { return add_atomically(n->weak, -1); });
  if (left == 0) free_node(n);
}

// A handle, or a saved input: keeps node and numbers.
template <class T>
[[gnu::always_inline]] inline void hold(Node<T>* n) {
  owned_or_shared(
      n->owner,
      [n] {
        const std::int32_t count = add_plainly(n->strong, 1);
        return count == 1 ? add_plainly(n->weak, 1) : count;
      },
      [n] {
        const std::int32_t count = add_atomically(n->strong, 1);
        return count == 1 ? add_atomically(n->weak, 1) : count;
      });
}
template <class T>
void drop_last(Node<T>* n, bool kept) noexcept {
  if (!kept) free_value(n);
  drop_node(n);
}
template <class T>
[[gnu::always_inline]] inline void drop(Node<T>* n) noexcept {
  const bool kept =
      n->saves_output.load(std::memory_order_relaxed);  // before the count, see node.cpp
  const std::int32_t left = owned_or_shared(
      n->owner, [n] { return add_plainly(n->strong, -1); },
      [n] { return add_atomically(n->strong, -1); });
  if (left == 0) drop_last(n, kept);
}

/// Nobody else can see this node: its memory may be written.
template <class T>
bool is_exclusive(const Node<T>* n) {
  return n->strong.load(std::memory_order_acquire) == 1 &&
         n->weak.load(std::memory_order_acquire) == 1 && n->owns_data && n->rule == nullptr;
}

/// The xtensor face of a node's value.
template <class T>
const Array<T>& face_of(Node<T>& n);

}  // namespace detail
}  // namespace xgrad
