// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC11) on vector registers: the same words as
// Random123's, one block in each 64-bit lane.

#include "xgrad/kernels/philox.hpp"

#include "xgrad/kernels/instantiate.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace xgrad::kernels {
namespace {

// Lanes of 64 bits that hold a word in their lower half; the upper half is arbitrary.
//   product: of the lower halves; upper: the upper half moved down; mix: a ^ b ^ c;
//   join: lower halves of a and b in the lower and upper half;
//   store: lane 0 of a, lane 0 of b, lane 1 of a, ...
#if defined(__AVX512F__)
struct Lanes {
  static constexpr std::size_t count = 8;
  __m512i v;
  static Lanes all(std::uint64_t x) { return {_mm512_set1_epi64(static_cast<long long>(x))}; }
  static Lanes from(std::uint64_t x) {
    return {_mm512_add_epi64(all(x).v, _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7))};
  }
};
Lanes product(Lanes a, Lanes b) { return {_mm512_mul_epu32(a.v, b.v)}; }
Lanes upper(Lanes a) { return {_mm512_srli_epi64(a.v, 32)}; }
Lanes mix(Lanes a, Lanes b, Lanes c) { return {_mm512_ternarylogic_epi64(a.v, b.v, c.v, 0x96)}; }
Lanes join(Lanes a, Lanes b) {
  return {_mm512_mask_blend_epi32(0xAAAA, a.v, _mm512_slli_epi64(b.v, 32))};
}
void store(std::uint32_t* out, Lanes a, Lanes b) {
  const __m512i low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
  const __m512i high = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
  _mm512_storeu_si512(out, _mm512_permutex2var_epi64(a.v, low, b.v));
  _mm512_storeu_si512(out + 16, _mm512_permutex2var_epi64(a.v, high, b.v));
}
#elif defined(__AVX2__)
struct Lanes {
  static constexpr std::size_t count = 4;
  __m256i v;
  static Lanes all(std::uint64_t x) { return {_mm256_set1_epi64x(static_cast<long long>(x))}; }
  static Lanes from(std::uint64_t x) {
    return {_mm256_add_epi64(all(x).v, _mm256_setr_epi64x(0, 1, 2, 3))};
  }
};
Lanes product(Lanes a, Lanes b) { return {_mm256_mul_epu32(a.v, b.v)}; }
Lanes upper(Lanes a) { return {_mm256_srli_epi64(a.v, 32)}; }
Lanes mix(Lanes a, Lanes b, Lanes c) { return {_mm256_xor_si256(a.v, _mm256_xor_si256(b.v, c.v))}; }
Lanes join(Lanes a, Lanes b) { return {_mm256_blend_epi32(a.v, _mm256_slli_epi64(b.v, 32), 0xAA)}; }
void store(std::uint32_t* out, Lanes a, Lanes b) {
  const __m256i even = _mm256_unpacklo_epi64(a.v, b.v), odd = _mm256_unpackhi_epi64(a.v, b.v);
  auto* const to = reinterpret_cast<__m256i*>(out);
  _mm256_storeu_si256(to, _mm256_permute2x128_si256(even, odd, 0x20));
  _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(even, odd, 0x31));
}
#elif defined(__SSE2__)
struct Lanes {
  static constexpr std::size_t count = 2;
  __m128i v;
  static Lanes all(std::uint64_t x) { return {_mm_set1_epi64x(static_cast<long long>(x))}; }
  static Lanes from(std::uint64_t x) { return {_mm_add_epi64(all(x).v, _mm_set_epi64x(1, 0))}; }
};
Lanes product(Lanes a, Lanes b) { return {_mm_mul_epu32(a.v, b.v)}; }
Lanes upper(Lanes a) { return {_mm_srli_epi64(a.v, 32)}; }
Lanes mix(Lanes a, Lanes b, Lanes c) { return {_mm_xor_si128(a.v, _mm_xor_si128(b.v, c.v))}; }
Lanes join(Lanes a, Lanes b) {
  return {_mm_or_si128(_mm_and_si128(a.v, _mm_set1_epi64x(0xFFFFFFFF)), _mm_slli_epi64(b.v, 32))};
}
void store(std::uint32_t* out, Lanes a, Lanes b) {
  auto* const to = reinterpret_cast<__m128i*>(out);
  _mm_storeu_si128(to, _mm_unpacklo_epi64(a.v, b.v));
  _mm_storeu_si128(to + 1, _mm_unpackhi_epi64(a.v, b.v));
}
#else
struct Lanes {
  static constexpr std::size_t count = 1;
  std::uint64_t v;
  static Lanes all(std::uint64_t x) { return {x}; }
  static Lanes from(std::uint64_t x) { return {x}; }
};
Lanes product(Lanes a, Lanes b) { return {(a.v & 0xFFFFFFFF) * (b.v & 0xFFFFFFFF)}; }
Lanes upper(Lanes a) { return {a.v >> 32}; }
Lanes mix(Lanes a, Lanes b, Lanes c) { return {a.v ^ b.v ^ c.v}; }
Lanes join(Lanes a, Lanes b) { return {(a.v & 0xFFFFFFFF) | b.v << 32}; }
void store(std::uint32_t* out, Lanes a, Lanes b) {
  for (const std::uint64_t v : {a.v, b.v}) {
    *out++ = static_cast<std::uint32_t>(v);
    *out++ = static_cast<std::uint32_t>(v >> 32);
  }
}
#endif
static_assert(kPhiloxBlocks % (2 * Lanes::count) == 0);

struct Counter {
  Lanes c[4];
  Counter(std::uint64_t block, std::uint64_t draws)
      : c{Lanes::from(block), upper(Lanes::from(block)), Lanes::all(draws),
          Lanes::all(draws >> 32)} {}

  void round(std::uint32_t key0, std::uint32_t key1) {
    const Lanes p = product(Lanes::all(0xD2511F53), c[0]);
    const Lanes q = product(Lanes::all(0xCD9E8D57), c[2]);
    c[0] = mix(upper(q), c[1], Lanes::all(key0));
    c[1] = q;
    c[2] = mix(upper(p), c[3], Lanes::all(key1));
    c[3] = p;
  }
  void write(std::uint32_t* out) const { store(out, join(c[0], c[1]), join(c[2], c[3])); }
};

// Two counters at a time: the rounds of one fill the waits of the other.
void philox_words(std::uint32_t* out, Generator::State draw, std::uint64_t first,
                  std::size_t blocks) {
  for (std::size_t b = 0; b < blocks; b += 2 * Lanes::count) {
    Counter one(first + b, draw.draws), two(first + b + Lanes::count, draw.draws);
    auto key0 = static_cast<std::uint32_t>(draw.seed);
    auto key1 = static_cast<std::uint32_t>(draw.seed >> 32);
    for (int i = 0; i < 10; ++i) {
      one.round(key0, key1);
      two.round(key0, key1);
      key0 += 0x9E3779B9;
      key1 += 0xBB67AE85;
    }
    one.write(out + 4 * b);
    two.write(out + 4 * (b + Lanes::count));
  }
}

}  // namespace

template <Isa I>
PhiloxKernels make_philox_kernels() {
  return {&philox_words};
}

template PhiloxKernels make_philox_kernels<kIsa>();

}  // namespace xgrad::kernels
