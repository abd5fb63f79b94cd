// Every function of the public operation headers has a row in the table, or a reason here why not.

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "row.hpp"

namespace {

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
    {"from_indices", "makes a constant"},
    {"uniform", "draws constants"},
    {"normal", "draws constants"},
    {"bernoulli", "draws a constant mask"},
    {"random_integers", "draws positions, not tensors"},
    {"random_permutation", "draws positions, not tensors"},
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
      ")?(?:Tensor<T>|std::vector<Tensor<T>>|LstmState<T>|Indices|std::int64_t|void|auto) "
      "([a-z_0-9]+)\\(");
  std::set<std::string> names;
  for (std::sregex_iterator it(header.begin(), header.end(), declaration), end; it != end; ++it)
    names.insert((*it)[1]);
  return names;
}

std::set<std::string> all_declared() {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(XGRAD_SOURCE_DIR "/ops")) {
    if (entry.path().extension() != ".hpp") continue;
    names.merge(declared_functions(public_part(read(entry.path()))));
  }
  return names;
}

std::set<std::string> all_proved() {
  std::set<std::string> names;
  for (const proof::Row& row : proof::table()) {
    for (const std::string& f : proof::functions_of(row)) names.insert(f);
  }
  return names;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(coverage)

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
