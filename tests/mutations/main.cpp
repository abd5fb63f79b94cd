// Prints how many planted bugs each gradient check finds. Fails when xgrad's misses one of 1e-6
// or larger, when it says of a right operation that it is wrong, or when there are fewer than
// 200 bugs.

#include <cstdio>
#include <map>

#include "checkers.hpp"

namespace {

using mutations::Checker;
using mutations::Mutant;

constexpr double kMustBeFound = 1e-6;

// Errors of 1e-6 are planted as factors, which rounding may leave a little smaller.
bool must_be_found(const Mutant& m) { return m.size > kMustBeFound * (1 - 1e-6); }

struct Class {
  const char* name;
  double least;
};
constexpr Class kClasses[] = {
    {">= 1e-2", 0.99e-2}, {">= 1e-4", 0.99e-4}, {">= 1e-6", 0.99e-6}, {">= 1e-7", 0.99e-7}};

struct Score {
  std::size_t caught = 0, missed = 0, false_alarms = 0;
  std::map<const char*, std::size_t> missed_by_size;
};

Score score(const Checker& checker, const std::vector<Mutant>& mutants,
            std::vector<std::string>& missed) {
  Score s;
  for (const Mutant& m : mutants) {
    if (!checker.accepts(m.wrong, m.inputs)) {
      ++s.caught;
      continue;
    }
    ++s.missed;
    for (const Class& c : kClasses) {
      if (m.size < c.least) continue;
      ++s.missed_by_size[c.name];
      break;
    }
    if (must_be_found(m)) missed.push_back(m.name);
  }
  std::map<std::string, bool> seen;
  for (const Mutant& m : mutants) {
    const std::string subject = m.name.substr(0, m.name.find(':'));
    if (!seen.emplace(subject, true).second) continue;
    const bool right = &checker == &mutations::checkers()[0]
                           ? mutations::xgrad_proves(m.right, m.inputs)
                           : checker.accepts(m.right, m.inputs);
    if (!right) ++s.false_alarms;
  }
  return s;
}

void print_header(std::size_t count) {
  std::printf(
      "%zu planted bugs. Missed, by the largest error in the gradient relative to its largest "
      "element:\n\n",
      count);
  std::printf("%-14s %7s %7s  ", "checker", "caught", "missed");
  for (const Class& c : kClasses) std::printf(" %8s", c.name);
  std::printf("  %12s  rule\n", "false alarms");
}

void print_row(const Checker& c, const Score& s) {
  std::printf("%-14s %7zu %7zu  ", c.name, s.caught, s.missed);
  for (const Class& k : kClasses) {
    const auto it = s.missed_by_size.find(k.name);
    std::printf(" %8zu", it == s.missed_by_size.end() ? 0 : it->second);
  }
  std::printf("  %12zu  %s\n", s.false_alarms, c.rule);
}

}  // namespace

int main() {
  const std::vector<Mutant> mutants = mutations::all_mutants();
  print_header(mutants.size());
  bool failed = mutants.size() < 200;
  for (const Checker& checker : mutations::checkers()) {
    std::vector<std::string> missed;
    const Score s = score(checker, mutants, missed);
    print_row(checker, s);
    if (&checker != &mutations::checkers()[0]) continue;
    failed = failed || !missed.empty() || s.false_alarms > 0;
    for (const std::string& name : missed) std::printf("  MISSED: %s\n", name.c_str());
  }
  return failed ? 1 : 0;
}
