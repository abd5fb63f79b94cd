#pragma once

// Draws: the random numbers of one sample in one epoch, in the order they are asked for.

#include <array>
#include <cstddef>
#include <cstdint>

#include "xgrad/kernels/random.hpp"

namespace xgrad {

namespace detail {
/// h, its bits mixed: the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t mixed(std::uint64_t h);
}  // namespace detail

/// A function of (seed, epoch, sample) only: neither the number of threads nor the other samples
/// matter, and a run that is resumed sees the same.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t epoch, std::uint64_t sample);

  /// Uniform in [0, 1).
  double uniform();
  /// Uniform in [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in {low, ..., high}; low <= high.
  std::int64_t integer(std::int64_t low, std::int64_t high);
  /// True with that probability.
  bool chance(double probability) { return uniform() < probability; }
  /// n normal numbers.
  template <class T>
  void normal(T* x, std::size_t n, double deviation);

 private:
  Generator::State next_;
  std::array<double, 16> ready_;
  std::size_t used_ = 16;
};

}  // namespace xgrad
