#include "xgrad/base/text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace xgrad::detail {
namespace {

template <class... Format>
std::string digits_of(Format... value_and_format) {
  char digits[512];  // the largest number without an exponent has 309 before the point
  return {digits, std::to_chars(digits, digits + sizeof digits, value_and_format...).ptr};
}

template <class T>
std::string shortest(T value) {
  return std::isnan(value) ? "nan" : digits_of(value);
}

// The bytes of the character that `text` begins with; 0 where that is no UTF-8.
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  const std::size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  // Neither longer than need be, nor half of a pair, nor beyond the last character.
  const unsigned least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  bool valid = first >= 0xC2 && first <= 0xF4 && second >= least && second <= most;
  for (std::size_t i = 2; i < size; ++i) valid = valid && (byte(i) & 0xC0U) == 0x80;
  return valid ? size : 0;
}

std::string escaped(char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (c == '"' || c == '\\') return {'\\', c};
  if (c == '\n') return "\\n";
  const auto code = static_cast<unsigned char>(c);
  if (code >= 0x20 && code < 0x7F) return {c};
  return {'\\', 'x', kDigits[code >> 4U], kDigits[code & 15U]};
}

}  // namespace

std::string text(float value) { return shortest(value); }
std::string text(double value) { return shortest(value); }
std::string signed_text(long long value) { return digits_of(value); }
std::string unsigned_text(unsigned long long value) { return digits_of(value); }

std::string rounded(double value, int digits) {
  return std::isnan(value) ? "nan" : digits_of(value, std::chars_format::general, digits);
}

std::string fixed(double value, int decimals) {
  return std::isnan(value) ? "nan" : digits_of(value, std::chars_format::fixed, decimals);
}

std::string scientific(float value) { return digits_of(value, std::chars_format::scientific); }
std::string scientific(double value) { return digits_of(value, std::chars_format::scientific); }
std::string scientific(double value, int decimals) {
  return digits_of(value, std::chars_format::scientific, decimals);
}

std::string quote(std::string_view text, std::size_t most) {
  std::string r = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = character(text.substr(i));
    if (i + std::max<std::size_t>(size, 1) > most) return r + "...\"";
    r += size > 1 ? std::string(text.substr(i, size)) : escaped(text[i]);
    i += std::max<std::size_t>(size, 1);
  }
  return r + "\"";
}

}  // namespace xgrad::detail
