// doctor_zoo [--part N] [--verbose] [NAME]: the programs of the zoo, or each N-th of them, or the one of that
// name with all that the doctor says. The last line is "named N of 30, false alarms M of 100".

#include <algorithm>
#include <iostream>
#include <string>

#include "tests/doctor/zoo/program.hpp"

namespace {

using namespace xgrad;

std::string names_of(const Diagnosis& d, Severity least) {
  std::string r;
  for (const Finding& f : d.worst_first()) {
    if (f.severity < least || r.find(" " + f.check + " ") != std::string::npos) continue;
    r += " " + f.check + " ";
  }
  return r;
}

bool named(const zoo::Program& p, const Diagnosis& d) {
  return std::any_of(p.expected.begin(), p.expected.end(),
                     [&](const std::string& check) { return d.has(check, Severity::warning); });
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t every = 1;
  std::string only;
  bool verbose = false;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    if (a == "--part" && i + 1 < argc) {
      every = std::stoul(argv[++i]);
    } else if (a == "--verbose") {
      verbose = true;
    } else {
      only = a;
    }
  }
  std::vector<zoo::Program> all = zoo::ill();
  for (auto& p : zoo::healthy()) all.push_back(std::move(p));
  std::size_t ill = 0, found = 0, healthy = 0, alarms = 0, warned = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const zoo::Program& p = all[i];
    if (only.empty() ? i % every != 0 : p.name != only) continue;
    const Diagnosis d = zoo::run(p);
    if (!only.empty()) std::cout << d.text();
    if (p.expected.empty()) {
      const bool alarm = d.count(Severity::error) > 0;
      ++healthy;
      alarms += alarm;
      warned += d.count(Severity::warning) > 0;
      if (!alarm && verbose) {
        std::cout << p.name << ":" << names_of(d, Severity::warning) << std::endl;
      }
      if (alarm)
        std::cout << "false alarm: " << p.name << ":" << names_of(d, Severity::error) << std::endl;
    } else {
      const bool hit = named(p, d);
      ++ill;
      found += hit;
      std::cout << (hit ? "named:  " : "MISSED: ") << p.name << ":"
                << names_of(d, Severity::warning) << std::endl;
    }
  }
  std::cout << "healthy with a warning: " << warned << "\n";
  std::cout << "named " << found << " of " << ill << ", false alarms " << alarms << " of "
            << healthy << "\n";
  const bool good = 10 * found >= 9 * ill && 50 * alarms <= std::max<std::size_t>(healthy, 50);
  return good ? 0 : 1;
}
