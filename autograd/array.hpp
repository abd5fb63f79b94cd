#pragma once

// Array<T>: an xtensor container on the library's memory pool. The only file that names xtensor's
// container headers (they moved in xtensor 0.26).
//
// The type does not depend on compiler flags such as -march or XTENSOR_USE_XSIMD: allocator, layout
// and shape type are spelled out.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#if __has_include(<xtensor/containers/xarray.hpp>)
#include <xtensor/containers/xarray.hpp>
#else
#include <xtensor/xarray.hpp>
#endif

#include "xgrad/autograd/shape.hpp"
#include "xgrad/kernels/pool.hpp"

namespace xgrad {

/// Draws from the pool: 64-byte aligned, uninitialised. `PoolAllocator(p)` makes a container that
/// shows the memory at `p`, which stays its owner's; such a container must stay const, a copy of it
/// owns its memory.
template <class T>
class PoolAllocator {
 public:
  using value_type = T;
  using propagate_on_container_move_assignment = std::true_type;

  PoolAllocator() = default;
  /// Shows `borrowed`, which is not freed here.
  explicit PoolAllocator(T* borrowed) : borrowed_(borrowed) {}
  template <class U>
  PoolAllocator(const PoolAllocator<U>&) {}

  T* allocate(std::size_t n) {
    if (borrowed_ != nullptr) return borrowed_;
    if (n > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(detail::pool_allocate(n * sizeof(T)));
  }
  void deallocate(T* p, std::size_t n) noexcept {
    if (p != borrowed_) detail::pool_free(p, n * sizeof(T));
  }
  PoolAllocator select_on_container_copy_construction() const { return {}; }

  bool operator==(const PoolAllocator& other) const { return borrowed_ == other.borrowed_; }

 private:
  T* borrowed_ = nullptr;
};

/// An n-dimensional row-major array; an xtensor container everywhere. T is float, double,
/// or std::int64_t.
template <class T>
using Array = xt::xarray_container<xt::uvector<T, PoolAllocator<T>>, xt::layout_type::row_major,
                                   xt::svector<std::size_t, 4>>;

/// Array-shaped access to memory that belongs to somebody else; assigning to it writes there, and
/// an expression of another size is refused. Valid as long as its owner.
template <class T>
using ArrayView = xt::xarray_adaptor<xt::xbuffer_adaptor<T*, xt::no_ownership>,
                                     xt::layout_type::row_major, xt::svector<std::size_t, 4>>;

/// Class labels and positions.
using Indices = Array<std::int64_t>;

namespace detail {
template <class>
inline constexpr bool kNever = false;  // for a static_assert that says what to write

/// What is iterated over, of known size, and made of numbers: std::vector, std::array, std::span.
template <class R>
concept NumberRange = requires(const R& r) {
  std::size(r);
  requires std::is_arithmetic_v<std::decay_t<decltype(*std::begin(r))>>;
};

/// Throws std::invalid_argument unless `shape` has that many elements.
void check_count(const char* operation, std::size_t values, const Shape& shape);
}  // namespace detail

}  // namespace xgrad
