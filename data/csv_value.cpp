#include "xgrad/data/csv_value.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <system_error>

namespace xgrad::detail {
namespace {

using Kind = CsvValue::Kind;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::string_view kDigits = "0123456789";

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Whether a number that double cannot hold, [-]digits[.digits][e[+-]digits], is below 1.
bool is_below_one(std::string_view text) {
  const std::size_t e = std::min(text.find_first_of("eE"), text.size());
  const std::string_view digits = text.substr(0, e);
  const std::size_t point = std::min(digits.find('.'), digits.size());
  const std::size_t first = std::min(digits.find_first_of("123456789"), digits.size());
  const auto place = static_cast<std::ptrdiff_t>(point) - static_cast<std::ptrdiff_t>(first);
  std::string_view exponent = text.substr(std::min(e + 1, text.size()));
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  std::ptrdiff_t power = 0;
  const auto [end, error] =
      std::from_chars(exponent.data(), exponent.data() + exponent.size(), power);
  if (error == std::errc::result_out_of_range) return exponent.starts_with('-');
  return power < -place;
}

CsvValue parse_number(std::string_view text) {
  const bool plus = text.starts_with('+') && !text.starts_with("+-");
  if (plus) text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc::invalid_argument || stop != end) return {Kind::text, kNaN};
  if (error != std::errc()) {
    if (!is_below_one(text)) return {Kind::beyond_range, kNaN};
    return {Kind::number, text.starts_with('-') ? -0.0 : 0.0};
  }
  return {std::isnan(number) ? Kind::missing : Kind::number, number};
}

bool take(std::string_view& text, std::string_view begin) {
  if (!text.starts_with(begin)) return false;
  text.remove_prefix(begin.size());
  return true;
}

bool drop(std::string_view& text, std::string_view end) {
  if (!text.ends_with(end)) return false;
  text.remove_suffix(end.size());
  return true;
}

constexpr std::string_view kSigns[] = {"+", "-", "\xE2\x88\x92"};
constexpr std::string_view kBlanks[] = {" ", "\xC2\xA0", "\xE2\x80\xAF"};
// Dollar, euro, pound, yen, per cent.
constexpr std::string_view kUnits[] = {"$", "\xE2\x82\xAC", "\xC2\xA3", "\xC2\xA5", "%"};

template <std::size_t N>
bool take_one(std::string_view& text, const std::string_view (&all)[N]) {
  return std::any_of(std::begin(all), std::end(all), [&](auto s) { return take(text, s); });
}

template <std::size_t N>
bool drop_one(std::string_view& text, const std::string_view (&all)[N]) {
  return std::any_of(std::begin(all), std::end(all), [&](auto s) { return drop(text, s); });
}

// A sign, and a unit on one of the sides.
void strip_signs(std::string_view& text) {
  const bool sign = take_one(text, kSigns), unit = take_one(text, kUnits);
  take_one(text, kBlanks);
  if (!sign) take_one(text, kSigns);
  if (!unit && drop_one(text, kUnits)) drop_one(text, kBlanks);
}

// The mark between two groups of digits, taken off; 0 when there is none.
char take_mark(std::string_view& text) {
  if (take_one(text, kBlanks)) return ' ';
  const char mark = text[0];
  text.remove_prefix(1);
  return std::string_view(",.'_").find(mark) != std::string_view::npos ? mark : '\0';
}

std::size_t take_digits(std::string_view& text) {
  const std::size_t n = std::min(text.find_first_not_of(kDigits), text.size());
  text.remove_prefix(n);
  return n;
}

// 1,5 and 1.234,5 and 12 345: digits in groups, of three but for the first one and what is behind
// a comma or a point.
bool is_grouped(std::string_view text) {
  std::size_t group = take_digits(text);
  if (group == 0 && !text.starts_with(',')) return false;
  for (char before = '\0'; !text.empty();) {
    const char mark = take_mark(text);
    const bool point = mark == ',' || mark == '.';
    group = take_digits(text);
    if (mark == '\0' || group == 0) return false;
    const bool last = text.empty(), fraction = last && point && mark != before;
    if (group != 3 && !fraction) return false;
    if (before != '\0' && mark != before && !last) return false;
    before = mark;
  }
  return true;
}

}  // namespace

CsvValue parse_csv_value(std::string_view text, const CsvOptions& options) {
  if (contains(options.missing_values, text)) return {Kind::missing, kNaN};
  if (options.decimal == '.') return parse_number(text);
  if (text.find('.') != std::string_view::npos) return {Kind::text, kNaN};
  std::string with_point(text);
  std::replace(with_point.begin(), with_point.end(), options.decimal, '.');
  return parse_number(with_point);
}

bool looks_like_number(std::string_view text) {
  strip_signs(text);
  if (const std::size_t e = text.find_first_of("eE"); e != std::string_view::npos && e > 0) {
    std::string_view power = text.substr(e + 1);
    if (power.starts_with('-') || power.starts_with('+')) power.remove_prefix(1);
    const bool whole = !power.empty() && std::all_of(power.begin(), power.end(), is_digit);
    if (whole) text = text.substr(0, e);
  }
  return !text.empty() && is_grouped(text);
}

}  // namespace xgrad::detail
