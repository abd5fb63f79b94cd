#pragma once

// Which separator a table has, told by its first rows. Used by the CSV reader; not an interface
// for users.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "xgrad/data/csv.hpp"
#include "xgrad/serialization/error.hpp"

namespace xgrad::detail {

/// "\";\"", "a tab", "blanks".
std::string separator_name(char separator);

/// For kDetectSeparator. Throws FileError when no separator cuts the first rows alike.
char detect_separator(const Origin& from, std::string_view text, const CsvOptions& options);

/// How a table came out that was cut with some separator.
struct CsvOutcome {
  char separator;
  std::size_t columns, numbers;  ///< columns, and those of them that hold numbers
};

/// A separator that cuts the first rows alike and makes more of them: columns where there is but
/// one, or numbers of what is text.
std::optional<char> better_separator(const CsvOutcome& outcome, std::string_view text,
                                     const CsvOptions& options);

}  // namespace xgrad::detail
