#pragma once

// Kernels along one axis, written once for both ways that axis can lie in memory. For kernel
// sources only.
//
// `each_row` visits the rows of an AxisView: one row at a time, in packs along it, when its numbers
// are neighbours; as many rows at a time as a pack has lanes when they are `inner` apart. Either
// way a kernel walks along with `row.each`, gathers four packs, and `row.sum` makes them the result
// of the row: the same in every lane in the first case, lane by lane in the second.

#include <cstddef>
#include <type_traits>
#include <utility>

#include "xgrad/kernels/axis_view.hpp"
#include "xgrad/kernels/functions.hpp"
#include "xgrad/kernels/width.hpp"

namespace xgrad::kernels {

/// The larger one, lane by lane; either when one is NaN.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> larger(Pack<T, A> a, Pack<T, A> b) {
  return xsimd::max(a.raw, b.raw);
}

template <std::size_t Q>
using Quarter = std::integral_constant<std::size_t, Q>;

/// body(offset, width, quarter): `quarter` cycles through 0 ... 3, for four independent sums.
template <class P, class Body>
[[gnu::always_inline]] inline void each_pack(std::size_t n, const Body& body) {
  constexpr std::size_t W = P::size;
  std::size_t k = 0;
  for (; k + 4 * W <= n; k += 4 * W) {
    body(k, Full<P>(), Quarter<0>());
    body(k + W, Full<P>(), Quarter<1>());
    body(k + 2 * W, Full<P>(), Quarter<2>());
    body(k + 3 * W, Full<P>(), Quarter<3>());
  }
  for (; k + W <= n; k += W) body(k, Full<P>(), Quarter<0>());
  if (k < n) body(k, First<P>{n - k}, Quarter<1>());
}

/// body(offset, width): short code, for what keeps nothing from one pack to the next.
template <class P, class Body>
[[gnu::always_inline]] inline void each_pack_alone(std::size_t n, const Body& body) {
  std::size_t k = 0;
  for (; k + P::size <= n; k += P::size) body(k, Full<P>());
  if (k < n) body(k, First<P>{n - k});
}

/// Two numbers that are summed up on one way.
template <class P>
struct Two {
  P first, second;
  Two() = default;
  [[gnu::always_inline]] Two(P a, P b) : first(a), second(b) {}
  [[gnu::always_inline]] explicit Two(int x)
      : first(static_cast<P>(x)), second(static_cast<P>(x)) {}
  [[gnu::always_inline]] friend Two operator+(Two a, Two b) {
    return {a.first + b.first, a.second + b.second};
  }
};

namespace lane_sums {
/// Lanes of a and b taken in turn by runs of L / 2: the first halves of their runs of L, or the
/// second ones.
template <std::size_t L, std::size_t Begin, class V, std::size_t... I>
[[gnu::always_inline]] inline V halves_of(V a, V b, std::index_sequence<I...>) {
  constexpr std::size_t W = sizeof...(I);
  return __builtin_shufflevector(
      a, b, static_cast<int>(I % L < L / 2 ? I + Begin : W + I + Begin - L / 2)...);
}
template <std::size_t L, class T, class A>
[[gnu::always_inline]] inline Pack<T, A> fold_runs(Pack<T, A> a, Pack<T, A> b) {
  constexpr auto lanes = std::make_index_sequence<Pack<T, A>::size>();
  return typename Pack<T, A>::Raw(halves_of<L, 0>(a.raw.data, b.raw.data, lanes) +
                                  halves_of<L, L / 2>(a.raw.data, b.raw.data, lanes));
}
/// Lane i: lanes i and i + L / 2 of its run of L added up, where i is in the first half of it; and on
/// with these, until L is 2.
template <std::size_t L, class V, std::size_t... I>
[[gnu::always_inline]] inline V fold_within(V v, std::index_sequence<I...> lanes) {
  if constexpr (L == 1) {
    return v;
  } else {
    const V sum = v + __builtin_shufflevector(v, v, static_cast<int>(I ^ (L / 2))...);
    return fold_within<L / 2>(sum, lanes);
  }
}
/// N packs of runs of N lanes that are to be added up.
template <std::size_t N, class P>
[[gnu::always_inline]] inline P sum_runs(P* x) {
  if constexpr (N == 1) {
    return x[0];
  } else {
    for (std::size_t i = 0; i < N / 2; ++i) x[i] = fold_runs<N>(x[i], x[i + N / 2]);
    return sum_runs<N / 2>(x);
  }
}
}  // namespace lane_sums

/// Both, over the lanes, in the order of sum_lanes.
template <class T, class A>
[[gnu::always_inline]] inline Two<T> sum_lanes(Two<Pack<T, A>> s) {
  constexpr std::size_t W = Pack<T, A>::size;
  const auto both = lane_sums::fold_within<W / 2>(
      lane_sums::fold_runs<W>(s.first, s.second).raw.data, std::make_index_sequence<W>());
  return {both[0], both[W / 2]};
}
using xgrad::sum_lanes;

/// Lane i: the sum over the lanes of x[i]; x is used up.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> sums_of_lanes(Pack<T, A>* x) {
  return lane_sums::sum_runs<Pack<T, A>::size>(x);
}
template <class P>
[[gnu::always_inline]] inline Two<P> sums_of_lanes(Two<P>* x) {
  P first[P::size], second[P::size];
  for (std::size_t i = 0; i < P::size; ++i) {
    first[i] = x[i].first;
    second[i] = x[i].second;
  }
  return {sums_of_lanes(first), sums_of_lanes(second)};
}

/// Sums of blocks, of which each 64 are added up before they join the total. Sum: a pack, or Two.
template <class Sum>
class BlockSum {
 public:
  [[gnu::always_inline]] void add(Sum x) {
    part_ = part_ + x;
    if (++count_ % 64 != 0) return;
    total_ = total_ + part_;
    part_ = Sum(0);
  }
  [[gnu::always_inline]] Sum total() const { return total_ + part_; }

 private:
  Sum total_ = Sum(0), part_ = Sum(0);
  std::size_t count_ = 0;
};

/// One row whose numbers are neighbours. Short: one block at the most.
template <class P, bool Short = false>
struct ContiguousRow {
  using T = typename P::value_type;
  static constexpr std::size_t kBlock = 256 * P::size;  // numbers added up before they join a sum
  static constexpr bool kShort = Short;
  std::size_t n;

  template <class Body>
  [[gnu::always_inline]] void each(const Body& body) const {
    each_pack<P>(n, body);
  }
  template <class Body>
  [[gnu::always_inline]] void each_alone(const Body& body) const {
    each_pack_alone<P>(n, body);
  }
  /// `size` numbers from `begin` on, and where they are.
  [[gnu::always_inline]] ContiguousRow part(std::size_t size) const { return {size}; }
  [[gnu::always_inline]] std::size_t offset(std::size_t begin) const { return begin; }
  [[gnu::always_inline]] P sum(P s) const { return P(sum_lanes(s)); }
  [[gnu::always_inline]] Two<P> sum(Two<P> s) const {
    const Two<T> both = sum_lanes(s);
    return {P(both.first), P(both.second)};
  }
  [[gnu::always_inline]] P largest(const P (&m)[4]) const {
    return P(fold_lanes(
        larger(larger(m[0], m[1]), larger(m[2], m[3])),
        [](auto a, auto b) __attribute__((always_inline)) { return a > b ? a : b; }));
  }
  [[gnu::always_inline]] P load_result(const T* p) const { return P(*p); }
  [[gnu::always_inline]] void store_result(P x, T* p) const { store(x, p, First<P>{1}); }
};

/// As many rows as lanes are in use, side by side.
template <class P, class Width, bool Short = false>
struct ParallelRows {
  using T = typename P::value_type;
  static constexpr std::size_t kBlock = 256;
  static constexpr bool kShort = Short;
  std::size_t n, inner;
  Width width;

  template <class Body>
  [[gnu::always_inline]] void each(const Body& body) const {
    std::size_t i = 0;
    for (; i + 4 <= n; i += 4) {
      body(i * inner, width, Quarter<0>());
      body((i + 1) * inner, width, Quarter<1>());
      body((i + 2) * inner, width, Quarter<2>());
      body((i + 3) * inner, width, Quarter<3>());
    }
    for (; i < n; ++i) body(i * inner, width, Quarter<0>());
  }
  template <class Body>
  [[gnu::always_inline]] void each_alone(const Body& body) const {
    for (std::size_t i = 0; i < n; ++i) body(i * inner, width);
  }
  [[gnu::always_inline]] ParallelRows part(std::size_t size) const { return {size, inner, width}; }
  [[gnu::always_inline]] std::size_t offset(std::size_t begin) const { return begin * inner; }
  template <class Sum>
  [[gnu::always_inline]] Sum sum(Sum s) const {
    return s;
  }
  [[gnu::always_inline]] P largest(const P (&m)[4]) const {
    return larger(larger(m[0], m[1]), larger(m[2], m[3]));
  }
  [[gnu::always_inline]] P load_result(const T* p) const { return load(p, width); }
  [[gnu::always_inline]] void store_result(P x, T* p) const { store(x, p, width); }
};

/// kernel(offset of the first number, offset of the result, row).
template <class P, bool Short = false, class Kernel>
void each_row(AxisView view, const Kernel& kernel) {
  if (view.inner == 1) {
    for (std::size_t o = 0; o < view.outer; ++o)
      kernel(o * view.n, o, ContiguousRow<P, Short>{view.n});
    return;
  }
  for (std::size_t o = 0; o < view.outer; ++o) {
    const std::size_t first = o * view.n * view.inner, result = o * view.inner;
    std::size_t j = 0;
    for (; j + P::size <= view.inner; j += P::size) {
      kernel(first + j, result + j, ParallelRows<P, Full<P>, Short>{view.n, view.inner, {}});
    }
    if (j == view.inner) continue;
    kernel(first + j, result + j,
           ParallelRows<P, First<P>, Short>{view.n, view.inner, {view.inner - j}});
  }
}

/// The packs f(offset, width) of a row that is not long, added up. Sum: a pack, or Two.
template <class Sum, class Row, class F>
[[gnu::always_inline]] inline Sum sum_of_block(const Row& row, const F& f) {
  Sum s[4] = {Sum(0), Sum(0), Sum(0), Sum(0)};
  row.each([&](std::size_t at, auto width, auto q)
               __attribute__((always_inline)) { s[q] = s[q] + f(at, width); });
  return (s[0] + s[1]) + (s[2] + s[3]);
}

/// The same of any row; f is 0 in the lanes that are not in memory.
template <class Sum, class Row, class F>
[[gnu::always_inline]] inline Sum sum_of_blocks(const Row& row, const F& f) {
  if constexpr (Row::kShort) return sum_of_block<Sum>(row, f);
  BlockSum<Sum> total;
  for (std::size_t begin = 0; begin < row.n || begin == 0; begin += Row::kBlock) {
    const std::size_t rest = row.n - begin, first = row.offset(begin);
    const std::size_t size = rest < Row::kBlock ? rest : Row::kBlock;
    const Sum block = sum_of_block<Sum>(
        row.part(size), [&](std::size_t at, auto width)
                            __attribute__((always_inline)) { return f(first + at, width); });
    if (size == row.n) return block;
    total.add(block);
  }
  return total.total();
}

/// The sum of f(offset, width) along the row.
template <class Sum, class Row, class F>
[[gnu::always_inline]] inline Sum sum_along(const Row& row, const F& f) {
  return row.sum(sum_of_blocks<Sum>(row, f));
}

/// One row of a group: where it begins in the group, and which result is its own.
template <class P>
struct RowOfGroup {
  using T = typename P::value_type;
  std::size_t first, result;
  [[gnu::always_inline]] P load_result(const T* p) const { return P(p[result]); }
};
/// The rows of a group that lie side by side, as one.
template <class P, class Width>
struct RowsOfGroup {
  using T = typename P::value_type;
  static constexpr std::size_t first = 0, result = 0;
  Width width;
  [[gnu::always_inline]] P load_result(const T* p) const { return load(p, width, *p); }
};

/// `count` rows of n neighbouring numbers, `stride` apart: no more than a pack has lanes.
template <class P, bool Short>
struct RowGroup {
  std::size_t n, stride, count;

  /// Lane i: the sum of f(offset, width) along row i, f = terms(that row).
  template <class Sum, class Terms>
  [[gnu::always_inline]] Sum sums(const Terms& terms) const {
    Sum part[P::size];
    for (std::size_t i = 0; i < P::size; ++i) {
      part[i] = i < count ? sum_of_blocks<Sum>(ContiguousRow<P, Short>{n},
                                               terms(RowOfGroup<P>{i * stride, i}))
                          : Sum(0);
    }
    return sums_of_lanes(part);
  }
};
template <class P, class Width, bool Short>
struct ParallelGroup {
  ParallelRows<P, Width, Short> rows;

  template <class Sum, class Terms>
  [[gnu::always_inline]] Sum sums(const Terms& terms) const {
    return sum_of_blocks<Sum>(rows, terms(RowsOfGroup<P, Width>{rows.width}));
  }
};

/// f(first row, how many, width) for groups of rows as large as a pack, and a smaller one.
template <class P, class F>
[[gnu::always_inline]] inline void each_lane_group(std::size_t count, const F& f) {
  std::size_t i = 0;
  for (; i + P::size <= count; i += P::size) f(i, P::size, Full<P>());
  if (i < count) f(i, count - i, First<P>{count - i});
}

template <class P, bool Short, class Kernel>
void each_group(AxisView view, const Kernel& kernel) {
  if (view.inner == 1) {
    return each_lane_group<P>(view.outer, [&](std::size_t o, std::size_t count, auto width) {
      kernel(o * view.n, o, RowGroup<P, Short>{view.n, view.n, count}, width);
    });
  }
  for (std::size_t o = 0; o < view.outer; ++o) {
    each_lane_group<P>(view.inner, [&](std::size_t j, std::size_t, auto width) {
      kernel(o * view.n * view.inner + j, o * view.inner + j,
             ParallelGroup<P, decltype(width), Short>{{view.n, view.inner, width}}, width);
    });
  }
}

/// kernel(offset of the first number, of the first result, group, width of the results): as many
/// rows at a time as a pack has lanes, however they lie, for sums whose results are worked on side
/// by side. A row's result does not depend on its group.
template <class P, class Kernel>
void each_group(AxisView view, const Kernel& kernel) {
  if (view.n <= ParallelRows<P, Full<P>>::kBlock) return each_group<P, true>(view, kernel);
  each_group<P, false>(view, kernel);
}

/// body(offset, column, width, number of rows: Rows or 1) for all rows, `stride` apart, a few at a
/// time: what belongs to a column is loaded and stored once for them.
template <class P, std::size_t Rows, class Body>
[[gnu::always_inline]] inline void by_rows(std::size_t rows, std::size_t columns,
                                           std::size_t stride, const Body& body) {
  std::size_t r = 0;
  const auto each = [&](auto how_many) __attribute__((always_inline)) {
    for (; r + how_many <= rows; r += how_many) {
      each_lane_group<P>(
          columns, [&](std::size_t j, std::size_t, auto width) __attribute__((always_inline)) {
            body(r * stride + j, j, width, how_many);
          });
    }
  };
  each(Quarter<Rows>());
  each(Quarter<1>());
}

}  // namespace xgrad::kernels
