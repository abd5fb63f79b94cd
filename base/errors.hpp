#pragma once

// How the library says what is wrong: `operation: what is wrong: names with values`. Internal.
//
//   require(low <= high, "clamp", "low is not at most high: low ", low, ", high ", high);
//   require_in("elu", "alpha", alpha, "[0, inf)");   elu: alpha is not in [0, inf): -1e-09
//   if (missing) fail<std::out_of_range>("Table", "there is no column ", quote(name));
//
// The parts are written as text() does (xgrad/base/text.hpp), and only when something is wrong.

#include <initializer_list>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

#include "xgrad/base/text.hpp"

namespace xgrad::detail {

/// "operation: part part ..."
std::string message(std::string_view operation, std::initializer_list<std::string> parts);

/// Throws Error("operation: part part ...").
template <class Error = std::invalid_argument, class... Parts>
[[noreturn]] void fail(std::string_view operation, const Parts&... parts) {
  throw Error(message(operation, {text(parts)...}));
}

template <class Error = std::invalid_argument, class... Parts>
void require(bool holds, std::string_view operation, const Parts&... parts) {
  if (!holds) [[unlikely]]
    fail<Error>(operation, parts...);
}

/// Made from its text while compiling: "[0, 1)", "(0, inf)". A bracket includes the end, "inf)"
/// leaves out infinity, and nan is in none. Ends are whole numbers of one digit or inf, with a sign
/// or not.
class Interval {
 public:
  consteval Interval(const char* text) : text_(text) {
    const char* at = text + 1;
    low_ = end(at);
    at += 2;
    high_ = end(at);
    closed_below_ = text[0] == '[';
    closed_above_ = at[0] == ']';
    if ((text[0] != '[' && text[0] != '(') || (at[0] != ']' && at[0] != ')') || at[1] != 0) {
      throw "not an interval";
    }
  }

  constexpr bool contains(double v) const {
    return (closed_below_ ? v >= low_ : v > low_) && (closed_above_ ? v <= high_ : v < high_);
  }
  const char* text() const { return text_; }

 private:
  static consteval double end(const char*& at) {
    const double sign = *at == '-' ? -1 : 1;
    if (*at == '-') ++at;
    if (*at >= '0' && *at <= '9') return sign * (*at++ - '0');
    if (std::string_view(at).substr(0, 3) != "inf") throw "not the end of an interval";
    at += 3;
    return sign * std::numeric_limits<double>::infinity();
  }

  const char* text_;
  double low_, high_;
  bool closed_below_, closed_above_;
};

/// The value; throws "operation: name is not in [0, 1): value".
template <class V>
V require_in(std::string_view operation, std::string_view name, V value, Interval interval) {
  require(interval.contains(static_cast<double>(value)), operation, name, " is not in ",
          interval.text(), ": ", value);
  return value;
}

}  // namespace xgrad::detail
