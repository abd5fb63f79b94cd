#include "xgrad/ops/gru_arrays.hpp"

#include <algorithm>

#include "xgrad/autograd/description.hpp"
#include "xgrad/kernels/gemm.hpp"
#include "xgrad/kernels/packed_matrix.hpp"
#include "xgrad/kernels/recurrent.hpp"
#include "xgrad/kernels/reduce.hpp"

namespace xgrad::detail {
namespace {

using kernels::PackedMatrix;
using kernels::Stored;

enum Input { kX, kH, kWeightX, kWeightH, kBias, kBiasH };

struct Step {
  StepUnit unit;
  std::size_t n, in, d;

  bool gated() const { return unit == StepUnit::gru; }
  std::size_t wide() const { return gated() ? 3 * d : d; }
};

// What is kept: gates, or the sums before the nonlinearity, and room for sums and gradients.
template <class T>
struct StepArrays {
  T *saved, *zx, *zh, *gh;

  StepArrays(T* kept, const Step& s)
      : saved(kept),
        zx(saved + (s.gated() ? 4 : 1) * s.n * s.d),
        zh(zx + s.n * s.wide()),
        gh(zh + s.n * s.wide()) {}
  static std::size_t count(const Step& s) {
    return ((s.gated() ? 4 : 1) * s.d + 2 * s.wide() + s.d) * s.n;
  }
};

// a B, or added to c, of the weights as they lie there (n, k).
template <class T>
void multiply(const T* a, const T* weight, std::size_t rows, std::size_t k, std::size_t n, T* c,
              bool add) {
  PackedMatrix<T>(Stored::transposed, weight, k, n, true).multiply(a, rows, c, add);
}

template <class T>
void step_forward(const Step& s, const ForwardArrays<T>& a) {
  const StepArrays<T> k(a.kept, s);
  const std::size_t wide = s.wide();
  T* const zx = s.gated() ? k.zx : k.saved;
  multiply(a.x[kX], a.x[kWeightX], s.n, s.in, wide, zx, false);
  multiply(a.x[kH], a.x[kWeightH], s.n, s.d, wide, s.gated() ? k.zh : zx, !s.gated());
  if (s.gated())
    return kernels::gru_forward<T>(a.x[kBias], a.x[kBiasH], k.zx, k.zh, a.x[kH], k.saved, a.y, s.n,
                                   s.d);
  T* const bias = k.zx;
  std::transform(a.x[kBias], a.x[kBias] + s.d, a.x[kBiasH], bias, [](T b, T c) { return b + c; });
  kernels::rnn_forward<T>(bias, k.saved, a.y, s.unit == StepUnit::relu, s.n, s.d);
}

template <class T>
void add_weight(const Step& s, const BackwardArrays<T>& a, Input i, const T* gz, const T* rows,
                std::size_t columns) {
  if (a.gx[i] == nullptr) return;
  kernels::gemm(true, false, s.wide(), columns, s.n, gz, rows, a.adds(i) ? T(1) : T(0), a.gx[i]);
}

template <class T>
void set_bias(const Step& s, const BackwardArrays<T>& a, Input i, const T* gz) {
  if (a.gx[i] == nullptr) return;
  if (s.n == 1) {
    std::copy_n(gz, s.wide(), a.gx[i]);
  } else {
    kernels::reduce(kernels::Reduction::sum, gz, a.gx[i], 1, s.n, s.wide());
  }
}

template <class T>
void step_backward(const Step& s, const BackwardArrays<T>& a) {
  const StepArrays<T> k(a.kept, s);
  const std::size_t wide = s.wide();
  T *const gzx = k.zx, *const gzh = s.gated() ? k.zh : k.zx;
  std::transform(a.gy, a.gy + s.n * s.d, k.gh, [](T g) { return g + T(0); });
  if (s.gated()) {
    kernels::gru_backward<T>(k.saved, a.x[kH], k.gh, gzx, gzh, k.gh, s.n, s.d);
  } else {
    kernels::rnn_backward<T>(k.saved, k.gh, gzx, s.unit == StepUnit::relu, s.n, s.d);
  }
  PackedMatrix<T>(Stored::rows, a.x[kWeightH], wide, s.d, true).multiply(gzh, s.n, k.gh, s.gated());
  if (a.gx[kX] != nullptr)
    PackedMatrix<T>(Stored::rows, a.x[kWeightX], wide, s.in, true)
        .multiply(gzx, s.n, a.gx[kX], a.adds(kX));
  add_weight(s, a, kWeightX, gzx, a.x[kX], s.in);
  add_weight(s, a, kWeightH, gzh, a.x[kH], s.d);
  set_bias(s, a, kBias, gzx);
  set_bias(s, a, kBiasH, gzh);
  if (a.gx[kH] != nullptr) std::copy_n(k.gh, s.n * s.d, a.gx[kH]);
}

}  // namespace

template <class T>
void describe_recurrent_step(const Tensor<T>& y, StepUnit unit, std::size_t n, std::size_t in,
                             std::size_t d) {
  const Step s{unit, n, in, d};
  describe_arrays(
      y, [s](const ForwardArrays<T>& a) { step_forward(s, a); },
      [s](const BackwardArrays<T>& a) { step_backward(s, a); },
      {.kept = StepArrays<T>::count(s),
       .gradients = 0x3FU,
       .apart = 1U << kH | 1U << kBias | 1U << kBiasH});
}

template void describe_recurrent_step(const Tensor<float>&, StepUnit, std::size_t, std::size_t,
                                      std::size_t);
template void describe_recurrent_step(const Tensor<double>&, StepUnit, std::size_t, std::size_t,
                                      std::size_t);

}  // namespace xgrad::detail
