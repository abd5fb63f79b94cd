#pragma once

// One column of a CSV file while its fields come in: numbers or categories. Used by the CSV reader;
// not an interface for users.

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "xgrad/data/csv.hpp"
#include "xgrad/serialization/error.hpp"

namespace xgrad::detail {

/// What the text of a field is by itself.
struct CsvValue {
  enum class Kind { missing, number, beyond_range, text };
  Kind kind;
  double number;  ///< NaN unless it is one that double can hold

  bool is_number() const { return kind == Kind::number || kind == Kind::beyond_range; }
};

CsvValue parse_csv_value(std::string_view text, const CsvOptions& options);

class CsvColumn {
 public:
  /// Origin and options must outlive the column.
  CsvColumn(const Origin& from, const CsvOptions& options, std::size_t index, std::string name);

  const std::string& name() const { return name_; }

  /// Numbers too are categories.
  void hold_categories();

  void add(std::string_view text, std::size_t line);

  /// The finished column; this one is then empty.
  Column take();

 private:
  enum class Kind { unknown, numbers, text_categories, any_categories, given_categories };

  template <class... Parts>
  [[noreturn]] void fail(std::size_t line, const Parts&... parts) const;
  double number(const CsvValue& value, std::string_view text, std::size_t line) const;
  double category(const CsvValue& value, std::string_view text, std::size_t line);
  double new_code(const std::string& category);
  void sort_categories();

  Origin from_;
  const CsvOptions& options_;
  std::size_t index_;
  std::string name_;
  Kind kind_ = Kind::unknown;
  std::vector<double> values_;
  std::vector<std::string> categories_;
  std::unordered_map<std::string, double> codes_;
};

}  // namespace xgrad::detail
