#include "tests/layering/rules.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>

namespace layering {
namespace {

namespace fs = std::filesystem;

using Folders = std::set<std::string>;

const std::map<std::string, Folders> kMayInclude = {
    {"base", {"base"}},
    {"kernels", {"base", "kernels"}},
    {"autograd", {"base", "kernels", "autograd"}},
    {"gradient_check", {"base", "kernels", "autograd", "gradient_check"}},
    {"ops", {"base", "kernels", "autograd", "ops"}},
    {"compile", {"base", "kernels", "autograd", "ops", "compile"}},
    {"modules", {"base", "kernels", "autograd", "gradient_check", "ops", "compile", "modules"}},
    {"optimizers", {"base", "kernels", "autograd", "optimizers"}},
    {"serialization", {"base", "kernels", "autograd", "serialization"}},
    {"data", {"base", "kernels", "autograd", "serialization", "data"}},
    {"training",
     {"base", "kernels", "autograd", "gradient_check", "ops", "compile", "modules", "optimizers",
      "serialization", "data", "training"}},
    {"doctor",
     {"base", "kernels", "autograd", "gradient_check", "ops", "compile", "modules", "optimizers",
      "serialization", "data", "training", "doctor"}},
    {"report",
     {"base", "kernels", "autograd", "gradient_check", "ops", "compile", "modules", "optimizers",
      "serialization", "data", "training", "doctor", "report"}},
    {"distributed",
     {"base", "kernels", "autograd", "ops", "modules", "optimizers", "serialization", "data",
      "training", "distributed"}},
    {"live",
     {"base", "kernels", "autograd", "gradient_check", "ops", "compile", "modules", "optimizers",
      "serialization", "data", "training", "doctor", "report", "live"}},
};

// Old names of headers that moved up: they include the new one and nothing else.
const std::map<std::string, std::string> kMoved = {
    {"autograd/gradient_check.hpp", "xgrad/gradient_check/check.hpp"},
    {"autograd/gradient_check_boost.hpp", "xgrad/gradient_check/boost.hpp"},
};

// What may write numbers and throw in another way, and why.
const std::map<std::string, std::string> kOtherWays = {
    {"gradient_check/check_report.cpp", "has columns with exponents"},
    {"modules/options.cpp", "reads shapes from a stream"},
    {"training/history.cpp", "names the fault where it is caught"},
    {"training/model_file.cpp", "names the fault where it is caught"},
};

struct Include {
  std::string where;  // file:line
  std::string name;
  bool quoted;
};

std::vector<Include> includes_of(const std::string& path, const std::string& text) {
  static const std::regex directive(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"].*)");
  std::vector<Include> found;
  std::istringstream lines(text);
  std::string line;
  std::smatch match;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (std::regex_match(line, match, directive)) {
      found.push_back({path + ":" + std::to_string(number), match[2], match[1] == "\""});
    }
  }
  return found;
}

std::string folder_of(const std::string& path) { return path.substr(0, path.find('/')); }

bool is_ours(const std::string& include) { return include.starts_with("xgrad/"); }

bool is_xtensor(const std::string& include) {
  return include.starts_with("xtensor") || include.starts_with("xtl/");
}

std::string list(const Folders& folders) {
  std::string names;
  for (const std::string& f : folders) names += (names.empty() ? "" : ", ") + f;
  return names;
}

// What is wrong with an include line of a source in `folder`; empty when nothing is.
std::string fault(const std::string& folder, const Include& include) {
  if (!is_ours(include.name)) {
    return include.quoted ? "\"" + include.name + "\" is not xgrad/<folder>/<file>" : "";
  }
  if (!include.quoted) return "<" + include.name + "> is ours and belongs in quotes";
  const std::string target = folder_of(include.name.substr(6));
  const Folders& allowed = kMayInclude.at(folder);
  if (allowed.contains(target)) return "";
  return folder + " includes " + include.name + ", may include " + list(allowed);
}

void check_reachable(const Tree& tree, const std::string& path, const std::string& source,
                     std::set<std::string>& seen, std::vector<std::string>& broken) {
  const auto file = tree.find(path);
  if (file == tree.end() || !seen.insert(path).second) return;
  for (const Include& include : includes_of(path, file->second)) {
    if (is_xtensor(include.name)) {
      broken.push_back(include.where + ": <" + include.name + "> is reached from " + source);
    } else if (is_ours(include.name)) {
      check_reachable(tree, include.name.substr(6), source, seen, broken);
    }
  }
}

std::string read(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

Tree read_tree(const std::string& root) {
  Tree tree{{"xgrad.hpp", read(fs::path(root) / "xgrad.hpp")}};
  for (const auto& [folder, allowed] : kMayInclude) {
    if (!fs::exists(fs::path(root) / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(root) / folder)) {
      const std::string extension = entry.path().extension();
      if (extension != ".hpp" && extension != ".cpp") continue;
      tree[fs::relative(entry.path(), root)] = read(entry.path());
    }
  }
  return tree;
}

std::vector<std::string> check_folders(const Tree& tree) {
  std::vector<std::string> broken;
  for (const auto& [path, text] : tree) {
    if (path == "xgrad.hpp") continue;
    for (const Include& include : includes_of(path, text)) {
      if (const auto moved = kMoved.find(path);
          moved != kMoved.end() && moved->second == include.name)
        continue;
      const std::string what = fault(folder_of(path), include);
      if (!what.empty()) broken.push_back(include.where + ": " + what);
    }
  }
  return broken;
}

std::vector<std::string> check_kernel_sources(const Tree& tree) {
  std::vector<std::string> broken;
  for (const auto& [path, text] : tree) {
    std::set<std::string> seen;
    if (path.starts_with("kernels/simd/") || path.starts_with("kernels/formulas/"))
      check_reachable(tree, path, path, seen, broken);
  }
  return broken;
}

std::vector<std::string> check_xtensor_headers(const Tree& tree) {
  std::vector<std::string> broken;
  for (const auto& [path, text] : tree) {
    if (!path.ends_with(".hpp") || path == "autograd/array.hpp") continue;
    for (const Include& include : includes_of(path, text)) {
      if (!is_xtensor(include.name)) continue;
      broken.push_back(include.where + ": <" + include.name +
                       "> in a header, where only autograd/array.hpp has xtensor");
    }
  }
  return broken;
}

std::vector<std::string> check_one_way(const Tree& tree) {
  static const std::regex other(
      R"(std::to_string|stringstream|s[n]?printf|std::setprecision|std::format)"
      R"(|throw std::(?:invalid_argument|out_of_range|logic_error|runtime_error))");
  std::vector<std::string> broken;
  for (const auto& [path, text] : tree) {
    if (path.starts_with("base/") || kOtherWays.contains(path)) continue;
    std::istringstream lines(text);
    std::string line;
    std::smatch match;
    for (int number = 1; std::getline(lines, line); ++number) {
      const std::string code = line.substr(0, line.find("//"));
      if (!std::regex_search(code, match, other)) continue;
      broken.push_back(path + ":" + std::to_string(number) + ": " + match.str() +
                       ", which is base/'s to say");
    }
  }
  return broken;
}

std::vector<std::string> check_names(const Tree& tree) {
  std::vector<std::string> broken;
  for (const auto& [path, text] : tree) {
    if (!path.ends_with(".cpp")) continue;
    std::string stem = path.substr(0, path.size() - 4);
    if (stem.starts_with("kernels/simd/")) stem.erase(8, 5);
    while (!tree.contains(stem + ".hpp") && stem.find('_', stem.find('/')) != std::string::npos)
      stem.erase(stem.rfind('_'));
    if (!tree.contains(stem + ".hpp")) broken.push_back(path + ": no header of its name");
  }
  return broken;
}

std::vector<std::string> check_umbrella(const Tree& tree) {
  static const std::regex allowed(
      R"(\s*(//.*)?|#pragma once|#include "xgrad/[a-z_]+/[a-z0-9_]+\.hpp")");
  std::vector<std::string> broken;
  std::istringstream lines(tree.at("xgrad.hpp"));
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (std::regex_match(line, allowed)) continue;
    broken.push_back("xgrad.hpp:" + std::to_string(number) + ": '" + line +
                     "' is no include of ours");
  }
  return broken;
}

}  // namespace layering
