#include "xgrad/ops/recurrent.hpp"

#include <algorithm>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/gemm.hpp"
#include "xgrad/kernels/packed_matrix.hpp"
#include "xgrad/kernels/recurrent.hpp"
#include "xgrad/kernels/reduce.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/lstm_arrays.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/packed_sequences.hpp"
#include "xgrad/ops/product.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {

using detail::Rule;
using kernels::PackedMatrix;
using kernels::Stored;

// A step is three entries of the tape, whose outputs one kernel computes: the gates before sigmoid
// and tanh, and what they do,
//   z = x Wx^T + h Wh^T + b,   (i, f, g, o) = a(z),   c' = f c + i g,   h' = o tanh(c').
namespace {

enum GatesInput { kX, kH, kWeightX, kWeightH, kBias };

std::size_t rows(const Shape& s) { return s[0]; }
std::size_t units(const Shape& gates) { return gates[1] / 4; }

template <class T>
void gates_backward(const void*, Backward<T>& b) {
  const Tensor<T> gz = b.gradient();
  const Tensor<T> x = b.input(kX), h = b.input(kH), wx = b.input(kWeightX), wh = b.input(kWeightH);
  detail::GradientProducts<T> products(b);
  if (b.needs(kX)) products.add(kX, gz, wx);
  if (b.needs(kH)) products.add(kH, gz, wh);
  if (b.needs(kWeightX)) products.add(kWeightX, gz, x, {.transpose_a = true});
  if (b.needs(kWeightH)) products.add(kWeightH, gz, h, {.transpose_a = true});
  products.run();
  if (b.input_count() > kBias && b.needs(kBias)) {
    b.add(kBias, detail::sum_to(gz, b.input_shape(kBias)));
  }
}

template <class T>
detail::Accumulator<T> wanted(Backward<T>& b, std::size_t i) {
  return b.needs(i) ? detail::FastPath(b).accumulator(i) : detail::Accumulator<T>{nullptr, false};
}

template <class T>
void cell_backward(const void*, Backward<T>& b) {
  if (b.recording()) {
    const std::vector<Tensor<T>> in = detail::aliases(b);
    const auto z = split(in[0], 4, 1);
    return detail::add_composed(b, in, sigmoid(z[1]) * in[1] + sigmoid(z[0]) * tanh(z[2]));
  }
  const Tensor<T> gates = b.input(0), c = b.input(1), gy = b.gradient();
  const auto [gz, add_z] = wanted(b, 0);
  const auto [gc, add_c] = wanted(b, 1);
  kernels::lstm_cell_backward(gates.data(), c.data(), gy.data(), gz, add_z, gc, add_c,
                              rows(c.shape()), units(gates.shape()));
}

template <class T>
void output_backward(const void*, Backward<T>& b) {
  if (b.recording()) {
    const std::vector<Tensor<T>> in = detail::aliases(b);
    return detail::add_composed(b, in, sigmoid(split(in[0], 4, 1)[3]) * tanh(in[1]));
  }
  const Tensor<T> gates = b.input(0), c = b.input(1), gy = b.gradient();
  const auto [gz, add_z] = wanted(b, 0);
  const auto [gc, add_c] = wanted(b, 1);
  kernels::lstm_output_backward(gates.data(), c.data(), gy.data(), gz, add_z, gc, add_c,
                                rows(c.shape()), units(gates.shape()));
}

template <class T>
const Rule<T> kGates = {"lstm_gates", &gates_backward<T>, nullptr};
template <class T>
const Rule<T> kCell = {"lstm_cell", &cell_backward<T>, nullptr};
template <class T>
const Rule<T> kOutput = {"lstm_output", &output_backward<T>, nullptr};

// For n sequences of `in` numbers a step.
template <class T>
void check(const char* operation, std::size_t n, std::size_t in, const LstmState<T>& state,
           const Tensor<T>& weight_x, const Tensor<T>& weight_h, const Tensor<T>& bias) {
  const auto require = [&](const char* name, const Tensor<T>& t, const Shape& expected) {
    if (t.shape() == expected) return;
    detail::fail(operation, name, " ", t.shape(), ", ", expected, " expected");
  };
  const std::size_t d = state.h.shape()[1];
  require("h", state.h, {n, d});
  require("c", state.c, {n, d});
  require("weight_x", weight_x, {4 * d, in});
  require("weight_h", weight_h, {4 * d, d});
  if (bias.defined()) require("bias", bias, {4 * d});
}

template <class T>
void check_step(const Tensor<T>& x, const LstmState<T>& state, const Tensor<T>& weight_x,
                const Tensor<T>& weight_h, const Tensor<T>& bias) {
  if (x.rank() != 2 || state.h.rank() != 2) {
    detail::fail("lstm_cell", "x and h must have two axes: x ", x.shape(), ", h ", state.h.shape());
  }
  check("lstm_cell", x.shape()[0], x.shape()[1], state, weight_x, weight_h, bias);
}

template <class T>
Tensor<T> sum_of_biases(const char* operation, const Tensor<T>& bias, const Tensor<T>& bias_h) {
  if (!bias.defined()) return bias_h;
  if (bias.shape() == bias_h.shape()) return detail::add(bias, bias_h);
  detail::fail(operation, "bias ", to_string(bias.shape()), ", bias_h ", to_string(bias_h.shape()));
}

// What the gates' rule reads: the weights for gx and gh, x and h for theirs.
template <class T>
detail::Saves saves(const Tensor<T>& x, const Tensor<T>& h, const Tensor<T>& weight_x,
                    const Tensor<T>& weight_h) {
  const unsigned needed = detail::needed<T>({&x, &h, &weight_x, &weight_h});
  return {.inputs = (needed << 2 & 0xCU) | needed >> 2};
}

// The entries, and how each is run again by itself, with the same bits: the first two by the kernel of all three, of
// which one output is kept. Whoever runs them again may do so with operands of other shapes.

template <class T>
void check_operands_of_cell(const std::vector<Tensor<T>>& gates_and_cell) {
  const Shape &z = gates_and_cell[0].shape(), &c = gates_and_cell[1].shape();
  detail::require(c.rank() == 2 && z == Shape{c[0], 4 * c[1]}, "lstm_cell", "gates ", z,
                  " do not fit a cell ", c);
}

template <class T>
Tensor<T> new_gates(const Tensor<T>& x, const LstmState<T>& state, const Tensor<T>& weight_x,
                    const Tensor<T>& weight_h, const Tensor<T>& bias, const LstmState<T>& next) {
  const std::size_t n = rows(x.shape()), d = state.h.shape()[1];
  const Tensor<T> gates = Tensor<T>::uninitialized({n, 4 * d});
  T* const z = gates.node()->data;
  kernels::gemm(false, true, n, 4 * d, x.shape()[1], x.data(), weight_x.data(), T(0), z);
  kernels::gemm(false, true, n, 4 * d, d, state.h.data(), weight_h.data(), T(1), z);
  kernels::lstm_forward(bias.defined() ? bias.data() : nullptr, z, state.c.data(),
                        next.c.node()->data, next.h.node()->data, n, d);
  const Tensor<T>* const inputs[] = {&x, &state.h, &weight_x, &weight_h, &bias};
  detail::record_entry<T>(gates, kGates<T>, {inputs, bias.defined() ? 5U : 4U},
                          saves(x, state.h, weight_x, weight_h), nullptr, 0, nullptr);
  detail::log_again(gates, [](const auto& in) {
    const Tensor<T> bias_again = in.size() > kBias ? in[kBias] : Tensor<T>();
    check_step(in[kX], LstmState<T>{in[kH], in[kH]}, in[kWeightX], in[kWeightH], bias_again);
    const LstmState<T> unused{in[kH].clone(), Tensor<T>::filled(in[kH].shape(), T(0))};
    return new_gates(in[kX], {in[kH], unused.c}, in[kWeightX], in[kWeightH], bias_again, unused);
  });
  return gates;
}

template <class T>
Tensor<T> record_cell(const Tensor<T>& next, const Tensor<T>& gates, const Tensor<T>& c) {
  detail::record(next, kCell<T>, {&gates, &c}, {.inputs = 3});
  detail::log_again(next, [](const auto& in) {
    check_operands_of_cell(in);
    const Tensor<T> z = in[0].clone(), again = in[1].clone(), h = in[1].clone();
    kernels::lstm_forward<T>(nullptr, z.node()->data, in[1].data(), again.node()->data,
                             h.node()->data, rows(h.shape()), units(z.shape()));
    return record_cell(again, in[0], in[1]);
  });
  return next;
}

template <class T>
Tensor<T> record_output(const Tensor<T>& h, const Tensor<T>& gates, const Tensor<T>& c) {
  detail::record(h, kOutput<T>, {&gates, &c}, {.inputs = 3});
  detail::log_again(h, [](const auto& in) {
    check_operands_of_cell(in);
    const Tensor<T> z = in[0].detach(), cell = in[1].detach();
    return record_output(sigmoid(split(z, 4, 1)[3]) * tanh(cell), in[0], in[1]);
  });
  return h;
}

template <class T>
LstmState<T> step(const Tensor<T>& x, const LstmState<T>& state, const Tensor<T>& weight_x,
                  const Tensor<T>& weight_h, const Tensor<T>& bias) {
  const Shape shape = state.h.shape();
  const LstmState<T> next{Tensor<T>::uninitialized(shape), Tensor<T>::uninitialized(shape)};
  const Tensor<T> gates = new_gates(x, state, weight_x, weight_h, bias, next);
  record_cell(next.c, gates, state.c);
  record_output(next.h, gates, next.c);
  return next;
}

// The three entries as one operation, for who runs it again.
template <class T>
Tensor<T> joined_step(const std::vector<Tensor<T>>& in) {
  const LstmState<T> next =
      step(in[0], {in[1], in[2]}, in[3], in[4], in.size() > 5 ? in[5] : Tensor<T>());
  return concat({next.h, next.c}, 1);
}
template <class T>
LstmState<T> step_as_one(const Tensor<T>& x, const LstmState<T>& state, const Tensor<T>& weight_x,
                         const Tensor<T>& weight_h, const Tensor<T>& bias) {
  std::vector<Tensor<T>> in = {x, state.h, state.c, weight_x, weight_h};
  if (bias.defined()) in.push_back(bias);
  const Tensor<T> y = detail::as_one_of_list("lstm_cell", in, &joined_step<T>);
  detail::describe_lstm_step(y, rows(x.shape()), x.shape()[1], state.h.shape()[1], bias.defined());
  const auto parts = split(y, 2, 1);
  return {parts[0], parts[1]};
}

}  // namespace

template <class T>
LstmState<T> lstm_cell(const Tensor<T>& x, const std::type_identity_t<LstmState<T>>& state,
                       const Tensor<T>& weight_x, const Tensor<T>& weight_h,
                       const std::type_identity_t<Tensor<T>>& bias,
                       const std::type_identity_t<Tensor<T>>& bias_h) {
  if (bias_h.defined()) {
    const Tensor<T> both = sum_of_biases("lstm_cell", bias, bias_h);
    return lstm_cell(x, state, weight_x, weight_h, both);
  }
  check_step(x, state, weight_x, weight_h, bias);
  return detail::tracer != nullptr ? step_as_one(x, state, weight_x, weight_h, bias)
                                   : step(x, state, weight_x, weight_h, bias);
}

// A sequence is one entry: packed x (total, in) -> h of every row, and the last c, (total + n, d).
namespace {

enum SequenceInput { kXs, kH0, kC0, kWx, kWh, kB };

template <class T>
struct Sequence {
  detail::Steps steps;
  std::size_t in, d;
  Tensor<T> gates;  // before sigmoid and tanh, (total, 4 d)
  Tensor<T> c;      // (total, d)
};

template <class T>
Tensor<T> rows_of(const Tensor<T>& x, std::size_t begin, std::size_t end) {
  return slice(x, 0, static_cast<std::ptrdiff_t>(begin), static_cast<std::ptrdiff_t>(end));
}

template <class T>
void composed_sequence_backward(Backward<T>& b, const detail::Steps& s) {
  const std::vector<Tensor<T>> in = detail::aliases(b);
  LstmState<T> state{in[kH0], in[kC0]};
  std::vector<Tensor<T>> y, ended;
  for (std::size_t t = 0; t < s.count(); ++t) {
    const std::size_t rows = s.rows[t];
    state = {rows_of(state.h, 0, rows), rows_of(state.c, 0, rows)};
    state = lstm_cell(rows_of(in[kXs], s.begin[t], s.begin[t] + rows), state, in[kWx], in[kWh],
                      in.size() > kB ? in[kB] : Tensor<T>());
    y.push_back(state.h);
    if (s.rows_at(t + 1) < rows) ended.push_back(rows_of(state.c, s.rows_at(t + 1), rows));
  }
  y.insert(y.end(), ended.rbegin(), ended.rend());
  detail::add_composed(b, in, concat(y, 0));
}

// The gradients of the gates before sigmoid and tanh, those of the first h and c beside.
template <class T>
Tensor<T> through_steps(Backward<T>& b, const Sequence<T>& q, PackedMatrix<T>& wh, T* gh, T* gc) {
  const detail::Steps& s = q.steps;
  const std::size_t d = q.d;
  const Tensor<T> c0 = b.input(kC0), gy = b.gradient();
  const Tensor<T> gz = Tensor<T>::uninitialized({s.total, 4 * d});
  std::copy_n(gy.data() + s.total * d, s.n * d, gc);
  for (std::size_t t = s.count(); t-- > 0;) {
    const std::size_t at = s.begin[t] * d, rows = s.rows[t], later = s.rows_at(t + 1);
    const T* const c = t == 0 ? c0.data() : q.c.data() + s.begin[t - 1] * d;
    T* const g = gz.node()->data + 4 * at;
    std::copy_n(gy.data() + at, rows * d, gh);
    if (later > 0) wh.multiply(g + 4 * rows * d, later, gh, true);
    kernels::lstm_step_backward(q.gates.data() + 4 * at, c, q.c.data() + at, gh, gc, g, rows, d);
  }
  return gz;
}

template <class T>
void sequence_backward(const void* attributes, Backward<T>& b) {
  const auto& q = *static_cast<const Sequence<T>*>(attributes);
  const detail::Steps& s = q.steps;
  if (b.recording()) return composed_sequence_backward(b, s);
  Tensor<T> gh = Tensor<T>::uninitialized({s.n, q.d}), gc = Tensor<T>::uninitialized({s.n, q.d});
  PackedMatrix<T> wh(Stored::rows, b.input(kWh).data(), 4 * q.d, q.d);
  const Tensor<T> gz = through_steps(b, q, wh, gh.node()->data, gc.node()->data);
  const T* const g = gz.data();
  if (b.needs(kXs)) {
    const auto [to, add] = detail::FastPath(b).accumulator(kXs);
    PackedMatrix<T> wx(Stored::rows, b.input(kWx).data(), 4 * q.d, q.in);
    wx.multiply(g, s.total, to, add);
  }
  if (b.needs(kH0)) {
    wh.multiply(g, s.n, gh.node()->data, false);
    b.add(kH0, std::move(gh));
  }
  if (b.needs(kC0)) b.add(kC0, std::move(gc));
  if (b.needs(kWx)) {
    const auto [to, add] = detail::FastPath(b).accumulator(kWx);
    kernels::gemm(true, false, 4 * q.d, q.in, s.total, g, b.input(kXs).data(), T(add), to);
  }
  if (b.needs(kWh)) {
    const Tensor<T> before = detail::previous_rows(s, b.input(kH0).data(), b.output().data(), q.d);
    const auto [to, add] = detail::FastPath(b).accumulator(kWh);
    kernels::gemm(true, false, 4 * q.d, q.d, s.total, g, before.data(), T(add), to);
  }
  if (b.input_count() > kB && b.needs(kB)) b.add(kB, detail::sum_to(gz, b.input_shape(kB)));
}

template <class T>
const Rule<T> kSequence = {"lstm", &sequence_backward<T>, &detail::destroy_attributes<Sequence<T>>};

template <class T>
void check_sequence(const Tensor<T>& x, const LstmState<T>& state, const Tensor<T>& weight_x,
                    const Tensor<T>& weight_h, const Tensor<T>& bias) {
  if (x.rank() != 3 || x.shape()[0] == 0 || state.h.rank() != 2) {
    detail::fail("lstm", "x must be (steps, n, in) with a step at least, h (n, d): x ", x.shape(),
                 ", h ", state.h.shape());
  }
  check("lstm", x.shape()[1], x.shape()[2], state, weight_x, weight_h, bias);
}

// c of the last step of each sequence, behind the rows of h.
template <class T>
void keep_last(const Sequence<T>& q, T* to) {
  for (std::size_t t = 0; t < q.steps.count(); ++t) {
    const std::size_t from = q.steps.rows_at(t + 1), rows = q.steps.rows[t] - from;
    std::copy_n(q.c.data() + (q.steps.begin[t] + from) * q.d, rows * q.d, to + from * q.d);
  }
}

// x (total, in), states (n, d) -> (total + n, d).
template <class T>
Tensor<T> run(const detail::Steps& s, const Tensor<T>& x, const LstmState<T>& state,
              const Tensor<T>& weight_x, const Tensor<T>& weight_h, const Tensor<T>& bias) {
  const std::size_t d = state.h.shape()[1], in = x.shape()[1];
  const Sequence<T> q{s, in, d, Tensor<T>::uninitialized({s.total, 4 * d}),
                      Tensor<T>::uninitialized({s.total, d})};
  const Tensor<T> y = Tensor<T>::uninitialized({s.total + s.n, d});
  T *const gates = q.gates.node()->data, *const cs = q.c.node()->data, *const hs = y.node()->data;
  PackedMatrix<T> wx(Stored::transposed, weight_x.data(), in, 4 * d),
      wh(Stored::transposed, weight_h.data(), d, 4 * d);
  wx.multiply(x.data(), s.total, gates, false);
  const T *h = state.h.data(), *c = state.c.data();
  for (std::size_t t = 0; t < s.count(); ++t) {
    const std::size_t at = s.begin[t] * d, rows = s.rows[t];
    wh.multiply(h, rows, gates + 4 * at, true);
    kernels::lstm_forward(bias.defined() ? bias.data() : nullptr, gates + 4 * at, c, cs + at,
                          hs + at, rows, d);
    h = hs + at;
    c = cs + at;
  }
  keep_last(q, hs + s.total * d);

  const Tensor<T>* const inputs[] = {&x, &state.h, &state.c, &weight_x, &weight_h, &bias};
  detail::record<T>(y, kSequence<T>, {inputs, bias.defined() ? 6U : 5U},
                    {.inputs = 0x3FU, .output = true}, q);
  if (!detail::is_logged<T>()) return y;
  detail::log_again(y, [s](const auto& o) {
    return run(s, o[0], {o[1], o[2]}, o[3], o[4], o.size() > kB ? o[kB] : Tensor<T>());
  });
  return y;
}

}  // namespace

template <class T>
LstmOutput<T> lstm(const Tensor<T>& x, const std::type_identity_t<LstmState<T>>& state,
                   const Tensor<T>& weight_x, const Tensor<T>& weight_h,
                   const std::type_identity_t<Tensor<T>>& bias,
                   const std::type_identity_t<Tensor<T>>& bias_h, const SequenceOptions& options) {
  if (bias_h.defined()) {
    const Tensor<T> both = sum_of_biases("lstm", bias, bias_h);
    return lstm(x, state, weight_x, weight_h, both, Tensor<T>(), options);
  }
  check_sequence(x, state, weight_x, weight_h, bias);
  const detail::Packing packing("lstm", x.shape()[0], x.shape()[1], options);
  const std::size_t total = packing.steps().total, n = x.shape()[1];
  const Tensor<T> y =
      run(packing.steps(), packing.pack(x), {packing.sorted(state.h), packing.sorted(state.c)},
          weight_x, weight_h, bias);
  const Tensor<T> h = rows_of(y, 0, total);
  return {packing.unpack(h), {packing.last(h), packing.unsorted(rows_of(y, total, total + n))}};
}

#define XGRAD_INSTANTIATE(T)                                                               \
  template LstmState<T> lstm_cell(const Tensor<T>&, const LstmState<T>&, const Tensor<T>&, \
                                  const Tensor<T>&, const Tensor<T>&, const Tensor<T>&);   \
  template LstmOutput<T> lstm(const Tensor<T>&, const LstmState<T>&, const Tensor<T>&,     \
                              const Tensor<T>&, const Tensor<T>&, const Tensor<T>&,        \
                              const SequenceOptions&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
