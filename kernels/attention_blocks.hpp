#pragma once

// What the forward and the backward pass of attention share: matrices in panels, blocks of scores and
// what is done to them, and the division of the work. Internal.

#include <algorithm>
#include <cstddef>
#include <limits>

#include "xgrad/kernels/attention.hpp"
#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::kernels::attention {

// A block of scores and what belongs to it stay in the second cache. Whole rows of registers, and of
// keys whole panels and whole blocks of the generator.
inline constexpr std::size_t kQueries = 96, kKeys = 192;

template <class T>
const AttentionKernels<T>& attention_kernels() {
  static const AttentionKernels<T> kernels =
      choose([]<Isa I>() { return make_attention_kernels<I, T>(); });
  return kernels;
}

template <class T>
std::size_t whole_panels(std::size_t n) {
  const std::size_t c = attention_kernels<T>().columns;
  return (n + c - 1) / c * c;
}

enum class Layout { rows, transposed };

/// A matrix (rows, width), or its transpose, in panels.
template <class T>
class Packed {
 public:
  Packed(Layout layout, const T* from, std::size_t rows, std::size_t width, T factor = T(1))
      : columns_(attention_kernels<T>().columns),
        stride_((layout == Layout::rows ? rows : width) * columns_),
        memory_(stride_ / columns_ * whole_panels<T>(layout == Layout::rows ? width : rows)) {
    if (layout == Layout::rows) {
      attention_kernels<T>().pack(from, rows, width, factor, memory_.data(), stride_);
    } else {
      attention_kernels<T>().pack_transposed(from, rows, width, memory_.data(), stride_);
    }
  }
  Panels<T> from_row(std::size_t r) { return {memory_.data() + r * columns_, stride_}; }
  /// From a column on with which a panel begins.
  Panels<T> from_column(std::size_t c) {
    return {memory_.data() + c / columns_ * stride_, stride_};
  }

 private:
  std::size_t columns_, stride_;
  Scratch<T> memory_;
};

// Queries or keys [begin, end).
struct Range {
  std::size_t begin, end;
  std::size_t size() const { return end - begin; }
};

template <class Body>
void each_block(Range all, std::size_t most, const Body& body) {
  for (std::size_t b = all.begin; b < all.end; b += most)
    body(Range{b, std::min(b + most, all.end)});
}

inline std::size_t clamped(std::ptrdiff_t i, std::size_t most) {
  return i < 0 ? 0 : std::min(static_cast<std::size_t>(i), most);
}

/// How many keys query i sees.
template <class T>
std::size_t keys_seen(const Attention<T>& a, std::size_t i) {
  if (!a.causal) return a.sizes.keys;
  return clamped(static_cast<std::ptrdiff_t>(i) + a.offset + 1, a.sizes.keys);
}

/// The first query that sees key j.
template <class T>
std::size_t first_to_see(const Attention<T>& a, std::size_t j) {
  return a.causal ? clamped(static_cast<std::ptrdiff_t>(j) - a.offset, a.sizes.queries) : 0;
}

/// use(score, number) for the pairs of a block.
template <class T, class Use>
void each_pair(const PairNumbers<T>& numbers, std::size_t g, Range is, Range js, BlockRows<T> s,
               const Use& use) {
  if (numbers.data == nullptr) return;
  for (std::size_t r = 0; r < s.rows; ++r) {
    const T* from =
        numbers.data + numbers.group[g] + (is.begin + r) * numbers.query + js.begin * numbers.key;
    T* const row = s.data + r * s.pitch;
    if (numbers.key == 1) {
      for (std::size_t c = 0; c < s.count; ++c) row[c] = use(row[c], from[c]);
    } else {
      for (std::size_t c = 0; c < s.count; ++c) row[c] = use(row[c], from[c * numbers.key]);
    }
  }
}

/// Bias, and -inf for what is left out.
template <class T>
void adjust(const Attention<T>& a, std::size_t g, Range is, Range js, BlockRows<T> s) {
  constexpr T kNothing = -std::numeric_limits<T>::infinity();
  each_pair(a.bias, g, is, js, s, [](T score, T bias) { return score + bias; });
  each_pair(a.mask, g, is, js, s, [](T score, T seen) { return seen != T(0) ? score : kNothing; });
  if (!a.causal) return;
  for (std::size_t r = 0; r < s.rows; ++r) {
    const std::size_t seen = std::max(keys_seen(a, is.begin + r), js.begin) - js.begin;
    for (std::size_t c = seen; c < s.count; ++c) s.data[r * s.pitch + c] = kNothing;
  }
}

/// The factors of dropout of keys [js.begin, js.end) of a query; js.begin is a multiple of 64. Rows
/// begin with whole blocks of the generator.
template <class T>
void factors_of_row(const AttentionSizes& s, double dropout, Generator::State draw, std::size_t row,
                    Range js, T* to) {
  constexpr std::size_t kWords = 64;
  const std::size_t first = (row * ((s.keys + kWords - 1) / kWords) * kWords + js.begin);
  fill_bernoulli_from(to, js.size(), 1 - dropout,
                      dropout == 1 ? T(0) : static_cast<T>(1 / (1 - dropout)), draw, first);
}

template <class T>
const T* factors_of_block(const Attention<T>& a, std::size_t g, Range is, Range js, T* to) {
  if (a.dropout == 0) return nullptr;
  for (std::size_t i = is.begin; i < is.end; ++i)
    factors_of_row(a.sizes, a.dropout, a.draw, g * a.sizes.queries + i, js,
                   to + (i - is.begin) * kKeys);
  return to;
}

/// to (rows, width) = factor from, added if `add`.
template <class T>
void put_rows(const T* from, std::size_t pitch, std::size_t rows, std::size_t width, T factor,
              T* to, bool add) {
  for (std::size_t r = 0; r < rows; ++r, from += pitch, to += width) {
    for (std::size_t e = 0; e < width; ++e) to[e] = (add ? to[e] : T(0)) + factor * from[e];
  }
}

/// task(group, part) for as many groups, and parts of each: on several threads where that pays.
template <class Task>
void each_task(const AttentionSizes& s, std::size_t parts, const Task& task) {
  const double work = static_cast<double>(s.groups * s.queries) * static_cast<double>(s.keys) *
                      static_cast<double>(s.width + s.value_width);
  const std::size_t tasks = s.groups * parts;
  if (tasks == 0) return;
  const std::size_t pieces =
      std::min<std::size_t>(tasks, 1 + static_cast<std::size_t>(std::min(work / 1e6, 64.0)));
  parallel_for(pieces, [&](std::size_t k) {
    for (std::size_t t = tasks * k / pieces; t < tasks * (k + 1) / pieces; ++t)
      task(t / parts, t % parts);
  });
}

/// How many parts of n give a few tasks when there are few groups; a function of sizes only.
inline std::size_t parts_of(std::size_t n, std::size_t groups, std::size_t least) {
  constexpr std::size_t kTasks = 8;
  return groups >= kTasks ? 1 : std::max<std::size_t>(1, std::min(kTasks, n / least));
}
inline Range part_of(std::size_t n, std::size_t parts, std::size_t part, std::size_t block) {
  const auto begin = [&](std::size_t p) { return p == parts ? n : n * p / parts / block * block; };
  return {begin(part), begin(part + 1)};
}

}  // namespace xgrad::kernels::attention
