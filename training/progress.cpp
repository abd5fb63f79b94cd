#include "xgrad/training/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "xgrad/base/text.hpp"

namespace xgrad {
namespace {

constexpr std::size_t kBarWidth = 24, kLeastWidth = 4;

// None where there is no room for it.
std::string bar(std::size_t done, std::size_t total, std::size_t room) {
  if (room < kLeastWidth + 3) return {};
  const std::size_t width = std::min(kBarWidth, room - 3);
  const std::size_t filled = total == 0 ? width : std::min(width, width * done / total);
  return "[" + std::string(filled, '=') + std::string(width - filled, ' ') + "] ";
}

bool can_redraw(int file) {
  const char* term = std::getenv("TERM");
  return isatty(file) != 0 && term != nullptr && std::string_view(term) != "dumb";
}

std::size_t columns_of_stderr() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string two_digits(long v) { return (v < 10 ? "0" : "") + detail::text(v); }

}  // namespace

bool stderr_is_terminal() { return can_redraw(STDERR_FILENO); }

bool is_terminal(const std::ostream& stream) {
  if (&stream == &std::cout) return can_redraw(STDOUT_FILENO);
  return (&stream == &std::cerr || &stream == &std::clog) && can_redraw(STDERR_FILENO);
}

std::string format_duration(double seconds) {
  const long s = std::max(0L, std::lround(seconds));
  if (s < 60) return detail::text(s) + " s";
  if (s < 3600) return detail::text(s / 60) + ":" + two_digits(s % 60);
  return detail::text(s / 3600) + ":" + two_digits(s / 60 % 60) + ":" + two_digits(s % 60);
}

Progress::Progress(std::ostream& stream, std::string name, std::size_t total, bool terminal,
                   std::size_t columns)
    : stream_(stream),
      name_(std::move(name)),
      total_(total),
      terminal_(terminal),
      columns_(columns),
      start_(Clock::now()),
      last_(start_) {}

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

// A stage that goes on in its middle begins with work that took no time here.
double Progress::seconds_left(std::size_t done) const {
  if (done <= begun_) return 0;
  const double taken = std::chrono::duration<double>(last_ - begun_when_).count();
  return taken / static_cast<double>(done - begun_) * static_cast<double>(total_ - done);
}

void Progress::draw(std::size_t done, const std::string& figures) {
  const std::string after = detail::text(done) + "/" + detail::text(total_) + "  " + figures +
                            "  " + format_duration(seconds_left(done)) + " left";
  const std::size_t room = (columns_ > 0 ? columns_ : columns_of_stderr()) - 1;
  const std::size_t taken = name_.size() + 1 + after.size();
  std::string line = name_ + " " + bar(done, total_, room - std::min(room, taken)) + after;
  if (line.size() > room) line.resize(room);  // a line that wraps is not redrawn
  const std::size_t length = line.size();
  if (length < width_) line.append(width_ - length, ' ');  // over the longer line before
  width_ = length;
  stream_ << '\r' << line << std::flush;
}

void Progress::update(std::size_t done, const std::string& figures) {
  if (!terminal_) return;
  const auto now = Clock::now();
  if (!updated_) begun_ = done, begun_when_ = now;
  updated_ = true;
  if (now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  draw(std::min(done, total_), figures);
}

void Progress::finish(const std::string& figures) {
  if (terminal_) stream_ << '\r' << std::string(width_, ' ') << '\r';
  stream_ << name_ << "  " << figures << "  " << format_duration(seconds()) << std::endl;
}

}  // namespace xgrad
