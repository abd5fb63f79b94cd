#pragma once

// Normalisation on arrays, by the kernel of what is normalised: rows, or channels. Internal: ops/normalization.cpp.

#include <cstddef>

#include "xgrad/autograd/description.hpp"
#include "xgrad/kernels/normalization.hpp"

namespace xgrad::detail {

using kernels::ChannelsView;
using kernels::RowsView;

template <class T>
void run(const kernels::NormInputs<T>& in, T* y, RowsView view, double eps) {
  kernels::normalize_rows(in, y, view, static_cast<T>(eps));
}
template <class T>
void run(const kernels::NormInputs<T>& in, T* y, ChannelsView view, double eps) {
  kernels::normalize_channels(in, y, view, static_cast<T>(eps));
}
template <class T>
void run_backward(const kernels::NormInputs<T>& in, const kernels::NormGradients<T>& out,
                  RowsView view) {
  kernels::normalize_rows_backward(in, out, view);
}
template <class T>
void run_backward(const kernels::NormInputs<T>& in, const kernels::NormGradients<T>& out,
                  ChannelsView view) {
  kernels::normalize_channels_backward(in, out, view);
}

// Whether 1 / sqrt(variance + eps) and its square are far from the ends of the range of T, and so
// the squares that it is made of.
template <class T>
bool is_usual(T rstd) {
  constexpr T bound = sizeof(T) == 4 ? T(0x1p50F) : static_cast<T>(0x1p450);
  return rstd >= 1 / bound && rstd <= bound;
}
template <class T>
bool all_usual(const T* rstd, std::size_t n) {
  int unusual = 0;
  for (std::size_t k = 0; k < n; ++k) unusual |= static_cast<int>(!is_usual(rstd[k]));
  return unusual == 0;
}

// Without the tape, where rstd, mean and rest are kept. Numbers out of the ordinary need it.
template <class T, class View>
void describe_normalized(const Tensor<T>& y, View view, double eps, std::size_t statistics,
                         bool centered, std::size_t weight, std::size_t bias) {
  const auto inputs = [=](const auto& a) {
    kernels::NormInputs<T> in{};
    in.x = a.x[0];
    in.weight = weight != 0 ? a.x[weight] : nullptr;
    in.bias = bias != 0 ? a.x[bias] : nullptr;
    in.rstd = a.kept;
    if (centered) {
      in.mean = a.kept + statistics;
      in.rest = a.kept + 2 * statistics;
    }
    return in;
  };
  const auto forward = [=](const auto& a) {
    run<T>(inputs(a), a.y, view, eps);
    if (!all_usual(a.kept, statistics)) throw NeedsTape{};
  };
  const auto backward = [=](const auto& a) {
    run_backward<T>(inputs(a),
                    {a.gy, a.gx[0], a.adds(0), weight != 0 ? a.gx[weight] : nullptr,
                     bias != 0 ? a.gx[bias] : nullptr},
                    view);
  };
  describe_arrays(y, forward, backward,
                  {.kept = 3 * statistics, .gradients = 7, .apart = 6, .may_need_tape = true});
}

}  // namespace xgrad::detail
