#include "xgrad/ops/recurrent.hpp"

#include <algorithm>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/kernels/gemm.hpp"
#include "xgrad/kernels/recurrent.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/errors.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/product.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {

using detail::Rule;

// A step is three entries of the tape, whose outputs one kernel computes: the gates after sigmoid
// and tanh,
//   (i, f, g, o) = a(x Wx^T + h Wh^T + b),   c' = f c + i g,   h' = o tanh(c').
namespace {

enum GatesInput { kX, kH, kWeightX, kWeightH, kBias };

std::size_t rows(const Shape& s) { return s[0]; }
std::size_t units(const Shape& gates) { return gates[1] / 4; }

// 1 in the columns of g.
template <class T>
Tensor<T> tanh_columns(std::size_t d) {
  Tensor<T> m = Tensor<T>::filled({4 * d}, T(0));
  std::fill_n(m.mutable_data() + 2 * d, d, T(1));
  return m;
}

// Before sigmoid, with slope (1 - y) y, and tanh, with (1 - y) (1 + y).
template <class T>
Tensor<T> before_activation(const Backward<T>& b) {
  const Tensor<T> y = b.output(), gy = b.gradient();
  const std::size_t d = units(y.shape());
  if (b.recording()) return gy * ((1 - y) * (y + tanh_columns<T>(d)));
  Tensor<T> gz = Tensor<T>::uninitialized(y.shape());
  kernels::lstm_gates_backward(y.data(), gy.data(), gz.node()->data, rows(y.shape()), d);
  return gz;
}

template <class T>
void gates_backward(const void*, Backward<T>& b) {
  const Tensor<T> gz = before_activation(b);
  if (b.needs(kX)) detail::add_product(b, kX, gz, b.input(kWeightX));
  if (b.needs(kH)) detail::add_product(b, kH, gz, b.input(kWeightH));
  if (b.needs(kWeightX)) detail::add_product(b, kWeightX, gz, b.input(kX), {.transpose_a = true});
  if (b.needs(kWeightH)) detail::add_product(b, kWeightH, gz, b.input(kH), {.transpose_a = true});
  if (b.input_count() > kBias && b.needs(kBias)) {
    b.add(kBias, detail::sum_to(gz, b.input_shape(kBias)));
  }
}

template <class T>
typename Backward<T>::Accumulator wanted(Backward<T>& b, std::size_t i) {
  return b.needs(i) ? b.accumulator(i) : typename Backward<T>::Accumulator{nullptr, false};
}

template <class T>
void cell_backward(const void*, Backward<T>& b) {
  const Tensor<T> gates = b.input(0), c = b.input(1), gy = b.gradient();
  if (b.recording()) {
    const auto part = split(gates, 4, 1);
    if (b.needs(0)) b.add(0, concat({gy * part[2], gy * c, gy * part[0], gy * 0}, 1));
    return b.add(1, gy * part[1]);
  }
  const auto [ggates, add_gates] = wanted(b, 0);
  const auto [gc, add_c] = wanted(b, 1);
  kernels::lstm_cell_backward(gates.data(), c.data(), gy.data(), ggates, add_gates, gc, add_c,
                              rows(c.shape()), units(gates.shape()));
}

template <class T>
void output_backward(const void*, Backward<T>& b) {
  const Tensor<T> gates = b.input(0), c = b.input(1), gy = b.gradient();
  if (b.recording()) {
    const Tensor<T> u = tanh(c), o = split(gates, 4, 1)[3], zero = gy * 0;
    if (b.needs(0)) b.add(0, concat({zero, zero, zero, gy * u}, 1));
    return b.add(1, gy * o * ((1 - u) * (1 + u)));
  }
  const auto [ggates, add_gates] = wanted(b, 0);
  const auto [gc, add_c] = wanted(b, 1);
  kernels::lstm_output_backward(gates.data(), c.data(), gy.data(), ggates, add_gates, gc, add_c,
                                rows(c.shape()), units(gates.shape()));
}

template <class T>
const Rule<T> kGates = {"lstm_gates", &gates_backward<T>, nullptr};
template <class T>
const Rule<T> kCell = {"lstm_cell", &cell_backward<T>, nullptr};
template <class T>
const Rule<T> kOutput = {"lstm_output", &output_backward<T>, nullptr};

void require(const char* name, const Shape& shape, const Shape& expected) {
  if (shape == expected) return;
  detail::fail("lstm_cell", name, " ", to_string(shape), ", ", to_string(expected), " expected");
}

template <class T>
void check(const Tensor<T>& x, const LstmState<T>& state, const Tensor<T>& weight_x,
           const Tensor<T>& weight_h, const Tensor<T>& bias) {
  if (x.rank() != 2 || state.h.rank() != 2) {
    detail::fail("lstm_cell", "x and h must have two axes: x ", to_string(x.shape()), ", h ",
                 to_string(state.h.shape()));
  }
  const std::size_t n = x.shape()[0], d = state.h.shape()[1];
  require("h", state.h.shape(), {n, d});
  require("c", state.c.shape(), {n, d});
  require("weight_x", weight_x.shape(), {4 * d, x.shape()[1]});
  require("weight_h", weight_h.shape(), {4 * d, d});
  if (bias.defined()) require("bias", bias.shape(), {4 * d});
}

// What the gates' rule reads: the weights for gx and gh, x and h for theirs.
template <class T>
detail::Saves saves(const Tensor<T>& x, const Tensor<T>& h, const Tensor<T>& weight_x,
                    const Tensor<T>& weight_h) {
  const unsigned needed = detail::needed<T>({&x, &h, &weight_x, &weight_h});
  return {(needed << 2 & 0xCU) | needed >> 2, true};
}

}  // namespace

template <class T>
LstmState<T> lstm_cell(const Tensor<T>& x, const std::type_identity_t<LstmState<T>>& state,
                       const Tensor<T>& weight_x, const Tensor<T>& weight_h,
                       const std::type_identity_t<Tensor<T>>& bias) {
  check(x, state, weight_x, weight_h, bias);
  const auto& [h, c] = state;
  const std::size_t n = x.shape()[0], d = h.shape()[1];
  const Tensor<T> gates = Tensor<T>::uninitialized({n, 4 * d});
  const LstmState<T> next{Tensor<T>::uninitialized({n, d}), Tensor<T>::uninitialized({n, d})};
  T* const z = gates.node()->data;
  kernels::gemm(false, true, n, 4 * d, x.shape()[1], x.data(), weight_x.data(), T(0), z);
  kernels::gemm(false, true, n, 4 * d, d, h.data(), weight_h.data(), T(1), z);
  kernels::lstm_forward(bias.defined() ? bias.data() : nullptr, z, c.data(), next.c.node()->data,
                        next.h.node()->data, n, d);

  const Tensor<T>* const inputs[] = {&x, &h, &weight_x, &weight_h, &bias};
  detail::record_entry<T>(gates, kGates<T>, {inputs, bias.defined() ? 5U : 4U},
                          saves(x, h, weight_x, weight_h), nullptr, 0, nullptr);
  detail::record(next.c, kCell<T>, {&gates, &c}, {.inputs = 3});
  detail::record(next.h, kOutput<T>, {&gates, &next.c}, {.inputs = 3});
  return next;
}

#define XGRAD_INSTANTIATE(T)                                                               \
  template LstmState<T> lstm_cell(const Tensor<T>&, const LstmState<T>&, const Tensor<T>&, \
                                  const Tensor<T>&, const Tensor<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
