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
    r += (i > 0 ? ", " : "") + columns[i].name;
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

// Whole numbers within 2^53, where each double is one.
bool is_label(double x) { return x == std::floor(x) && std::abs(x) <= 9007199254740992.0; }

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const Column& c = columns_[i];
    if (c.values.size() != rows()) {
      throw std::invalid_argument("Table: lengths differ: " + columns_[0].name + " " +
                                  std::to_string(rows()) + ", " + c.name + " " +
                                  std::to_string(c.values.size()));
    }
    if (!index_.emplace(c.name, i).second) {
      throw std::invalid_argument("Table: two columns are named " + c.name);
    }
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
  throw std::out_of_range("Table: no column " + name + " among " + listing(columns_));
}

std::size_t Table::find(const ColumnRef& which) const {
  if (!which.by_index()) return find_name(which.name());
  const auto n = static_cast<std::ptrdiff_t>(columns_.size());
  const std::ptrdiff_t i = which.index() < 0 ? which.index() + n : which.index();
  if (i >= 0 && i < n) return static_cast<std::size_t>(i);
  throw std::out_of_range("Table: column " + std::to_string(which.index()) +
                          " is out of range for " + std::to_string(n) + " columns");
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
      r.data()[i * columns() + k] = static_cast<T>(values[i]);
    }
  }
  return r;
}

Indices Table::labels(const ColumnRef& which) const {
  const Column& c = column(which);
  auto r = Indices::from_shape({c.values.size()});
  for (std::size_t i = 0; i < c.values.size(); ++i) {
    if (!is_label(c.values[i])) {
      throw std::invalid_argument("labels: column " + c.name + ", row " + std::to_string(i) +
                                  " is not a whole number: " + std::to_string(c.values[i]));
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
