#pragma once

// Cuts text into rows of fields: separators, quotes, line ends. Used by the CSV reader; not an
// interface for users.

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "xgrad/serialization/error.hpp"

namespace xgrad::detail {

/// Rows one after the other. Fields are without quotes and surrounding blanks and valid until the
/// next row.
class CsvScanner {
 public:
  /// Separator ' ' stands for any run of blanks and tabs. The text must outlive the scanner.
  CsvScanner(const Origin& from, std::string_view text, char separator);

  void skip_line();

  /// False at the end of the text. Empty lines are passed over.
  bool next_row(std::vector<std::string_view>& fields);

  /// Where the row begins, from 1.
  std::size_t line() const { return row_line_; }

 private:
  bool at_end() const { return rest_.empty(); }
  bool at_line_end() const;
  bool ends_line(std::size_t i) const;
  bool at_separator() const;
  bool is_blank(char c) const { return c == ' ' || (c == '\t' && separator_ != '\t'); }
  void skip_blanks();
  void skip_line_end();
  void skip_empty_lines();
  bool is_line_empty() const;
  std::string_view field();
  std::string_view plain_field();
  std::string_view quoted_field();
  std::string_view take(std::size_t size);

  Origin from_;
  std::string_view rest_;
  char separator_;
  std::size_t line_ = 1, row_line_ = 1;
  std::deque<std::string> unquoted_;  // fields of this row that had doubled quotes
};

}  // namespace xgrad::detail
