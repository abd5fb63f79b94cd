#include <cmath>

#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/normalization.hpp"
#include "xgrad/kernels/rows.hpp"

#define XGRAD_INLINE __attribute__((always_inline))

namespace xgrad::kernels {
namespace {

template <class T>
using P = Pack<T, Arch>;

// f(offset, width) summed up over all runs, each run by itself first.
template <class T, class F>
[[gnu::always_inline]] inline T sum_over(Runs runs, const F& f) {
  P<T> total(0);
  for (std::size_t i = 0; i < runs.count; ++i) {
    P<T> s[4] = {P<T>(0), P<T>(0), P<T>(0), P<T>(0)};
    each_pack<P<T>>(runs.length, [&](std::size_t k, auto width, auto q)
                                     XGRAD_INLINE { s[q] = s[q] + f(i * runs.stride + k, width); });
    total = total + ((s[0] + s[1]) + (s[2] + s[3]));
  }
  return sum_lanes(total);
}

template <class T>
T weight_of(const T* weight, std::size_t run, Runs runs) {
  return weight != nullptr ? weight[run * runs.weight_stride] : T(1);
}

template <class T>
void forward(const NormInputs<T>& in, T* y, Runs runs, T eps) {
  const T size = static_cast<T>(runs.count * runs.length);
  const T mean = sum_over<T>(runs, [&](std::size_t k, auto width)
                                       XGRAD_INLINE { return load(in.x + k, width); }) /
                 size;
  const T variance = sum_over<T>(runs,
                                 [&](std::size_t k, auto width) XGRAD_INLINE {
                                   return square(load(in.x + k, width, mean) - P<T>(mean));
                                 }) /
                     size;
  const T rstd = 1 / std::sqrt(variance + eps);
  if (in.variance != nullptr) *in.variance = variance;
  *in.mean = mean;
  *in.rstd = rstd;
  const P<T> m(mean);
  for (std::size_t i = 0; i < runs.count; ++i) {
    const P<T> scale(rstd * weight_of(in.weight, i, runs));
    const P<T> shift(in.bias != nullptr ? in.bias[i * runs.weight_stride] : T(0));
    const T* const from = in.x + i * runs.stride;
    T* const to = y + i * runs.stride;
    each_pack<P<T>>(runs.length, [&](std::size_t k, auto width, auto) XGRAD_INLINE {
      store((load(from + k, width) - m) * scale + shift, to + k, width);
    });
  }
}

template <class T>
struct RunSums {
  T g, gz;  // sum gy, sum gy (x - mean) rstd
};

template <class T>
[[gnu::always_inline]] inline RunSums<T> sums_of_run(const T* x, const T* gy, T mean, T rstd,
                                                     std::size_t n) {
  const P<T> m(mean);
  P<T> g[2] = {P<T>(0), P<T>(0)}, dot[2] = {P<T>(0), P<T>(0)};
  each_pack<P<T>>(n, [&](std::size_t k, auto width, auto q) XGRAD_INLINE {
    const P<T> v = load(gy + k, width);
    g[q % 2] = g[q % 2] + v;
    dot[q % 2] = dot[q % 2] + v * (load(x + k, width) - m);
  });
  return {sum_lanes(g[0] + g[1]), sum_lanes(dot[0] + dot[1]) * rstd};
}

// gx = rstd (weight gy - mean(weight gy) - z mean(weight gy z)), z = (x - mean) rstd
template <class T>
[[gnu::always_inline]] inline void write_gradient(const NormInputs<T>& in,
                                                  const NormGradients<T>& out, RunSums<T> means,
                                                  T weight, std::size_t first, std::size_t n) {
  const T k = *in.rstd;
  const P<T> m(*in.mean), a(k * weight), b(-k * k * means.gz), shift(-k * means.g);
  const T *const x = in.x + first, *const gy = out.gy + first;
  each_pack<P<T>>(n, [&](std::size_t i, auto width, auto) XGRAD_INLINE {
    const P<T> v = a * load(gy + i, width) + b * (load(x + i, width) - m) + shift;
    put(v, out.gx + first + i, width, out.accumulate);
  });
}

template <class T>
void backward(const NormInputs<T>& in, const NormGradients<T>& out, Runs runs, T* gsum, T* gdot,
              std::size_t sum_stride) {
  RunSums<T> total{T(0), T(0)};
  for (std::size_t i = 0; i < runs.count; ++i) {
    const std::size_t first = i * runs.stride;
    const RunSums<T> s = sums_of_run(in.x + first, out.gy + first, *in.mean, *in.rstd, runs.length);
    gsum[i * sum_stride] = s.g;
    gdot[i * sum_stride] = s.gz;
    const T weight = weight_of(in.weight, i, runs);
    total = {total.g + weight * s.g, total.gz + weight * s.gz};
  }
  if (out.gx == nullptr) return;
  const T size = static_cast<T>(runs.count * runs.length);
  const RunSums<T> means{total.g / size, total.gz / size};
  for (std::size_t i = 0; i < runs.count; ++i) {
    write_gradient(in, out, means, weight_of(in.weight, i, runs), i * runs.stride, runs.length);
  }
}

}  // namespace

template <Isa I, class T>
RunNormKernels<T> make_run_norm_kernels() {
  return {&forward<T>, &backward<T>};
}

template RunNormKernels<float> make_run_norm_kernels<kIsa, float>();
template RunNormKernels<double> make_run_norm_kernels<kIsa, double>();

}  // namespace xgrad::kernels
