#include "xgrad/data/csv_scanner.hpp"

#include <algorithm>

#include "xgrad/base/errors.hpp"

namespace xgrad::detail {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kNoSeparators("\"\r\n\0", 4);

}  // namespace

CsvScanner::CsvScanner(const Origin& from, std::string_view text, char separator)
    : from_(from), rest_(text), separator_(separator) {
  if (kNoSeparators.find(separator) != std::string_view::npos) {
    detail::fail("CsvOptions", "separator cannot be ", quote({&separator, 1}));
  }
  if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
}

std::string_view CsvScanner::take(std::size_t size) {
  const std::string_view r = rest_.substr(0, size);
  rest_.remove_prefix(r.size());
  return r;
}

bool CsvScanner::at_line_end() const { return rest_.starts_with('\n') || rest_.starts_with('\r'); }

bool CsvScanner::at_separator() const { return separator_ != ' ' && rest_.starts_with(separator_); }

void CsvScanner::skip_blanks() {
  while (!at_end() && is_blank(rest_[0])) rest_.remove_prefix(1);
}

// LF, any number of CR before one, or CR alone: each of these then ends a line.
void CsvScanner::skip_line_end() {
  if (at_end()) return;
  const std::size_t returns = take(std::min(rest_.find_first_not_of('\r'), rest_.size())).size();
  const bool feed = rest_.starts_with('\n');
  if (feed) take(1);
  line_ += feed ? 1 : returns;
}

void CsvScanner::skip_line() {
  take(std::min(rest_.find_first_of("\r\n"), rest_.size()));
  skip_line_end();
}

bool CsvScanner::is_line_empty() const {
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    if (rest_[i] == '\n' || rest_[i] == '\r') return true;
    if (!is_blank(rest_[i])) return false;
  }
  return true;
}

void CsvScanner::skip_empty_lines() {
  while (!at_end() && is_line_empty()) skip_line();
}

bool CsvScanner::next_row(std::vector<std::string_view>& fields) {
  fields.clear();
  unquoted_.clear();
  skip_empty_lines();
  row_line_ = line_;
  if (at_end()) return false;
  for (;;) {
    fields.push_back(field());
    if (at_end() || at_line_end()) break;
    if (separator_ != ' ') take(1);
  }
  skip_line_end();
  return true;
}

// Stops before a separator (behind a run of blanks when these separate), a line end, or the end.
std::string_view CsvScanner::field() {
  skip_blanks();
  const std::string_view r = rest_.starts_with('"') ? quoted_field() : plain_field();
  skip_blanks();
  return r;
}

std::string_view CsvScanner::plain_field() {
  std::size_t n = 0;
  while (n < rest_.size() && rest_[n] != '\n' && rest_[n] != '\r' && rest_[n] != separator_ &&
         !(separator_ == ' ' && is_blank(rest_[n]))) {
    ++n;
  }
  std::string_view r = take(n);
  while (!r.empty() && is_blank(r.back())) r.remove_suffix(1);
  return r;
}

// Inside quotes a CR counts where no other line end follows.
bool CsvScanner::ends_line(std::size_t i) const {
  if (rest_[i] == '\n') return true;
  const char next = i + 1 < rest_.size() ? rest_[i + 1] : '\0';
  return rest_[i] == '\r' && next != '\n' && next != '\r';
}

std::string_view CsvScanner::quoted_field() {
  const std::size_t begin = line_;
  std::size_t n = 1;
  bool doubled = false;
  while (n < rest_.size() && (rest_[n] != '"' || rest_.substr(n + 1).starts_with('"'))) {
    line_ += ends_line(n) ? 1 : 0;
    doubled = doubled || rest_[n] == '"';
    n += rest_[n] == '"' ? 2 : 1;
  }
  if (n >= rest_.size())
    from_.fail("line ", begin, ": quotes without an end: ", quote(rest_.substr(1)));
  std::string_view r = take(n + 1).substr(1, n - 1);
  const bool blank = !at_end() && is_blank(rest_[0]);
  skip_blanks();
  const bool ends = at_end() || at_line_end() || at_separator() || (separator_ == ' ' && blank);
  if (!ends) from_.fail("line ", line_, ": text behind the quotes of ", quote(r));
  if (!doubled) return r;
  std::string& plain = unquoted_.emplace_back();
  for (std::size_t i = 0; i < r.size(); i += r[i] == '"' ? 2 : 1) plain += r[i];
  return plain;
}

}  // namespace xgrad::detail
