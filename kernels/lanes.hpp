#pragma once

// Arrays side by side in the lanes of a register, for kernel sources that treat many small arrays
// at a time, and the way in and out of that form.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "xgrad/kernels/pack.hpp"

namespace xgrad::kernels {

/// R rows of as many numbers as P has lanes, as one run of numbers in registers. Zipping its first
/// half with the second k times brings number i to 2^k i, modulo one less than there are numbers:
/// with R = size, log2(size) times transpose.
template <class P, std::size_t R = P::size>
class Tile {
 public:
  using T = typename P::value_type;
  static constexpr std::size_t size = P::size;

  [[gnu::always_inline]] void load(std::size_t row, const T* from) {
    std::memcpy(&row_[row], from, sizeof(Row));
  }
  [[gnu::always_inline]] void store(std::size_t row, T* to) const {
    std::memcpy(to, &row_[row], sizeof(Row));
  }
  [[gnu::always_inline]] void put(std::size_t row, T* to, bool accumulate) const {
    Row sum = row_[row];
    if (accumulate) {
      std::memcpy(&sum, to, sizeof(Row));
      sum += row_[row];
    }
    std::memcpy(to, &sum, sizeof(Row));
  }
  /// Number i to `power` i, a power of two.
  template <std::size_t Power>
  [[gnu::always_inline]] void spread() {
    constexpr auto lanes = std::make_index_sequence<size>();
    for (std::size_t stage = 1; stage < Power; stage *= 2) {
      Row zipped[R];
      for (std::size_t i = 0; i < R / 2; ++i) {
        zipped[2 * i] = zip<0>(row_[i], row_[i + R / 2], lanes);
        zipped[2 * i + 1] = zip<size / 2>(row_[i], row_[i + R / 2], lanes);
      }
      for (std::size_t i = 0; i < R; ++i) row_[i] = zipped[i];
    }
  }

 private:
  typedef T Row __attribute__((vector_size(size * sizeof(T))));

  template <std::size_t Begin, std::size_t... I>
  [[gnu::always_inline]] static Row zip(Row a, Row b, std::index_sequence<I...>) {
    return __builtin_shufflevector(a, b, static_cast<int>(Begin + I / 2 + I % 2 * size)...);
  }

  Row row_[R];
};

/// As many arrays as P has lanes: element e of all of them is a P.
template <class P>
class Lanes {
 public:
  using T = typename P::value_type;
  static constexpr std::size_t size = P::size;

  /// Shows `data`, of `size` times as many numbers as an array has.
  explicit Lanes(T* data) : data_(data) {}

  [[gnu::always_inline]] P operator[](std::size_t e) const { return P::load(data_ + e * size); }
  [[gnu::always_inline]] void set(std::size_t e, P v) const { v.store(data_ + e * size); }

  /// Of `lanes` arrays of n numbers, `step` apart; the last one stands in for those that
  /// are missing. Apart from what calls it, as `write`: long, and once for a group.
  [[gnu::noinline]] void read(const T* x, std::size_t step, std::size_t lanes,
                              std::size_t n) const {
    if (n == 4 && step == 4 && lanes == size) return read_fours(x);
    std::size_t done = 0;
    for (; lanes == size && done + size <= n; done += size) {
      Tile<P> tile;
      for (std::size_t i = 0; i < size; ++i) tile.load(i, x + i * step + done);
      tile.template spread<size>();
      for (std::size_t i = 0; i < size; ++i) tile.store(i, data_ + (done + i) * size);
    }
    for (std::size_t lane = 0; lane < size; ++lane) {
      const T* const from = x + std::min(lane, lanes - 1) * step;
      for (std::size_t e = done; e < n; ++e) data_[e * size + lane] = from[e];
    }
  }

  /// To such arrays; added to what is there if `accumulate`.
  [[gnu::noinline]] void write(T* y, bool accumulate, std::size_t step, std::size_t lanes,
                               std::size_t n) const {
    if (n == 4 && step == 4 && lanes == size) return write_fours(y, accumulate);
    std::size_t done = 0;
    for (; lanes == size && done + size <= n; done += size) {
      Tile<P> tile;
      for (std::size_t i = 0; i < size; ++i) tile.load(i, data_ + (done + i) * size);
      tile.template spread<size>();
      for (std::size_t i = 0; i < size; ++i) tile.put(i, y + i * step + done, accumulate);
    }
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      T* const to = y + lane * step;
      for (std::size_t e = done; e < n; ++e)
        to[e] = accumulate ? to[e] + data_[e * size + lane] : data_[e * size + lane];
    }
  }

 private:
  // Arrays of four numbers, one behind the other.
  [[gnu::always_inline]] void read_fours(const T* x) const {
    Tile<P, 4> tile;
    for (std::size_t i = 0; i < 4; ++i) tile.load(i, x + i * size);
    tile.template spread<size>();
    for (std::size_t i = 0; i < 4; ++i) tile.store(i, data_ + i * size);
  }
  [[gnu::always_inline]] void write_fours(T* y, bool accumulate) const {
    Tile<P, 4> tile;
    for (std::size_t i = 0; i < 4; ++i) tile.load(i, data_ + i * size);
    tile.template spread<4>();
    for (std::size_t i = 0; i < 4; ++i) tile.put(i, y + i * size, accumulate);
  }

  T* data_;
};

/// Room for arrays of N numbers.
template <class P, std::size_t N>
class RoomForLanes : public Lanes<P> {
 public:
  RoomForLanes() : Lanes<P>(numbers_) {}
  RoomForLanes(const RoomForLanes&) = delete;
  RoomForLanes& operator=(const RoomForLanes&) = delete;

 private:
  alignas(64) typename P::value_type numbers_[N * P::size];
};

}  // namespace xgrad::kernels
