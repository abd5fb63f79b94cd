#pragma once

// The instruction sets the kernels are compiled for, and which one this process uses.
//
// Kernel sources are compiled once per instruction set (see cmake/kernels.cmake) and see raw
// pointers only; the choice is made at run time, so that one binary is fast on a new machine and
// runs on an old one.

namespace xgrad {

enum class Isa {
  baseline,  ///< what every machine of the platform has (SSE2 on x86-64)
  avx2,      ///< AVX2 and FMA
  avx512,    ///< AVX-512 F, CD, DQ, BW, VL
};

/// The widest instruction set that this processor has and the library is built for; the environment
/// variable XGRAD_ISA (`baseline`, `avx2`, `avx512`) lowers it. Decided at the first call.
Isa isa();

/// "baseline", "avx2" or "avx512".
const char* to_string(Isa isa);

}  // namespace xgrad
