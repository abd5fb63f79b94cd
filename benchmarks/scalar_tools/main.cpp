// Gradients of functions of few numbers by xgrad, uncompiled and compiled, and by tools that record numbers one by one:
//
//   scalar_tools [rounds]
//
// For each function microseconds of processor time for a gradient at other inputs than the last one: medians of the
// rounds, in which all take turns. One thread. Before that all gradients are compared.

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>

#include "../arguments.hpp"
#include "problems.hpp"
#include "xgrad/kernels/parallel.hpp"

namespace benchmark_scalar_tools {
namespace {

struct Contender {
  std::string name;
  Gradient gradient;
};

std::vector<Contender> contenders(const Problem& p) {
  std::vector<Contender> all = {{"xgrad", of_xgrad(p, false)}, {"compiled", of_xgrad(p, true)}};
#ifdef XGRAD_ADOLC
  all.push_back({"ADOL-C", of_adolc(p, false)});
  all.push_back({"again", of_adolc(p, true)});
#endif
#ifdef XGRAD_SACADO
  all.push_back({"Sacado", of_sacado(p)});
#endif
  return all;
}

// From -1 to 1.
std::vector<double> inputs(const Problem& p, std::size_t call) {
  std::vector<double> x(p.inputs());
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = std::sin(1.0 + 12.9898 * static_cast<double>(i + 1) + 0.01 * static_cast<double>(call));
  return x;
}

double processor_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Of a call, over at least 20 ms.
double microseconds(const Problem& p, const Gradient& gradient) {
  std::vector<double> to(p.inputs());
  std::size_t calls = 0;
  double passed = 0;
  for (std::size_t n = 1; passed < 0.02; n *= 2) {
    const double start = processor_seconds();
    for (std::size_t i = 0; i < n; ++i) gradient(inputs(p, i % 8).data(), to.data());
    passed = processor_seconds() - start;
    calls = n;
  }
  return 1e6 * passed / static_cast<double>(calls);
}

// Whether all agree with the first one to 1e-12 of the largest number.
bool agree(const Problem& p, const std::vector<Contender>& all) {
  bool good = true;
  for (std::size_t call = 0; call < 3; ++call) {
    const std::vector<double> x = inputs(p, call);
    std::vector<double> first(x.size()), other(x.size());
    all[0].gradient(x.data(), first.data());
    double largest = 0;
    for (const double g : first) largest = std::max(largest, std::abs(g));
    for (const Contender& c : all) {
      c.gradient(x.data(), other.data());
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (std::abs(other[i] - first[i]) <= 1e-12 * largest) continue;
        std::printf("%s: %s has another gradient: %.17g, %.17g\n", p.name, c.name.c_str(), first[i],
                    other[i]);
        good = false;
        break;
      }
    }
  }
  return good;
}

bool compare(const Problem& p, int rounds) {
  const std::vector<Contender> all = contenders(p);
  if (!agree(p, all)) return false;
  std::vector<std::vector<double>> times(all.size());
  for (int r = 0; r < rounds; ++r) {
    for (std::size_t i = 0; i < all.size(); ++i)
      times[i].push_back(microseconds(p, all[i].gradient));
  }
  std::printf("%-24s", p.name);
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::sort(times[i].begin(), times[i].end());
    std::printf("%12.1f", times[i][times[i].size() / 2]);
  }
  std::printf("\n");
  return true;
}

}  // namespace
}  // namespace benchmark_scalar_tools

int main(int argc, char** argv) {
  using namespace benchmark_scalar_tools;
  const int rounds = count_argument(argc, argv, 1, 9, "scalar_tools [rounds]");
  xgrad::set_num_threads(1);
  constexpr Problem kProblems[] = {{"minors of 6 x 6", Problem::Kind::minors, 6, 0},
                                   {"minors of 8 x 8", Problem::Kind::minors, 8, 0},
                                   {"LSTM of 7, 20 steps", Problem::Kind::lstm, 7, 20},
                                   {"Runge-Kutta, 10, 100", Problem::Kind::runge_kutta, 10, 100}};
  std::printf("%-24s", "microseconds");
  for (const Contender& c : contenders(kProblems[0])) std::printf("%12s", c.name.c_str());
  std::printf("\n");
  bool good = true;
  for (const Problem& p : kProblems) good = compare(p, rounds) && good;
  return good ? 0 : 1;
}
