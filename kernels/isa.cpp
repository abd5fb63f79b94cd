#include "xgrad/kernels/isa.hpp"

#include <cstdlib>
#include <cstring>
#include <initializer_list>

namespace xgrad {
namespace {

Isa widest() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    return Isa::avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::avx2;
#endif
  return Isa::baseline;
}

Isa choose() {
  const Isa best = widest();
  const char* asked = std::getenv("XGRAD_ISA");
  if (asked == nullptr) return best;
  for (Isa i : {Isa::baseline, Isa::avx2, Isa::avx512}) {
    if (i <= best && std::strcmp(asked, to_string(i)) == 0) return i;
  }
  return best;
}

}  // namespace

Isa isa() {
  static const Isa chosen = choose();
  return chosen;
}

const char* to_string(Isa isa) {
  switch (isa) {
    case Isa::avx512: return "avx512";
    case Isa::avx2: return "avx2";
    case Isa::baseline: break;
  }
  return "baseline";
}

}  // namespace xgrad
