#include "xgrad/training/interrupt.hpp"

#include <signal.h>

#include <atomic>
#include <mutex>

namespace xgrad {
namespace {

std::atomic<bool> noted{false};
std::atomic<std::size_t> times{0};
static_assert(std::atomic<bool>::is_always_lock_free &&
              std::atomic<std::size_t>::is_always_lock_free);
std::mutex mutex;
int scopes = 0;
struct sigaction old_interrupt, old_terminate;

extern "C" void note_signal(int signal_number) {
  noted.store(true);
  times.fetch_add(1);
  signal(signal_number, SIG_DFL);
}

}  // namespace

InterruptScope::InterruptScope() {
  const std::lock_guard lock(mutex);
  if (scopes++ > 0) return;
  noted.store(false);
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &old_interrupt);
  sigaction(SIGTERM, &action, &old_terminate);
}

InterruptScope::~InterruptScope() {
  const std::lock_guard lock(mutex);
  if (--scopes > 0) return;
  sigaction(SIGINT, &old_interrupt, nullptr);
  sigaction(SIGTERM, &old_terminate, nullptr);
}

bool InterruptScope::requested() const { return noted.load(); }

std::size_t detail::noted_interrupts() { return times.load(); }

}  // namespace xgrad
