// Every function of the public operation headers has a row in the table, or a reason here why not.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>

#include "row.hpp"

namespace {

using xgrad::Shape;

const std::map<std::string, std::string> kWithoutRow = {
    {"zeros", "makes a constant"},
    {"ones", "makes a constant"},
    {"full", "makes a constant"},
    {"zeros_like", "makes a constant"},
    {"ones_like", "makes a constant"},
    {"full_like", "makes a constant"},
    {"arange", "makes a constant"},
    {"linspace", "makes a constant"},
    {"eye", "makes a constant"},
    {"sinusoidal_positions", "makes a constant"},
    {"from_indices", "makes a constant"},
    {"indices", "makes positions, not tensors"},
    {"uniform", "draws constants"},
    {"normal", "draws constants"},
    {"bernoulli", "draws a constant mask"},
    {"random_integers", "draws positions, not tensors"},
    {"random_permutation", "draws positions, not tensors"},
    {"multinomial", "draws positions, not tensors"},
    {"sample_normal", "draws: tests/ops/gamma.cpp"},
    {"sample_uniform", "draws: tests/ops/gamma.cpp"},
    {"sample_gamma", "draws: tests/ops/gamma.cpp"},
    {"gumbel_softmax", "draws: tests/ops/gamma.cpp"},
    {"update_running_statistics", "writes constants in place"},
};

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// What is not for users: files that say so, namespaces that do, and comments.
std::string public_part(std::string text) {
  if (std::regex_search(text, std::regex("// [^\n]*Internal|Internal[;.]"))) return {};
  text = std::regex_replace(
      text, std::regex("namespace detail \\{[\\s\\S]*?\\}  // namespace detail"), "");
  return std::regex_replace(text, std::regex("//[^\n]*"), "");
}

// Names of the function templates that return a tensor, tensors, or positions.
std::set<std::string> declared_functions(const std::string& header) {
  static const std::regex declaration(
      "\n(?:inline "
      ")?(?:Tensor<T>|std::vector<Tensor<T>>|LstmState<T>|LstmOutput<T>|RecurrentOutput<T>|"
      "SignedLogarithm<T>|Eigh<T>|Svd<T>|Sorted<T>|Qr<T>|Indices|std::int64_t|void|auto) "
      "([a-z_0-9]+)\\(");
  std::set<std::string> names;
  for (std::sregex_iterator it(header.begin(), header.end(), declaration), end; it != end; ++it)
    names.insert((*it)[1]);
  return names;
}

// The same for any return type: what the other may overlook.
std::set<std::string> all_functions(const std::string& header) {
  static const std::regex declaration(
      "\n(?:inline )?[A-Za-z_][A-Za-z_0-9:<>, ]*[ &*]([a-z_0-9]+)\\(");
  std::set<std::string> names;
  for (std::sregex_iterator it(header.begin(), header.end(), declaration), end; it != end; ++it) {
    if ((*it)[1] != "requires") names.insert((*it)[1]);
  }
  return names;
}

std::set<std::string> in_all_headers(std::set<std::string> (*find)(const std::string&)) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(XGRAD_SOURCE_DIR "/ops")) {
    if (entry.path().extension() == ".hpp") names.merge(find(public_part(read(entry.path()))));
  }
  return names;
}

std::set<std::string> all_declared() { return in_all_headers(declared_functions); }

std::set<std::string> all_proved() {
  std::set<std::string> names;
  for (const proof::Row& row : proof::table()) {
    for (const std::string& f : proof::functions_of(row)) names.insert(f);
  }
  return names;
}

using Shapes = std::vector<Shape>;

bool is_empty(const Shape& s) { return s.elements() == 0; }
bool is_scalar(const Shape& s) { return s.empty(); }
bool has_axis_of_one(const Shape& s) { return std::find(s.begin(), s.end(), 1u) != s.end(); }

Shapes shapes_of(const proof::Row& row) {
  Shapes shapes;
  for (const proof::Argument& a : row.arguments) shapes.push_back(a.shape);
  return shapes;
}

// Functions proved with a shape like that.
std::set<std::string> proved_with(bool (*like)(const Shape&)) {
  std::set<std::string> names;
  for (const proof::Row& row : proof::table()) {
    std::vector<Shapes> all = row.shapes;
    all.push_back(shapes_of(row));
    const bool proved =
        row.elementwise || std::any_of(all.begin(), all.end(), [&](const Shapes& s) {
          return std::any_of(s.begin(), s.end(), like);
        });
    for (const std::string& f : proof::functions_of(row)) {
      if (proved) names.insert(f);
    }
  }
  return names;
}

bool accepts(const proof::Row& row, const Shapes& shapes) {
  std::vector<xgrad::Tensor<double>> x;
  for (const Shape& s : shapes) x.push_back(xgrad::Tensor<double>::filled(s, 0.5));
  try {
    row.f(x);
  } catch (const std::logic_error&) {
    return false;
  }
  return true;
}

// The row's shapes with one size, wherever it is, replaced by another.
Shapes resized(const proof::Row& row, std::size_t from, std::size_t to) {
  Shapes shapes;
  for (const Shape& s : shapes_of(row)) {
    shapes.emplace_back();
    for (const std::size_t size : s) shapes.back().push_back(size == from ? to : size);
  }
  return shapes;
}

// Functions that take a size as one of theirs and are not proved with it.
std::set<std::string> unproved_with(std::size_t size, bool (*like)(const Shape&)) {
  const std::set<std::string> proved = proved_with(like);
  std::set<std::string> names;
  for (const proof::Row& row : proof::table()) {
    for (const std::string& f : proof::functions_of(row)) {
      for (std::size_t from = 2; from < 9 && !proved.contains(f); ++from) {
        const Shapes shapes = resized(row, from, size);
        if (std::any_of(shapes.begin(), shapes.end(), like) && accepts(row, shapes))
          names.insert(f);
      }
    }
  }
  return names;
}

}  // namespace

// Cells of the lines of a table in docs/conventions.md that are about a function.
std::vector<std::vector<std::string>> lines_about(const std::string& function) {
  std::istringstream page(read(XGRAD_SOURCE_DIR "/docs/conventions.md"));
  std::vector<std::vector<std::string>> found;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| ")) continue;
    std::vector<std::string> cells;
    std::istringstream rest(line.substr(2));
    for (std::string cell; std::getline(rest, cell, '|');) cells.push_back(cell);
    if (cells.at(0).find('`' + function + '`') != std::string::npos) found.push_back(cells);
  }
  return found;
}

// The number that a cell begins or ends with, if any: "0", "1 (smooth)", "scale alpha, 1.7".
bool says(const std::string& cell, double slope) {
  std::istringstream words(cell);
  bool number = false;
  if (std::isnan(slope)) return true;  // that of another operand
  for (std::string word; words >> word;) {
    char* end = nullptr;
    const double v = std::strtod(word.c_str(), &end);
    if (end == word.c_str()) continue;
    number = true;
    if (std::abs(v - slope) <= 1e-9) return true;
  }
  return !number;
}

BOOST_AUTO_TEST_SUITE(coverage)

BOOST_AUTO_TEST_CASE(the_page_of_conventions_has_the_slopes_of_the_rows) {
  for (const proof::Row& row : proof::table()) {
    for (const proof::Kink& k : row.kinks) {
      const std::string f = proof::functions_of(row)[0];
      const auto lines = lines_about(f);
      BOOST_TEST(std::any_of(lines.begin(), lines.end(),
                             [&](const auto& cells) { return says(cells.at(2), k.slope); }),
                 f << ": docs/conventions.md has no line with the slope " << k.slope);
    }
  }
}

BOOST_AUTO_TEST_CASE(no_declaration_is_overlooked) {
  const std::set<std::string> declared = all_declared(), all = in_all_headers(all_functions);
  BOOST_TEST(all.size() >= declared.size());
  for (const std::string& name : all)
    BOOST_TEST(declared.contains(name), name << " returns something that this test does not know");
}

BOOST_AUTO_TEST_CASE(empty_arrays_are_proved_where_they_are_taken) {
  for (const std::string& name : unproved_with(0, is_empty))
    BOOST_TEST(false, name << " takes empty arrays, no row proves it");
}

BOOST_AUTO_TEST_CASE(axes_of_size_1_are_proved_where_they_are_taken) {
  for (const std::string& name : unproved_with(1, has_axis_of_one))
    BOOST_TEST(false, name << " takes an axis of size 1, no row proves it");
}

BOOST_AUTO_TEST_CASE(scalars_are_proved_where_they_are_taken) {
  const std::set<std::string> proved = proved_with(is_scalar);
  for (const proof::Row& row : proof::table()) {
    if (!accepts(row, Shapes(row.arguments.size(), Shape{}))) continue;
    for (const std::string& f : proof::functions_of(row))
      BOOST_TEST(proved.contains(f), f << " takes scalars, no row proves it");
  }
}

BOOST_AUTO_TEST_CASE(threads_are_proved_of_every_function) {
  std::set<std::string> large;
  for (const proof::Row& row : proof::table()) {
    for (const std::string& f : proof::functions_of(row)) {
      if (row.elementwise || !row.large.empty()) large.insert(f);
    }
  }
  for (const std::string& name : all_proved())
    BOOST_TEST(large.contains(name), name << " has no row with shapes for several threads");
}

BOOST_AUTO_TEST_CASE(every_operation_has_a_row) {
  const std::set<std::string> declared = all_declared(), proved = all_proved();
  BOOST_TEST(declared.size() > 100);
  for (const std::string& name : declared) {
    BOOST_TEST(proved.contains(name) != kWithoutRow.contains(name),
               name << (proved.contains(name) ? " has a row and a reason to have none"
                                              : " has no row in the proof table"));
  }
}

BOOST_AUTO_TEST_CASE(every_reason_is_about_a_function) {
  const std::set<std::string> declared = all_declared();
  for (const auto& [name, reason] : kWithoutRow) BOOST_TEST(declared.contains(name), name);
}

BOOST_AUTO_TEST_CASE(functions_are_found_in_a_header) {
  const std::string header =
      "/// a\ntemplate <class T>\nTensor<T> one(const Tensor<T>& x);\nnamespace detail "
      "{\nTensor<T> hidden(int);\n}  // "
      "namespace detail\ntemplate <class T>\nIndices two(const Tensor<T>& x,\n  int y);\n// "
      "Tensor<T> comment(\n"
      "template <class T>\nstd::vector<Tensor<T>> three(\n    const Tensor<T>& x);\n";
  BOOST_TEST(
      declared_functions(public_part(header)) == (std::set<std::string>{"one", "three", "two"}),
      boost::test_tools::per_element());
  BOOST_TEST(declared_functions(
                 public_part("#pragma once\n// For kernels. Internal.\n\nTensor<T> hidden(int);\n"))
                 .empty());
}

BOOST_AUTO_TEST_SUITE_END()
