#pragma once

// How people write the digits: points in a unit square (y downwards) and smooth strokes through
// them. Used by draw_digits; not an interface for users.

#include <cstdint>
#include <span>
#include <string_view>

namespace xgrad::detail {

struct Point {
  float x = 0, y = 0;
};

/// Strokes are words of letters, 'a' the first point: "abc cd" is two strokes that meet at the
/// third. A stroke is a smooth curve through its points; one that ends where it begins is closed.
struct DigitShape {
  std::span<const Point> points;
  std::string_view strokes;
};

/// The ways to write `digit`, 0 to 9.
std::span<const DigitShape> digit_shapes(std::int64_t digit);

}  // namespace xgrad::detail
