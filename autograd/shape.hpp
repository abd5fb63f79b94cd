#pragma once

// Shape: the sizes of an array along its axes, and the rules of broadcasting.

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <vector>

#include "xgrad/kernels/loop.hpp"

namespace xgrad {

/// The sizes of an array, outermost axis first; no axis at all is a scalar. At most 8 axes.
class Shape {
 public:
  /// The most axes that an array can have.
  static constexpr std::size_t kMaxRank = kernels::kMaxRank;

  Shape() {}
  Shape(std::initializer_list<std::size_t> sizes) : Shape(sizes.begin(), sizes.end()) {}

  /// From any range of integers, such as the shape of an xtensor expression. Throws
  /// std::invalid_argument for more than 8 axes.
  template <class Range>
  requires(!std::is_same_v<Range, Shape> &&
           requires(const Range& r) { r.begin() != r.end(); }) explicit Shape(const Range& sizes)
      : Shape(sizes.begin(), sizes.end()) {}

  /// Throws likewise.
  template <class Iterator>
  Shape(Iterator first, Iterator last) {
    for (; first != last; ++first) push_back(static_cast<std::size_t>(*first));
  }

  std::size_t rank() const { return rank_; }  ///< number of axes
  std::size_t size() const { return rank_; }  ///< number of axes, as of any container
  bool empty() const { return rank_ == 0; }
  /// Product of the sizes; 1 for a scalar.
  std::size_t elements() const {
    std::size_t n = 1;
    for (std::size_t i = 0; i < rank_; ++i) n *= sizes_[i];
    return n;
  }

  std::size_t operator[](std::size_t i) const { return sizes_[i]; }
  std::size_t& operator[](std::size_t i) { return sizes_[i]; }
  std::size_t front() const { return sizes_[0]; }
  std::size_t back() const { return sizes_[rank_ - 1]; }
  const std::size_t* begin() const { return sizes_.data(); }
  const std::size_t* end() const { return sizes_.data() + rank_; }
  void push_back(std::size_t size);

  /// Without axis `i`.
  Shape without(std::size_t i) const;
  /// With `size` inserted before axis `i`.
  Shape with(std::size_t i, std::size_t size) const;

  bool operator==(const Shape& other) const {
    if (rank_ != other.rank_) return false;
    for (std::size_t i = 0; i < rank_; ++i) {
      if (sizes_[i] != other.sizes_[i]) return false;
    }
    return true;
  }

 private:
  std::size_t rank_ = 0;
  std::array<std::size_t, kMaxRank> sizes_;  // the first rank_ are meaningful
};

namespace detail {
/// a + b and a b: the arithmetic of all sizes that come from outside. Throw std::invalid_argument
/// beginning with `operation` where the result is more than any array can have (2^63 - 1).
std::size_t checked_sum(const char* operation, std::size_t a, std::size_t b);
std::size_t checked_product(const char* operation, std::size_t a, std::size_t b);

/// The number of elements, of `bytes` each. Throws std::invalid_argument where the sizes that are
/// not 0 make more than memory can address: the product of any of them is exact, then.
std::size_t checked_elements(const Shape& shape, std::size_t bytes);
}  // namespace detail

/// "(2, 3)", "(5)", "()".
std::string to_string(const Shape& shape);

/// The shape two operands broadcast to: aligned at the last axis, sizes equal or one of them 1.
/// Throws std::invalid_argument naming `operation` and both shapes.
Shape broadcast_shapes(const char* operation, const Shape& a, const Shape& b);

/// The same for the axes in front of matrices; the message has the whole shapes `of_a` and `of_b`.
Shape broadcast_batches(const char* operation, const Shape& a, const Shape& b, const Shape& of_a,
                        const Shape& of_b);

namespace detail {
/// Whether they broadcast; the result goes to `out`, which may be one of them.
bool broadcast(const Shape& a, const Shape& b, Shape& out);
}  // namespace detail

/// `axis` counted from the end when negative, as an index in [0, rank). Throws std::out_of_range.
std::size_t normalize_axis(const char* operation, std::ptrdiff_t axis, std::size_t rank);

/// A list of axes, negative ones counted from the end: `1`, `{0, -1}`, or a vector. In a reduction
/// `{}` means every axis.
class Axes {
 public:
  Axes() = default;
  template <std::integral I>
  requires(!std::is_same_v<I, bool>) Axes(I axis) : Axes({static_cast<std::ptrdiff_t>(axis)}) {}
  /// Throws std::invalid_argument for more than 8 axes.
  Axes(std::initializer_list<std::ptrdiff_t> axes) : Axes(axes.begin(), axes.size()) {}
  Axes(const std::vector<std::ptrdiff_t>& axes) : Axes(axes.data(), axes.size()) {}

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::ptrdiff_t operator[](std::size_t i) const { return axes_[i]; }
  const std::ptrdiff_t* begin() const { return axes_.data(); }
  const std::ptrdiff_t* end() const { return axes_.data() + size_; }

 private:
  Axes(const std::ptrdiff_t* axes, std::size_t count);

  std::size_t size_ = 0;
  std::array<std::ptrdiff_t, Shape::kMaxRank> axes_;  // the first size_ are meaningful
};

}  // namespace xgrad
