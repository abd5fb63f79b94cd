#include "xgrad/ops/lstm_arrays.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/kernels/gemm.hpp"
#include "xgrad/kernels/recurrent.hpp"
#include "xgrad/kernels/reduce.hpp"
#include "xgrad/ops/recurrent.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad::detail {
namespace {

enum Input { kX, kH, kC, kWeightX, kWeightH, kBias };

struct StepSizes {
  std::size_t n, in, d;
};

// What is kept: gates, c' and h', and on the way back the gradients of these.
template <class T>
struct StepArrays {
  T *z, *c, *h, *gz, *gc, *gh;

  StepArrays(T* kept, const StepSizes& s)
      : z(kept),
        c(z + 4 * s.n * s.d),
        h(c + s.n * s.d),
        gz(h + s.n * s.d),
        gc(gz + 4 * s.n * s.d),
        gh(gc + s.n * s.d) {}
  static std::size_t count(const StepSizes& s) { return 12 * s.n * s.d; }
};

template <class T>
void step_forward(const StepSizes& s, bool biased, const ForwardArrays<T>& a) {
  const StepArrays<T> k(a.kept, s);
  const auto& [n, in, d] = s;
  kernels::gemm(false, true, n, 4 * d, in, a.x[kX], a.x[kWeightX], T(0), k.z);
  kernels::gemm(false, true, n, 4 * d, d, a.x[kH], a.x[kWeightH], T(1), k.z);
  kernels::lstm_forward<T>(biased ? a.x[kBias] : nullptr, k.z, a.x[kC], k.c, k.h, n, d);
  for (std::size_t i = 0; i < n; ++i) {
    std::copy_n(k.h + i * d, d, a.y + 2 * i * d);
    std::copy_n(k.c + i * d, d, a.y + (2 * i + 1) * d);
  }
}

// The gradients of x, h and the weights, side by side as by the rule.
template <class T>
void add_products(const StepSizes& s, const T* gz, const BackwardArrays<T>& a) {
  const auto& [n, in, d] = s;
  std::array<kernels::Product<T>, 4> products;
  std::size_t count = 0;
  const auto add = [&](Input i, bool transpose, std::size_t m, std::size_t columns,
                       std::size_t inner, const T* with) {
    if (a.gx[i] == nullptr) return;
    products[count++] = {transpose, false, m, columns, inner, gz, with, a.adds(i) ? T(1) : T(0),
                         a.gx[i]};
  };
  add(kX, false, n, in, 4 * d, a.x[kWeightX]);
  add(kH, false, n, d, 4 * d, a.x[kWeightH]);
  add(kWeightX, true, 4 * d, in, n, a.x[kX]);
  add(kWeightH, true, 4 * d, d, n, a.x[kH]);
  kernels::gemm(std::span<const kernels::Product<T>>(products.data(), count));
}

template <class T>
void step_backward(const StepSizes& s, bool biased, const BackwardArrays<T>& a) {
  const StepArrays<T> k(a.kept, s);
  const auto& [n, in, d] = s;
  for (std::size_t i = 0; i < n; ++i) {
    std::copy_n(a.gy + 2 * i * d, d, k.gh + i * d);
    std::copy_n(a.gy + (2 * i + 1) * d, d, k.gc + i * d);
  }
  kernels::lstm_output_backward<T>(k.z, k.c, k.gh, k.gz, false, k.gc, true, n, d);
  kernels::lstm_cell_backward<T>(k.z, a.x[kC], k.gc, k.gz, true, a.gx[kC], a.adds(kC), n, d);
  add_products(s, k.gz, a);
  if (!biased || a.gx[kBias] == nullptr) return;
  if (n == 1) {
    std::copy_n(k.gz, 4 * d, a.gx[kBias]);
  } else {
    kernels::reduce(kernels::Reduction::sum, k.gz, a.gx[kBias], 1, n, 4 * d);
  }
}

// Further rows of one step.
template <class T>
Tensor<T> step_of_batch(const StepSizes& s, const BatchOperands<T>& b) {
  std::vector<Tensor<T>> x = b.x;
  for (const Input i : {kX, kH, kC})
    x[i] = view(b.all(i), {b.n * s.n, x[i].shape()[x[i].rank() - 1]});
  const LstmState<T> next = lstm_cell<T>(x[kX], {x[kH], x[kC]}, x[kWeightX], x[kWeightH],
                                         x.size() > kBias ? x[kBias] : Tensor<T>(), {});
  return view(concat({next.h, next.c}, 1), {b.n, s.n, 2 * s.d});
}

}  // namespace

template <class T>
void describe_lstm_step(const Tensor<T>& y, std::size_t n, std::size_t in, std::size_t d,
                        bool biased) {
  const StepSizes s{n, in, d};
  describe_arrays(
      y, [s, biased](const ForwardArrays<T>& a) { step_forward(s, biased, a); },
      [s, biased](const BackwardArrays<T>& a) { step_backward(s, biased, a); },
      {.kept = StepArrays<T>::count(s), .gradients = 0x3FU, .apart = 1U << kBias});
  describe_batch(y, [s](const BatchOperands<T>& b) { return step_of_batch(s, b); },
                 {.shared = 0x38U});
}

template void describe_lstm_step(const Tensor<float>&, std::size_t, std::size_t, std::size_t, bool);
template void describe_lstm_step(const Tensor<double>&, std::size_t, std::size_t, std::size_t,
                                 bool);

}  // namespace xgrad::detail
