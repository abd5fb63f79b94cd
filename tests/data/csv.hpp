#pragma once

// Tables from text, as the tests of CSV write and compare them.

#include <cmath>
#include <string>
#include <vector>

#include "tests/serialization/files.hpp"
#include "xgrad/data/csv.hpp"

namespace xgrad_test {

using xgrad::CsvOptions;
using xgrad::Table;

inline Table parse(const std::string& text, const CsvOptions& options = {}) {
  return parse_csv(text, "f", options);
}

inline std::vector<double> numbers(const Table& t) { return elements(t.array<double>()); }

inline std::vector<double> numbers(const std::string& text, const CsvOptions& options = {}) {
  return numbers(parse(text, options));
}

inline std::string fault(const std::string& text, const CsvOptions& options = {}) {
  return message_of([&] { parse(text, options); });
}

using Numbers = std::vector<double>;
using Names = std::vector<std::string>;

// What makes NaN comparable.
inline Numbers with_minus_nine_for_nan(Numbers x) {
  for (double& v : x) v = std::isnan(v) ? -9 : v;
  return x;
}

inline const std::string kCategories =
    "; if these are categories, name the column in CsvOptions::categorical";
inline const std::string kHint =
    "; if it stands for a missing value, add it to CsvOptions::missing_values" + kCategories;

inline std::string first_line_hint(const std::string& line) {
  return "; if line " + line +
         " names the columns, say CsvOptions::header = Header::yes; if it is "
         "no part of the table, CsvOptions::skip = " +
         line;
}

}  // namespace xgrad_test
