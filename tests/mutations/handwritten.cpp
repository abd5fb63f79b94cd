#include <algorithm>

#include "mutants.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/normalization.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"
#include "xgrad/ops/softmax.hpp"

namespace mutations {
namespace {

using xgrad::broadcast_to;
using xgrad::Indices;

class List {
 public:
  void add(const char* name, Operation f, Rule rule, Tensors inputs) {
    mutants.push_back({name, f, with_rule(name, f, std::move(rule)), std::move(inputs)});
  }
  /// A rule for one input.
  void add1(const char* name, Operation f,
            std::function<D(const D& x, const D& y, const D& gy)> rule, D x) {
    add(name, std::move(f),
        [rule](const Tensors& in, const D& y, const D& gy) { return Tensors{rule(in[0], y, gy)}; },
        {x});
  }

  std::vector<Mutant> mutants;
};

const D kX = numbers({3, 3}, 0.3, 1.7, 11), kW = numbers({3, 3}, -1, 1, 12),
        kRow = numbers({3}, 0.4, 1.6, 13);
const D kWide = numbers({3, 4}, -1.5, 1.5, 14);
const Indices kLabels = {2, 0, 3}, kPicked = {1, 0, 1};

Indices column(std::initializer_list<std::int64_t> values) {
  Indices c(Indices::shape_type{values.size(), 1});
  std::copy(values.begin(), values.end(), c.data());
  return c;
}

D rows(const D& t, const D& like) { return broadcast_to(unsqueeze(t, 1), like.shape()); }

void add_broadcasts(List& l) {
  const Operation shift = [](const Tensors&in) { return in[0] + in[1]; },
                  scale = [](const Tensors&in) { return in[0] * in[1]; };
  l.add("bias: only the first row", shift,
        [](const Tensors&, const D&, const D& gy) {
          return Tensors{gy, select(gy, 0, 0)};
        },
        {kX, kRow});
  l.add("bias: mean in place of the sum", shift,
        [](const Tensors&, const D&, const D& gy) {
          return Tensors{gy, mean(gy, 0)};
        },
        {kX, kRow});
  l.add("bias: sum over the wrong axis", shift,
        [](const Tensors&, const D&, const D& gy) {
          return Tensors{gy, sum(gy, 1)};
        },
        {kX, kRow});
  l.add("scale: sum before the product", scale,
        [](const Tensors& in, const D&, const D& gy) {
          return Tensors{gy * in[1], sum(gy, 0) * mean(in[0], 0)};
        },
        {kX, kRow});
  l.add("scale: sum over the wrong axis", scale,
        [](const Tensors& in, const D&, const D& gy) {
          return Tensors{gy * in[1], sum(gy * in[0], 1)};
        },
        {kX, kRow});
}

void add_reductions(List& l) {
  l.add1(
      "mean: not divided", [](const Tensors& in) { return mean(in[0], 1); },
      [](const D& x, const D&, const D& gy) { return rows(gy, x); }, kX);
  l.add1(
      "sum: along the wrong axis", [](const Tensors& in) { return sum(in[0], 1); },
      [](const D& x, const D&, const D& gy) { return broadcast_to(gy, x.shape()); }, kX);
  l.add1(
      "max: to all elements", [](const Tensors& in) { return max(in[0], 1); },
      [](const D& x, const D&, const D& gy) { return rows(gy, x); }, kX);
  l.add1(
      "max: to the smallest", [](const Tensors& in) { return max(in[0], 1); },
      [](const D& x, const D&, const D& gy) {
        return rows(gy, x) * (x == min(x, 1, {.keep_dims = true}));
      },
      kX);
  l.add1(
      "max: one place beside", [](const Tensors& in) { return max(in[0], 1); },
      [](const D& x, const D& y, const D& gy) { return flip(rows(gy, x) * (x == rows(y, x)), 0); },
      kX);
  l.add1(
      "prod: the product itself", [](const Tensors& in) { return prod(in[0], 1); },
      [](const D& x, const D& y, const D& gy) { return rows(gy * y, x); }, kX);
  l.add1(
      "var: n in place of n - 1", [](const Tensors& in) { return var(in[0], 1); },
      [](const D& x, const D&, const D& gy) {
        return rows(gy, x) * 2 / 3 * (x - mean(x, 1, {.keep_dims = true}));
      },
      kX);
  l.add1(
      "var: mean forgotten", [](const Tensors& in) { return var(in[0], 1); },
      [](const D& x, const D&, const D& gy) { return rows(gy, x) * x; }, kX);
  l.add1(
      "norm: not divided", [](const Tensors& in) { return norm(in[0], 2, 1); },
      [](const D& x, const D&, const D& gy) { return rows(gy, x) * x; }, kX);
  l.add1(
      "logsumexp: not normalised", [](const Tensors& in) { return logsumexp(in[0], 1); },
      [](const D& x, const D&, const D& gy) { return rows(gy, x) * exp(x); }, kX);
  l.add1(
      "cumsum: not reversed", [](const Tensors& in) { return cumsum(in[0], 1); },
      [](const D&, const D&, const D& gy) { return cumsum(gy, 1); }, kX);
  l.add1(
      "cumsum: off by one", [](const Tensors& in) { return cumsum(in[0], 1); },
      [](const D&, const D&, const D& gy) { return flip(cumsum(flip(gy, 1), 1), 1) - gy; }, kX);
}

void add_softmax(List& l) {
  const Operation soft = [](const Tensors&in) { return softmax(in[0]); },
                  log_soft = [](const Tensors&in) { return log_softmax(in[0]); };
  l.add1(
      "softmax: sum forgotten", soft, [](const D&, const D& y, const D& gy) { return y * gy; }, kX);
  l.add1(
      "softmax: diagonal only", soft,
      [](const D&, const D& y, const D& gy) { return y * (1.0 - y) * gy; }, kX);
  l.add1(
      "softmax: sum over the wrong axis", soft,
      [](const D&, const D& y, const D& gy) {
        return y * (gy - sum(y * gy, 0, {.keep_dims = true}));
      },
      kX);
  l.add1(
      "softmax: sum of the whole", soft,
      [](const D&, const D& y, const D& gy) { return y * (gy - sum(y * gy)); }, kX);
  l.add1(
      "log_softmax: sum forgotten", log_soft,
      [](const D&, const D& y, const D& gy) { return gy - exp(y); }, kX);
  l.add1(
      "log_softmax: not exponentiated", log_soft,
      [](const D&, const D& y, const D& gy) { return gy - y * sum(gy, 1, {.keep_dims = true}); },
      kX);
}

void add_products(List& l) {
  const Operation product = [](const Tensors& in) { return matmul(in[0], in[1]); };
  const auto bt = [](const D& a, const D& b) { return matmul(a, b, {.transpose_b = true}); };
  const auto at = [](const D& a, const D& b) { return matmul(a, b, {.transpose_a = true}); };
  l.add("matmul: b not transposed", product,
        [=](const Tensors& in, const D&, const D& gy) {
          return Tensors{matmul(gy, in[1]), at(in[0], gy)};
        },
        {kX, kW});
  l.add("matmul: a not transposed", product,
        [=](const Tensors& in, const D&, const D& gy) {
          return Tensors{bt(gy, in[1]), matmul(in[0], gy)};
        },
        {kX, kW});
  l.add("matmul: factors in the wrong order", product,
        [=](const Tensors& in, const D&, const D& gy) {
          return Tensors{bt(gy, in[1]), matmul(gy, in[0])};
        },
        {kX, kW});
  l.add("matmul: gradient of b transposed", product,
        [=](const Tensors& in, const D&, const D& gy) {
          return Tensors{bt(gy, in[1]), at(gy, in[0])};
        },
        {kX, kW});
  l.add("matmul: operands swapped", product,
        [=](const Tensors& in, const D&, const D& gy) {
          return Tensors{bt(gy, in[0]), at(in[1], gy)};
        },
        {kX, kW});
  const Operation affine = [](const Tensors& in) { return linear(in[0], in[1], in[2]); };
  l.add("linear: weight transposed", affine,
        [=](const Tensors& in, const D&, const D& gy) {
          return Tensors{matmul(gy, in[1]), at(in[0], gy), sum(gy, 0)};
        },
        {kX, kW, kRow});
  l.add("linear: mean of the bias", affine,
        [=](const Tensors& in, const D&, const D& gy) {
          return Tensors{matmul(gy, in[1]), at(gy, in[0]), mean(gy, 0)};
        },
        {kX, kW, kRow});
  l.add("linear: weight divided by the batch", affine,
        [=](const Tensors& in, const D&, const D& gy) {
          return Tensors{matmul(gy, in[1]), at(gy, in[0]) / 3, sum(gy, 0)};
        },
        {kX, kW, kRow});
  l.add(
      "outer: swapped", [](const Tensors& in) { return outer(in[0], in[1]); },
      [](const Tensors& in, const D&, const D& gy) {
        return Tensors{matmul(in[1], gy), matmul(gy, in[0])};
      },
      {kRow, kRow * kRow});
}

void add_rearrangements(List& l) {
  l.add1(
      "transpose: forgotten", [](const Tensors& in) { return transpose(in[0]); },
      [](const D&, const D&, const D& gy) { return gy; }, kX);
  l.add1(
      "flip: forgotten", [](const Tensors& in) { return flip(in[0], 0); },
      [](const D&, const D&, const D& gy) { return gy; }, kX);
  l.add1(
      "permute: not inverted",
      [](const Tensors& in) {
        return permute(in[0], {1, 2, 0});
      },
      [](const D&, const D&, const D& gy) {
        return permute(gy, {1, 2, 0});
      },
      numbers({2, 2, 2}, -1, 1, 15));
  l.add1(
      "reshape: in column order",
      [](const Tensors& in) {
        return reshape(in[0], {4, 3});
      },
      [](const D&, const D&, const D& gy) { return transpose(gy); }, kWide);
  l.add1(
      "slice: off by one", [](const Tensors& in) { return slice(in[0], 0, 0, 2); },
      [](const D&, const D&, const D& gy) {
        return pad(gy, {{1, 0}, {}});
      },
      kX);
  l.add1(
      "pad: at the wrong end",
      [](const Tensors& in) {
        return pad(in[0], {{1, 0}, {}});
      },
      [](const D&, const D&, const D& gy) { return slice(gy, 0, 0, 3); }, kX);
  l.add1(
      "repeat: first copy only",
      [](const Tensors& in) {
        return repeat(in[0], {2, 1});
      },
      [](const D&, const D&, const D& gy) { return slice(gy, 0, 0, 3); }, kX);
  l.add(
      "concat: parts swapped",
      [](const Tensors& in) {
        return xgrad::concat({in[0], in[1]}, 0);
      },
      [](const Tensors&, const D&, const D& gy) {
        return Tensors{slice(gy, 0, 3, 6), slice(gy, 0, 0, 3)};
      },
      {kX, kW});
  l.add(
      "concat: off by one",
      [](const Tensors& in) {
        return xgrad::concat({in[0], in[1]}, 0);
      },
      [](const Tensors&, const D&, const D& gy) {
        return Tensors{slice(gy, 0, 0, 3), slice(gy, 0, 2, 5)};
      },
      {kX, kW});
  l.add(
      "stack: one gradient for both",
      [](const Tensors& in) {
        return xgrad::stack({in[0], in[1]}, 0);
      },
      [](const Tensors&, const D&, const D& gy) {
        return Tensors{select(gy, 0, 0), select(gy, 0, 0)};
      },
      {kX, kW});
  l.add1(
      "index_select: repeated rows overwritten",
      [](const Tensors& in) { return index_select(in[0], 0, kPicked); },
      [](const D& x, const D&, const D& gy) {
        return index_add(0.0 * x, 0, Indices{1, 0}, slice(gy, 0, 0, 2));
      },
      kX);
  l.add1(
      "index_select: as written into",
      [](const Tensors& in) {
        return index_select(in[0], 0, Indices{1, 2, 0});
      },
      [](const D&, const D&, const D& gy) {
        return index_select(gy, 0, Indices{1, 2, 0});
      },
      kX);
  l.add1(
      "gather: wrong column",
      [](const Tensors& in) {
        return gather(in[0], 1, column({0, 2, 1}));
      },
      [](const D& x, const D&, const D& gy) {
        return scatter_add(0.0 * x, 1, column({1, 0, 2}), gy);
      },
      kX);
}

// layer_norm with parts of its gradient missing.
D layer_norm_rule(const D& x, const D& gy, bool mean_term, bool variance_term) {
  const D centred = x - mean(x, 1, {.keep_dims = true});
  const D inverse = rsqrt(mean(square(centred), 1, {.keep_dims = true}) + 1e-5),
          z = centred * inverse;
  D g = gy;
  if (mean_term) g = g - mean(gy, 1, {.keep_dims = true});
  if (variance_term) g = g - z * mean(gy * z, 1, {.keep_dims = true});
  return g * inverse;
}

void add_normalizations(List& l) {
  const Operation layer = [](const Tensors& in) { return layer_norm(in[0], {4}); };
  l.add1(
      "layer_norm: mean forgotten", layer,
      [](const D& x, const D&, const D& gy) { return layer_norm_rule(x, gy, false, true); }, kWide);
  l.add1(
      "layer_norm: variance forgotten", layer,
      [](const D& x, const D&, const D& gy) { return layer_norm_rule(x, gy, true, false); }, kWide);
  l.add1(
      "layer_norm: statistics as constants", layer,
      [](const D& x, const D&, const D& gy) { return layer_norm_rule(x, gy, false, false); },
      kWide);
  const Operation batch = [](const Tensors& in) { return batch_norm(in[0]); };
  l.add1(
      "batch_norm: over the samples", batch,
      [](const D& x, const D&, const D& gy) { return layer_norm_rule(x, gy, true, true); }, kX);
  l.add1(
      "batch_norm: statistics as constants", batch,
      [](const D& x, const D&, const D& gy) {
        return gy * rsqrt(var(x, 0, {.correction = 0}) + 1e-5);
      },
      kX);
  l.add(
      "layer_norm: weight's gradient of the raw input",
      [](const Tensors& in) { return layer_norm(in[0], {4}, in[1]); },
      [](const Tensors& in, const D&, const D& gy) {
        return Tensors{layer_norm_rule(in[0], gy * in[1], true, true), sum(gy * in[0], 0)};
      },
      {kWide, numbers({4}, 0.5, 1.5, 16)});
  const D mask = 2.0 * (numbers({3, 4}, -1, 1, 17) > 0.0),
          stale = 2.0 * (numbers({3, 4}, -1, 1, 18) > 0.0);
  l.add1(
      "dropout: not scaled", [mask](const Tensors& in) { return in[0] * mask; },
      [mask](const D&, const D&, const D& gy) { return gy * mask / 2; }, kWide);
  l.add1(
      "dropout: another mask", [mask](const Tensors& in) { return in[0] * mask; },
      [stale](const D&, const D&, const D& gy) { return gy * stale; }, kWide);
}

void add_losses(List& l) {
  const D probabilities = numbers({3, 4}, 0.1, 0.9, 19), targets = numbers({3, 4}, 0.1, 0.9, 20);
  const Operation cross = [](const Tensors& in) { return cross_entropy(in[0], kLabels); };
  const auto one_hot = [](const Indices& i) { return xgrad::one_hot<double>(i, 4); };
  l.add1(
      "cross_entropy: not divided by the batch", cross,
      [=](const D& x, const D&, const D& gy) { return gy * (softmax(x) - one_hot(kLabels)); },
      kWide);
  l.add1(
      "cross_entropy: label off by one", cross,
      [=](const D& x, const D&, const D& gy) {
        return gy * (softmax(x) - one_hot(Indices{1, 3, 2})) / 3;
      },
      kWide);
  l.add1(
      "cross_entropy: label's term forgotten", cross,
      [](const D& x, const D&, const D& gy) { return gy * softmax(x) / 3; }, kWide);
  l.add1(
      "cross_entropy: smoothing forgotten",
      [](const Tensors& in) { return cross_entropy(in[0], kLabels, {.label_smoothing = 0.01}); },
      [=](const D& x, const D&, const D& gy) { return gy * (softmax(x) - one_hot(kLabels)) / 3; },
      kWide);
  const auto pair = [&](const char* name, Operation f, D (*gx)(const D& x, const D& t), D x, D t) {
    l.add1(
        name,
        [=](const Tensors& in) {
          return f({in[0], t});
        },
        [=](const D& v, const D&, const D& gy) { return gy * gx(v, t); }, x);
  };
  pair(
      "mse_loss: 2 forgotten", [](const Tensors& in) { return mse_loss(in[0], in[1]); },
      [](const D& x, const D& t) { return (x - t) / 12; }, kWide, targets);
  pair(
      "mse_loss: divided by the batch only",
      [](const Tensors& in) { return mse_loss(in[0], in[1]); },
      [](const D& x, const D& t) { return 2.0 * (x - t) / 3; }, kWide, targets);
  pair(
      "mae_loss: sign", [](const Tensors& in) { return mae_loss(in[0], in[1]); },
      [](const D& x, const D& t) { return sign(t - x) / 12; }, kWide, targets);
  pair(
      "huber_loss: not limited",
      [](const Tensors& in) { return huber_loss(in[0], in[1], {.delta = 0.5}); },
      [](const D& x, const D& t) { return (x - t) / 12; }, kWide, targets);
  pair(
      "binary_cross_entropy: as of logits",
      [](const Tensors& in) { return binary_cross_entropy(in[0], in[1]); },
      [](const D& p, const D& t) { return (p - t) / 12; }, probabilities, targets);
  pair(
      "binary_cross_entropy_with_logits: as of probabilities",
      [](const Tensors& in) { return binary_cross_entropy_with_logits(in[0], in[1]); },
      [](const D& x, const D& t) { return (x - t) / 12; }, kWide, targets);
  pair(
      "kl_div: sign", [](const Tensors& in) { return kl_div(in[0], in[1]); },
      [](const D& x, const D& t) { return t / 12 + 0.0 * x; }, kWide, targets);
  l.add1(
      "hinge: label's term forgotten",
      [](const Tensors& in) { return multi_class_hinge(in[0], kLabels); },
      [=](const D& x, const D&, const D& gy) {
        const D own = gather(x, 1, column({2, 0, 3}));
        return gy / 3 * (x - own + 1.0 > 0.0) * (1.0 - one_hot(kLabels));
      },
      kWide);
}

}  // namespace

std::vector<Mutant> handwritten_mutants() {
  List l;
  add_broadcasts(l);
  add_reductions(l);
  add_softmax(l);
  add_products(l);
  add_rearrangements(l);
  add_normalizations(l);
  add_losses(l);
  return l.mutants;
}

}  // namespace mutations
