#pragma once

// The command line of the examples: the part of CLI11 that they use, under its names and compiled once. Its templates took
// as much time as all else in an example.

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>

namespace CLI {
class App;
class Option;
}  // namespace CLI

/// What a value has to be, as `between(0, 1)`.
class Check {
 public:
  static Check positive();
  static Check non_negative();
  static Check between(int least, int most);
  static Check between(double least, double most);
  static Check one_of(std::initializer_list<const char*> names);

 private:
  friend class CommandLineOption;
  struct Rule;
  explicit Check(std::shared_ptr<const Rule> rule);
  std::shared_ptr<const Rule> rule_;
};

class CommandLineOption {
 public:
  /// `--help` shows the value that it has without being given.
  CommandLineOption& capture_default_str();
  /// Several values may be written as one word, `a,b`.
  CommandLineOption& delimiter(char between);
  CommandLineOption& check(const Check& check);
  /// The environment variable that gives the value where the command line does not.
  CommandLineOption& envname(const std::string& name);

 private:
  friend class CommandLine;
  explicit CommandLineOption(CLI::Option& option) : option_(option) {}
  CLI::Option& option_;
};

class CommandLine {
 public:
  explicit CommandLine(const std::string& description);
  ~CommandLine();

  /// `value` is set by parse(): a number, text, or a vector of such. The types are listed in command_line.cpp.
  template <class T>
  CommandLineOption add_option(const std::string& name, T& value, const std::string& text = "");
  CommandLineOption add_flag(const std::string& name, bool& value, const std::string& text);

  /// What main() returns where it has nothing more to do: help was asked for, or there is a mistake, which is printed.
  std::optional<int> parse(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> app_;
};
