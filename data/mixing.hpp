#pragma once

// Batches whose samples are mixed with one another, and their classes with them: the targets are
// probabilities, which cross_entropy takes.
//
//   for (const auto& batch : loader) {
//     const TargetBatch<float> mixed = mixup(batch, 10, {.alpha = 0.2});
//     const Tensor<float> loss = cross_entropy(net(mixed.inputs), mixed.targets);
//
// Each call is a draw of the generator, whose state is part of a checkpoint. Call them in the
// training loop, not in what a prefetching loader runs.

#include <cstddef>

#include "xgrad/data/dataset.hpp"
#include "xgrad/kernels/random.hpp"

namespace xgrad {

/// The targets as probabilities: 1 for the label's class, 0 for the others.
/// **Shapes** labels (n) -> targets (n, classes). **Throws** std::out_of_range for a label that is
/// no class.
template <class T>
TargetBatch<T> with_probabilities(const LabeledBatch<T>& batch, std::size_t classes);

struct MixOptions {
  double alpha = 0.2;  ///< of the share's distribution Beta(alpha, alpha); 0: nothing is mixed
};

/// With a share l of Beta(alpha, alpha), one for the batch, and a random order p of its samples:
///   x[i] = l x[i] + (1 - l) x[p[i]], and the targets likewise.
/// **Throws** std::invalid_argument for alpha that is negative or not finite.
/// **Source** Zhang, Cisse, Dauphin, Lopez-Paz 2018.
template <class T>
TargetBatch<T> mixup(const TargetBatch<T>& batch, MixOptions options = {},
                     Generator& generator = default_generator());
template <class T>
TargetBatch<T> mixup(const LabeledBatch<T>& batch, std::size_t classes, MixOptions options = {},
                     Generator& generator = default_generator()) {
  return mixup(with_probabilities(batch, classes), options, generator);
}

/// With l and p as in mixup: in each image x[i] a box of the share 1 - l of the area, its centre
/// any pixel, cut off at the border, is that of x[p[i]]. The targets are mixed by the area that
/// is left.
/// **Shapes** inputs (n, h, w) or (n, c, h, w); std::invalid_argument for others, and as mixup.
/// **Source** Yun, Han, Oh, Chun, Choe, Yoo 2019.
template <class T>
TargetBatch<T> cutmix(const TargetBatch<T>& batch, MixOptions options = {.alpha = 1},
                      Generator& generator = default_generator());
template <class T>
TargetBatch<T> cutmix(const LabeledBatch<T>& batch, std::size_t classes,
                      MixOptions options = {.alpha = 1},
                      Generator& generator = default_generator()) {
  return cutmix(with_probabilities(batch, classes), options, generator);
}

namespace detail {
/// A number of Beta(alpha, alpha), alpha > 0.
double symmetric_beta(double alpha, Generator::State draw);
}  // namespace detail

}  // namespace xgrad
