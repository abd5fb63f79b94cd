#include "xgrad/ops/attention.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/derivatives.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/attention.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/attention_plan.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/softmax.hpp"

namespace xgrad {

using detail::Rule;
using detail::attention::all_finite;
using detail::attention::arguments;
using detail::attention::composed;
using detail::attention::Input;
using detail::attention::Kept;
using detail::attention::kFirstConstant;
using detail::attention::kKey;
using detail::attention::kName;
using detail::attention::kQuery;
using detail::attention::kValue;
using detail::attention::Pairs;
using detail::attention::Plan;
using detail::attention::with_last;

namespace {

// --- The operation ---

template <class T>
struct Operands {
  Tensor<T> query, key, value, mask, bias;
};

template <class T>
kernels::GradientTo<T> wanted(Backward<T>& b, std::size_t i) {
  if (!b.needs(i)) return {nullptr, false};
  const auto [data, has_value] = detail::FastPath(b).accumulator(i);
  return {data, has_value};
}

// Group g of x (groups, rows, columns).
template <class T>
Tensor<T> group_of(const Tensor<T>& x, std::size_t g, std::size_t rows, std::size_t columns) {
  const Tensor<T> y = Tensor<T>::uninitialized({rows, columns});
  std::copy_n(x.data() + g * y.size(), y.size(), y.node()->data);
  return y;
}

template <class T>
Tensor<T> group_of(const kernels::PairNumbers<T>& pairs, std::size_t g, const Plan& p) {
  if (pairs.data == nullptr) return {};
  const Shape shape = {pairs.query == 0 ? 1 : p.sizes.queries, pairs.key == 0 ? 1 : p.sizes.keys};
  const Tensor<T> y = Tensor<T>::uninitialized(shape);
  std::copy_n(pairs.data + pairs.group[g], y.size(), y.node()->data);
  return y;
}

template <class T>
void add_to(kernels::GradientTo<T>& to, std::size_t at, const Tensor<T>& g) {
  if (to.data == nullptr || !g.defined()) return;
  detail::add_in_place(to.data + at, g.data(), g.size());
}

// Where the gradients of query, key, value and bias go.
template <class T>
using Targets = std::array<kernels::GradientTo<T>, 4>;

// The backward pass by the composition, one group after the other: with a gradient of the bias, and
// where numbers that are not finite make it a question of order what comes out.
template <class T>
void group_by_group(const Plan& plan, const Operands<T>& o, const Tensor<T>& gy, Targets<T> to) {
  const auto& [groups, queries, keys, width, value_width] = plan.sizes;
  const Pairs<T> masks(o.mask, plan), biases(o.bias, plan);
  const Tensor<T>* const operands[] = {&o.query, &o.key, &o.value, &o.bias};
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (to[i].data != nullptr && !to[i].add) std::fill_n(to[i].data, operands[i]->size(), T(0));
  }
  Plan one = plan;
  one.groups = {};
  one.sizes.groups = 1;
  const EnableGrad scope;
  for (std::size_t g = 0; g < groups; ++g) {
    std::vector<Tensor<T>> x = {group_of(o.query, g, queries, width),
                                group_of(o.key, g, keys, width),
                                group_of(o.value, g, keys, value_width)};
    const Tensor<T> bias = group_of(biases.numbers(), g, plan);
    if (to[3].data != nullptr) x.push_back(bias);
    for (Tensor<T>& t : x) t.requires_grad_();
    const Tensor<T> y =
        composed(one, x[0], x[1], x[2], group_of(masks.numbers(), g, plan), bias, g);
    const auto gradients = grad(std::vector{y}, x, {.allow_unused = true},
                                std::vector{group_of(gy, g, queries, value_width)});
    add_to(to[0], g * queries * width, gradients[0]);
    add_to(to[1], g * keys * width, gradients[1]);
    add_to(to[2], g * keys * value_width, gradients[2]);
    if (x.size() > 3) add_to(to[3], biases.numbers().group[g], gradients[3]);
  }
}

// On arrays, without numbers of pairs.
template <class T>
void forward_on_arrays(const Plan& p, const detail::ForwardArrays<T>& a) {
  const auto& [groups, queries, keys, width, value_width] = p.sizes;
  const auto is_finite = [&](Input i, std::size_t rows, std::size_t columns) {
    return kernels::is_finite(a.x[i], p.sizes.groups * rows * columns);
  };
  const bool finite =
      !p.causal || (is_finite(kQuery, queries, width) && is_finite(kKey, keys, width) &&
                    is_finite(kValue, keys, value_width));
  const Pairs<T> none({}, p);
  kernels::attend(arguments(p, finite, none, none), a.x[kQuery], a.x[kKey], a.x[kValue], a.y,
                  a.kept, a.kept + groups * queries);
}

template <class T>
void backward_on_arrays(const Plan& p, const detail::BackwardArrays<T>& a) {
  const auto& [groups, queries, keys, width, value_width] = p.sizes;
  const auto tensor = [n = groups](const T* x, std::size_t rows, std::size_t columns) {
    const Tensor<T> t = Tensor<T>::uninitialized({n, rows, columns});
    std::copy_n(x, t.size(), t.node()->data);
    return t;
  };
  const auto to = [&](Input i) { return kernels::GradientTo<T>{a.gx[i], a.adds(i)}; };
  const Operands<T> o = {tensor(a.x[kQuery], queries, width),
                         tensor(a.x[kKey], keys, width),
                         tensor(a.x[kValue], keys, value_width),
                         {},
                         {}};
  const Tensor<T> gy = tensor(a.gy, queries, value_width);
  if (!all_finite({&o.query, &o.key, &o.value, &gy}))
    return group_by_group<T>(p, o, gy, {to(kQuery), to(kKey), to(kValue), {nullptr, false}});
  const Pairs<T> none({}, p);
  kernels::attend_backward<T>(
      arguments(p, true, none, none),
      {a.x[kQuery], a.x[kKey], a.x[kValue], a.y, a.kept, a.kept + groups * queries, a.gy},
      to(kQuery), to(kKey), to(kValue));
}

template <class T>
void describe_on_arrays(const Tensor<T>& y, const Plan& p) {
  if (p.masked || p.biased || p.dropout > 0) return;
  detail::describe_arrays(
      y, [p](const auto& a) { forward_on_arrays<T>(p, a); },
      [p](const auto& a) { backward_on_arrays<T>(p, a); },
      {.kept = 2 * p.sizes.groups * p.sizes.queries, .gradients = 7});
}

template <class T>
void attention_backward(const void* attributes, Backward<T>& b) {
  const auto& [plan, largest, over_sum] = *static_cast<const Kept<T>*>(attributes);
  const std::size_t at_bias = kFirstConstant + (plan.masked ? 1 : 0);
  const auto pairs = [&](bool there, std::size_t i) { return there ? b.input(i) : Tensor<T>(); };
  if (b.recording()) {
    const std::vector<Tensor<T>> in = detail::aliases(b);
    return detail::add_composed(
        b, in,
        composed(plan, in[kQuery], in[kKey], in[kValue], pairs(plan.masked, kFirstConstant),
                 plan.biased ? in[at_bias] : Tensor<T>()));
  }
  const Operands<T> o = {b.input(kQuery), b.input(kKey), b.input(kValue),
                         pairs(plan.masked, kFirstConstant), pairs(plan.biased, at_bias)};
  const Tensor<T> y = b.output(), gy = b.gradient();
  if ((plan.biased && b.needs(at_bias)) || !all_finite({&o.query, &o.key, &o.value, &gy})) {
    Targets<T> to;
    for (std::size_t i = 0; i < 3; ++i) to[i] = wanted(b, i);
    to[3] = plan.biased ? wanted(b, at_bias) : kernels::GradientTo<T>{nullptr, false};
    return group_by_group(plan, o, gy, to);
  }
  const Pairs<T> masks(o.mask, plan), biases(o.bias, plan);
  const auto gq = wanted(b, kQuery), gk = wanted(b, kKey), gv = wanted(b, kValue);
  kernels::attend_backward<T>(arguments(plan, true, masks, biases),
                              {o.query.data(), o.key.data(), o.value.data(), y.data(),
                               largest.data(), over_sum.data(), gy.data()},
                              gq, gk, gv);
}

template <class T>
const Rule<T> kAttention = {kName, &attention_backward<T>, &detail::destroy_attributes<Kept<T>>};

// Whether axes before the last two broadcast.
bool groups_fit(const Shape& a, const Shape& b) {
  for (std::size_t i = 3; i <= std::min(a.rank(), b.rank()); ++i) {
    const std::size_t m = a[a.rank() - i], n = b[b.rank() - i];
    if (m != n && m != 1 && n != 1) return false;
  }
  return true;
}

void check_operands(const Shape& q, const Shape& k, const Shape& v) {
  const std::size_t a = q.rank(), b = k.rank(), c = v.rank();
  const bool fit = a >= 2 && b >= 2 && c >= 2 && q[a - 1] == k[b - 1] && k[b - 2] == v[c - 2] &&
                   groups_fit(q, k) && groups_fit(k, v) && groups_fit(q, v);
  if (!fit) {
    detail::fail(kName, "(..., l, width), (..., s, width) and (..., s, n) expected: query ", q,
                 ", key ", k, ", value ", v);
  }
  detail::require(q[a - 1] > 0, kName, "the width is 0: query ", q, ", key ", k);
}

template <class T>
void check_pairs(const char* name, const Tensor<T>& t, const Shape& pairs) {
  if (!t.defined()) return;
  bool fits = t.rank() <= pairs.rank();
  for (std::size_t a = 0; fits && a < t.rank(); ++a) {
    const std::size_t size = t.shape()[t.rank() - 1 - a];
    fits = size == 1 || size == pairs[pairs.rank() - 1 - a];
  }
  detail::require(fits, kName, name, " does not broadcast to the pairs of queries and keys: ", name,
                  " ", t.shape(), ", pairs ", pairs);
}

Shape leading(const Shape& s) { return Shape(s.begin(), s.end() - 2); }

template <class T>
Plan make_plan(const Shape& q, const Shape& k, const Shape& v, const AttentionOptions<T>& o) {
  check_operands(q, k, v);
  Plan p;
  p.groups = broadcast_shapes(kName, broadcast_shapes(kName, leading(q), leading(k)), leading(v));
  p.sizes = {p.groups.elements(), q[q.rank() - 2], k[k.rank() - 2], q[q.rank() - 1],
             v[v.rank() - 1]};
  const Shape pairs = with_last(p.groups, p.sizes.queries, p.sizes.keys);
  check_pairs("mask", o.mask, pairs);
  check_pairs("bias", o.bias, pairs);
  p.dropout = detail::require_in(kName, "dropout", o.dropout, "[0, 1]");
  p.scale = o.scale.value_or(1 / std::sqrt(static_cast<double>(p.sizes.width)));
  detail::require_in(kName, "scale", p.scale, "(-inf, inf)");
  detail::require(o.causal || o.offset == 0, kName, "an offset is of a causal one: offset ",
                  o.offset);
  p.causal = o.causal;
  p.offset = o.offset;
  p.masked = o.mask.defined();
  p.biased = o.bias.defined();
  return p;
}

template <class T>
Tensor<T> repeated(const Tensor<T>& x, const Shape& groups) {
  const std::size_t r = x.rank();
  const Shape shape = with_last(groups, x.shape()[r - 2], x.shape()[r - 1]);
  return x.shape() == shape ? x : detail::broadcast_to(x, shape);
}

template <class T>
Tensor<T> by_blocks(const Plan& plan, Generator& generator, const Tensor<T>& q, const Tensor<T>& k,
                    const Tensor<T>& v, const Tensor<T>& mask, const Tensor<T>& bias);

template <class T>
Tensor<T> by_blocks_in_batch(Plan plan, Generator& generator, const detail::BatchOperands<T>& b);

// A function that is traced draws each time; who looks for what went wrong wants the same numbers.
template <class T>
void log_blocks(const Tensor<T>& y, const Plan& plan, Generator& generator) {
  const bool draws = plan.dropout > 0 && detail::tracer != nullptr;
  detail::log_again(y, [plan, draws, g = detail::FollowedGenerator(generator)](const auto& x) {
    Plan now = plan;
    if (draws) now.draw = g.get().next();
    const std::size_t at_bias = kFirstConstant + (plan.masked ? 1 : 0);
    return by_blocks(now, g.get(), x[kQuery], x[kKey], x[kValue],
                     plan.masked ? x[kFirstConstant] : Tensor<T>(),
                     plan.biased ? x[at_bias] : Tensor<T>());
  });
}

template <class T>
Tensor<T> by_blocks(const Plan& plan, Generator& generator, const Tensor<T>& q, const Tensor<T>& k,
                    const Tensor<T>& v, const Tensor<T>& mask, const Tensor<T>& bias) {
  const Shape of_queries = {plan.sizes.groups, plan.sizes.queries};
  const Kept<T> kept{plan, Tensor<T>::uninitialized(of_queries),
                     Tensor<T>::uninitialized(of_queries)};
  const Tensor<T> y =
      Tensor<T>::uninitialized(with_last(plan.groups, plan.sizes.queries, plan.sizes.value_width));
  const Pairs<T> masks(mask, plan), biases(bias, plan);
  const bool finite = !plan.causal || all_finite({&q, &k, &v});
  kernels::attend(arguments(plan, finite, masks, biases), q.data(), k.data(), v.data(),
                  y.node()->data, kept.largest.node()->data, kept.over_sum.node()->data);
  const Tensor<T>* inputs[5] = {&q, &k, &v};
  std::size_t n = kFirstConstant;
  if (plan.masked) inputs[n++] = &mask;
  if (plan.biased) inputs[n++] = &bias;
  detail::record(y, kAttention<T>, std::span<const Tensor<T>* const>(inputs, n),
                 {.inputs = 0x1FU, .output = true}, kept);
  if (!detail::is_logged<T>()) return y;
  log_blocks(y, plan, generator);
  describe_on_arrays(y, plan);
  if (plan.dropout == 0)
    detail::describe_batch(y, [plan, g = detail::FollowedGenerator(generator)](const auto& b) {
      return by_blocks_in_batch(plan, g.get(), b);
    });
  return y;
}

// Samples are further groups.
template <class T>
Tensor<T> by_blocks_in_batch(Plan plan, Generator& generator, const detail::BatchOperands<T>& b) {
  if (plan.groups.rank() + 3 > Shape::kMaxRank) return {};
  const std::size_t rank = plan.groups.rank() + 2;
  plan.groups = plan.groups.with(0, b.n);
  plan.sizes.groups *= b.n;
  // Numbers of pairs, with axes of 1 behind that of the samples.
  const auto pairs = [&](std::size_t i) {
    if (!b.batched[i]) return b.x[i];
    Shape s{b.n};
    for (std::size_t a = b.x[i].rank() - 1; a < rank; ++a) s.push_back(1);
    for (std::size_t a = 1; a < b.x[i].rank(); ++a) s.push_back(b.x[i].shape()[a]);
    return detail::view(b.x[i], s);
  };
  const std::size_t at_bias = kFirstConstant + (plan.masked ? 1 : 0);
  return by_blocks(plan, generator, b.all(kQuery), b.all(kKey), b.all(kValue),
                   plan.masked ? pairs(kFirstConstant) : Tensor<T>(),
                   plan.biased ? pairs(at_bias) : Tensor<T>());
}

}  // namespace

template <class T>
Tensor<T> scaled_dot_product_attention(const Tensor<T>& query, const Tensor<T>& key,
                                       const Tensor<T>& value,
                                       const std::type_identity_t<AttentionOptions<T>>& o) {
  Plan plan = make_plan(query.shape(), key.shape(), value.shape(), o);
  Generator& generator = o.generator != nullptr ? *o.generator : default_generator();
  if (plan.dropout > 0) plan.draw = generator.next();
  const Tensor<T> q = repeated(query, plan.groups), k = repeated(key, plan.groups),
                  v = repeated(value, plan.groups);
  const Tensor<T> mask = o.mask.defined() ? o.mask.detach() : Tensor<T>();
  return by_blocks(plan, generator, q, k, v, mask, o.bias);
}

#define XGRAD_INSTANTIATE(T)                                                          \
  template Tensor<T> scaled_dot_product_attention(const Tensor<T>&, const Tensor<T>&, \
                                                  const Tensor<T>&, const AttentionOptions<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
