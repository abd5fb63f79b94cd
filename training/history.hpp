#pragma once

// History: learning curves, one row of named figures per epoch, written as CSV or JSON.
//
//   History history;
//   history.add({{"train loss", 0.31}, {"validation accuracy", 0.94}});
//   history.write("curves.csv");
//   const std::vector<double> losses = history.curve("train loss");

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xgrad {

/// Named numbers, in an order.
using Figures = std::vector<std::pair<std::string, double>>;

/// "loss 0.1234  accuracy 0.9876".
std::string to_string(const Figures& figures);

class History {
 public:
  /// A row with these figures. A name that is new begins a curve, with NaN in the rows before.
  /// Throws std::invalid_argument for a name that is empty, "epoch", or occurs twice.
  void add(const Figures& row);

  std::size_t size() const { return rows_.size(); }
  bool empty() const { return rows_.empty(); }
  /// Of the figures, in their order; of a temporary a copy.
  const std::vector<std::string>& names() const& { return names_; }
  /// The same of a temporary.
  std::vector<std::string> names() const&& { return names_; }
  bool contains(std::string_view name) const;  ///< whether there is such a curve
  /// One figure of all rows; NaN where a row has none. Throws std::out_of_range with the names
  /// there are.
  std::vector<double> curve(std::string_view name) const;
  /// The figures of a row, those it has. Throws std::out_of_range.
  Figures row(std::size_t i) const;
  /// A figure of the last row. Throws std::out_of_range also when there is no row.
  double last(std::string_view name) const;

  /// A header and a line per row, beginning with the row's number from 1. Numbers are the shortest
  /// text that reads back as the same number; what is not finite is an empty field.
  std::string csv() const;
  /// {"epoch": [1, 2], "train loss": [0.31, 0.22]}; what is not finite is null.
  std::string json() const;
  /// What json() made. Throws std::invalid_argument for other text.
  static History from_json(std::string_view text);

  /// Writes CSV, or JSON when the name ends in `.json`, replacing an old file in one step.
  /// Throws FileError.
  void write(const std::string& path) const;

  bool operator==(const History&) const = default;

 private:
  std::size_t find(std::string_view name) const;

  std::vector<std::string> names_;
  std::vector<std::vector<double>> rows_;  // may be shorter than names_
};

}  // namespace xgrad
