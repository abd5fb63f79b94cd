#pragma once

// Work shared out over the cores: one team of threads for loops and matrix products, and results
// that do not depend on its size.
//
// The caller cuts the work into pieces by its size alone; threads only decide who does which piece.
// A thread that the system does not run, because others want the cores as well, holds nobody up:
// its pieces are done by those that do run. Within a piece, within a parallel region of OpenMP, and
// while another thread of the program has the team, work is done by the caller alone.

#include <cstddef>

namespace xgrad {

/// How many threads the library's loops and matrix products use, at least 1. The default is
/// OpenMP's: the environment variable OMP_NUM_THREADS, or the number of cores.
void set_num_threads(int threads);
int num_threads();

namespace kernels {

/// Below this many elements a loop is not worth a second thread.
constexpr std::size_t kParallelElements = std::size_t{1} << 15;

namespace detail {
void run_pieces(std::size_t pieces, void (*piece)(void* context, std::size_t i), void* context);
}

/// piece(0) ... piece(pieces - 1), in any order and possibly at the same time. Throws what a piece
/// throws, of several pieces what one of them does, when none is at work any more.
template <class Piece>
void parallel_for(std::size_t pieces, const Piece& piece) {
  if (pieces == 1) return piece(0);
  detail::run_pieces(
      pieces, [](void* context, std::size_t i) { (*static_cast<const Piece*>(context))(i); },
      const_cast<void*>(static_cast<const void*>(&piece)));
}

/// Number of pieces for a loop of n elements, at most `most`: a function of the size only.
inline std::size_t pieces_for(std::size_t n, std::size_t most = 8) {
  const std::size_t pieces = n / (kParallelElements / 2);
  return pieces < 1 ? 1 : pieces < most ? pieces : most;
}

/// Where piece i of n elements begins, at a multiple of 64.
inline std::size_t piece_begin(std::size_t n, std::size_t pieces, std::size_t i) {
  return i == pieces ? n : n / pieces * i / 64 * 64;
}

}  // namespace kernels
}  // namespace xgrad
