#pragma once

// Convolutions of each channel on its own. The functions do what convolve, convolve_input and
// convolve_weight do (kernels/convolution.hpp) where groups have one channel in and one out. Internal.

#include <cstddef>

#include "xgrad/kernels/convolution.hpp"

namespace xgrad::kernels {

template <class T>
void depthwise(const Convolution& c, const T* x, const T* w, const T* bias, T* y, bool accumulate);
template <class T>
void depthwise_input(const Convolution& c, const T* gy, const T* w, const T* bias, T* gx,
                     bool accumulate);
template <class T>
void depthwise_weight(const Convolution& c, const T* x, const T* gy, T* gw, bool accumulate);

/// A plane of results: sizes, how far places are apart in the image, and in the result.
struct Plane {
  Sizes3 grid, steps, out_steps;
};

template <class T>
struct DepthwiseKernels {
  /// out[t] = bias + sum over k of w[k] image[offsets[k] + t]; added to out if `accumulate`.
  void (*sums)(const T* image, const T* w, const std::size_t* offsets, std::size_t k,
               const Plane& plane, T bias, T* out, bool accumulate);
  /// g[k] = sum over t of gy[t] image[offsets[k] + t].
  void (*products)(const T* gy, const T* image, const std::size_t* offsets, std::size_t k,
                   const Plane& plane, T* g);
};

template <Isa I, class T>
DepthwiseKernels<T> make_depthwise_kernels();

}  // namespace xgrad::kernels
