#pragma once

// CSV: tables in text files, with any separator, plain or gzipped (seen by content).
//
//     const Table iris = read_csv("iris.csv", {.header = Header::no, .skip = 1});
//     const Table boston = read_csv("boston.txt", {.separator = ' '});
//
// Quoting is that of RFC 4180: a field in double quotes may hold separators, line ends and doubled
// quotes. Lines end in LF or CRLF. Empty lines are skipped, and so is a UTF-8 byte order mark.
// Numbers are decimal with a point, in any locale; blanks around a field do not count.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "xgrad/data/table.hpp"

namespace xgrad {

/// Whether the first line names the columns. Without names, columns are named by their index: "0",
/// "1", ...
enum class Header {
  automatic,  ///< it does when none of its fields is a number, unless all are missing values
  yes,
  no,
};

/// What becomes of a missing value.
enum class Missing {
  nan,    ///< NaN, in numbers and in codes
  error,  ///< FileError that says where it is
};

struct CsvOptions {
  char separator = ',';  ///< ' ' stands for any run of blanks and tabs
  Header header = Header::automatic;
  std::size_t skip = 0;  ///< lines to leave out at the beginning
  Missing missing = Missing::nan;
  std::vector<std::string> missing_values = {"", "NA", "N/A", "nan", "NaN", "?", "null"};

  /// Columns that hold categories although they look like numbers. Columns in which nothing is a
  /// number hold categories in any case.
  std::vector<ColumnRef> categorical = {};

  /// Categories by column name, in the order of their codes; any other is an error. Where none are
  /// given they are those that occur, sorted: by value when all are numbers, else by their bytes.
  /// Names of columns that there are not do not matter.
  std::map<std::string, std::vector<std::string>> categories = {};

  /// Limit for the text of a gzipped file, which may be a thousand times as long as the file;
  /// default 4 GiB.
  std::size_t most_bytes = std::size_t{1} << 32;
};

/// Reads a table.
///
/// **Throws** FileError, with line and column, for a file that cannot be read, lines of different
/// lengths, quotes without an end, text among numbers, numbers beyond the range of double, column
/// names that occur twice, and missing values when they are errors; std::out_of_range when options
/// name a column that there is not. Lines count from 1, columns in messages from 0, as ColumnRef
/// does.
Table read_csv(const std::string& path, const CsvOptions& options = {});

/// The same from memory; `name` stands for the path in messages.
Table parse_csv(std::string_view text, std::string_view name, const CsvOptions& options = {});

}  // namespace xgrad
