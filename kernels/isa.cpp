#include "xgrad/kernels/isa.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>

namespace xgrad {
namespace {

constexpr Isa kWidestFirst[] = {Isa::avx512, Isa::avx2, Isa::baseline};

// In this build, and in this processor.
bool available(Isa isa) {
#if defined(__x86_64__) && !defined(XGRAD_WITHOUT_AVX512)
  if (isa == Isa::avx512) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
  }
#endif
#if defined(__x86_64__) && !defined(XGRAD_WITHOUT_AVX2)
  if (isa == Isa::avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return isa == Isa::baseline;
}

Isa choose() {
  const char* asked = std::getenv("XGRAD_ISA");
  for (Isa i : kWidestFirst) {
    if (asked != nullptr && std::strcmp(asked, to_string(i)) == 0 && available(i)) return i;
  }
  return *std::find_if(std::begin(kWidestFirst), std::end(kWidestFirst), available);
}

}  // namespace

Isa isa() {
  static const Isa chosen = choose();
  return chosen;
}

const char* to_string(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return "avx512";
    case Isa::avx2:
      return "avx2";
    case Isa::baseline:
      break;
  }
  return "baseline";
}

}  // namespace xgrad
