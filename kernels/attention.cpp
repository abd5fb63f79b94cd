#include "xgrad/kernels/attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::kernels {
namespace {

// A block of scores and what belongs to it stay in the second cache. Whole rows of registers, and of
// keys whole panels and whole blocks of the generator.
constexpr std::size_t kQueries = 96, kKeys = 192;

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

std::size_t clamped(std::ptrdiff_t i, std::size_t most) {
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
std::size_t parts_of(std::size_t n, std::size_t groups, std::size_t least) {
  constexpr std::size_t kTasks = 8;
  return groups >= kTasks ? 1 : std::max<std::size_t>(1, std::min(kTasks, n / least));
}
Range part_of(std::size_t n, std::size_t parts, std::size_t part, std::size_t block) {
  const auto begin = [&](std::size_t p) { return p == parts ? n : n * p / parts / block * block; };
  return {begin(part), begin(part + 1)};
}

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

namespace {

/// What of a group the gradients of the scores need, its keys and values from `first` on.
template <class T>
struct ScoredGroup {
  const Attention<T>& a;
  std::size_t g, first;
  const T *scaled, *gy, *largest, *over_sum;
  Packed<T>&keys, &values;
};

/// Weights and their gradients of a block, those of dropout included.
template <class T>
class WeightedBlock {
 public:
  explicit WeightedBlock(double dropout)
      : weights_(kQueries * kKeys),
        gradients_(kQueries * kKeys),
        factors_(dropout == 0 ? 0 : kQueries * kKeys) {}

  void fill(const ScoredGroup<T>& of, Range is, Range js) {
    const auto& kernels = attention_kernels<T>();
    const AttentionSizes& s = of.a.sizes;
    kernels.multiply(is.size(), js.size(), s.width, {of.scaled + is.begin * s.width, s.width, 1},
                     of.keys.from_column(js.begin - of.first), weights_.data(), kKeys, false);
    adjust(of.a, of.g, is, js, block(is, js));
    kernels.weigh(block(is, js), of.largest + is.begin, of.over_sum + is.begin);
    kernels.multiply(is.size(), js.size(), s.value_width,
                     {of.gy + is.begin * s.value_width, s.value_width, 1},
                     of.values.from_column(js.begin - of.first), gradients_.data(), kKeys, false);
    dropped_ = factors_of_block(of.a, of.g, is, js, factors_.data());
    if (dropped_ != nullptr) drop(gradients_.data(), is.size());
  }
  /// The gradients become those of the scores, and the weights what dropout leaves of them.
  void to_scores(Range is, Range js, const T* reference, const T* inner) {
    attention_kernels<T>().backward(block(is, js), gradients_.data(), reference + is.begin,
                                    inner + is.begin);
    if (dropped_ != nullptr) drop(weights_.data(), is.size());
  }

  const T* weights() { return weights_.data(); }
  const T* gradients() { return gradients_.data(); }

 private:
  BlockRows<T> block(Range is, Range js) { return {weights_.data(), is.size(), js.size(), kKeys}; }
  void drop(T* x, std::size_t rows) const {
    for (std::size_t e = 0; e < rows * kKeys; ++e) x[e] *= dropped_[e];
  }

  Scratch<T> weights_, gradients_, factors_;
  const T* dropped_ = nullptr;
};

/// A query that looks at one key more than at all others together.
template <class T>
bool is_sure(T over_sum) {
  return over_sum > T(0.5);
}

/// The sum of weights p times numbers x, from the x of the largest p on, which is taken off: where
/// that p is nearly 1, the others count.
template <class T>
struct SumBesideTheLargest {
  T reference = 0, rest = 0, weights = 0, largest = 0;

  void add(T p, T x) {
    if (p == T(0)) return;
    if (p > largest) {
      if (weights > T(0)) rest += weights * (reference - x);
      reference = x;
      largest = p;
    } else {
      rest += p * (x - reference);
    }
    weights += p;
  }
};

/// What the gradients of a query's weights have in common, as reference + inner.
template <class T>
void common_gradient(const Attention<T>& a, const AttentionTensors<T>& t, std::size_t g,
                     Range queries, T* reference, T* inner) {
  const AttentionSizes& s = a.sizes;
  const std::size_t first = g * s.queries;
  const T *const gy = t.gy + first * s.value_width, *const over_sum = t.over_sum + first;
  attention_kernels<T>().inner(gy + queries.begin * s.value_width,
                               t.y + (first + queries.begin) * s.value_width, queries.size(),
                               s.value_width, inner + queries.begin);
  std::fill(reference + queries.begin, reference + queries.end, T(0));
  if (std::none_of(over_sum + queries.begin, over_sum + queries.end, is_sure<T>)) return;
  Packed<T> keys(Layout::transposed, t.k + g * s.keys * s.width, s.keys, s.width),
      values(Layout::transposed, t.v + g * s.keys * s.value_width, s.keys, s.value_width);
  Scratch<T> scaled(s.queries * s.width);
  put_rows(t.q + first * s.width, s.width, s.queries, s.width, a.scale, scaled.data(), false);
  const ScoredGroup<T> group{a, g, 0, scaled.data(), gy, t.largest + first, over_sum, keys, values};
  WeightedBlock<T> block(a.dropout);
  each_block(queries, kQueries, [&](Range is) {
    if (std::none_of(over_sum + is.begin, over_sum + is.end, is_sure<T>)) return;
    SumBesideTheLargest<T> sums[kQueries];
    each_block({0, keys_seen(a, is.end - 1)}, kKeys, [&](Range js) {
      block.fill(group, is, js);
      for (std::size_t r = 0; r < is.size(); ++r) {
        if (!is_sure(over_sum[is.begin + r])) continue;
        for (std::size_t c = 0; c < js.size(); ++c)
          sums[r].add(block.weights()[r * kKeys + c], block.gradients()[r * kKeys + c]);
      }
    });
    for (std::size_t r = 0; r < is.size(); ++r) {
      if (!is_sure(over_sum[is.begin + r])) continue;
      reference[is.begin + r] = sums[r].reference;
      inner[is.begin + r] = sums[r].rest;
    }
  });
}

/// The backward pass of some of the keys of a group.
template <class T>
class BackwardPart {
 public:
  BackwardPart(const Attention<T>& a, const AttentionTensors<T>& t, std::size_t g, Range keys,
               const T* reference, const T* inner)
      : a_(a),
        s_(a.sizes),
        g_(g),
        keys_(keys),
        q_(t.q + g * s_.queries * s_.width),
        gy_(t.gy + g * s_.queries * s_.value_width),
        reference_(reference + g * s_.queries),
        inner_(inner + g * s_.queries),
        width_pitch_(whole_panels<T>(s_.width)),
        value_pitch_(whole_panels<T>(s_.value_width)),
        scaled_(s_.queries * s_.width),
        keys_across_(Layout::transposed, at_key(t.k, s_.width), keys.size(), s_.width),
        values_across_(Layout::transposed, at_key(t.v, s_.value_width), keys.size(),
                       s_.value_width),
        keys_down_(Layout::rows, at_key(t.k, s_.width), keys.size(), s_.width),
        queries_down_(Layout::rows, q_, s_.queries, s_.width, a.scale),
        gy_down_(Layout::rows, gy_, s_.queries, s_.value_width),
        group_{a,
               g,
               keys.begin,
               scaled_.data(),
               gy_,
               t.largest + g * s_.queries,
               t.over_sum + g * s_.queries,
               keys_across_,
               values_across_},
        block_(a.dropout) {
    put_rows(q_, s_.width, s_.queries, s_.width, a.scale, scaled_.data(), false);
  }

  /// gq (queries, width_pitch) is added to unless null.
  void run(T* gq, GradientTo<T> gk, GradientTo<T> gv) {
    Scratch<T> of_keys(kKeys * width_pitch_), of_values(kKeys * value_pitch_);
    each_block(keys_, kKeys, [&](Range js) {
      std::fill_n(of_keys.data(), kKeys * width_pitch_, T(0));
      std::fill_n(of_values.data(), kKeys * value_pitch_, T(0));
      const std::size_t first = first_to_see(a_, js.begin) / kQueries * kQueries;
      each_block({first, s_.queries}, kQueries, [&](Range is) {
        block_.fill(group_, is, js);
        block_.to_scores(is, js, reference_, inner_);
        if (gv.data != nullptr) add_gv(is, js, of_values.data());
        if (gk.data != nullptr) add_gk(is, js, of_keys.data());
        if (gq != nullptr) add_gq(is, js, gq + is.begin * width_pitch_);
      });
      put_keys(js, of_keys.data(), width_pitch_, s_.width, gk);
      put_keys(js, of_values.data(), value_pitch_, s_.value_width, gv);
    });
  }

 private:
  const T* at_key(const T* x, std::size_t width) const {
    return x + (g_ * s_.keys + keys_.begin) * width;
  }
  void add_gv(Range is, Range js, T* to) {
    kernels_.multiply(js.size(), s_.value_width, is.size(), {block_.weights(), 1, kKeys},
                      gy_down_.from_row(is.begin), to, value_pitch_, true);
  }
  void add_gk(Range is, Range js, T* to) {
    kernels_.multiply(js.size(), s_.width, is.size(), {block_.gradients(), 1, kKeys},
                      queries_down_.from_row(is.begin), to, width_pitch_, true);
  }
  void add_gq(Range is, Range js, T* to) {
    kernels_.multiply(is.size(), s_.width, js.size(), {block_.gradients(), kKeys, 1},
                      keys_down_.from_row(js.begin - keys_.begin), to, width_pitch_, true);
  }
  void put_keys(Range js, const T* from, std::size_t pitch, std::size_t width, GradientTo<T> to) {
    if (to.data == nullptr) return;
    put_rows(from, pitch, js.size(), width, T(1), to.data + (g_ * s_.keys + js.begin) * width,
             to.add);
  }

  const AttentionKernels<T>& kernels_ = attention_kernels<T>();
  const Attention<T>& a_;
  const AttentionSizes& s_;
  std::size_t g_;
  Range keys_;
  const T *q_, *gy_, *reference_, *inner_;
  std::size_t width_pitch_, value_pitch_;
  Scratch<T> scaled_;
  Packed<T> keys_across_, values_across_, keys_down_, queries_down_, gy_down_;
  ScoredGroup<T> group_;
  WeightedBlock<T> block_;
};

}  // namespace

// The gradient of q is gathered by each part of the keys for itself, and added up afterwards.
template <class T>
void attend_backward(const Attention<T>& a, const AttentionTensors<T>& t, GradientTo<T> gq,
                     GradientTo<T> gk, GradientTo<T> gv) {
  const AttentionSizes& s = a.sizes;
  const std::size_t parts = parts_of(s.keys, s.groups, 2 * kKeys), pitch = whole_panels<T>(s.width),
                    size = s.queries * pitch;
  Scratch<T> reference(s.groups * s.queries), inner(s.groups * s.queries);
  const std::size_t query_parts = parts_of(s.queries, s.groups, kQueries);
  each_task(s, query_parts, [&](std::size_t g, std::size_t part) {
    common_gradient(a, t, g, part_of(s.queries, query_parts, part, kQueries),
                    reference.data() + g * s.queries, inner.data() + g * s.queries);
  });
  Scratch<T> gathered(parts == 1 || gq.data == nullptr ? 0 : s.groups * parts * size);
  const auto put = [&](std::size_t g, const T* from) {
    put_rows(from, pitch, s.queries, s.width, a.scale, gq.data + g * s.queries * s.width, gq.add);
  };
  each_task(s, parts, [&](std::size_t g, std::size_t part) {
    BackwardPart<T> backward(a, t, g, part_of(s.keys, parts, part, kKeys), reference.data(),
                             inner.data());
    if (gq.data == nullptr) return backward.run(nullptr, gk, gv);
    Scratch<T> own(parts == 1 ? size : 0);
    T* const to = parts == 1 ? own.data() : gathered.data() + (g * parts + part) * size;
    std::fill_n(to, size, T(0));
    backward.run(to, gk, gv);
    if (parts == 1) put(g, to);
  });
  if (parts == 1 || gq.data == nullptr) return;
  for (std::size_t g = 0; g < s.groups; ++g) {
    T* const first = gathered.data() + g * parts * size;
    for (std::size_t part = 1; part < parts; ++part) {
      for (std::size_t e = 0; e < size; ++e) first[e] += first[part * size + e];
    }
    put(g, first);
  }
}

template <class T>
void attention_dropout(const AttentionSizes& s, double dropout, Generator::State draw,
                       std::size_t group, T* factors) {
  for (std::size_t i = 0; i < s.groups * s.queries; ++i)
    factors_of_row(s, dropout, draw, group * s.queries + i, {0, s.keys}, factors + i * s.keys);
}

#define XGRAD_INSTANTIATE(T)                                                                    \
  template void attend(const Attention<T>&, const T*, const T*, const T*, T*, T*, T*);          \
  template void attend_backward(const Attention<T>&, const AttentionTensors<T>&, GradientTo<T>, \
                                GradientTo<T>, GradientTo<T>);                                  \
  template bool is_finite(const T*, std::size_t);                                               \
  template void attention_dropout(const AttentionSizes&, double, Generator::State, std::size_t, T*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
