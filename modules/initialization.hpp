#pragma once

// Initial numbers, written in place into a parameter (or any leaf or constant):
//
//   Linear<float> layer(784, 256);
//   he_normal_(layer.weight);
//   xavier_uniform_(layer.weight, {.gain = gain(Activation::tanh)});
//   for (auto& [name, p] : net.parameters()) if (p.rank() > 1) orthogonal_(p);
//
// A weight is (out, in) or (out, in, kernel...); `in` numbers meet at each output (fan-in), `out`
// at each input in the backward pass (fan-out), both times the elements of the kernel. Random
// functions draw once from the default generator unless given another. Every function throws
// std::invalid_argument, before it writes, for options out of their range and for a tensor of a
// rank it cannot fill; std::logic_error for a tensor that is a result of an operation.

#include <type_traits>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/kernels/random.hpp"

namespace xgrad {

// --- Constants ---

/// All numbers 0.
template <class T>
void zeros_(Tensor<T> w);
/// All numbers 1.
template <class T>
void ones_(Tensor<T> w);
/// All numbers `value`.
template <class T>
void constant_(Tensor<T> w, std::type_identity_t<T> value);
/// 1 on the diagonal, 0 elsewhere; w is a matrix, not necessarily square.
template <class T>
void identity_(Tensor<T> w);

// --- Plain distributions ---

struct UniformOptions {
  double low = -0.01;              ///< included
  double high = 0.01;              ///< not included
  Generator* generator = nullptr;  ///< null: the default generator
};
/// Uniform in [low, high).
template <class T>
void uniform_(Tensor<T> w, UniformOptions options = {});

struct NormalOptions {
  double mean = 0;          ///< of the distribution
  double deviation = 0.01;  ///< standard deviation
  Generator* generator = nullptr;
};
/// Normal. The default deviation is the classical 0.01, which is too small for a deep network: the
/// signal shrinks by 0.01 sqrt(in) in every layer.
template <class T>
void normal_(Tensor<T> w, NormalOptions options = {});

struct TruncatedNormalOptions {
  double mean = 0;          ///< of the distribution before it is cut
  double deviation = 0.01;  ///< of the distribution before it is cut
  double low = -2;          ///< where it is cut, in deviations from the mean
  double high = 2;          ///< the other end
  Generator* generator = nullptr;
};
/// Normal restricted to [mean + low deviation, mean + high deviation], by inversion of the
/// distribution function. With the default cuts the result's deviation is 0.8796 `deviation`.
template <class T>
void truncated_normal_(Tensor<T> w, TruncatedNormalOptions options = {});

// --- Distributions that keep the variance of the signal ---

/// Functions that have a gain.
enum class Activation {
  identity,
  sigmoid,
  tanh,
  relu,
  leaky_relu,
  elu,
  selu,
  gelu,
  silu,
  mish,
  softplus
};

/// By how much to scale weights so that a layer with this activation keeps the signal's
/// second moment: 1 / sqrt(E[f(z)^2]) for z standard normal, for relu sqrt(2), for leaky_relu
/// sqrt(2 / (1 + slope^2)), for selu 1. Two follow the field's usage instead, as they meet z
/// of small variance: sigmoid 1 and tanh 5/3. `slope` belongs to leaky_relu.
double gain(Activation activation, double slope = 0.01);

/// How many numbers meet at an output (`in`), and at an input in the backward pass (`out`).
struct Fans {
  std::size_t in, out;
};
/// Throws std::invalid_argument for fewer than two axes.
Fans fans(const Shape& weight);

struct FanOptions {
  double gain = 1;
  Generator* generator = nullptr;
};
/// Variance gain^2 2 / (fan_in + fan_out): a compromise between keeping the variance of the signal
/// (1 / fan_in) and of its gradient (1 / fan_out), for activations that are linear near 0, such as
/// tanh. Uniform in +-gain sqrt(6 / (fan_in + fan_out)). Glorot, Bengio 2010, eq. 16.
template <class T>
void xavier_uniform_(Tensor<T> w, FanOptions options = {});
/// Normal with that variance.
template <class T>
void xavier_normal_(Tensor<T> w, FanOptions options = {});

/// Variance gain^2 / fan_in, uniform in +-gain sqrt(3 / fan_in). LeCun, Bottou, Orr, Mueller 1998,
/// eq. 16; with normal numbers the initialisation that selu needs.
template <class T>
void lecun_uniform_(Tensor<T> w, FanOptions options = {});
/// Normal with that variance.
template <class T>
void lecun_normal_(Tensor<T> w, FanOptions options = {});

/// Which of the two fans decides: `in` keeps the variance forward, `out` backward.
enum class Fan { in, out };

struct HeOptions {
  Fan fan = Fan::in;  ///< in keeps the variance of the signal, out that of the gradient
  Activation activation = Activation::relu;  ///< whose gain it is
  double slope = 0.01;                       ///< of leaky_relu
  Generator* generator = nullptr;
};
/// Variance gain(activation)^2 / fan, for relu 2 / fan: half of the signal is cut off and made up
/// for. Uniform in +-gain sqrt(3 / fan). He, Zhang, Ren, Sun 2015, eq. 10 and 14.
template <class T>
void he_uniform_(Tensor<T> w, HeOptions options = {});
/// Normal with that variance.
template <class T>
void he_normal_(Tensor<T> w, HeOptions options = {});

// --- Structured matrices ---

/// gain times a random matrix with orthonormal rows or columns, whichever are fewer, uniform among
/// those (Haar). The axes after the first count as one. Saxe, McClelland, Ganguli 2014; signs as in
/// Mezzadri 2007. Complexity: O(m n min(m, n)), in double.
template <class T>
void orthogonal_(Tensor<T> w, FanOptions options = {});

struct SparseOptions {
  double sparsity = 0.9;    ///< the share of zeros among the incoming weights of each unit
  double deviation = 0.01;  ///< of the others, which are normal
  Generator* generator = nullptr;
};
/// In every row of a matrix round(sparsity in) zeros at random places. Martens 2010, section 5.
template <class T>
void sparse_(Tensor<T> w, SparseOptions options = {});

}  // namespace xgrad
