#pragma once

// Table: columns of numbers and categories, as read from a CSV file, and the arrays they become. A
// tool to get a data set into a model, not a data frame.
//
//     const Table houses = read_csv("california_housing.csv");
//     const Table inputs = houses.drop({"median_house_value"}).one_hot();
//     const Array<float> x = inputs.array<float>();                        // (20640, 13)
//     const Array<float> y = houses.array<float>({"median_house_value"});  // (20640, 1)

#include <concepts>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/autograd/array.hpp"

namespace xgrad {

/// Which column: by name, or by index from 0, negative from the end.
class ColumnRef {
 public:
  ColumnRef(const char* name) : name_(name) {}
  ColumnRef(std::string name) : name_(std::move(name)) {}
  template <std::integral Index>
  ColumnRef(Index index) : index_(static_cast<std::ptrdiff_t>(index)), by_index_(true) {}

  bool by_index() const { return by_index_; }  ///< false: by name
  std::ptrdiff_t index() const { return index_; }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::ptrdiff_t index_ = 0;
  bool by_index_ = false;
};

/// One column of a table.
struct Column {
  std::string name;            ///< unique within a table
  std::vector<double> values;  ///< numbers, or codes: indices of `categories`; missing is NaN
  std::vector<std::string> categories = {};  ///< of a categorical column; empty for numbers

  /// Whether its values are codes of categories.
  bool is_categorical() const { return !categories.empty(); }
};

/// The categories of each categorical column, by its name.
class Categories : public std::map<std::string, std::vector<std::string>> {
 public:
  using std::map<std::string, std::vector<std::string>>::map;
  /// Those of a column; of a temporary a copy. Throws std::out_of_range.
  const std::vector<std::string>& at(const std::string& column) const&;
  /// The same of a temporary: a copy.
  std::vector<std::string> at(const std::string& column) const&& { return at(column); }
};

/// Columns of one length with different names. Every function that takes a ColumnRef throws
/// std::out_of_range, with the names there are, when there is no such column.
class Table {
 public:
  Table() = default;

  /// Throws std::invalid_argument when lengths differ, a name occurs twice, or the values of a
  /// categorical column are no indices of its categories (NaN is missing).
  explicit Table(std::vector<Column> columns);

  /// The length of its columns.
  std::size_t rows() const { return columns_.empty() ? 0 : columns_[0].values.size(); }
  std::size_t columns() const { return columns_.size(); }
  std::vector<std::string> names() const;
  const Column& column(const ColumnRef& which) const& { return columns_[find(which)]; }
  Column column(const ColumnRef& which) const&& { return columns_[find(which)]; }

  /// These columns, in this order.
  Table select(const std::vector<ColumnRef>& which) const;

  /// All other columns.
  Table drop(const std::vector<ColumnRef>& which) const;

  /// Each categorical column replaced by one column of 0 and 1 for each category, named
  /// `column=category`. A row whose category is missing has zeros.
  Table one_hot() const;

  /// All columns as numbers, categories as their codes: (rows, columns). `T` is float or double.
  /// Throws std::invalid_argument for a number that is too large for T.
  template <class T>
  Array<T> array() const;
  template <class T>
  Array<T> array(const std::vector<ColumnRef>& which) const {
    return select(which).array<T>();
  }

  /// One column as class labels (rows): codes of categories, or whole numbers. Throws
  /// std::invalid_argument for a missing value and for a number that is not whole.
  Indices labels(const ColumnRef& which) const;

  /// The categories of every categorical column by its name; given to CsvOptions they make another
  /// file's codes the same. A Pipeline keeps them with the model.
  Categories categories() const;

 private:
  std::size_t find(const ColumnRef& which) const;
  std::size_t find_name(const std::string& name) const;

  std::vector<Column> columns_;
  std::map<std::string, std::size_t> index_;
};

}  // namespace xgrad
