#pragma once

// Progress: how far a long piece of work is, on standard error or any stream: a bar with the time
// left that redraws itself on a terminal, one plain line at the end of each stage elsewhere
// (files, CI).

#include <chrono>
#include <cstddef>
#include <iosfwd>
#include <string>

namespace xgrad {

class Progress {
 public:
  /// A stage of `total` steps, named for instance "epoch 3/10". `terminal` says whether the stream
  /// redraws, `columns` how wide it is (0: as wide as standard error); lines are made to fit.
  Progress(std::ostream& stream, std::string name, std::size_t total, bool terminal,
           std::size_t columns = 0);

  /// `done` steps are done; `figures` is shown behind the bar, for instance "loss 0.123  accuracy
  /// 0.97". Redraws at most ten times a second.
  void update(std::size_t done, const std::string& figures);
  /// The stage is over: leaves one complete line.
  void finish(const std::string& figures);

 private:
  using Clock = std::chrono::steady_clock;
  double seconds() const;
  double seconds_left(std::size_t done) const;
  void draw(std::size_t done, const std::string& figures);

  std::ostream& stream_;
  std::string name_;
  std::size_t total_;
  bool terminal_;
  std::size_t columns_;
  Clock::time_point start_, last_;
  std::size_t begun_ = 0;         // what was done before the time counts
  Clock::time_point begun_when_;  // of the first update
  bool updated_ = false;
  std::size_t width_ = 0;  // of the line on the terminal
};

/// True when standard error is a terminal that can redraw a line.
bool stderr_is_terminal();
/// True when the stream is std::cout, std::cerr or std::clog, and that is such a terminal.
bool is_terminal(const std::ostream& stream);

/// "45 s", "3:05", "2:03:07".
std::string format_duration(double seconds);

}  // namespace xgrad
