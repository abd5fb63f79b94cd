#include "xgrad/kernels/random.hpp"

#include <Random123/philox.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <utility>

#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/philox.hpp"

namespace xgrad {

namespace {
thread_local Generator* scoped_generator = nullptr;
}

Generator& default_generator() {
  static Generator generator;
  return scoped_generator != nullptr ? *scoped_generator : generator;
}

GeneratorScope::GeneratorScope(Generator& generator) : before_(scoped_generator) {
  scoped_generator = &generator;
}

GeneratorScope::~GeneratorScope() { scoped_generator = before_; }

namespace detail {

thread_local DrawsScope* DrawsScope::innermost = nullptr;

Generator::State DrawsScope::next(DrawsScope* scope, Generator& generator) {
  if (scope == nullptr) return generator.draw();
  NotedDraws& draws = scope->draws_;
  if (!scope->repeat_) {
    draws.states.push_back(next(scope->outer_, generator));
    return draws.states.back();
  }
  require<std::logic_error>(draws.given < draws.states.size(), "random",
                            "a function that is repeated draws more than the ", draws.states.size(),
                            " times of its first call");
  return draws.states[draws.given++];
}

}  // namespace detail

Generator::State Generator::next() {
  return detail::DrawsScope::next(detail::DrawsScope::innermost, *this);
}

void manual_seed(std::uint64_t seed) { default_generator().seed(seed); }

namespace kernels {
namespace {

constexpr std::size_t kWords = 4;
__extension__ typedef unsigned __int128 Wide;

struct Block {
  std::uint32_t word[kWords];
};

// Four random words: block i of a draw.
Block philox(Generator::State draw, std::uint64_t i) {
  const auto low = [](std::uint64_t v) { return static_cast<std::uint32_t>(v); };
  const auto high = [](std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); };
  const r123::Philox4x32::ctr_type counter = {{low(i), high(i), low(draw.draws), high(draw.draws)}};
  const r123::Philox4x32::key_type key = {{low(draw.seed), high(draw.seed)}};
  const auto r = r123::Philox4x32()(counter, key);
  return {{r.v[0], r.v[1], r.v[2], r.v[3]}};
}

std::uint64_t word64(const Block& b, std::size_t i) {
  return static_cast<std::uint64_t>(b.word[2 * i + 1]) << 32 | b.word[2 * i];
}

// In [0, 1).
void unit_numbers(const Block& b, float* u) {
  for (std::size_t i = 0; i < kWords; ++i) u[i] = static_cast<float>(b.word[i] >> 8) * 0x1p-24F;
}
void unit_numbers(const Block& b, double* u) {
  for (std::size_t i = 0; i < kWords / 2; ++i)
    u[i] = static_cast<double>(word64(b, i) >> 11) * 0x1p-53;
}
template <class T>
constexpr std::size_t kPerBlock = kWords * sizeof(float) / sizeof(T);

const PhiloxKernels& philox_kernels() {
  static const PhiloxKernels kernels = choose([]<Isa I>() { return make_philox_kernels<I>(); });
  return kernels;
}

// Calls make(block, numbers) for blocks first to last - 1 of a draw, `Per` numbers each; x has those
// from block `start` on.
template <std::size_t Per, class T, class Make>
void fill_piece(T* x, std::size_t n, Generator::State draw, std::size_t first, std::size_t last,
                const Make& make, std::size_t start = 0) {
  constexpr std::size_t kChunk = 16 * kPhiloxBlocks;
  Block blocks[kChunk];
  for (; first < last; first += kChunk) {
    const std::size_t count = std::min(kChunk, last - first);
    philox_kernels().words(blocks[0].word, draw, start + first,
                           (count + kPhiloxBlocks - 1) / kPhiloxBlocks * kPhiloxBlocks);
    T* const to = x + first * Per;
    const std::size_t whole = std::min(count, n / Per - first);
    for (std::size_t b = 0; b < whole; ++b) make(blocks[b], to + b * Per);
    if (whole == count) continue;
    T numbers[Per];
    make(blocks[whole], numbers);
    std::copy_n(numbers, n % Per, to + whole * Per);
  }
}

template <std::size_t Per, class T, class Make>
void fill_blocks(T* x, std::size_t n, Generator::State draw, const Make& make) {
  const std::size_t blocks = (n + Per - 1) / Per;
  const std::size_t pieces = std::max<std::size_t>(1, std::min(blocks, pieces_for(n * 4)));
  parallel_for(pieces, [&](std::size_t k) {
    fill_piece<Per>(x, n, draw, blocks * k / pieces, blocks * (k + 1) / pieces, make);
  });
}

}  // namespace

void philox_block(std::uint32_t* out, Generator::State draw, std::uint64_t block) {
  std::copy_n(philox(draw, block).word, kWords, out);
}

template <class T>
void fill_uniform(T* x, std::size_t n, T low, T high, Generator::State draw) {
  const T width = high - low, below = std::nextafter(high, low);
  fill_blocks<kPerBlock<T>>(x, n, draw, [=](const Block& b, T* u) {
    unit_numbers(b, u);
    for (std::size_t i = 0; i < kPerBlock<T>; ++i) u[i] = std::min(low + width * u[i], below);
  });
}

template <class T>
void fill_normal(T* x, std::size_t n, T mean, T deviation, Generator::State draw) {
  fill_blocks<kPerBlock<T>>(x, n, draw, [=](const Block& b, T* z) {
    T u[kPerBlock<T>];
    unit_numbers(b, u);
    for (std::size_t i = 0; i < kPerBlock<T>; i += 2) {
      const T radius = deviation * std::sqrt(T(-2) * std::log(T(1) - u[i]));
      const T angle = T(2) * std::numbers::pi_v<T> * u[i + 1];
      z[i] = mean + radius * std::cos(angle);
      z[i + 1] = mean + radius * std::sin(angle);
    }
  });
}

namespace {
// fill(make) with what makes numbers of blocks.
template <class T, class Fill>
void with_choice(T* x, std::size_t n, double probability, T value, const Fill& fill) {
  const auto limit = static_cast<std::uint64_t>(std::llround(probability * 0x1p32));
  if (limit == 0) return static_cast<void>(std::fill_n(x, n, T(0)));
  const auto last = static_cast<std::uint32_t>(limit - 1);
  fill([=](const Block& b, T* m) {
    for (std::size_t i = 0; i < kWords; ++i) m[i] = static_cast<T>(b.word[i] <= last) * value;
  });
}
}  // namespace

template <class T>
void fill_bernoulli(T* x, std::size_t n, double probability, T value, Generator::State draw) {
  with_choice(x, n, probability, value,
              [&](const auto& make) { fill_blocks<kWords>(x, n, draw, make); });
}

template <class T>
void fill_bernoulli_from(T* x, std::size_t n, double probability, T value, Generator::State draw,
                         std::size_t first) {
  with_choice(x, n, probability, value, [&](const auto& make) {
    fill_piece<kWords>(x, n, draw, 0, (n + kWords - 1) / kWords, make, first / kWords);
  });
}

void fill_integers(std::int64_t* x, std::size_t n, std::int64_t low, std::int64_t high,
                   Generator::State draw) {
  const auto range =
      static_cast<Wide>(static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low));
  fill_blocks<kWords / 2>(x, n, draw, [=](const Block& b, std::int64_t* v) {
    for (std::size_t i = 0; i < kWords / 2; ++i) {
      const auto step = static_cast<std::uint64_t>(word64(b, i) * range >> 64);
      v[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + step);
    }
  });
}

void fill_permutation(std::int64_t* x, std::size_t n, Generator::State draw) {
  for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<std::int64_t>(i);
  for (std::size_t i = n; i > 1; --i) {
    const Block b = philox(draw, i);
    const auto j = static_cast<std::size_t>(static_cast<Wide>(word64(b, 0)) * i >> 64);
    std::swap(x[i - 1], x[j]);
  }
}

#define XGRAD_INSTANTIATE(T)                                                  \
  template void fill_uniform(T*, std::size_t, T, T, Generator::State);        \
  template void fill_normal(T*, std::size_t, T, T, Generator::State);         \
  template void fill_bernoulli(T*, std::size_t, double, T, Generator::State); \
  template void fill_bernoulli_from(T*, std::size_t, double, T, Generator::State, std::size_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace kernels
}  // namespace xgrad
