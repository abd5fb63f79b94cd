#include "xgrad/data/table.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

constexpr std::size_t kListed = 20;

std::string listing(const std::vector<Column>& columns) {
  std::string r;
  for (std::size_t i = 0; i < std::min(columns.size(), kListed); ++i) {
    r += (i > 0 ? ", " : "") + detail::quote(columns[i].name);
  }
  return r + (columns.size() > kListed ? ", ..." : "");
}

Column indicator(const Column& from, std::size_t code) {
  Column r{from.name + "=" + from.categories[code], {}};
  r.values.reserve(from.values.size());
  for (const double value : from.values)
    r.values.push_back(value == static_cast<double>(code) ? 1 : 0);
  return r;
}

void check_codes(const Column& c) {
  const auto n = static_cast<double>(c.categories.size());
  for (std::size_t i = 0; i < c.values.size(); ++i) {
    const double v = c.values[i];
    const bool code = std::isnan(v) || (v >= 0 && v < n && v == std::floor(v));
    detail::require(code, "Table", "column ", detail::quote(c.name), ", row ", i, ": code ", v,
                    " of ", c.categories.size(), " categories");
  }
}

template <class T>
T narrowed(const Column& c, std::size_t row) {
  const double v = c.values[row];
  const auto r = static_cast<T>(v);
  detail::require(std::isfinite(r) || !std::isfinite(v), "array", "column ", detail::quote(c.name),
                  ", row ", row, " is too large for float: ", v);
  return r;
}

// Whole numbers within 2^53, where each double is one.
bool is_label(double x) { return x == std::floor(x) && std::abs(x) <= 9007199254740992.0; }

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const Column& c = columns_[i];
    if (c.values.size() != rows()) {
      detail::fail("Table", "lengths differ: ", detail::quote(columns_[0].name), " ", rows(), ", ",
                   detail::quote(c.name), " ", c.values.size());
    }
    detail::require(index_.emplace(c.name, i).second, "Table", "two columns are named ",
                    detail::quote(c.name));
    if (c.is_categorical()) check_codes(c);
  }
}

std::vector<std::string> Table::names() const {
  std::vector<std::string> r;
  for (const Column& c : columns_) r.push_back(c.name);
  return r;
}

std::size_t Table::find_name(const std::string& name) const {
  const auto found = index_.find(name);
  if (found != index_.end()) return found->second;
  detail::fail<std::out_of_range>("Table", "no column ", detail::quote(name), " among ",
                                  listing(columns_));
}

std::size_t Table::find(const ColumnRef& which) const {
  if (!which.by_index()) return find_name(which.name());
  const auto n = static_cast<std::ptrdiff_t>(columns_.size());
  const std::ptrdiff_t i = which.index() < 0 ? which.index() + n : which.index();
  if (i >= 0 && i < n) return static_cast<std::size_t>(i);
  detail::fail<std::out_of_range>("Table", "column ", which.index(), " is out of range for ", n,
                                  " columns");
}

Table Table::select(const std::vector<ColumnRef>& which) const {
  std::vector<Column> r;
  for (const ColumnRef& ref : which) r.push_back(columns_[find(ref)]);
  return Table(std::move(r));
}

Table Table::drop(const std::vector<ColumnRef>& which) const {
  std::vector<bool> keep(columns_.size(), true);
  for (const ColumnRef& ref : which) keep[find(ref)] = false;
  std::vector<Column> r;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (keep[i]) r.push_back(columns_[i]);
  }
  return Table(std::move(r));
}

Table Table::one_hot() const {
  std::vector<Column> r;
  for (const Column& c : columns_) {
    if (!c.is_categorical()) r.push_back(c);
    for (std::size_t code = 0; code < c.categories.size(); ++code) r.push_back(indicator(c, code));
  }
  return Table(std::move(r));
}

template <class T>
Array<T> Table::array() const {
  auto r = Array<T>::from_shape({rows(), columns()});
  for (std::size_t k = 0; k < columns(); ++k) {
    const std::vector<double>& values = columns_[k].values;
    for (std::size_t i = 0; i < values.size(); ++i) {
      r.data()[i * columns() + k] = narrowed<T>(columns_[k], i);
    }
  }
  return r;
}

Indices Table::labels(const ColumnRef& which) const {
  const Column& c = column(which);
  auto r = Indices::from_shape({c.values.size()});
  for (std::size_t i = 0; i < c.values.size(); ++i) {
    if (!is_label(c.values[i])) {
      detail::fail("labels", "column ", detail::quote(c.name), ", row ", i,
                   " is not a whole number: ", c.values[i]);
    }
    r.data()[i] = static_cast<std::int64_t>(c.values[i]);
  }
  return r;
}

const std::vector<std::string>& Categories::at(const std::string& column) const& {
  const auto it = find(column);
  if (it != end()) return it->second;
  detail::fail<std::out_of_range>("Categories", "there is no categorical column ",
                                  detail::quote(column));
}

Categories Table::categories() const {
  Categories r;
  for (const Column& c : columns_) {
    if (c.is_categorical()) r[c.name] = c.categories;
  }
  return r;
}

template Array<float> Table::array() const;
template Array<double> Table::array() const;

}  // namespace xgrad
