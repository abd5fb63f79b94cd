#include <algorithm>

#include "xgrad/kernels/attention.hpp"
#include "xgrad/kernels/attention_blocks.hpp"

namespace xgrad::kernels {

using namespace attention;

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
    SumBesideLargest<T> sums[kQueries];
    each_block({0, keys_seen(a, is.end - 1)}, kKeys, [&](Range js) {
      block.fill(group, is, js);
      for (std::size_t r = 0; r < is.size(); ++r) {
        if (!is_sure(over_sum[is.begin + r])) continue;
        attention_kernels<T>().add(block.weights() + r * kKeys, block.gradients() + r * kKeys,
                                   js.size(), sums[r]);
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

template void attend_backward(const Attention<float>&, const AttentionTensors<float>&,
                              GradientTo<float>, GradientTo<float>, GradientTo<float>);
template void attend_backward(const Attention<double>&, const AttentionTensors<double>&,
                              GradientTo<double>, GradientTo<double>, GradientTo<double>);

}  // namespace xgrad::kernels
