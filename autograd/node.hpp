#pragma once

// The tape's entries. Internal: operations use autograd/record.hpp, users Tensor<T>.
//
// A Node is a value and, when it came out of a recorded operation, the entry of the tape for it:
// the edges to the inputs and the rule for going back. Value and entry have separate lifetimes in
// one object:
//   refs        everything that needs the Node: handles (Tensor), edges of later entries, saved
//   inputs. value_refs  everything that needs the numbers: handles, saved inputs, and the entry's
//   own saved output.
// The numbers are freed when value_refs reaches 0, the Node when refs does, so that y = relu(x + b)
// does not keep x + b. Freeing is iterative: a chain of a million entries does not recurse.

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "xgrad/autograd/array.hpp"
#include "xgrad/autograd/shape.hpp"

namespace xgrad {
template <class T>
class Tensor;
template <class T>
class Backward;

namespace detail {

/// True while the process has one thread only.
inline bool single_threaded() {
#if __has_include(<sys/single_threaded.h>)
  return __libc_single_threaded != 0;
#else
  return false;
#endif
}

/// A count that costs an atomic operation only once the process has a second thread.
class SharedCount {
 public:
  /// Adds and returns the new count.
  std::int64_t add(std::int64_t amount) {
    if (single_threaded()) {
      const std::int64_t count = count_.load(std::memory_order_relaxed) + amount;
      count_.store(count, std::memory_order_relaxed);
      return count;
    }
    return count_.fetch_add(amount, std::memory_order_acq_rel) + amount;
  }
  std::int64_t get() const { return count_.load(std::memory_order_acquire); }

 private:
  std::atomic<std::int64_t> count_{0};
};

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

/// An input of an entry. `node` is null for an input that neither requires a gradient nor is saved.
template <class T>
struct Edge {
  Node<T>* node;
  std::uint32_t version;  // of the value when it was saved
  bool needs_grad;
  bool saved;
};

/// A function called with the finished gradient of a tensor; it may return another one in its
/// place.
template <class T>
struct Hooks {
  struct Entry {
    std::size_t id;
    std::function<Tensor<T>(const Tensor<T>&)> call;
  };
  std::vector<Entry> entries;
  std::size_t next_id = 0;
};

constexpr std::size_t kInlineEdges = 3;
constexpr std::size_t kInlineAttributes = 64;

template <class T>
struct Node {
  SharedCount refs, value_refs;

  // The value.
  T* data = nullptr;
  std::size_t elements = 0;
  std::atomic<std::uint32_t> own_version{0};
  bool requires_grad = false;
  bool owns_data = false;            // data came from the pool; otherwise it is face's or base's
  bool retains_grad = false;         // an interior node that keeps its gradient
  bool saves_output = false;         // the entry holds one of value_refs
  std::uint32_t output_version = 0;  // of the value when it was saved for the entry
  bool of_derivative = false;        // recorded by a backward pass with create_graph
  bool released = false;             // a backward pass went through and let go what was saved
  bool replaced = false;             // was a module's parameter, and another one has its place now
  std::uint16_t places = 0;          // of modules, that hold it as a parameter
  std::uint32_t edge_count = 0;
  Shape shape;
  std::atomic<Array<T>*> face{nullptr};  // the xtensor view of data, made when somebody asks
  std::atomic<Node*> base{nullptr};      // whose value this one shares: detach, reshape

  /// The node that the value belongs to.
  Node* root() {
    Node* n = this;
    while (Node* up = n->base.load(std::memory_order_acquire)) n = up;
    return n;
  }
  /// Counts the writes in place; shared by all that share the value.
  std::atomic<std::uint32_t>& version() { return root()->own_version; }

  // Gradients: what the user sees, and what a running backward pass has gathered so far.
  Node* grad = nullptr;
  Node* pending = nullptr;
  Hooks<T>* hooks = nullptr;

  // The entry. rule is null for a leaf.
  const Rule<T>* rule = nullptr;
  Edge<T>* edges = nullptr;  // inline_edges or a pool block
  std::uint64_t sequence =
      0;  // later entries have larger ones, also than those of other threads they use
  std::uint64_t visit_stamp = 0;   // of the backward pass that saw this entry last
  std::uint64_t useful_stamp = 0;  // ... and found that it leads to a tensor asked for
  Node* next = nullptr;            // links nodes waiting to be freed
  void* attributes = nullptr;      // inline_attributes or a pool block
  std::size_t attribute_bytes = 0;
  Edge<T> inline_edges[kInlineEdges];
  alignas(16) std::byte inline_attributes[kInlineAttributes];
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

/// The node that the numbers of `n` belong to, one without an entry: those of an entry are handed
/// to a new node first. What shares them through it keeps neither the entry nor the graph behind
/// it.
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

// A handle, or a saved input: keeps node and value.
template <class T>
void hold(Node<T>* n) {
  n->refs.add(1);
  n->value_refs.add(1);
}
template <class T>
void drop_value(Node<T>* n) noexcept {
  if (n->value_refs.add(-1) == 0) free_value(n);
}
template <class T>
void drop_node(Node<T>* n) noexcept {
  if (n->refs.add(-1) == 0) free_node(n);
}
template <class T>
void drop(Node<T>* n) noexcept {
  drop_value(n);
  drop_node(n);
}

/// The xtensor face of a node's value.
template <class T>
const Array<T>& face_of(Node<T>& n);

}  // namespace detail
}  // namespace xgrad
