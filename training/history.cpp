#include "xgrad/training/history.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "xgrad/base/errors.hpp"
#include "xgrad/serialization/atomic_file.hpp"

namespace xgrad {
namespace {

constexpr const char* kRow = "epoch";  // the column of row numbers
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::string shortest(double v) {
  if (!std::isfinite(v)) return {};
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, v).ptr};
}

std::string csv_field(const std::string& s) {
  if (s.find_first_of(",\"\r\n") == std::string::npos) return s;
  std::string quoted = "\"";
  for (const char c : s) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

void check_names(const Figures& row) {
  for (auto it = row.begin(); it != row.end(); ++it) {
    if (it->first.empty()) detail::fail("History", "a figure has no name");
    if (it->first == kRow) {
      detail::fail("History", "'epoch' is the number of the row, no figure");
    }
    const auto same = [&](const auto& other) { return other.first == it->first; };
    if (std::any_of(row.begin(), it, same)) {
      detail::fail("History", "figure ", detail::quote(it->first), " occurs twice in a row");
    }
  }
}

}  // namespace

std::string to_string(const Figures& figures) {
  std::string r;
  for (const auto& [name, value] : figures) {
    r += (r.empty() ? "" : "  ") + name + " " + detail::fixed(value, 4);
  }
  return r;
}

void History::add(const Figures& row) {
  check_names(row);
  for (const auto& [name, value] : row) {
    if (!contains(name)) names_.push_back(name);
  }
  std::vector<double> values(names_.size(), kNone);
  for (const auto& [name, value] : row) values[find(name)] = value;
  rows_.push_back(std::move(values));
}

bool History::contains(std::string_view name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

std::size_t History::find(std::string_view name) const {
  const auto it = std::find(names_.begin(), names_.end(), name);
  if (it != names_.end()) return static_cast<std::size_t>(it - names_.begin());
  std::string known;
  for (const std::string& n : names_) known += (known.empty() ? "" : ", ") + n;
  detail::fail<std::out_of_range>("History", "there is no figure ", detail::quote(name),
                                  " among: ", known);
}

std::vector<double> History::curve(std::string_view name) const {
  const std::size_t c = find(name);
  std::vector<double> r;
  for (const auto& row : rows_) r.push_back(c < row.size() ? row[c] : kNone);
  return r;
}

Figures History::row(std::size_t i) const {
  if (i >= rows_.size()) {
    detail::fail<std::out_of_range>("History", "there is no row ", i, " of ", rows_.size());
  }
  Figures r;
  for (std::size_t c = 0; c < rows_[i].size(); ++c) {
    if (!std::isnan(rows_[i][c])) r.emplace_back(names_[c], rows_[i][c]);
  }
  return r;
}

double History::last(std::string_view name) const {
  const std::size_t c = find(name);  // of a name that is there, so there is a row
  return c < rows_.back().size() ? rows_.back()[c] : kNone;
}

std::string History::csv() const {
  std::string r = kRow;
  for (const std::string& name : names_) r += "," + csv_field(name);
  r += "\n";
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    r += detail::text(i + 1);
    for (std::size_t c = 0; c < names_.size(); ++c) {
      r += "," + (c < rows_[i].size() ? shortest(rows_[i][c]) : std::string());
    }
    r += "\n";
  }
  return r;
}

std::string History::json() const {
  nlohmann::ordered_json j;
  j[kRow] = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < rows_.size(); ++i) j[kRow].push_back(i + 1);
  for (const std::string& name : names_) {
    auto& values = j[name] = nlohmann::ordered_json::array();
    for (const double v : curve(name)) {
      if (std::isfinite(v)) {
        values.push_back(v);
      } else {
        values.push_back(nullptr);
      }
    }
  }
  return j.dump();
}

History History::from_json(std::string_view text) {
  History h;
  try {
    const auto j = nlohmann::ordered_json::parse(text);
    h.rows_.resize(j.at(kRow).size());
    for (const auto& [name, values] : j.items()) {
      if (name == kRow) continue;
      h.names_.push_back(name);
      if (values.size() != h.rows_.size()) throw std::invalid_argument("lengths differ");
      for (std::size_t i = 0; i < values.size(); ++i) {
        h.rows_[i].push_back(values[i].is_null() ? kNone : values[i].get<double>());
      }
    }
  } catch (const std::exception& e) {
    detail::fail("History", "no learning curves: ", e.what());
  }
  return h;
}

void History::write(const std::string& path) const {
  const std::string text = path.ends_with(".json") ? json() + "\n" : csv();
  detail::write_file("History", path, detail::as_bytes(text));
}

}  // namespace xgrad
