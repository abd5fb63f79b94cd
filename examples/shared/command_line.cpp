#include "command_line.hpp"

#include <CLI/CLI.hpp>
#include <cstddef>
#include <utility>
#include <vector>

struct Check::Rule {
  CLI::Validator validator;
};

Check::Check(std::shared_ptr<const Rule> rule) : rule_(std::move(rule)) {}

Check Check::positive() { return Check(std::make_shared<Rule>(Rule{CLI::PositiveNumber})); }

Check Check::non_negative() { return Check(std::make_shared<Rule>(Rule{CLI::NonNegativeNumber})); }

Check Check::between(int least, int most) {
  return Check(std::make_shared<Rule>(Rule{CLI::Range(least, most)}));
}

Check Check::between(double least, double most) {
  return Check(std::make_shared<Rule>(Rule{CLI::Range(least, most)}));
}

Check Check::one_of(std::initializer_list<const char*> names) {
  return Check(std::make_shared<Rule>(
      Rule{CLI::IsMember(std::vector<std::string>(names.begin(), names.end()))}));
}

CommandLineOption& CommandLineOption::capture_default_str() {
  option_.capture_default_str();
  return *this;
}

CommandLineOption& CommandLineOption::delimiter(char between) {
  option_.delimiter(between);
  return *this;
}

CommandLineOption& CommandLineOption::check(const Check& check) {
  option_.check(check.rule_->validator);
  return *this;
}

CommandLineOption& CommandLineOption::envname(const std::string& name) {
  option_.envname(name);
  return *this;
}

CommandLine::CommandLine(const std::string& description)
    : app_(std::make_unique<CLI::App>(description)) {}

CommandLine::~CommandLine() = default;

template <class T>
CommandLineOption CommandLine::add_option(const std::string& name, T& value,
                                          const std::string& text) {
  return CommandLineOption(*app_->add_option(name, value, text));
}

template CommandLineOption CommandLine::add_option(const std::string&, int&, const std::string&);
template CommandLineOption CommandLine::add_option(const std::string&, std::size_t&,
                                                   const std::string&);
template CommandLineOption CommandLine::add_option(const std::string&, double&, const std::string&);
template CommandLineOption CommandLine::add_option(const std::string&, std::string&,
                                                   const std::string&);
template CommandLineOption CommandLine::add_option(const std::string&, std::vector<std::size_t>&,
                                                   const std::string&);
template CommandLineOption CommandLine::add_option(const std::string&, std::vector<double>&,
                                                   const std::string&);
template CommandLineOption CommandLine::add_option(const std::string&, std::vector<std::string>&,
                                                   const std::string&);

CommandLineOption CommandLine::add_flag(const std::string& name, bool& value,
                                        const std::string& text) {
  return CommandLineOption(*app_->add_flag(name, value, text));
}

std::optional<int> CommandLine::parse(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& end) {
    return app_->exit(end);
  }
}
