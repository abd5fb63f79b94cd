#include "xgrad/data/csv.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <stdexcept>

#include "xgrad/base/errors.hpp"
#include "xgrad/data/csv_column.hpp"
#include "xgrad/data/csv_layout.hpp"
#include "xgrad/data/csv_scanner.hpp"
#include "xgrad/data/csv_value.hpp"
#include "xgrad/serialization/content.hpp"
#include "xgrad/serialization/deflate.hpp"

namespace xgrad {
namespace {

using detail::CsvColumn;
using detail::CsvPlace;
using detail::CsvScanner;
using detail::CsvValue;
using detail::Origin;

constexpr std::string_view kReader = "csv";
// Bounds what a line of separators costs.
constexpr std::size_t kMostColumns = std::size_t{1} << 20;

using Fields = std::vector<std::string_view>;

bool is_header(const Fields& first, const CsvOptions& options) {
  if (options.header != Header::automatic) return options.header == Header::yes;
  bool text = false;
  for (const std::string_view field : first) {
    const CsvValue value = detail::parse_csv_value(field, options);
    if (value.is_number()) return false;
    text = text || value.kind == CsvValue::Kind::text;
  }
  return text;
}

std::vector<CsvColumn> make_columns(const Origin& from, const CsvOptions& options,
                                    const Fields& first, bool header, std::size_t line) {
  if (first.size() > kMostColumns) {
    from.fail("line ", line, ": ", first.size(), " columns, at most ", kMostColumns, " are read");
  }
  std::vector<CsvColumn> columns;
  std::set<std::string> names;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const bool named = header && !first[i].empty();
    columns.emplace_back(from, options,
                         CsvPlace{i, named ? std::string(first[i]) : detail::text(i), header});
    const std::string& name = columns.back().name();
    if (!names.insert(name).second)
      from.fail("line ", line, ": two columns are named ", detail::quote(name));
  }
  return columns;
}

// By name or index, as Table does it later.
void mark_categorical(std::vector<CsvColumn>& columns, const CsvOptions& options) {
  const auto n = static_cast<std::ptrdiff_t>(columns.size());
  for (const ColumnRef& ref : options.categorical) {
    const auto same = [&](const CsvColumn& c) { return c.name() == ref.name(); };
    const auto i = ref.by_index()
                       ? ref.index() + (ref.index() < 0 ? n : 0)
                       : std::find_if(columns.begin(), columns.end(), same) - columns.begin();
    if (i < 0 || i >= n) {
      detail::fail<std::out_of_range>(
          "CsvOptions", "categorical: there is no column ",
          ref.by_index() ? detail::text(ref.index()) : detail::quote(ref.name()));
    }
    columns[static_cast<std::size_t>(i)].hold_categories();
  }
}

std::string separator_hint(char separator) {
  return "; " + detail::separator_name(separator) + " cuts the lines alike: CsvOptions::separator";
}

// Reads a table that is all there, the separator known.
class Reader {
 public:
  Reader(const Origin& from, std::string_view text, const CsvOptions& options)
      : from_(from), text_(text), options_(options), scanner_(from, text, options.separator) {}

  Table read() {
    for (std::size_t i = 0; i < options_.skip; ++i) scanner_.skip_line();
    Fields fields;
    if (!scanner_.next_row(fields)) from_.fail("holds no rows");
    first_line_ = scanner_.line();
    header_ = is_header(fields, options_);
    columns_ = make_columns(from_, options_, fields, header_, first_line_);
    mark_categorical(columns_, options_);
    for (bool row = !header_ || scanner_.next_row(fields); row; row = scanner_.next_row(fields)) {
      add_row(fields, scanner_.line());
    }
    check_separator();
    std::vector<Column> finished;
    for (CsvColumn& c : columns_) finished.push_back(c.take());
    return Table(std::move(finished));
  }

 private:
  void add_row(const Fields& fields, std::size_t line) {
    if (fields.size() != columns_.size()) {
      from_.fail("line ", line, ": ", fields.size(), " fields, wanted ", columns_.size(),
                 length_hint());
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
      columns_[i].add(fields[i], line);
    }
    ++rows_;
  }

  std::string length_hint() const {
    if (const auto better = detail::better_separator({options_.separator, 1, 0}, text_, options_))
      return separator_hint(*better);
    if (rows_ > (header_ ? 0U : 1U)) return {};
    const std::string line = detail::text(first_line_);
    return "; if line " + line + " is no part of the table, CsvOptions::skip = " + line;
  }

  // Text that another separator would cut into numbers would become codes.
  void check_separator() const {
    std::size_t numbers = 0, text = 0;
    for (const CsvColumn& c : columns_) {
      numbers += c.holds_numbers() ? 1 : 0;
      text += c.holds_unnamed_text() ? 1 : 0;
    }
    if (text == 0) return;
    const auto better =
        detail::better_separator({options_.separator, columns_.size(), numbers}, text_, options_);
    if (!better) return;
    from_.fail(
        "separator ", detail::separator_name(options_.separator), " leaves ",
        columns_.size() == 1 ? "one column of text" : "columns of text", separator_hint(*better),
        ", or kDetectSeparator; if it is right, name the columns in CsvOptions::categorical");
  }

  const Origin& from_;
  std::string_view text_;
  const CsvOptions& options_;
  CsvScanner scanner_;
  std::vector<CsvColumn> columns_;
  std::size_t first_line_ = 0, rows_ = 0;
  bool header_ = false;
};

void check_options(const CsvOptions& options) {
  const char decimal = options.decimal;
  detail::require(decimal == '.' || decimal == ',', "CsvOptions",
                  "decimal is neither . nor ,: ", detail::quote({&decimal, 1}));
  detail::require(decimal != options.separator || decimal == '.', "CsvOptions",
                  "decimal and separator are the same: ", detail::quote({&decimal, 1}));
}

// What is no table in text: UTF-16 and other binary files, and pages about a missing file.
void check_text(const Origin& from, std::string_view text) {
  const bool page = text.starts_with("<!DOCTYPE") || text.starts_with("<!doctype") ||
                    text.starts_with("<html") || text.starts_with("version https://git-lfs");
  if (page || text.find('\0') != std::string_view::npos)
    from.fail("not text in columns: ", detail::describe_content(detail::as_bytes(text)));
}

Table parse_text(const Origin& from, std::string_view text, const CsvOptions& options) {
  check_options(options);
  check_text(from, text);
  if (options.separator != kDetectSeparator) return Reader(from, text, options).read();
  CsvOptions detected = options;
  detected.separator = detail::detect_separator(from, text, options);
  return Reader(from, text, detected).read();
}

}  // namespace

Table parse_csv(std::string_view text, std::string_view name, const CsvOptions& options) {
  const Origin from{kReader, name};
  if (!detail::is_gzip(detail::as_bytes(text))) return parse_text(from, text, options);
  const std::size_t most =
      std::min(options.most_bytes, std::numeric_limits<std::size_t>::max() - 1);
  const detail::Bytes plain = detail::Content(from, detail::as_bytes(text)).read(most + 1);
  if (plain.size() > most) {
    from.fail("more than ", options.most_bytes,
              " bytes of text, the limit is CsvOptions::most_bytes");
  }
  return parse_text(from, detail::as_text(plain), options);
}

Table read_csv(const std::string& path, const CsvOptions& options) {
  return parse_csv(detail::as_text(detail::read_file(kReader, path)), path, options);
}

}  // namespace xgrad
