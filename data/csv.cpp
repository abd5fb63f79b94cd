#include "xgrad/data/csv.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <stdexcept>

#include "xgrad/data/csv_column.hpp"
#include "xgrad/data/csv_scanner.hpp"
#include "xgrad/serialization/deflate.hpp"

namespace xgrad {
namespace {

using detail::CsvColumn;
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
    columns.emplace_back(from, options, i, named ? std::string(first[i]) : std::to_string(i));
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
      throw std::out_of_range("CsvOptions: categorical: no column " +
                              (ref.by_index() ? std::to_string(ref.index()) : ref.name()));
    }
    columns[static_cast<std::size_t>(i)].hold_categories();
  }
}

void add_row(const Origin& from, std::vector<CsvColumn>& columns, const Fields& fields,
             std::size_t line) {
  if (fields.size() != columns.size()) {
    from.fail("line ", line, ": ", fields.size(), " fields, wanted ", columns.size());
  }
  for (std::size_t i = 0; i < fields.size(); ++i) columns[i].add(fields[i], line);
}

Table parse_text(const Origin& from, std::string_view text, const CsvOptions& options) {
  CsvScanner scanner(from, text, options.separator);
  for (std::size_t i = 0; i < options.skip; ++i) scanner.skip_line();
  Fields fields;
  if (!scanner.next_row(fields)) from.fail("holds no rows");
  const bool header = is_header(fields, options);
  std::vector<CsvColumn> columns = make_columns(from, options, fields, header, scanner.line());
  mark_categorical(columns, options);
  for (bool row = !header || scanner.next_row(fields); row; row = scanner.next_row(fields)) {
    add_row(from, columns, fields, scanner.line());
  }
  std::vector<Column> finished;
  for (CsvColumn& c : columns) finished.push_back(c.take());
  return Table(std::move(finished));
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
