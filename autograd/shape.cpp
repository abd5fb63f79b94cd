#include "xgrad/autograd/shape.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "xgrad/autograd/axis.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad {

void Shape::push_back(std::size_t size) {
  if (rank_ == kMaxRank) detail::fail("shape", "more than 8 axes");
  sizes_[rank_++] = size;
}

Shape Shape::without(std::size_t i) const {
  Shape r;
  for (std::size_t k = 0; k < rank_; ++k) {
    if (k != i) r.push_back(sizes_[k]);
  }
  return r;
}

Shape Shape::with(std::size_t i, std::size_t size) const {
  Shape r;
  for (std::size_t k = 0; k <= rank_; ++k) {
    if (k == i) r.push_back(size);
    if (k < rank_) r.push_back(sizes_[k]);
  }
  return r;
}

std::string to_string(const Shape& shape) { return detail::text(shape); }

namespace detail {
namespace {

constexpr std::size_t kMost = std::numeric_limits<std::ptrdiff_t>::max();

[[noreturn]] void fail_size(const char* operation, std::size_t a, const char* sign, std::size_t b) {
  fail(operation, "a size is too large: ", a, sign, b);
}

}  // namespace

std::size_t checked_sum(const char* operation, std::size_t a, std::size_t b) {
  if (a > kMost || b > kMost - a) fail_size(operation, a, " + ", b);
  return a + b;
}

std::size_t checked_product(const char* operation, std::size_t a, std::size_t b) {
  if (a > kMost || b > kMost || (b != 0 && a > kMost / b)) fail_size(operation, a, " * ", b);
  return a * b;
}

std::size_t checked_elements(const Shape& shape, std::size_t bytes) {
  std::size_t elements = 1, spanned = bytes;  // spanned: as if no size were 0
  for (const std::size_t size : shape) {
    if (size != 0 && (__builtin_mul_overflow(spanned, size, &spanned) || spanned > kMost)) {
      detail::fail("tensor", "shape ", shape, " has more elements than memory can address");
    }
    elements *= size;
  }
  return elements;
}

}  // namespace detail

bool detail::broadcast(const Shape& a, const Shape& b, Shape& out) {
  const Shape shorter = a.rank() >= b.rank() ? b : a;
  out = a.rank() >= b.rank() ? a : b;
  const std::size_t offset = out.rank() - shorter.rank();
  for (std::size_t i = 0; i < shorter.rank(); ++i) {
    std::size_t& size = out[offset + i];
    if (size == shorter[i] || shorter[i] == 1) continue;
    if (size != 1) return false;
    size = shorter[i];
  }
  return true;
}

Shape broadcast_shapes(const char* operation, const Shape& a, const Shape& b) {
  if (a == b) return a;
  Shape r;
  if (!detail::broadcast(a, b, r))
    detail::fail(operation, "shapes do not broadcast: a ", a, ", b ", b);
  return r;
}

Shape broadcast_batches(const char* operation, const Shape& a, const Shape& b, const Shape& of_a,
                        const Shape& of_b) {
  Shape r;
  if (!detail::broadcast(a, b, r))
    detail::fail(operation, "batches do not broadcast: a ", of_a, ", b ", of_b);
  return r;
}

std::size_t normalize_axis(const char* operation, std::ptrdiff_t axis, std::size_t rank) {
  const auto r = static_cast<std::ptrdiff_t>(rank);
  if (axis < -r || axis >= r) {
    detail::fail<std::out_of_range>(operation, "axis ", axis, " is out of range for ", rank,
                                    " axes");
  }
  return static_cast<std::size_t>(axis < 0 ? axis + r : axis);
}

namespace {

// As normalize_axis, of `rank` axes, for an operand of that shape.
std::size_t index_of(const char* operation, std::ptrdiff_t axis, std::size_t rank,
                     const Shape& shape, const char* name) {
  const auto r = static_cast<std::ptrdiff_t>(rank);
  if (axis >= -r && axis < r) return static_cast<std::size_t>(axis < 0 ? axis + r : axis);
  if (rank == 0) {
    detail::fail<std::out_of_range>(operation, "axis ", axis, " is out of range: ", name, " ",
                                    shape, " has no axes");
  }
  detail::fail<std::out_of_range>(operation, "axis ", axis, " is out of range [", -r, ", ", r - 1,
                                  "]: ", name, " ", shape);
}

}  // namespace

std::size_t normalize_axis(const char* operation, std::ptrdiff_t axis, const Shape& shape,
                           const char* name) {
  return index_of(operation, axis, shape.rank(), shape, name);
}

std::size_t normalize_new_axis(const char* operation, std::ptrdiff_t axis, const Shape& shape,
                               const char* name) {
  return index_of(operation, axis, shape.rank() + 1, shape, name);
}

Axes::Axes(const std::ptrdiff_t* axes, std::size_t count) : size_(count) {
  if (count > Shape::kMaxRank) detail::fail("axes", "more than 8 axes");
  std::copy_n(axes, count, axes_.begin());
}

}  // namespace xgrad
