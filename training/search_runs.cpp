#include "xgrad/training/search_runs.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/random.hpp"
#include "xgrad/serialization/error.hpp"
#include "xgrad/training/interrupt.hpp"

namespace xgrad::detail {
namespace {

using Json = nlohmann::ordered_json;

// What a line of the log begins with: all that decides the outcome.
Json key_of(const Trial& t) {
  Json setting = Json::object();
  for (const ModuleOption& o : t.setting) {
    std::visit([&](const auto& v) { setting[o.key] = v; }, o.value);
  }
  return {{"setting", setting},
          {"seed", t.seed},
          {"fold", t.fold},
          {"folds", t.folds},
          {"budget", t.budget}};
}

Outcome run_here(const Trial& trial, const Objective& objective) {
  Generator generator(trial.seed);
  const GeneratorScope scope(generator);
  try {
    const double score = objective(trial);
    if (std::isfinite(score)) return {score};
    return {score, "the score is " + std::string(std::isnan(score) ? "nan" : "infinite")};
  } catch (const std::exception& e) {
    return {0, e.what()[0] == '\0' ? "an error without a message" : e.what()};
  }
}

// Nothing may leave the process that a trial runs in but its outcome.
Outcome run_alone(const Trial& trial, const Objective& objective) {
  try {
    return run_here(trial, objective);
  } catch (...) {
    return {0, "an exception that is no std::exception"};
  }
}

// Ends the work when a signal was noted since `before`: what was done last may have been cut short.
void check_interrupts(std::size_t before, std::size_t done, std::size_t all) {
  if (noted_interrupts() == before) return;
  detail::fail<std::runtime_error>("search", "interrupted: ", done, " of ", all, " runs are done");
}

// Finished trials, in memory and in the file.
class Log {
 public:
  explicit Log(std::string path) : path_(std::move(path)) {
    if (path_.empty()) return;
    read();
    file_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (file_ < 0) fail("cannot be written");
    if (torn_) write("\n");
  }
  ~Log() {
    if (file_ >= 0) ::close(file_);
  }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  std::optional<Outcome> find(const Trial& t) const {
    const auto it = known_.find(key_of(t).dump());
    if (it == known_.end()) return std::nullopt;
    return it->second;
  }
  void add(const Trial& t, const Outcome& outcome) {
    if (file_ < 0) return;
    Json line = key_of(t);
    if (outcome.error.empty()) {
      line["score"] = outcome.score;
    } else {
      line["error"] = outcome.error;
    }
    write(line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  }

 private:
  void read() {
    std::ifstream in(path_, std::ios::binary);
    std::string line;
    while (std::getline(in, line)) {
      torn_ = in.eof();
      add_line(line);
    }
  }
  // Lines that are no outcome are those of an interrupted write.
  void add_line(const std::string& line) {
    Json j = Json::parse(line, nullptr, false);
    if (!j.is_object()) return;
    Outcome outcome;
    if (j.contains("score") && j["score"].is_number()) {
      outcome.score = j["score"].get<double>();
    } else if (j.contains("error") && j["error"].is_string()) {
      outcome.error = j["error"].get<std::string>();
    } else {
      return;
    }
    j.erase("score");
    j.erase("error");
    known_[j.dump()] = outcome;
  }
  void write(const std::string& text) const {
    const ssize_t n = ::write(file_, text.data(), text.size());
    if (n != static_cast<ssize_t>(text.size()) || ::fdatasync(file_) != 0) fail("not written");
  }
  [[noreturn]] void fail(const char* what) const {
    throw FileError("search", path_, std::string(what) + std::strerror(errno));
  }

  std::string path_;
  int file_ = -1;
  bool torn_ = false;  // the last line has no end
  std::map<std::string, Outcome> known_;
};

// A child process that runs one trial and says its outcome into a pipe.
struct Worker {
  std::size_t trial;
  pid_t process;
  int pipe;
  std::string said = {};
};

// 's' and the score's bytes, or 'e' and a message.
std::string message_of(const Outcome& outcome) {
  if (!outcome.error.empty()) return "e" + outcome.error;
  return "s" + std::string(reinterpret_cast<const char*>(&outcome.score), sizeof outcome.score);
}

std::optional<Outcome> outcome_in(const std::string& message) {
  if (message.size() == 1 + sizeof(double) && message[0] == 's') {
    double score;
    std::memcpy(&score, message.data() + 1, sizeof score);
    return Outcome{score};
  }
  if (message.size() > 1 && message[0] == 'e') return Outcome{0, message.substr(1)};
  return std::nullopt;
}

void say(int to, const Outcome& outcome) {
  const std::string message = message_of(outcome);
  const char* p = message.data();
  for (std::size_t left = message.size(); left > 0;) {
    const ssize_t n = ::write(to, p, left);
    if (n <= 0) return;
    p += n;
    left -= static_cast<std::size_t>(n);
  }
}

Worker start(std::size_t i, const Trial& trial, const Objective& objective) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) detail::fail<std::runtime_error>("search", "no pipe");
  std::fflush(nullptr);
  const pid_t parent = ::getpid(), process = ::fork();
  if (process == 0) {
    // A search that is killed leaves nobody behind who goes on for nothing.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    set_num_threads(1);  // the pool's other threads did not come along
    const std::size_t interrupts = noted_interrupts();
    const Outcome outcome = run_alone(trial, objective);
    std::fflush(nullptr);
    if (noted_interrupts() != interrupts) {  // its end says so, not its score
      ::signal(SIGINT, SIG_DFL);
      ::raise(SIGINT);
    }
    say(ends[1], outcome);
    ::_exit(0);
  }
  ::close(ends[1]);
  if (process < 0) {
    ::close(ends[0]);
    detail::fail<std::runtime_error>("search", "no process: ", std::strerror(errno));
  }
  return {i, process, ends[0]};
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status))
    return "the process was ended by signal " + detail::text(WTERMSIG(status));
  return "the process ended without a score";
}

class Pool {
 public:
  Pool() = default;
  ~Pool() {
    for (const Worker& w : workers_) {
      ::kill(w.process, SIGKILL);
      ::close(w.pipe);
      ::waitpid(w.process, nullptr, 0);
    }
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  std::size_t size() const { return workers_.size(); }
  void add(const Worker& w) { workers_.push_back(w); }

  /// Waits until a worker is done: its trial and outcome, and whether the outcome is
  /// the objective's.
  std::tuple<std::size_t, Outcome, bool> next() {
    for (;;) {
      std::vector<pollfd> waiting;
      for (const Worker& w : workers_) waiting.push_back({w.pipe, POLLIN, 0});
      if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
      for (std::size_t i = 0; i < waiting.size(); ++i) {
        if (waiting[i].revents != 0 && !listen(workers_[i])) return take(i);
      }
    }
  }

 private:
  // False at the end.
  static bool listen(Worker& w) {
    char buffer[4096];
    const ssize_t n = ::read(w.pipe, buffer, sizeof buffer);
    if (n > 0) w.said.append(buffer, static_cast<std::size_t>(n));
    return n > 0 || (n < 0 && errno == EINTR);
  }
  std::tuple<std::size_t, Outcome, bool> take(std::size_t i) {
    const Worker w = workers_[i];
    workers_.erase(workers_.begin() + static_cast<std::ptrdiff_t>(i));
    ::close(w.pipe);
    int status = 0;
    ::waitpid(w.process, &status, 0);
    if (const auto outcome = outcome_in(w.said)) return {w.trial, *outcome, true};
    return {w.trial, {0, how_it_ended(status)}, false};
  }

  std::vector<Worker> workers_;
};

using Finished = std::function<void(std::size_t trial, const Outcome& outcome, bool keep)>;

// Rank 0's side of a search over ranks: a rank is sent the number of a trial, or nothing at the end.
void hand_out(const Collective& group, const std::vector<std::size_t>& left,
              const Finished& finished) {
  std::vector<std::size_t> trial_of(group.size());
  std::size_t next = 0, running = 0;
  const auto send = [&](std::size_t to) {
    if (next == left.size()) return group.send("", to);
    trial_of[to] = left[next++];
    ++running;
    group.send(detail::text(trial_of[to]), to);
  };
  for (std::size_t r = 1; r < group.size(); ++r) send(r);
  while (running > 0) {
    const auto [rank, message] = group.receive();
    --running;
    finished(trial_of[rank], outcome_in(message).value_or(Outcome{0, "no outcome came"}), true);
    send(rank);
  }
}

void work_for_rank_0(const Collective& group, const std::vector<Trial>& trials,
                     const Objective& objective) {
  for (;;) {
    const std::string number = group.receive().second;
    if (number.empty()) return;
    group.send(message_of(run_alone(trials[std::stoul(number)], objective)), 0);
  }
}

// All ranks have rank 0's.
void share(const Collective& group, std::vector<Outcome>& outcomes) {
  Json list = Json::array();
  for (const Outcome& o : outcomes)
    list.push_back({std::bit_cast<std::uint64_t>(o.score), o.error});
  std::string text = list.dump(-1, ' ', false, Json::error_handler_t::replace);
  group.broadcast(text, 0);
  outcomes.clear();
  for (const Json& o : Json::parse(text))
    outcomes.push_back({std::bit_cast<double>(o[0].get<std::uint64_t>()), o[1].get<std::string>()});
}

}  // namespace

std::vector<Outcome> run_trials(const std::vector<Trial>& trials, const Objective& objective,
                                const SearchOptions& options) {
  const Collective* const group = options.communicator;
  std::vector<Outcome> outcomes(trials.size());
  if (group != nullptr && group->rank() > 0) {
    work_for_rank_0(*group, trials, objective);
    share(*group, outcomes);
    return outcomes;
  }
  Log log(options.log);
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (const auto known = log.find(trials[i])) {
      outcomes[i] = *known;
    } else {
      left.push_back(i);
    }
  }
  std::size_t done = trials.size() - left.size();
  const std::size_t interrupts = noted_interrupts();
  const Finished finished = [&](std::size_t i, const Outcome& outcome, bool keep) {
    check_interrupts(interrupts, done, trials.size());
    outcomes[i] = outcome;
    if (keep) log.add(trials[i], outcome);
    ++done;
    if (options.on_progress) options.on_progress(done, trials.size());
  };
  if (group != nullptr && group->size() > 1) {
    hand_out(*group, left, finished);
    share(*group, outcomes);
    return outcomes;
  }
  Pool pool;
  for (auto it = left.begin(); it != left.end() || pool.size() > 0;) {
    if (options.processes == 0) {
      finished(*it, run_here(trials[*it], objective), true);
      ++it;
    } else if (it != left.end() && pool.size() < options.processes) {
      pool.add(start(*it, trials[*it], objective));
      ++it;
    } else {
      const auto [i, outcome, keep] = pool.next();
      finished(i, outcome, keep);
    }
  }
  return outcomes;
}

}  // namespace xgrad::detail
