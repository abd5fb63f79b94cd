#pragma once

// CSV: tables in text files, with any separator, plain or gzipped (seen by content).
//
//     const Table iris = read_csv("iris.csv", {.header = Header::no, .skip = 1});
//     const Table boston = read_csv("boston.txt", {.separator = ' '});
//     const Table wine = read_csv("wine.csv", {.separator = kDetectSeparator});
//
// Quoting is that of RFC 4180: a field in double quotes may hold separators, line ends and doubled
// quotes. Lines end in LF, CRLF, CR alone, or, as programs that write CRLF twice over leave them,
// in CR CR LF. Empty lines are skipped, and so is a UTF-8 byte order mark. Numbers are decimal with
// a point, or a comma when asked for, in any locale; one too small for double is 0. Blanks around a
// field do not count.
//
// A table read with a wrong separator, or with numbers written another way, has columns of text,
// and these would become codes that train as well as any numbers. Therefore it is an error, unless
// the column is named in CsvOptions::categorical or categories, when all of a column's text looks
// like numbers (1,5 or 1.234,5 or 7 %), and when another separator of , ; | tab and blanks cuts the
// first 100 rows into the same number of fields, with more numbers or instead of one column.

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

/// For CsvOptions::separator: that of , ; | tab and blanks which cuts the first 100 rows into the
/// same number of fields, of several the one with most columns of numbers.
inline constexpr char kDetectSeparator = '\0';

struct CsvOptions {
  char separator = ',';  ///< ' ' stands for any run of blanks and tabs
  Header header = Header::automatic;
  std::size_t skip = 0;            ///< lines to leave out at the beginning
  Missing missing = Missing::nan;  ///< what becomes of missing values
  /// Texts that stand for a missing value; so does every spelling of nan. Those of R, SQL, Python,
  /// pandas and Excel. Where "None" is a category, leave it out of a list of your own.
  std::vector<std::string> missing_values = {"",     "NA",   "N/A", "n/a",  "<NA>", "#N/A",
                                             "#NA",  "nan",  "NaN", "null", "NULL", "Null",
                                             "None", "none", "NaT", "?"};

  /// Columns that hold categories although they look like numbers. Columns in which nothing is a
  /// number hold categories in any case, see above.
  std::vector<ColumnRef> categorical = {};

  /// Categories by column name, in the order of their codes; any other is an error. Where none are
  /// given they are those that occur, sorted: by value when all are numbers, else by their bytes.
  /// Names of columns that there are not do not matter.
  std::map<std::string, std::vector<std::string>> categories = {};

  /// Limit for the text of a gzipped file, which may be a thousand times as long as the file;
  /// default 4 GiB.
  std::size_t most_bytes = std::size_t{1} << 32;

  char decimal = '.';  ///< or ',': the decimal mark; then a point makes text of a number
};

/// Reads a table.
///
/// **Throws** FileError, with line and column, for a file that cannot be read, lines of different
/// lengths, quotes without an end, text among numbers, numbers beyond the range of double, column
/// names that occur twice, missing values when they are errors, a separator that seems to be
/// another one (which the message names), and what is no text, with what it is; std::out_of_range
/// when options name a column that there is not; std::invalid_argument for a decimal mark that is
/// neither of the two or is the separator. Lines count from 1, columns in messages from 0, as
/// ColumnRef does.
Table read_csv(const std::string& path, const CsvOptions& options = {});

/// The same from memory; `name` stands for the path in messages.
Table parse_csv(std::string_view text, std::string_view name, const CsvOptions& options = {});

}  // namespace xgrad
