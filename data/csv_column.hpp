#pragma once

// One column of a CSV file while its fields come in: numbers or categories. Used by the CSV reader;
// not an interface for users.

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "xgrad/data/csv.hpp"
#include "xgrad/data/csv_value.hpp"
#include "xgrad/serialization/error.hpp"

namespace xgrad::detail {

/// What a column is told of the table, for hints in its messages.
struct CsvPlace {
  std::size_t index;  ///< of the column
  std::string name;   ///< the same as text where there is no other
  bool below_header;  ///< the first line named the columns
};

class CsvColumn {
 public:
  /// Origin and options must outlive the column.
  CsvColumn(const Origin& from, const CsvOptions& options, CsvPlace place);

  const std::string& name() const { return place_.name; }
  bool holds_numbers() const { return kind_ == Kind::numbers; }
  /// Text that nobody called categories.
  bool holds_unnamed_text() const { return kind_ == Kind::text_categories; }

  /// Numbers too are categories.
  void hold_categories();

  void add(std::string_view text, std::size_t line);

  /// The finished column; this one is then empty. Throws FileError for numbers in disguise.
  Column take();

 private:
  enum class Kind { unknown, numbers, text_categories, any_categories, given_categories };

  template <class... Parts>
  [[noreturn]] void fail(std::size_t line, const Parts&... parts) const;
  double number(const CsvValue& value, std::string_view text, std::size_t line) const;
  double category(const CsvValue& value, std::string_view text, std::size_t line);
  double new_code(const std::string& category);
  std::string hint(std::string_view text) const;
  void check_text() const;
  void sort_categories();

  Origin from_;
  const CsvOptions& options_;
  CsvPlace place_;
  std::size_t first_line_ = 0;  // of what is in values_
  Kind kind_ = Kind::unknown;
  std::vector<double> values_;
  std::vector<std::string> categories_;
  std::unordered_map<std::string, double> codes_;
};

}  // namespace xgrad::detail
