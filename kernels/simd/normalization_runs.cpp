#include <cmath>

#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/moments.hpp"
#include "xgrad/kernels/normalization.hpp"
#include "xgrad/kernels/rows.hpp"

#define XGRAD_INLINE __attribute__((always_inline))

namespace xgrad::kernels {
namespace {

template <class T>
using P = Pack<T, Arch>;

// f(offset, width) summed up over all runs, each run by itself first. Sum: a pack, or Two.
template <class Sum, bool Short, class T, class F>
[[gnu::always_inline]] inline Sum sum_over(Runs runs, const F& f) {
  BlockSum<Sum> total;
  for (std::size_t i = 0; i < runs.count; ++i) {
    const std::size_t run = i * runs.stride;
    total.add(sum_of_blocks<Sum>(ContiguousRow<P<T>, Short>{runs.length},
                                 [&](std::size_t k, auto width)
                                     XGRAD_INLINE { return f(run + k, width); }));
  }
  return total.total();
}

template <class T>
struct RunMoments {
  T mean, rest, squares;
};

// The sums of x - center and of its squares, as rest and squares.
template <bool Short, class T>
RunMoments<T> around(T center, const T* x, Runs runs) {
  const P<T> c(center);
  const Two<P<T>> s =
      sum_over<Two<P<T>>, Short, T>(runs, [&](std::size_t k, auto width) XGRAD_INLINE {
        const P<T> d = load(x + k, width, center) - c;
        return Two<P<T>>{d, square(d)};
      });
  const Two<T> sums = sum_lanes(s);
  return {center, sums.first, sums.second};
}

template <bool Short, class T>
RunMoments<T> moments_of_runs(const T* x, Runs runs) {
  const T size = static_cast<T>(runs.count * runs.length), inverse = 1 / size;
  const P<T> sum = sum_over<P<T>, Short, T>(
      runs, [&](std::size_t k, auto width) XGRAD_INLINE { return load(x + k, width); });
  RunMoments<T> m = around<Short>(sum_lanes(sum) / size, x, runs);
  if (is_far_off(m.rest, m.squares, inverse)) m = around<Short>(m.mean + m.rest * inverse, x, runs);
  m.rest = take_out_center(m.rest, m.squares, inverse);
  return m;
}

template <class T>
RunMoments<T> moments_of(const T* x, Runs runs) {
  const bool is_short = runs.length <= ContiguousRow<P<T>>::kBlock;
  return is_short ? moments_of_runs<true>(x, runs) : moments_of_runs<false>(x, runs);
}

template <class T>
T weight_of(const T* weight, std::size_t run, Runs runs) {
  return weight != nullptr ? weight[run * runs.weight_stride] : T(1);
}

template <class T>
void forward(const NormInputs<T>& in, T* y, Runs runs, T eps) {
  const T size = static_cast<T>(runs.count * runs.length);
  const RunMoments<T> moments = moments_of(in.x, runs);
  const T variance = moments.squares / size, rstd = 1 / std::sqrt(variance + eps);
  if (in.variance != nullptr) *in.variance = variance;
  *in.mean = moments.mean;
  *in.rest = moments.rest;
  *in.rstd = rstd;
  const P<T> m(moments.mean);
  for (std::size_t i = 0; i < runs.count; ++i) {
    const T factor = rstd * weight_of(in.weight, i, runs),
            out = std::isfinite(factor) ? moments.rest * factor : T(0);
    const P<T> scale(factor);
    const P<T> shift(in.bias != nullptr ? in.bias[i * runs.weight_stride] - out : -out);
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
[[gnu::always_inline]] inline RunSums<T> sums_of_run(const T* x, const T* gy, T mean, T rest,
                                                     T rstd, std::size_t n) {
  const P<T> m(mean);
  const Two<P<T>> s =
      sum_of_blocks<Two<P<T>>>(ContiguousRow<P<T>>{n}, [&](std::size_t k, auto width) XGRAD_INLINE {
        const P<T> v = load(gy + k, width);
        return Two<P<T>>{v, v * (load(x + k, width) - m)};
      });
  const Two<T> sums = sum_lanes(s);
  return {sums.first, (sums.second - rest * sums.first) * rstd};
}

// gx = rstd (weight gy - mean(weight gy) - z mean(weight gy z)), z = (x - mean) rstd
template <class T>
[[gnu::always_inline]] inline void write_gradient(const NormInputs<T>& in,
                                                  const NormGradients<T>& out, RunSums<T> means,
                                                  T weight, std::size_t first, std::size_t n) {
  const T k = *in.rstd;
  const T slope = -k * k * means.gz;
  const P<T> m(*in.mean), a(k * weight), b(slope), shift(-k * means.g - slope * *in.rest);
  const T *const x = in.x + first, *const gy = out.gy + first;
  each_pack<P<T>>(n, [&](std::size_t i, auto width, auto) XGRAD_INLINE {
    const P<T> v = a * load(gy + i, width) + b * (load(x + i, width) - m) + shift;
    put(v, out.gx + first + i, width, out.accumulate);
  });
}

template <class T>
void backward(const NormInputs<T>& in, const NormGradients<T>& out, Runs runs, T* gsum, T* gdot,
              std::size_t sum_stride) {
  BlockSum<Two<T>> total;  // of the runs, each times its weight
  for (std::size_t i = 0; i < runs.count; ++i) {
    const std::size_t first = i * runs.stride;
    const RunSums<T> s =
        sums_of_run(in.x + first, out.gy + first, *in.mean, *in.rest, *in.rstd, runs.length);
    gsum[i * sum_stride] = s.g;
    gdot[i * sum_stride] = s.gz;
    const T weight = weight_of(in.weight, i, runs);
    total.add(Two<T>{weight * s.g, weight * s.gz});
  }
  if (out.gx == nullptr) return;
  const T size = static_cast<T>(runs.count * runs.length);
  const RunSums<T> means{total.total().first / size, total.total().second / size};
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
