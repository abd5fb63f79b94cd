#include <algorithm>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/gemm.hpp"
#include "xgrad/kernels/packed_matrix.hpp"
#include "xgrad/kernels/recurrent.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/gru_arrays.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/packed_sequences.hpp"
#include "xgrad/ops/recurrent.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {

using detail::Rule;
using detail::Steps;
using kernels::PackedMatrix;
using kernels::Stored;

// A sequence is one entry of the tape: packed x (total, in) -> h of every row (total, d). A step is
// a sequence of one.
namespace {

enum Input { kX, kH, kWeightX, kWeightH, kBias, kBiasH };

using Unit = detail::StepUnit;

std::size_t parts(Unit unit) { return unit == Unit::gru ? 3 : 1; }

template <class T>
struct Sequence {
  Unit unit;
  bool once;  // a cell
  Steps steps;
  std::size_t in, d;
  Tensor<T> saved;  // what the kernels save, by rows
};

template <class T>
Tensor<T> composed_step(Unit unit, const Tensor<T>& x, const Tensor<T>& h,
                        const std::vector<Tensor<T>>& in) {
  const Tensor<T> zx = linear(x, in[kWeightX], in[kBias]), zh = linear(h, in[kWeightH], in[kBiasH]);
  if (unit == Unit::tanh) return tanh(zx + zh);
  if (unit == Unit::relu) return relu(zx + zh);
  const auto px = split(zx, 3, 1), ph = split(zh, 3, 1);
  const Tensor<T> n = tanh(px[2] + sigmoid(px[0] + ph[0]) * ph[2]);
  const Tensor<T> z = px[1] + ph[1];
  return sigmoid(-z) * n +
         sigmoid(z) * h;  // a gate that is shut lets nothing through, not even NaN
}

template <class T>
Tensor<T> first_rows(const Tensor<T>& x, std::size_t begin, std::size_t rows) {
  const auto first = static_cast<std::ptrdiff_t>(begin);
  return slice(x, 0, first, first + static_cast<std::ptrdiff_t>(rows));
}

template <class T>
void composed_backward(Backward<T>& b, const Sequence<T>& q) {
  const std::vector<Tensor<T>> in = detail::aliases(b);
  Tensor<T> h = in[kH];
  std::vector<Tensor<T>> y;
  for (std::size_t t = 0; t < q.steps.count(); ++t) {
    const std::size_t rows = q.steps.rows[t];
    const Tensor<T> x = first_rows(in[kX], q.steps.begin[t], rows);
    h = composed_step(q.unit, x, first_rows(h, 0, rows), in);
    y.push_back(h);
  }
  detail::add_composed(b, in, concat(y, 0));
}

// Gradients of x weight_x^T + bias, of h weight_h^T + bias_h and of the first h.
template <class T>
struct Slopes {
  Tensor<T> zx, zh, h;
};

template <class T>
void step_backward(const Sequence<T>& q, std::size_t t, const T* h, T* gh, Slopes<T>& g) {
  const std::size_t at = q.steps.begin[t], rows = q.steps.rows[t], d = q.d;
  if (q.unit == Unit::gru) {
    kernels::gru_backward(q.saved.data() + 4 * at * d, h, gh, g.zx.node()->data + 3 * at * d,
                          g.zh.node()->data + 3 * at * d, gh, rows, d);
  } else {
    kernels::rnn_backward(q.saved.data() + at * d, gh, g.zx.node()->data + at * d,
                          q.unit == Unit::relu, rows, d);
  }
}

template <class T>
Slopes<T> through_steps(Backward<T>& b, const Sequence<T>& q, const Tensor<T>& before) {
  const std::size_t d = q.d, wide = parts(q.unit) * d;
  const bool gru = q.unit == Unit::gru;
  const Tensor<T> gy = b.gradient(), weight = b.input(kWeightH);
  const Tensor<T> zx = Tensor<T>::uninitialized({q.steps.total, wide});
  Slopes<T> g{zx, gru ? Tensor<T>::uninitialized(zx.shape()) : zx, zeros<T>({q.steps.n, d})};
  T* const gh = g.h.node()->data;
  PackedMatrix<T> wh(Stored::rows, weight.data(), wide, d, q.once);
  for (std::size_t t = q.steps.count(); t-- > 0;) {
    const std::size_t at = q.steps.begin[t], rows = q.steps.rows[t];
    const T* const from = gy.data() + at * d;
    std::transform(from, from + rows * d, gh, gh, [](T a, T c) { return a + c; });
    step_backward(q, t, before.data() + at * d, gh, g);
    wh.multiply(g.zh.data() + at * wide, rows, gh, gru);
  }
  return g;
}

template <class T>
void add_weight(Backward<T>& b, std::size_t i, const Tensor<T>& gz, const Tensor<T>& rows) {
  if (!b.needs(i)) return;
  const auto [to, add] = detail::FastPath(b).accumulator(i);
  kernels::gemm(true, false, gz.shape()[1], rows.shape()[1], gz.shape()[0], gz.data(), rows.data(),
                T(add), to);
}

template <class T>
void sequence_backward(const void* attributes, Backward<T>& b) {
  const auto& q = *static_cast<const Sequence<T>*>(attributes);
  if (b.recording()) return composed_backward(b, q);
  const Tensor<T> before =
      detail::previous_rows(q.steps, b.input(kH).data(), b.output().data(), q.d);
  Slopes<T> g = through_steps(b, q, before);
  if (b.needs(kX)) {
    const auto [to, add] = detail::FastPath(b).accumulator(kX);
    PackedMatrix<T> wx(Stored::rows, b.input(kWeightX).data(), g.zx.shape()[1], q.in, q.once);
    wx.multiply(g.zx.data(), q.steps.total, to, add);
  }
  add_weight(b, kWeightX, g.zx, b.input(kX));
  add_weight(b, kWeightH, g.zh, before);
  if (b.needs(kBias)) b.add(kBias, detail::sum_to(g.zx, b.input_shape(kBias)));
  if (b.needs(kBiasH)) b.add(kBiasH, detail::sum_to(g.zh, b.input_shape(kBiasH)));
  if (b.needs(kH)) b.add(kH, std::move(g.h));
}

template <class T>
const Rule<T> kGru = {"gru", &sequence_backward<T>, &detail::destroy_attributes<Sequence<T>>};
template <class T>
const Rule<T> kRnn = {"rnn", &sequence_backward<T>, &detail::destroy_attributes<Sequence<T>>};

template <class T>
struct Weights {
  Tensor<T> x, h, bias, bias_h;
};

template <class T>
void gru_steps(const Sequence<T>& q, const Weights<T>& w, const Tensor<T>& x, const T* h, T* y) {
  const std::size_t d = q.d;
  const Tensor<T> zx = Tensor<T>::uninitialized({q.steps.total, 3 * d}),
                  zh = Tensor<T>::uninitialized({q.steps.n, 3 * d});
  PackedMatrix<T> wx(Stored::transposed, w.x.data(), q.in, 3 * d, q.once),
      wh(Stored::transposed, w.h.data(), d, 3 * d, q.once);
  wx.multiply(x.data(), q.steps.total, zx.node()->data, false);
  for (std::size_t t = 0; t < q.steps.count(); ++t) {
    const std::size_t at = q.steps.begin[t], rows = q.steps.rows[t];
    wh.multiply(h, rows, zh.node()->data, false);
    kernels::gru_forward(w.bias.data(), w.bias_h.data(), zx.data() + 3 * at * d, zh.data(), h,
                         q.saved.node()->data + 4 * at * d, y + at * d, rows, d);
    h = y + at * d;
  }
}

template <class T>
void rnn_steps(const Sequence<T>& q, const Weights<T>& w, const Tensor<T>& x, const T* h, T* y) {
  const std::size_t d = q.d;
  const Tensor<T> bias = detail::add(w.bias.detach(), w.bias_h.detach());
  T* const z = q.saved.node()->data;
  PackedMatrix<T> wx(Stored::transposed, w.x.data(), q.in, d, q.once),
      wh(Stored::transposed, w.h.data(), d, d, q.once);
  wx.multiply(x.data(), q.steps.total, z, false);
  for (std::size_t t = 0; t < q.steps.count(); ++t) {
    const std::size_t at = q.steps.begin[t] * d, rows = q.steps.rows[t];
    wh.multiply(h, rows, z + at, true);
    kernels::rnn_forward(bias.data(), z + at, y + at, q.unit == Unit::relu, rows, d);
    h = y + at;
  }
}

// x (total, in), h (n, d) -> (total, d).
template <class T>
Tensor<T> run(Unit unit, bool once, const Steps& steps, const Tensor<T>& x, const Tensor<T>& h,
              const Weights<T>& w) {
  const std::size_t d = h.shape()[1];
  const Sequence<T> q{
      unit,         once, steps,
      x.shape()[1], d,    Tensor<T>::uninitialized({steps.total, unit == Unit::gru ? 4 * d : d})};
  const Tensor<T> y = Tensor<T>::uninitialized({steps.total, d});
  {
    const detail::Untraced untraced;
    (unit == Unit::gru ? gru_steps<T> : rnn_steps<T>)(q, w, x, h.data(), y.node()->data);
  }
  detail::record<T>(y, unit == Unit::gru ? kGru<T> : kRnn<T>,
                    {&x, &h, &w.x, &w.h, &w.bias, &w.bias_h}, {.inputs = 0x3FU, .output = true}, q);
  if (!detail::is_logged<T>()) return y;
  detail::log_again(y, [unit, once, steps](const auto& o) {
    return run<T>(unit, once, steps, o[kX], o[kH], {o[kWeightX], o[kWeightH], o[kBias], o[kBiasH]});
  });
  if (!once) return y;
  detail::describe_recurrent_step(y, unit, h.shape()[0], x.shape()[1], h.shape()[1]);
  // Further sequences of a step.
  const auto all = [unit, n = h.shape()[0]](const detail::BatchOperands<T>& b) {
    const auto merged = [&](std::size_t i) {
      return detail::view(b.all(i), {b.n * n, b.all(i).shape()[2]});
    };
    const Tensor<T> together = run<T>(unit, true, Steps(1, b.n * n), merged(kX), merged(kH),
                                      {b.x[kWeightX], b.x[kWeightH], b.x[kBias], b.x[kBiasH]});
    return detail::view(together, {b.n, n, together.shape()[1]});
  };
  detail::describe_batch(y, all, {.shared = 0x3CU});
  return y;
}

template <class T>
Weights<T> checked(const char* operation, Unit unit, std::size_t n, std::size_t in,
                   const Tensor<T>& h, const Weights<T>& w) {
  const std::size_t d = h.shape()[1], wide = parts(unit) * d;
  const auto require = [&](const char* name, const Tensor<T>& t, const Shape& expected) {
    detail::require(t.shape() == expected, operation, name, " ", t.shape(), ", ", expected,
                    " expected");
  };
  require("h", h, {n, d});
  require("weight_x", w.x, {wide, in});
  require("weight_h", w.h, {wide, d});
  if (w.bias.defined()) require("bias", w.bias, {wide});
  if (w.bias_h.defined()) require("bias_h", w.bias_h, {wide});
  return {w.x, w.h, w.bias.defined() ? w.bias : zeros<T>({wide}),
          w.bias_h.defined() ? w.bias_h : zeros<T>({wide})};
}

template <class T>
Tensor<T> cell(const char* operation, Unit unit, const Tensor<T>& x, const Tensor<T>& h,
               const Weights<T>& w) {
  detail::require(x.rank() == 2 && h.rank() == 2, operation, "x and h must have two axes: x ",
                  x.shape(), ", h ", h.shape());
  const Weights<T> all = checked(operation, unit, x.shape()[0], x.shape()[1], h, w);
  return run(unit, true, Steps(1, x.shape()[0]), x, h, all);
}

template <class T>
RecurrentOutput<T> sequence(const char* operation, Unit unit, const Tensor<T>& x,
                            const Tensor<T>& h, const Weights<T>& w,
                            const SequenceOptions& options) {
  detail::require(x.rank() == 3 && x.shape()[0] > 0 && h.rank() == 2, operation,
                  "x must be (steps, n, in) with a step at least, h (n, d): x ", x.shape(), ", h ",
                  h.shape());
  const Weights<T> all = checked(operation, unit, x.shape()[1], x.shape()[2], h, w);
  const detail::Packing packing(operation, x.shape()[0], x.shape()[1], options);
  const Tensor<T> y = run(unit, false, packing.steps(), packing.pack(x), packing.sorted(h), all);
  return {packing.unpack(y), packing.last(y)};
}

Unit unit_of(Nonlinearity f) { return f == Nonlinearity::relu ? Unit::relu : Unit::tanh; }

}  // namespace

template <class T>
Tensor<T> gru_cell(const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& h,
                   const Tensor<T>& weight_x, const Tensor<T>& weight_h,
                   const std::type_identity_t<Tensor<T>>& bias,
                   const std::type_identity_t<Tensor<T>>& bias_h) {
  return cell<T>("gru_cell", Unit::gru, x, h, {weight_x, weight_h, bias, bias_h});
}

template <class T>
RecurrentOutput<T> gru(const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& h,
                       const Tensor<T>& weight_x, const Tensor<T>& weight_h,
                       const std::type_identity_t<Tensor<T>>& bias,
                       const std::type_identity_t<Tensor<T>>& bias_h,
                       const SequenceOptions& options) {
  return sequence<T>("gru", Unit::gru, x, h, {weight_x, weight_h, bias, bias_h}, options);
}

template <class T>
Tensor<T> rnn_cell(const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& h,
                   const Tensor<T>& weight_x, const Tensor<T>& weight_h,
                   const std::type_identity_t<Tensor<T>>& bias,
                   const std::type_identity_t<Tensor<T>>& bias_h, Nonlinearity f) {
  return cell<T>("rnn_cell", unit_of(f), x, h, {weight_x, weight_h, bias, bias_h});
}

template <class T>
RecurrentOutput<T> rnn(const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& h,
                       const Tensor<T>& weight_x, const Tensor<T>& weight_h,
                       const std::type_identity_t<Tensor<T>>& bias,
                       const std::type_identity_t<Tensor<T>>& bias_h, Nonlinearity f,
                       const SequenceOptions& options) {
  return sequence<T>("rnn", unit_of(f), x, h, {weight_x, weight_h, bias, bias_h}, options);
}

#define XGRAD_INSTANTIATE(T)                                                                       \
  template Tensor<T> gru_cell(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&,                \
                              const Tensor<T>&, const Tensor<T>&, const Tensor<T>&);               \
  template RecurrentOutput<T> gru(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&,            \
                                  const Tensor<T>&, const Tensor<T>&, const Tensor<T>&,            \
                                  const SequenceOptions&);                                         \
  template Tensor<T> rnn_cell(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&,                \
                              const Tensor<T>&, const Tensor<T>&, const Tensor<T>&, Nonlinearity); \
  template RecurrentOutput<T> rnn(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&,            \
                                  const Tensor<T>&, const Tensor<T>&, const Tensor<T>&,            \
                                  Nonlinearity, const SequenceOptions&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
