#pragma once

// The random words under kernels/random.hpp, many at a time.

#include <cstddef>
#include <cstdint>

#include "xgrad/kernels/isa.hpp"
#include "xgrad/kernels/random.hpp"

namespace xgrad::kernels {

/// Philox works on blocks of four words; the kernel makes this many blocks at least.
constexpr std::size_t kPhiloxBlocks = 16;

struct PhiloxKernels {
  /// out (4 blocks) = blocks `first`, first + 1, ... of a draw; `blocks` is a multiple
  /// of kPhiloxBlocks.
  void (*words)(std::uint32_t* out, Generator::State draw, std::uint64_t first, std::size_t blocks);
};

/// out[0 ... 3] = one block of a draw.
void philox_block(std::uint32_t* out, Generator::State draw, std::uint64_t block);

template <Isa I>
PhiloxKernels make_philox_kernels();

}  // namespace xgrad::kernels
