#include "xgrad/training/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ostream>
#include <string_view>

namespace xgrad {
namespace {

constexpr std::size_t kBarWidth = 24;

std::string bar(std::size_t done, std::size_t total) {
  const std::size_t filled = total == 0 ? kBarWidth : std::min(kBarWidth, kBarWidth * done / total);
  return "[" + std::string(filled, '=') + std::string(kBarWidth - filled, ' ') + "]";
}

std::string two_digits(long v) { return (v < 10 ? "0" : "") + std::to_string(v); }

}  // namespace

bool stderr_is_terminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
}

std::string format_duration(double seconds) {
  const long s = std::max(0L, std::lround(seconds));
  if (s < 60) return std::to_string(s) + " s";
  if (s < 3600) return std::to_string(s / 60) + ":" + two_digits(s % 60);
  return std::to_string(s / 3600) + ":" + two_digits(s / 60 % 60) + ":" + two_digits(s % 60);
}

Progress::Progress(std::ostream& stream, std::string name, std::size_t total, bool terminal)
    : stream_(stream),
      name_(std::move(name)),
      total_(total),
      terminal_(terminal),
      start_(Clock::now()),
      last_(start_) {}

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Progress::draw(std::size_t done, const std::string& figures) {
  const double left =
      done == 0 ? 0 : seconds() / static_cast<double>(done) * static_cast<double>(total_ - done);
  std::string line = name_ + " " + bar(done, total_) + " " + std::to_string(done) + "/" +
                     std::to_string(total_) + "  " + figures + "  " + format_duration(left) +
                     " left";
  const std::size_t length = line.size();
  if (length < width_) line.append(width_ - length, ' ');  // over the longer line before
  width_ = length;
  stream_ << '\r' << line << std::flush;
}

void Progress::update(std::size_t done, const std::string& figures) {
  if (!terminal_) return;
  const auto now = Clock::now();
  if (now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  draw(std::min(done, total_), figures);
}

void Progress::finish(const std::string& figures) {
  if (terminal_) stream_ << '\r' << std::string(width_, ' ') << '\r';
  stream_ << name_ << "  " << figures << "  " << format_duration(seconds()) << std::endl;
}

}  // namespace xgrad
