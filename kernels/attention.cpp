#include "xgrad/kernels/attention.hpp"

#include <algorithm>
#include <limits>

#include "xgrad/kernels/attention_blocks.hpp"

namespace xgrad::kernels {

using namespace attention;

namespace {

template <class T>
void attend_part(const Attention<T>& a, std::size_t g, Range queries, const T* q, const T* k,
                 const T* v, T* y, T* largest, T* over_sum) {
  const auto& kernels = attention_kernels<T>();
  const AttentionSizes& s = a.sizes;
  const std::size_t pitch = whole_panels<T>(s.value_width), width = s.width;
  Packed<T> keys(Layout::transposed, k, s.keys, width),
      values(Layout::rows, v, s.keys, s.value_width);
  Scratch<T> scaled(kQueries * width), scores(kQueries * kKeys), factors(kQueries * kKeys),
      sums(kQueries * pitch);
  each_block(queries, kQueries, [&](Range is) {
    T *const most = largest + is.begin, *const sum = over_sum + is.begin;
    put_rows(q + is.begin * width, width, is.size(), width, a.scale, scaled.data(), false);
    std::fill_n(sums.data(), is.size() * pitch, T(0));
    std::fill_n(most, is.size(), -std::numeric_limits<T>::infinity());
    std::fill_n(sum, is.size(), T(0));
    each_block({0, a.finite ? keys_seen(a, is.end - 1) : s.keys}, kKeys, [&](Range js) {
      const BlockRows<T> block{scores.data(), is.size(), js.size(), kKeys};
      kernels.multiply(is.size(), js.size(), width, {scaled.data(), width, 1},
                       keys.from_column(js.begin), scores.data(), kKeys, false);
      adjust(a, g, is, js, block);
      kernels.soften(block, most, sum, {sums.data(), is.size(), s.value_width, pitch});
      if (const T* f = factors_of_block(a, g, is, js, factors.data())) {
        for (std::size_t e = 0; e < is.size() * kKeys; ++e) scores[e] *= f[e];
      }
      kernels.multiply(is.size(), s.value_width, js.size(), {scores.data(), kKeys, 1},
                       values.from_row(js.begin), sums.data(), pitch, true);
    });
    for (std::size_t r = 0; r < is.size(); ++r) {
      const bool none = sum[r] == T(0);
      sum[r] = none ? T(0) : 1 / sum[r];
      if (none) most[r] = T(0);
      put_rows(sums.data() + r * pitch, pitch, 1, s.value_width, sum[r],
               y + (is.begin + r) * s.value_width, false);
    }
  });
}

}  // namespace

// The sum of x - x is 0.
template <class T>
bool is_finite(const T* x, std::size_t n) {
  T sum[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::size_t e = 0; e < 8; ++e) sum[e] += x[i + e] - x[i + e];
  }
  for (; i < n; ++i) sum[0] += x[i] - x[i];
  for (std::size_t e = 1; e < 8; ++e) sum[0] += sum[e];
  return sum[0] == T(0);
}

template <class T>
void attend(const Attention<T>& a, const T* q, const T* k, const T* v, T* y, T* largest,
            T* over_sum) {
  const AttentionSizes& s = a.sizes;
  const std::size_t parts = parts_of(s.queries, s.groups, kQueries);
  each_task(s, parts, [&](std::size_t g, std::size_t part) {
    attend_part(a, g, part_of(s.queries, parts, part, kQueries), q + g * s.queries * s.width,
                k + g * s.keys * s.width, v + g * s.keys * s.value_width,
                y + g * s.queries * s.value_width, largest + g * s.queries,
                over_sum + g * s.queries);
  });
}

template <class T>
void attention_dropout(const AttentionSizes& s, double dropout, Generator::State draw,
                       std::size_t group, T* factors) {
  for (std::size_t i = 0; i < s.groups * s.queries; ++i)
    factors_of_row(s, dropout, draw, group * s.queries + i, {0, s.keys}, factors + i * s.keys);
}

#define XGRAD_INSTANTIATE(T)                                                           \
  template void attend(const Attention<T>&, const T*, const T*, const T*, T*, T*, T*); \
  template bool is_finite(const T*, std::size_t);                                      \
  template void attention_dropout(const AttentionSizes&, double, Generator::State, std::size_t, T*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
