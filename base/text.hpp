#pragma once

// Values as text, for messages, reports and files: the one way of the library. Internal.
//
//   text(1e-9)             "1e-09"       the shortest digits that read back as the same value
//   text(0.1F), text(7)    "0.1", "7"    also of float and of whole numbers
//   text(x.shape())        "(2, 3)"      any range in parentheses, enumerators by their to_string
//   join(axes)             "0, 2"        without the parentheses
//   quote("a\nb")          "\"a\\nb\"" what came from outside, on one line
//   rounded(2.0 / 3, 4)    "0.6667"      where a reader wants few digits
//   fixed(2.0 / 3, 1)      "0.7"         and in the columns of a table

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace xgrad::detail {

/// The shortest digits that read back as the same value; "nan" whatever its sign.
std::string text(float value);
std::string text(double value);

std::string signed_text(long long value);
std::string unsigned_text(unsigned long long value);

/// Every whole number, also one in a byte; of a truth value "true" or "false".
template <std::integral I>
std::string text(I value) {
  if constexpr (std::same_as<I, bool>) return value ? "true" : "false";
  if constexpr (std::signed_integral<I>) return signed_text(value);
  return unsigned_text(static_cast<unsigned long long>(value));
}

inline std::string text(std::string_view value) { return std::string(value); }
inline std::string text(const char* value) { return value; }

template <class V>
concept Range = !std::convertible_to<const V&, std::string_view> && requires(const V& v) {
  v.begin() != v.end();
};

template <class V>
concept Named = !Range<V> && requires(const V& v) {
  std::string(to_string(v));
};

template <Named V>
std::string text(const V& value) {
  return std::string(to_string(value));
}

template <Range V>
std::string text(const V& values);

/// "a, b, c".
template <Range V>
std::string join(const V& values, std::string_view separator = ", ") {
  std::string r;
  bool first = true;
  for (const auto& v : values) {
    if (!first) r += separator;
    first = false;
    r += text(v);
  }
  return r;
}

template <Range V>
std::string text(const V& values) {
  return "(" + join(values) + ")";
}

/// At most `digits` significant digits, as "%g" writes them.
std::string rounded(double value, int digits = 6);

/// Exactly `decimals` of them, as "%.*f" writes them.
std::string fixed(double value, int decimals);

/// With an exponent, as "1.25e-09": the shortest digits that read back as the same value, or exactly
/// `decimals` of them.
std::string scientific(float value);
std::string scientific(double value);
std::string scientific(double value, int decimals);

/// Text that came from outside, as a message shows it: in quotes, on one line, valid UTF-8. Quotes,
/// backslashes, control characters and bytes that are no UTF-8 are escaped; after `most` bytes it
/// is cut, between two characters.
std::string quote(std::string_view text, std::size_t most = 80);

}  // namespace xgrad::detail
