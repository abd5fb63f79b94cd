#include "xgrad/data/csv_column.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <tuple>

namespace xgrad::detail {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kHint =
    "; if these are categories, name the column in CsvOptions::categorical";

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

CsvValue parse_csv_value(std::string_view text, const CsvOptions& options) {
  using Kind = CsvValue::Kind;
  if (contains(options.missing_values, text)) return {Kind::missing, kNaN};
  const bool plus = text.starts_with('+') && !text.starts_with("+-");
  const char* begin = text.data() + (plus ? 1 : 0);
  const char* end = text.data() + text.size();
  double number = 0;
  const auto [stop, error] = std::from_chars(begin, end, number);
  if (error == std::errc::invalid_argument || stop != end) return {Kind::text, kNaN};
  if (error != std::errc()) return {Kind::beyond_range, kNaN};
  return {std::isnan(number) ? Kind::missing : Kind::number, number};
}

CsvColumn::CsvColumn(const Origin& from, const CsvOptions& options, std::size_t index,
                     std::string name)
    : from_(from), options_(options), index_(index), name_(std::move(name)) {
  const auto given = options.categories.find(name_);
  if (given == options.categories.end()) return;
  kind_ = Kind::given_categories;
  for (const std::string& c : given->second) {
    if (codes_.count(c) > 0)
      throw std::invalid_argument("CsvOptions: category " + quote(c) + " given twice");
    new_code(c);
  }
}

void CsvColumn::hold_categories() {
  if (kind_ == Kind::unknown) kind_ = Kind::any_categories;
}

template <class... Parts>
void CsvColumn::fail(std::size_t line, const Parts&... parts) const {
  const bool named = name_ != std::to_string(index_);
  from_.fail("line ", line, ", column ", index_, named ? " " + quote(name_) : "", ": ", parts...);
}

void CsvColumn::add(std::string_view text, std::size_t line) {
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
  if (!value.is_number()) fail(line, quote(text), " is not a number", kHint);
  if (std::isnan(value.number)) fail(line, quote(text), " is beyond the range of double");
  return value.number;
}

double CsvColumn::category(const CsvValue& value, std::string_view text, std::size_t line) {
  if (kind_ == Kind::text_categories && value.is_number()) {
    fail(line, "number ", quote(text), " among text such as ", quote(categories_[0]), kHint);
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

Column CsvColumn::take() {
  if (kind_ == Kind::text_categories || kind_ == Kind::any_categories) sort_categories();
  return {std::move(name_), std::move(values_), std::move(categories_)};
}

}  // namespace xgrad::detail
