#include "xgrad/modules/attention.hpp"

#include <cmath>

#include "xgrad/autograd/trace.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/positions.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {
namespace {

constexpr const char* kName = "MultiheadAttention";

MultiheadAttentionOptions checked(std::size_t width, std::size_t heads,
                                  MultiheadAttentionOptions o) {
  detail::require(width > 0 && heads > 0 && width % heads == 0, kName,
                  "the width cannot be divided among the heads: width ", width, ", heads ", heads);
  detail::require_in(kName, "dropout", o.dropout, "[0, 1]");
  detail::require(!o.rotary || width / heads % 2 == 0, kName,
                  "rotary heads are of odd width: width ", width, ", heads ", heads);
  if (o.kdim == 0) o.kdim = width;
  if (o.vdim == 0) o.vdim = width;
  return o;
}

// A mask or bias of one of the forms that AttentionMasks takes, as one of all pairs.
template <class T>
Tensor<T> of_pairs(const char* name, const Tensor<T>& t, std::size_t n, std::size_t heads) {
  if (!t.defined() || t.rank() == 2 || t.rank() == 4) return t;
  const Shape& s = t.shape();
  const bool fits = t.rank() == 3 && s[0] == n * heads;
  detail::require(fits, kName, name, " is not (l, s), (", n * heads, ", l, s) or (", n, ", ", heads,
                  ", l, s): ", name, " ", s);
  return reshape(t, Shape{n, heads, s[1], s[2]});
}

}  // namespace

template <class T>
Tensor<T> MultiheadAttention<T>::initial_projection(std::size_t rows, std::size_t columns) const {
  const T bound = std::sqrt(T(6) / static_cast<T>(rows + columns));
  return uniform<T>({rows, columns}, -bound, bound);
}

template <class T>
MultiheadAttention<T>::MultiheadAttention(std::size_t width, std::size_t heads,
                                          MultiheadAttentionOptions o)
    : width_(width),
      heads_(heads),
      options_(checked(width, heads, o)),
      in_proj_weight(this->add_parameter(
          "in_proj_weight", separate() ? Tensor<T>() : initial_projection(3 * width, width))),
      q_proj_weight(this->add_parameter(
          "q_proj_weight", separate() ? initial_projection(width, width) : Tensor<T>())),
      k_proj_weight(this->add_parameter(
          "k_proj_weight", separate() ? initial_projection(width, options_.kdim) : Tensor<T>())),
      v_proj_weight(this->add_parameter(
          "v_proj_weight", separate() ? initial_projection(width, options_.vdim) : Tensor<T>())),
      in_proj_bias(this->add_parameter("in_proj_bias",
                                       o.bias ? Tensor<T>::filled({3 * width}, 0) : Tensor<T>())),
      out_proj(
          this->template add<Linear<T>>("out_proj", width, width, LinearOptions{.bias = o.bias})) {
  if (o.bias) out_proj.bias = Tensor<T>::filled({width}, 0);
}

// 0: queries, 1: keys, 2: values.
template <class T>
Tensor<T> MultiheadAttention<T>::projected(std::size_t part, const Tensor<T>& x) const {
  const auto first = static_cast<std::ptrdiff_t>(part * width_),
             last = first + static_cast<std::ptrdiff_t>(width_);
  const Tensor<T>& own = part == 0 ? q_proj_weight : part == 1 ? k_proj_weight : v_proj_weight;
  const Tensor<T> weight = separate() ? own : slice(in_proj_weight, 0, first, last);
  return linear(x, weight,
                in_proj_bias.defined() ? slice(in_proj_bias, 0, first, last) : Tensor<T>());
}

// (n, l, width) -> (n, heads, l, width of a head).
template <class T>
Tensor<T> MultiheadAttention<T>::in_heads(const Tensor<T>& x) const {
  const Shape& s = x.shape();
  return permute(reshape(x, Shape{s[0], s[1], heads_, width_ / heads_}), {0, 2, 1, 3});
}

template <class T>
typename MultiheadAttention<T>::Heads MultiheadAttention<T>::heads_of(
    const Tensor<T>& query, const Tensor<T>& key, const Tensor<T>& value) const {
  if (!separate() && query.node() == key.node() && key.node() == value.node()) {
    const auto parts = split(linear(query, in_proj_weight, in_proj_bias), 3, -1);
    return {in_heads(parts[0]), in_heads(parts[1]), in_heads(parts[2])};
  }
  return {in_heads(projected(0, query)), in_heads(projected(1, key)),
          in_heads(projected(2, value))};
}

template <class T>
AttentionOptions<T> MultiheadAttention<T>::attention_options(const Heads& h,
                                                             const AttentionMasks<T>& m) const {
  const std::size_t n = h.query.shape()[0], keys = h.key.shape()[2];
  AttentionOptions<T> o;
  if (m.attn_mask.defined()) o.mask = !of_pairs("attn_mask", m.attn_mask, n, heads_);
  if (m.key_padding_mask.defined()) {
    const Shape& s = m.key_padding_mask.shape();
    detail::require(s == Shape{n, keys} || (n == 1 && s == Shape{keys}), kName,
                    "key_padding_mask is not ", Shape{n, keys}, ": key_padding_mask ", s);
    const Tensor<T> seen = reshape(!m.key_padding_mask, Shape{n, 1, 1, keys});
    o.mask = o.mask.defined() ? logical_and(o.mask, seen) : seen;
  }
  o.bias = of_pairs("attn_bias", m.attn_bias, n, heads_);
  o.causal = options_.causal || m.causal;
  o.dropout = this->is_training() ? options_.dropout : 0;
  return o;
}

template <class T>
Tensor<T> MultiheadAttention<T>::joined(const Heads& h, const AttentionOptions<T>& options) {
  const Tensor<T> y = scaled_dot_product_attention(h.query, h.key, h.value, options);
  const Shape& s = y.shape();
  return out_proj(reshape(permute(y, {0, 2, 1, 3}), Shape{s[0], s[2], width_}));
}

template <class T>
Tensor<T> MultiheadAttention<T>::attend(const Tensor<T>& query, const Tensor<T>& key,
                                        const Tensor<T>& value, const AttentionMasks<T>& masks) {
  const Shape &q = query.shape(), &k = key.shape(), &v = value.shape();
  const auto fits = [&](const Shape& s, std::size_t width) {
    return s.rank() == 3 && s[2] == width && s[0] == q[0];
  };
  if (q.rank() == 2 && k.rank() == 2 && v.rank() == 2) {
    const Tensor<T> one = unsqueeze(query, 0),
                    of_key = key.node() == query.node() ? one : unsqueeze(key, 0),
                    of_value = value.node() == key.node() ? of_key : unsqueeze(value, 0);
    return squeeze(attend(one, of_key, of_value, masks), {0});
  }
  const bool fit =
      fits(q, width_) && fits(k, options_.kdim) && fits(v, options_.vdim) && k[1] == v[1];
  detail::require(fit, kName, "query (n, l, ", width_, "), key (n, s, ", options_.kdim,
                  ") and value (n, s, ", options_.vdim, ") expected: query ", q, ", key ", k,
                  ", value ", v);
  Heads h = heads_of(query, key, value);
  if (options_.rotary) h = {rotary(h.query), rotary(h.key), h.value};
  return joined(h, attention_options(h, masks));
}

template <class T>
Tensor<T> MultiheadAttention<T>::attend(const Tensor<T>& x, AttentionCache<T>& cache) {
  if (detail::tracer != nullptr) detail::tracer->refuse("AttentionCache");
  const Shape& s = x.shape();
  const std::size_t before = cache.length();
  const bool fits =
      s.rank() == 3 && s[2] == width_ && !separate() &&
      (before == 0 || cache.key.shape() == Shape{s[0], heads_, before, width_ / heads_});
  detail::require(fits, kName, "x (n, l, ", width_, ") does not follow the cache: x ", s,
                  ", cached keys ", before == 0 ? Shape{0} : cache.key.shape());
  Heads h = heads_of(x, x, x);
  if (options_.rotary) {
    h = {rotary(h.query, {.first = before}), rotary(h.key, {.first = before}), h.value};
  }
  if (before > 0) {
    h.key = concat({cache.key, h.key}, 2);
    h.value = concat({cache.value, h.value}, 2);
  }
  cache = {h.key, h.value};
  AttentionOptions<T> o = attention_options(h, {.causal = true});
  o.offset = static_cast<std::ptrdiff_t>(before);
  return joined(h, o);
}

template <class T>
Tensor<T> MultiheadAttention<T>::forward(const Tensor<T>& x) {
  return attend(x, x, x, {});
}

template <class T>
Tensor<T> MultiheadAttention<T>::operator()(const Tensor<T>& query, const Tensor<T>& key,
                                            const Tensor<T>& value,
                                            const AttentionMasks<T>& masks) {
  return this->inside([&] { return this->hooked(query, attend(query, key, value, masks)); });
}

template <class T>
Tensor<T> MultiheadAttention<T>::operator()(const Tensor<T>& x, const AttentionMasks<T>& masks) {
  return (*this)(x, x, x, masks);
}

template <class T>
Tensor<T> MultiheadAttention<T>::operator()(const Tensor<T>& x, AttentionCache<T>& cache) {
  return this->inside([&] { return this->hooked(x, attend(x, cache)); });
}

template <class T>
ModuleOptions MultiheadAttention<T>::options() const {
  return {{"width", ModuleOptions::of(width_)},
          {"heads", ModuleOptions::of(heads_)},
          {"dropout", ModuleOptions::of(options_.dropout)},
          {"bias", ModuleOptions::of(in_proj_bias.defined())},
          {"kdim", ModuleOptions::of(options_.kdim)},
          {"vdim", ModuleOptions::of(options_.vdim)},
          {"causal", ModuleOptions::of(options_.causal)},
          {"rotary", ModuleOptions::of(options_.rotary)}};
}

template <class T>
std::unique_ptr<Module<T>> MultiheadAttention<T>::from(const ModuleOptions& o) {
  const std::size_t width = o.size("width"), heads = o.size("heads");
  return std::make_unique<MultiheadAttention>(
      width, heads,
      MultiheadAttentionOptions{.dropout = o.number("dropout", 0),
                                .bias = o.flag("bias", true),
                                .kdim = o.has("kdim") ? o.size("kdim") : 0,
                                .vdim = o.has("vdim") ? o.size("vdim") : 0,
                                .causal = o.flag("causal", false),
                                .rotary = o.flag("rotary", false)});
}

// --- Positions ---

template <class T>
Tensor<T> SinusoidalPositions<T>::at(const Tensor<T>& x, std::size_t first) const {
  const std::size_t r = x.rank();
  detail::require(r >= 2, "SinusoidalPositions", "x has no axis of positions: x ", x.shape());
  return x + sinusoidal_positions<T>(x.shape()[r - 2], x.shape()[r - 1], first);
}

template <class T>
LearnedPositions<T>::LearnedPositions(std::size_t length, std::size_t width)
    : weight(this->add_parameter("weight", [&] {
        detail::require(length > 0 && width > 0, "LearnedPositions", "a size is 0: length ", length,
                        ", width ", width);
        return normal<T>({length, width}, 0, T(0.02));
      }())) {}

template <class T>
Tensor<T> LearnedPositions<T>::at(const Tensor<T>& x, std::size_t first) const {
  const Shape &s = x.shape(), &w = weight.shape();
  const std::size_t r = s.rank();
  const bool fits = r >= 2 && s[r - 1] == w[1] && first <= w[0] && s[r - 2] <= w[0] - first;
  detail::require(fits, "LearnedPositions", "x does not fit the positions from ", first, ": x ", s,
                  ", weight ", w);
  const auto begin = static_cast<std::ptrdiff_t>(first),
             end = begin + static_cast<std::ptrdiff_t>(s[r - 2]);
  return x + slice(weight, 0, begin, end);
}

template <class T>
ModuleOptions LearnedPositions<T>::options() const {
  return {{"length", ModuleOptions::of(weight.shape()[0])},
          {"width", ModuleOptions::of(weight.shape()[1])}};
}

template <class T>
std::unique_ptr<Module<T>> LearnedPositions<T>::from(const ModuleOptions& o) {
  const std::size_t length = o.size("length"), width = o.size("width");
  return std::make_unique<LearnedPositions>(length, width);
}

template class MultiheadAttention<float>;
template class MultiheadAttention<double>;
template class SinusoidalPositions<float>;
template class SinusoidalPositions<double>;
template class LearnedPositions<float>;
template class LearnedPositions<double>;

}  // namespace xgrad
