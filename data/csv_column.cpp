#include "xgrad/data/csv_column.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <tuple>

#include "xgrad/base/errors.hpp"

namespace xgrad::detail {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kCategories =
    "; if these are categories, name the column in CsvOptions::categorical";

bool is_missing_perhaps(std::string_view text) {
  constexpr std::size_t kLongest = 8;  // "unknown", "-", "#DIV/0!"
  return text.size() <= kLongest;
}

}  // namespace

CsvColumn::CsvColumn(const Origin& from, const CsvOptions& options, CsvPlace place)
    : from_(from), options_(options), place_(std::move(place)) {
  const auto given = options.categories.find(name());
  if (given == options.categories.end()) return;
  kind_ = Kind::given_categories;
  for (const std::string& c : given->second) {
    if (codes_.count(c) > 0) detail::fail("CsvOptions", "category ", quote(c), " given twice");
    new_code(c);
  }
}

void CsvColumn::hold_categories() {
  if (kind_ == Kind::unknown) kind_ = Kind::any_categories;
}

template <class... Parts>
void CsvColumn::fail(std::size_t line, const Parts&... parts) const {
  const bool named = name() != detail::text(place_.index);
  from_.fail("line ", line, ", column ", place_.index, named ? " " + quote(name()) : "", ": ",
             parts...);
}

// What may be meant by text among numbers, or the other way round.
std::string CsvColumn::hint(std::string_view text) const {
  if (looks_like_number(text)) {
    return "; CsvOptions::decimal reads decimal commas, other marks in numbers are not read";
  }
  if (values_.size() == 1 && !place_.below_header) {
    const std::string line = detail::text(first_line_);
    return "; if line " + line +
           " names the columns, say CsvOptions::header = Header::yes; if it " +
           "is no part of the table, CsvOptions::skip = " + line;
  }
  if (!is_missing_perhaps(text)) return kCategories;
  return "; if it stands for a missing value, add it to CsvOptions::missing_values" +
         std::string(kCategories);
}

void CsvColumn::add(std::string_view text, std::size_t line) {
  if (values_.empty()) first_line_ = line;
  const CsvValue value = parse_csv_value(text, options_);
  if (value.kind == CsvValue::Kind::missing) {
    if (options_.missing == Missing::error) fail(line, "missing value ", quote(text));
    return values_.push_back(kNaN);
  }
  if (kind_ == Kind::unknown) kind_ = value.is_number() ? Kind::numbers : Kind::text_categories;
  values_.push_back(kind_ == Kind::numbers ? number(value, text, line)
                                           : category(value, text, line));
}

double CsvColumn::number(const CsvValue& value, std::string_view text, std::size_t line) const {
  if (!value.is_number()) fail(line, quote(text), " is not a number", hint(text));
  if (std::isnan(value.number)) fail(line, quote(text), " is beyond the range of double");
  return value.number;
}

double CsvColumn::category(const CsvValue& value, std::string_view text, std::size_t line) {
  if (kind_ == Kind::text_categories && value.is_number()) {
    fail(line, "number ", quote(text), " among text such as ", quote(categories_[0]),
         hint(categories_[0]));
  }
  const std::string key(text);
  const auto known = codes_.find(key);
  if (known != codes_.end()) return known->second;
  if (kind_ == Kind::given_categories) fail(line, quote(text), " is none of the categories given");
  return new_code(key);
}

double CsvColumn::new_code(const std::string& category) {
  const auto code = static_cast<double>(categories_.size());
  codes_.emplace(category, code);
  categories_.push_back(category);
  return code;
}

// By value when all are numbers, else by their bytes.
void CsvColumn::sort_categories() {
  struct Sorted {
    double number;
    std::string text;
    std::size_t code;
  };
  std::vector<Sorted> sorted;
  bool numbers = true;
  for (std::size_t code = 0; code < categories_.size(); ++code) {
    sorted.push_back(
        {parse_csv_value(categories_[code], options_).number, categories_[code], code});
    numbers = numbers && !std::isnan(sorted.back().number);
  }
  std::sort(sorted.begin(), sorted.end(), [&](const Sorted& a, const Sorted& b) {
    return numbers && a.number != b.number ? a.number < b.number : a.text < b.text;
  });
  std::vector<double> rank(sorted.size());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    rank[sorted[i].code] = static_cast<double>(i);
    categories_[i] = std::move(sorted[i].text);
  }
  for (double& v : values_) v = std::isnan(v) ? v : rank[static_cast<std::size_t>(v)];
}

// Numbers of another notation would become codes, as numbers all the same, of another meaning.
void CsvColumn::check_text() const {
  if (categories_.empty() ||
      !std::all_of(categories_.begin(), categories_.end(), looks_like_number))
    return;
  fail(first_line_, "text such as ", quote(categories_[0]), hint(categories_[0]), kCategories);
}

Column CsvColumn::take() {
  if (holds_unnamed_text()) check_text();
  if (kind_ == Kind::text_categories || kind_ == Kind::any_categories) sort_categories();
  return {std::move(place_.name), std::move(values_), std::move(categories_)};
}

}  // namespace xgrad::detail
