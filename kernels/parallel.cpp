#include "xgrad/kernels/parallel.hpp"

#include <omp.h>

#include <atomic>
#include <stdexcept>
#include <string>

namespace xgrad {
namespace {
std::atomic<int> chosen{0};  // 0: OpenMP's default
}

void set_num_threads(int threads) {
  if (threads < 1)
    throw std::invalid_argument("set_num_threads: " + std::to_string(threads) +
                                " is not at least 1");
  chosen.store(threads, std::memory_order_relaxed);
}

int num_threads() {
  const int n = chosen.load(std::memory_order_relaxed);
  return n > 0 ? n : omp_get_max_threads();
}

namespace kernels::detail {

void run_pieces(std::size_t pieces, void (*piece)(void*, std::size_t), void* context) {
  const int threads = num_threads();
  if (threads == 1 || omp_in_parallel() != 0) {
    for (std::size_t i = 0; i < pieces; ++i) piece(context, i);
    return;
  }
  const auto count = static_cast<std::ptrdiff_t>(pieces);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::ptrdiff_t i = 0; i < count; ++i) piece(context, static_cast<std::size_t>(i));
}

}  // namespace kernels::detail
}  // namespace xgrad
