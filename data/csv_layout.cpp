#include "xgrad/data/csv_layout.hpp"

#include <algorithm>
#include <vector>

#include "xgrad/base/text.hpp"
#include "xgrad/data/csv_scanner.hpp"
#include "xgrad/data/csv_value.hpp"

namespace xgrad::detail {
namespace {

constexpr char kSeparators[] = {',', ';', '\t', '|', ' '};
constexpr std::size_t kRows = 100;  // looked at

using Rows = std::vector<std::vector<std::string>>;

// How a separator cuts the first rows: all but the first into the same number of fields.
struct Cut {
  char separator;
  std::size_t columns, numbers;
  bool first_too;  // the first row has that number of fields as well

  bool all_numbers() const { return numbers == columns; }
};

// None when it cannot be read so.
Rows first_rows(char separator, std::string_view text, const CsvOptions& options) {
  Rows rows;
  try {
    CsvScanner scanner({"csv", "first rows"}, text, separator);
    for (std::size_t i = 0; i < options.skip; ++i) scanner.skip_line();
    std::vector<std::string_view> fields;
    while (rows.size() < kRows && scanner.next_row(fields)) {
      rows.emplace_back(fields.begin(), fields.end());
    }
  } catch (const FileError&) {
    return {};
  }
  return rows;
}

bool is_numeric(char separator, const std::string& text, const CsvOptions& options) {
  if (parse_csv_value(text, options).is_number()) return true;
  return separator != ',' && looks_like_number(text);
}

// Behind the first row, which may be a header.
bool holds_numbers(char separator, const Rows& rows, std::size_t column,
                   const CsvOptions& options) {
  bool some = false;
  for (std::size_t i = rows.size() > 1 ? 1 : 0; i < rows.size(); ++i) {
    const std::string& text = rows[i][column];
    if (parse_csv_value(text, options).kind == CsvValue::Kind::missing) continue;
    if (!is_numeric(separator, text, options)) return false;
    some = true;
  }
  return some;
}

std::optional<Cut> cut(char separator, std::string_view text, const CsvOptions& options) {
  const Rows rows = first_rows(separator, text, options);
  if (rows.empty() || rows.back().size() < 2) return std::nullopt;
  Cut r{separator, rows.back().size(), 0, rows[0].size() == rows.back().size()};
  const auto alike = [&](const auto& row) { return row.size() == r.columns; };
  if (!std::all_of(rows.begin() + 1, rows.end(), alike)) return std::nullopt;
  for (std::size_t c = 0; c < r.columns; ++c) {
    r.numbers += holds_numbers(separator, rows, c, options) ? 1 : 0;
  }
  return r;
}

std::vector<Cut> all_cuts(std::string_view text, const CsvOptions& options) {
  std::vector<Cut> r;
  for (const char s : kSeparators) {
    if (s == options.decimal) continue;
    if (const auto c = cut(s, text, options)) r.push_back(*c);
  }
  std::stable_sort(r.begin(), r.end(),
                   [](const Cut& a, const Cut& b) { return a.numbers > b.numbers; });
  return r;
}

bool is_one_column(std::string_view text, const CsvOptions& options) {
  const std::string_view marks = options.decimal == ',' ? ";|" : ",;|";
  const Rows rows = first_rows('\t', text, options);
  return std::all_of(rows.begin(), rows.end(), [&](const auto& row) {
    return row.size() == 1 && row[0].find_first_of(marks) == std::string::npos;
  });
}

// Words between blanks are no columns unless there are numbers among them.
bool is_convincing(const Cut& c) { return c.separator != ' ' || c.numbers > 0; }

bool is_better(const Cut& c, const CsvOutcome& than) {
  if (c.separator == than.separator) return false;
  if (than.columns == 1) return c.first_too ? is_convincing(c) : c.all_numbers();
  return c.first_too && (c.all_numbers() || (c.numbers > than.numbers && c.separator != ' '));
}

}  // namespace

std::string separator_name(char separator) {
  if (separator == ' ') return "blanks";
  if (separator == '\t') return "a tab";
  return quote({&separator, 1});
}

char detect_separator(const Origin& from, std::string_view text, const CsvOptions& options) {
  for (const Cut& c : all_cuts(text, options)) {
    if (c.first_too && is_convincing(c)) return c.separator;
  }
  if (is_one_column(text, options)) return '\t';
  from.fail("none of , ; | tab and blanks cuts the first rows into the same number of fields; ",
            "CsvOptions::skip leaves out lines in front of the table");
}

std::optional<char> better_separator(const CsvOutcome& outcome, std::string_view text,
                                     const CsvOptions& options) {
  for (const Cut& c : all_cuts(text, options)) {
    if (is_better(c, outcome)) return c.separator;
  }
  return std::nullopt;
}

}  // namespace xgrad::detail
