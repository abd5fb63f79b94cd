// What the library says to bad options: every message, line by line, as golden.txt has it.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/errors/bad_calls.hpp"

namespace {

using Lines = std::vector<std::string>;

std::string refusal(const bad_calls::Call& call) {
  try {
    call.run();
  } catch (const std::out_of_range& e) {
    return std::string("out_of_range  ") + e.what();
  } catch (const std::invalid_argument& e) {
    return std::string("invalid_argument  ") + e.what();
  } catch (const std::logic_error& e) {
    return std::string("logic_error  ") + e.what();
  } catch (const std::exception& e) {
    return std::string("another type  ") + e.what();
  }
  return "nothing was thrown";
}

const std::vector<bad_calls::Call>& all_calls() {
  static const auto calls = [] {
    std::vector<bad_calls::Call> all;
    for (const auto& family :
         {bad_calls::common(), bad_calls::operations(), bad_calls::losses(), bad_calls::modules(),
          bad_calls::optimizers(), bad_calls::schedules()}) {
      all.insert(all.end(), family.begin(), family.end());
    }
    return all;
  }();
  return calls;
}

Lines found_lines() {
  Lines lines;
  for (const bad_calls::Call& call : all_calls()) {
    lines.push_back(call.code);
    lines.push_back("  " + refusal(call));
  }
  return lines;
}

Lines golden_lines() {
  std::ifstream file(XGRAD_SOURCE_DIR "/tests/errors/golden.txt");
  Lines lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::string headers_of(const char* folder) {
  std::string text;
  for (const auto& entry :
       std::filesystem::directory_iterator(XGRAD_SOURCE_DIR "/" + std::string(folder))) {
    if (entry.path().extension() != ".hpp") continue;
    std::ifstream file(entry.path());
    text.append(std::istreambuf_iterator<char>(file), {});
  }
  return text;
}

// The classes whose constructor says that it throws, or that have options to check; not those that
// others are derived from.
std::set<std::string> refusing_classes(const std::string& headers) {
  static const std::regex documented(
      R"(Throws[^\n]*\n(?: *///[^\n]*\n)* *(?:explicit )?([A-Z]\w+)\()"),
      checked(R"(check_options\(const (\w+)Options)");
  std::set<std::string> names;
  for (const std::regex& pattern : {documented, checked}) {
    for (std::sregex_iterator i(headers.begin(), headers.end(), pattern), end; i != end; ++i) {
      const std::string name = (*i)[1];
      if (headers.find(": public " + name + "<") == std::string::npos) names.insert(name);
    }
  }
  return names;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(errors)

BOOST_AUTO_TEST_CASE(of_every_class_that_refuses_something) {
  const Lines golden = golden_lines();
  for (const char* folder : {"modules", "optimizers"}) {
    const std::set<std::string> names = refusing_classes(headers_of(folder));
    BOOST_TEST(names.size() > 8U);
    for (const std::string& name : names) {
      const auto is_of_it = [&](const std::string& line) {
        return line.starts_with(name) && line.size() > name.size() &&
               (line[name.size()] == '<' || line[name.size()] == '(');
      };
      BOOST_TEST(std::any_of(golden.begin(), golden.end(), is_of_it),
                 name << " has no bad call in tests/errors");
    }
  }
}

// After a change that is meant: cp <build>/tests/golden.txt tests/errors/, and read the diff.
BOOST_AUTO_TEST_CASE(are_as_in_the_file) {
  const Lines found = found_lines(), golden = golden_lines();
  const auto program = boost::unit_test::framework::master_test_suite().argv[0];
  std::ofstream file(std::filesystem::path(program).replace_filename("golden.txt"));
  for (const std::string& line : found) file << line << '\n';
  for (std::size_t i = 0; i < std::max(found.size(), golden.size()); ++i) {
    const std::string is = i < found.size() ? found[i] : "";
    const std::string was = i < golden.size() ? golden[i] : "";
    if (is == was) continue;
    BOOST_ERROR("golden.txt:" << i + 1 << "\n- " << was << "\n+ " << is
                              << (i % 2 == 1 ? "\n  of " + found[i - 1] : ""));
    if (is.starts_with("  ") != was.starts_with("  ") || i % 2 == 0) break;  // no longer in step
  }
}

// `operation: what is wrong: names with values`, on one line, and digits that mean something.
BOOST_AUTO_TEST_CASE(have_one_form) {
  static const std::regex form(
      R"((out_of_range|invalid_argument|logic_error)  [A-Za-z_0-9]+: [^\n]*[^.\n ])");
  static const std::regex padded(R"(\d\.\d*0{3,}(?!\d))");
  for (const bad_calls::Call& call : all_calls()) {
    const std::string text = refusal(call);
    BOOST_TEST(std::regex_match(text, form), call.code << ": " << text);
    BOOST_TEST(!std::regex_search(text, padded), call.code << ": " << text);
  }
}

BOOST_AUTO_TEST_CASE(each_call_once) {
  std::set<std::string> seen;
  for (const bad_calls::Call& call : all_calls()) {
    BOOST_TEST(seen.insert(call.code).second, call.code);
  }
}

BOOST_AUTO_TEST_SUITE_END()
