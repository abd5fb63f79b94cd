// The process of one contender and one workload, driven over standard input and output:
//
//   contender THREADS WORKLOAD [name=value ...]
//
//   write FILE        one step from the start; loss and gradients go to FILE. Answer: arrays
//   written compare FILE      one step from the start, compared with FILE. Answer: the largest
//   difference of
//                     an array, relative to its norm, and the array's name
//   run SECONDS       steps for about that long. Answer: microseconds per step of the clock on the
//                     wall and of the processor, steps, page faults and calls of operator new per
//                     step
//   system_calls N    N steps watched by ptrace. Answer: calls that take memory from the system
//                     or give it back, and all system calls
//   peak              Answer: the process's peak memory in KiB
//
// A name that begins with compiled_ is the workload by a compiled function, where the contender has
// such, and the workload itself elsewhere. A process without a workload of that name answers `none` and ends.

#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <new>
#include <sstream>
#include <string_view>

#include "workload.hpp"

namespace {
std::atomic<std::uint64_t> news{0};

void* counted(std::size_t bytes, std::size_t alignment) {
  news.fetch_add(1, std::memory_order_relaxed);
  const std::size_t rounded =
      (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  void* p = alignment > alignof(std::max_align_t) ? std::aligned_alloc(alignment, rounded)
                                                  : std::malloc(rounded);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace benchmark_contenders {
namespace {

double seconds(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

rusage usage() {
  rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u;
}

// --- Verification ---

Results first_step(Workload& w) {
  w.reset();
  w.step();
  return w.results();
}

void write(const Results& results, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  for (const Result& r : results) {
    file << r.name << '\n' << r.values.size() << '\n';
    file.write(reinterpret_cast<const char*>(r.values.data()),
               static_cast<std::streamsize>(r.values.size() * sizeof(double)));
    file << '\n';
  }
}

Results read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Results results;
  for (std::string name, count; std::getline(file, name) && std::getline(file, count);) {
    Result r{name, std::vector<double>(std::stoul(count))};
    file.read(reinterpret_cast<char*>(r.values.data()),
              static_cast<std::streamsize>(r.values.size() * sizeof(double)));
    file.get();
    results.push_back(std::move(r));
  }
  return results;
}

// |a - b| / |b|; NaN where either has one, infinity for other sizes.
double difference(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return HUGE_VAL;
  double apart = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    apart += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  return apart == 0 ? 0 : std::sqrt(apart / norm);
}

std::string compare(const Results& mine, const Results& theirs) {
  double worst = -1;
  std::string where = "nothing";
  for (const Result& t : theirs) {
    const auto m =
        std::find_if(mine.begin(), mine.end(), [&](const Result& r) { return r.name == t.name; });
    const double d = m == mine.end() ? HUGE_VAL : difference(m->values, t.values);
    if (d > worst || std::isnan(d)) {
      worst = d;
      where = t.name;
    }
    if (std::isnan(d)) break;
  }
  std::ostringstream text;
  text << worst << ' ' << where;
  return text.str();
}

// --- Timing ---

std::string run(Workload& w, double duration) {
  w.reset();
  // A quarter of the time warms up: caches, the pool, and how many steps fit.
  std::size_t steps = 0;
  const double start = seconds(CLOCK_MONOTONIC);
  double per_step = 0;
  do {
    w.step();
    per_step = (seconds(CLOCK_MONOTONIC) - start) / static_cast<double>(++steps);
  } while (per_step * static_cast<double>(steps) < duration / 4);
  steps = std::max<std::size_t>(1, static_cast<std::size_t>(duration * 0.75 / per_step));

  const auto faults = usage().ru_minflt;
  const std::uint64_t before = news.load();
  const double wall = seconds(CLOCK_MONOTONIC), processor = seconds(CLOCK_PROCESS_CPUTIME_ID);
  for (std::size_t i = 0; i < steps; ++i) w.step();
  const double n = static_cast<double>(steps);
  std::ostringstream text;
  text.precision(9);
  text << (seconds(CLOCK_MONOTONIC) - wall) / n * 1e6 << ' '
       << (seconds(CLOCK_PROCESS_CPUTIME_ID) - processor) / n * 1e6 << ' ' << steps << ' '
       << static_cast<double>(usage().ru_minflt - faults) / n << ' '
       << static_cast<double>(news.load() - before) / n;
  return text.str();
}

// --- System calls ---

bool takes_memory(long call) {
  return call == SYS_mmap || call == SYS_munmap || call == SYS_mremap || call == SYS_brk ||
         call == SYS_madvise;
}

[[noreturn]] void watched_child(Workload& w, int steps) {
  ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  std::raise(SIGSTOP);
  for (int i = 0; i < steps; ++i) w.step();
  std::raise(SIGSTOP);
  _exit(0);
}

// A copy of this process takes the steps, this one counts its system calls between the two stops.
std::string system_calls(Workload& w, int steps) {
#if defined(__x86_64__)
  for (int i = 0; i < 3; ++i) w.step();
  const pid_t child = fork();
  if (child == 0) watched_child(w, steps);
  int status = 0, stops = 0, memory = 0, all = 0;
  bool entering = true;
  while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
    if (WSTOPSIG(status) == SIGSTOP) {
      if (++stops == 2) break;
      ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD);
    } else if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
      if (entering) {
        user_regs_struct registers;
        ptrace(PTRACE_GETREGS, child, nullptr, &registers);
        memory += takes_memory(static_cast<long>(registers.orig_rax));
        ++all;
      }
      entering = !entering;
    }
    ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  // The stop at the end is made of calls of its own.
  return std::to_string(memory) + ' ' + std::to_string(all);
#else
  return "0 0";
#endif
}

void answer(Workload& w, const std::string& line) {
  std::istringstream words(line);
  std::string command, argument;
  words >> command >> argument;
  if (command == "write") {
    const Results r = first_step(w);
    write(r, argument);
    std::cout << r.size() << std::endl;
  } else if (command == "compare") {
    std::cout << compare(first_step(w), read(argument)) << std::endl;
  } else if (command == "run") {
    std::cout << run(w, std::stod(argument)) << std::endl;
  } else if (command == "system_calls") {
    std::cout << system_calls(w, std::stoi(argument)) << std::endl;
  } else if (command == "peak") {
    std::cout << usage().ru_maxrss << std::endl;
  } else {
    throw std::invalid_argument("unknown command: " + line);
  }
}

}  // namespace
}  // namespace benchmark_contenders

int main(int argc, char** argv) {
  using namespace benchmark_contenders;
  try {
    if (argc < 3) throw std::invalid_argument("usage: contender THREADS WORKLOAD [name=value ...]");
    use_threads(std::stoi(argv[1]));
    constexpr std::string_view kCompiled = "compiled_";
    std::string name = argv[2];
    const bool compiled = name.starts_with(kCompiled);
    if (compiled) name.erase(0, kCompiled.size());
    const auto w = make_workload(name, Parameters({argv + 3, argv + argc}));
    if (w != nullptr && compiled) w->compile();
    std::cout << (w == nullptr ? "none" : "ready") << std::endl;
    if (w == nullptr) return 0;
    for (std::string line; std::getline(std::cin, line);) answer(*w, line);
  } catch (const std::exception& e) {
    std::cerr << argv[0] << ": " << e.what() << '\n';
    return 1;
  }
}
