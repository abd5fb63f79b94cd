// Every module of the public headers can be made from a file, is copied in copies.cpp, and is among
// the models of tests/fuzz, or there is a reason here why not.

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "xgrad/modules/registry.hpp"

namespace {

using Names = std::set<std::string>;
using Bases = std::map<std::string, std::string>;  // class -> what it is derived from

const Names kAbstract = {
    "LibraryModule", "FunctionModule",   "NoiseModule",     "LastAxesNorm",
    "LossModule",    "TargetLoss",       "LabelLoss",       "ConvolutionLayer",
    "LossOfSeveral", "PoolLayer",        "AdaptivePool",    "SelfAttentionLayer",
    "ListModule",    "TransformerStack", "RecurrentLayers", "RecurrentCell"};

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string all_of(const std::string& folder, const std::string& extension) {
  std::string text;
  for (const auto& entry : std::filesystem::directory_iterator(XGRAD_SOURCE_DIR "/" + folder)) {
    if (entry.path().extension() == extension) text += read(entry.path());
  }
  return text;
}

Bases derived_classes(const std::string& text) {
  const std::string headers = std::regex_replace(text, std::regex("//[^\n]*"), "");
  static const std::regex derived(R"((?:struct|class) (\w+)\s+: (?:public )?(\w+)<)");
  Bases bases = {{"LossModule", "Module"}};  // by way of what it is given
  for (std::sregex_iterator it(headers.begin(), headers.end(), derived), end; it != end; ++it) {
    bases[(*it)[1]] = (*it)[2];
  }
  return bases;
}

bool is_derived(const Bases& bases, std::string name, const std::string& from) {
  for (auto it = bases.find(name); it != bases.end(); it = bases.find(name = it->second)) {
    if (it->second == from) return true;
  }
  return false;
}

Names modules(const Bases& bases) {
  Names names;
  for (const auto& [name, base] : bases) {
    if (!kAbstract.contains(name) && is_derived(bases, name, "Module")) names.insert(name);
  }
  return names;
}

bool is_loss(const Bases& bases, const std::string& name) {
  // takes a target: no part of a model
  return is_derived(bases, name, "LossModule") || is_derived(bases, name, "LossOfSeveral");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(coverage)

BOOST_AUTO_TEST_CASE(every_module_is_registered_copied_and_fuzzed) {
  const Bases bases = derived_classes(all_of("modules", ".hpp"));
  const std::string copies = read(XGRAD_SOURCE_DIR "/tests/modules/copies.cpp");
  const std::string models = all_of("tests/fuzz/corpus/model", ".json");
  BOOST_TEST(modules(bases).size() >= 49U);
  for (const std::string& name : modules(bases)) {
    const bool in_models = models.find("\"type\":\"" + name + "\"") != std::string::npos;
    BOOST_TEST(std::regex_search(copies, std::regex("\\b" + name + "<(T|double)>")),
               name << " is not copied in tests/modules/copies.cpp");
    BOOST_TEST(xgrad::is_registered<float>(name) != is_loss(bases, name),
               name << " is not registered in modules/registry.cpp, or a loss that is");
    BOOST_TEST(in_models != is_loss(bases, name),
               name << " is not among the models of tests/fuzz/models.py, or a loss that is");
  }
}

BOOST_AUTO_TEST_CASE(modules_are_found_in_a_header) {
  const Bases bases = derived_classes(
      "template <class T>\nclass LibraryModule : public Module<T> {\n"
      "struct One : FunctionModule<One, T, f<T>> {};\n"
      "class Two : public LibraryModule<Two, T> {\nstruct Options {\n"
      "class FunctionModule : public LibraryModule<M, T> {\nstruct Other : std::vector<T> {\n");
  BOOST_TEST(modules(bases) == (Names{"One", "Two"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
