#pragma once

// Random tensors: constants, from the default generator or a given one (see
// xgrad/kernels/random.hpp). Each call is one draw of the generator; its numbers do not depend on
// the number of threads. Of parameters that want gradients: distributions.hpp.

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/kernels/random.hpp"

namespace xgrad {

/// Uniform in [low, high). Throws std::invalid_argument unless low <= high, both finite.
template <class T>
Tensor<T> uniform(const Shape& shape, std::type_identity_t<T> low = T(0),
                  std::type_identity_t<T> high = T(1), Generator& generator = default_generator());

/// Normal with the given mean and standard deviation. Throws std::invalid_argument for a
/// negative deviation.
template <class T>
Tensor<T> normal(const Shape& shape, std::type_identity_t<T> mean = T(0),
                 std::type_identity_t<T> deviation = T(1),
                 Generator& generator = default_generator());

/// A mask: 1 with the given probability, else 0. The same mask in float and double for the same
/// generator state. Throws std::invalid_argument for a probability outside [0, 1].
template <class T>
Tensor<T> bernoulli(const Shape& shape, double probability,
                    Generator& generator = default_generator());

/// Integers uniform in {low, ..., high - 1}. Throws std::invalid_argument unless low < high.
Indices random_integers(const Shape& shape, std::int64_t low, std::int64_t high,
                        Generator& generator = default_generator());

/// The numbers 0 ... n - 1 in random order.
Indices random_permutation(std::size_t n, Generator& generator = default_generator());

struct MultinomialOptions {
  bool replacement = false;  ///< a position may be drawn more than once
};

/// Positions drawn with the probabilities weight / sum of the weights, one after the other; without
/// replacement those that are left share what was drawn. The same ones in float and double. Shapes:
/// weights (n) -> (draws); (m, n) -> (m, draws), each row by itself. Throws std::invalid_argument for
/// weights of another rank, that are negative or not finite, for a row without a positive one, and
/// without replacement for a row with fewer positive ones than draws.
template <class T>
Indices multinomial(const Tensor<T>& weights, std::size_t draws, MultinomialOptions options = {},
                    Generator& generator = default_generator());

}  // namespace xgrad
