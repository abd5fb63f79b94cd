#pragma once

// What the text of one field is. Used by the CSV reader; not an interface for users.

#include <string_view>

#include "xgrad/data/csv.hpp"

namespace xgrad::detail {

/// What the text of a field is by itself.
struct CsvValue {
  enum class Kind { missing, number, beyond_range, text };
  Kind kind;
  double number;  ///< NaN unless it is one that double can hold; 0 for one that is too small

  bool is_number() const { return kind == Kind::number || kind == Kind::beyond_range; }
};

CsvValue parse_csv_value(std::string_view text, const CsvOptions& options);

/// True for text that a reader takes for a number although the options do not: decimal commas,
/// thousands set apart, signs of per cent and of money.
bool looks_like_number(std::string_view text);

}  // namespace xgrad::detail
