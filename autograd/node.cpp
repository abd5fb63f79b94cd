#include "xgrad/autograd/node.hpp"

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/tensor.hpp"
#include "xgrad/autograd/trace.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad::detail {

template <class T>
Node<T>* make_node() {
  auto* n = ::new (object_allocate(sizeof(Node<T>))) Node<T>;
  n->owner.store(mark_of_new_node(), std::memory_order_relaxed);
  if (!is_recording()) n->apart = Apart::unrecorded;
  count_live(1);
  if (tracer != nullptr) [[unlikely]]
    traced<T>().made(n);
  return n;
}

namespace {

// Of a few numbers, less than what the processor reads at once.
constexpr std::size_t kFew = 56;

void* allocate_numbers(std::size_t bytes) {
  return bytes <= kFew ? object_allocate(bytes) : pool_allocate(bytes);
}
void free_numbers(void* data, std::size_t bytes) noexcept {
  bytes <= kFew ? object_free(data, bytes) : pool_free(data, bytes);
}

}  // namespace

template <class T>
Node<T>* make_value(const Shape& shape) {
  const std::size_t elements = checked_elements(shape, sizeof(T));
  T* data = static_cast<T*>(allocate_numbers(elements * sizeof(T)));
  Node<T>* n;
  try {
    n = make_node<T>();
  } catch (...) {
    free_numbers(data, elements * sizeof(T));
    throw;
  }
  n->data = data;
  n->elements = elements;
  n->owns_data = true;
  n->shape = shape;
  return n;
}

template <class T>
Node<T>* storage_of(Node<T>* n) {
  n = n->root();
  if (n->edges == nullptr || !n->owns_data) return n;
  Node<T>* storage = make_node<T>();
  storage->data = n->data;
  storage->elements = n->elements;
  storage->shape = n->shape;
  storage->own_version.store(n->own_version.load(std::memory_order_relaxed),
                             std::memory_order_relaxed);
  hold(storage);
  Node<T>* other = nullptr;
  if (!n->base.compare_exchange_strong(other, storage, std::memory_order_acq_rel)) {
    drop(storage);  // another thread was first
    return other;
  }
  storage->owns_data = std::exchange(n->owns_data, false);
  return storage;
}

template <class T>
Node<T>* share_value(Node<T>* n, const Shape& shape) {
  Node<T>* base = is_recording() && n->requires_grad ? n->root() : storage_of(n);
  Node<T>* r = make_node<T>();
  hold(base);
  r->base = base;
  r->data = n->data;
  r->elements = n->elements;
  r->shape = shape;
  return r;
}

// Nobody has a handle, so nobody makes a face or a base meanwhile.
template <class T>
void free_value(Node<T>* n) noexcept {
  if (const Array<T>* face = n->face.load(std::memory_order_acquire)) {
    delete face;
    n->face.store(nullptr, std::memory_order_relaxed);
  }
  if (n->owns_data) free_numbers(n->data, n->elements * sizeof(T));
  n->owns_data = false;
  n->data = nullptr;
  if (Node<T>* base = n->base.load(std::memory_order_acquire)) {
    n->base.store(nullptr, std::memory_order_relaxed);
    drop(base);
  }
}

namespace {

template <class T>
void release_inputs(Node<T>* n) noexcept {
  Edge<T>* edges = std::exchange(n->edges, nullptr);
  const std::size_t count = std::exchange(n->edge_count, 0U),
                    bytes = std::exchange(n->attribute_bytes, 0U);
  for (std::size_t i = 0; i < count; ++i) {
    const Edge<T> e = edges[i];
    if (e.node != nullptr) e.saved ? drop(e.node) : drop_node(e.node);
  }
  if (bytes != 0 && n->rule->destroy != nullptr) n->rule->destroy(edges + count);
  const std::size_t size = count * sizeof(Edge<T>) + bytes;
  if (size > Node<T>::kRoom) object_free(edges, size);
}

template <class T>
void destroy(Node<T>* n) noexcept {
  if (n->grad != nullptr) drop(n->grad);
  delete n->hooks;
  n->~Node<T>();
  object_free(n, sizeof(Node<T>));
  count_live(-1);
}

}  // namespace

// The output is let go under a handle: of this thread and one that drops another handle meanwhile
// only the last one can find the numbers unused, and it has seen that the entry does not keep them.
// One that had seen it keep them leaves the numbers to free_node.
template <class T>
void release_entry(Node<T>* n) noexcept {
  release_inputs(n);
  if (!n->saves_output.load(std::memory_order_relaxed)) return;
  hold(n);
  n->saves_output.store(false, std::memory_order_relaxed);
  drop(n);
}

// Dropping an edge may free its node, whose edges are dropped in turn: the nodes wait in a list,
// linked by `base`, instead of on the stack.
template <class T>
void free_node(Node<T>* n) noexcept {
  thread_local Node<T>* waiting = nullptr;
  thread_local bool draining = false;
  if (n->data != nullptr) free_value(n);
  if (n->edges == nullptr && n->grad == nullptr) return destroy(n);
  n->base.store(std::exchange(waiting, n), std::memory_order_relaxed);
  if (draining) return;
  draining = true;
  while ((n = waiting) != nullptr) {
    waiting = n->base.load(std::memory_order_relaxed);
    if (n->edges != nullptr) release_inputs(n);
    destroy(n);
  }
  draining = false;
}

template <class T>
const Array<T>& face_of(Node<T>& n) {
  if (const Array<T>* face = n.face.load(std::memory_order_acquire)) return *face;
  typename Array<T>::shape_type shape(n.shape.begin(), n.shape.end());
  typename Array<T>::strides_type strides(n.shape.rank());
  xt::compute_strides(shape, xt::layout_type::row_major, strides);
  typename Array<T>::storage_type storage(n.elements, PoolAllocator<T>(n.data));
  auto* made = new Array<T>(std::move(storage), std::move(shape), std::move(strides));
  Array<T>* expected = nullptr;
  if (!n.face.compare_exchange_strong(expected, made, std::memory_order_acq_rel)) {
    delete made;  // another thread was first
    return *expected;
  }
  return *made;
}

#define XGRAD_INSTANTIATE(T)                                \
  template Node<T>* make_node<T>();                         \
  template Node<T>* make_value<T>(const Shape&);            \
  template Node<T>* share_value<T>(Node<T>*, const Shape&); \
  template Node<T>* storage_of<T>(Node<T>*);                \
  template void free_value<T>(Node<T>*) noexcept;           \
  template void free_node<T>(Node<T>*) noexcept;            \
  template void release_entry<T>(Node<T>*) noexcept;        \
  template const Array<T>& face_of<T>(Node<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
