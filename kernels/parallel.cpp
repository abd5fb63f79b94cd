#include "xgrad/kernels/parallel.hpp"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>

#include "xgrad/base/errors.hpp"
#endif

namespace xgrad {
namespace {
std::atomic<int> chosen{0};  // 0: OpenMP's default
}

void set_num_threads(int threads) {
  if (threads < 1) xgrad::detail::fail("set_num_threads", threads, " is not at least 1");
  chosen.store(threads, std::memory_order_relaxed);
}

int num_threads() {
  const int n = chosen.load(std::memory_order_relaxed);
  return n > 0 ? n : omp_get_max_threads();
}

namespace kernels::detail {
namespace {

constexpr std::size_t kMostThreads = 64;
// A thread that waits keeps looking, gives way to others after a while, and sleeps when what it
// waits for takes longer than the code between two loops of a training step: to be woken by the
// system takes longer still.
constexpr std::chrono::microseconds kLooking{20}, kAwake{150};

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// For each look in vain. False when it is time to sleep.
class Patience {
 public:
  bool wait() {
    if (gives_way_) {
      std::this_thread::yield();
    } else {
      relax();
    }
    if (++looks_ % 16 != 0) return true;
    const auto waited = Clock::now() - start_;
    gives_way_ = waited > kLooking;
    return waited < kAwake;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
  unsigned looks_ = 0;
  bool gives_way_ = false;
};

// Pieces, shared out beforehand so that a thread finds in its cache what it left there; who is done
// with its own share takes from the others'. A thread that the system does not run thus holds
// nobody up but for the piece it is at.
class Job {
 public:
  Job(std::size_t pieces, void (*piece)(void*, std::size_t), void* context, std::size_t threads)
      : piece_(piece), context_(context), threads_(threads) {
    for (std::size_t t = 0; t < threads; ++t) {
      shares_[t].next.store(pieces * t / threads, std::memory_order_relaxed);
      shares_[t].end = pieces * (t + 1) / threads;
    }
  }
  /// As thread `t`.
  void work(std::size_t t) {
    if (t >= threads_) return;
    for (std::size_t k = 0; k < threads_; ++k) {
      Share& s = shares_[(t + k) % threads_];
      while (s.next.load(std::memory_order_relaxed) < s.end) {
        const std::size_t i = s.next.fetch_add(1, std::memory_order_relaxed);
        if (i < s.end) piece_(context_, i);
      }
    }
  }

 private:
  struct alignas(64) Share {
    std::atomic<std::size_t> next;
    std::size_t end;
  };

  void (*piece_)(void*, std::size_t);
  void* context_;
  std::size_t threads_;
  std::array<Share, kMostThreads> shares_;
};

// Helpers besides the thread that calls. One job at a time: who comes while another thread has one
// does its own work alone.
class Team {
 public:
  /// Helpers do not survive a fork.
  void forget() {
    helpers_ = 0;
    inside_.store(0);
  }
  /// False when the team is taken.
  bool run(std::size_t threads, std::size_t pieces, void (*piece)(void*, std::size_t),
           void* context) {
    const std::unique_lock<std::mutex> lock(taken_, std::try_to_lock);
    if (!lock.owns_lock()) return false;
    threads = 1 + grow(std::min({threads, pieces, kMostThreads}) - 1);
    Job job(pieces, piece, context, threads);
    // All in one order of the two variables: a helper that sees the job is seen inside.
    job_.store(&job);
    turn_.fetch_add(1);
    turn_.notify_all();
    job.work(0);
    job_.store(nullptr);
    for (Patience patience; inside_.load() != 0;) patience.wait();
    return true;
  }

 private:
  // How many helpers there are of those wanted.
  std::size_t grow(std::size_t wanted) {
    while (helpers_ < wanted) {
      try {
        std::thread([this, t = helpers_ + 1] { help(t); }).detach();
      } catch (const std::system_error&) {
        break;
      }
      ++helpers_;
    }
    return std::min(helpers_, wanted);
  }

  [[noreturn]] void help(std::size_t t) {
    omp_set_num_threads(1);  // OpenBLAS asks OpenMP how many threads there are for it
    for (std::uint32_t seen = 0;;) {
      for (Patience patience; turn_.load() == seen && patience.wait();) {
      }
      turn_.wait(seen);
      seen = turn_.load();
      inside_.fetch_add(1);
      if (Job* const job = job_.load()) job->work(t);
      inside_.fetch_sub(1);
    }
  }

  std::mutex taken_;
  std::size_t helpers_ = 0;
  std::atomic<Job*> job_{nullptr};
  alignas(64) std::atomic<std::uint32_t> turn_{0};
  alignas(64) std::atomic<int> inside_{0};
};

// Never destroyed: its helpers live as long as the process.
Team& team() {
  static Team* const t = [] {
    static Team* const made = new Team;
    pthread_atfork(nullptr, nullptr, [] { made->forget(); });
    return made;
  }();
  return *t;
}

thread_local bool in_piece = false;

class InPiece {
 public:
  InPiece() : before_(std::exchange(in_piece, true)) {}
  ~InPiece() { in_piece = before_; }
  InPiece(const InPiece&) = delete;
  InPiece& operator=(const InPiece&) = delete;

 private:
  bool before_;
};

// Pieces that helpers do: what one throws is kept for the thread that waits.
struct Call {
  void (*piece)(void*, std::size_t);
  void* context;
  std::atomic<bool> failed = false;
  std::exception_ptr error = nullptr;

  static void run(void* self, std::size_t i) {
    Call& call = *static_cast<Call*>(self);
    if (call.failed.load(std::memory_order_relaxed)) return;
    const InPiece scope;
    try {
      call.piece(call.context, i);
    } catch (...) {
      if (!call.failed.exchange(true)) call.error = std::current_exception();
    }
  }
};

}  // namespace

void run_pieces(std::size_t pieces, void (*piece)(void*, std::size_t), void* context) {
  const int threads = num_threads();
  Call call{piece, context};
  if (threads > 1 && pieces > 1 && !in_piece && omp_in_parallel() == 0 &&
      team().run(static_cast<std::size_t>(threads), pieces, &Call::run, &call)) {
    if (call.error != nullptr) std::rethrow_exception(call.error);
    return;
  }
  const InPiece scope;
  for (std::size_t i = 0; i < pieces; ++i) piece(context, i);
}

}  // namespace kernels::detail
}  // namespace xgrad
