#pragma once

// Weight re-normalisation: data-dependent initialisation, and projections of weights after a step.

#include <string>
#include <vector>

#include "xgrad/modules/module.hpp"

namespace xgrad {

struct RenormalizeOptions {
  double deviation = 1;   ///< that every layer's outputs get
  bool per_unit = false;  ///< each output unit for itself instead of the layer as a whole
  bool center = false;    ///< shift the bias, too, so that every unit's mean is 0
};

/// What a layer's outputs were before it was renormalised, as a whole.
struct RenormalizedLayer {
  std::string path;  ///< where the layer is in the tree
  double deviation;  ///< of all its outputs
};

/// Data-dependent initialisation: scales weight and bias of every layer, in the order in which they
/// are called, so that its outputs on `batch` have the given standard deviation. A layer is a
/// module with a parameter `weight` of two axes or more, linear in it, and no other parameter than
/// `bias`: its output units are on the last axis for a matrix, on axis 1 for more axes. Runs `net`
/// once, in its present mode and without recording. A layer that is not called keeps its numbers,
/// one that is called several times is scaled by its first call.
/// **Throws** std::invalid_argument when the outputs of a layer do not vary, naming it, and for a
/// deviation that is not above 0; the layers before it are scaled by then.
/// **Source** Mishkin, Matas 2016 (the layer as a whole; start from orthogonal_ for theirs);
/// Salimans, Kingma 2016, section 3 (per_unit and center).
template <class T>
std::vector<RenormalizedLayer> renormalize_(Module<T>& net, const Tensor<T>& batch,
                                            RenormalizeOptions options = {});

/// Scales down every row of w (the incoming weights of one unit; all axes but the first) whose
/// Euclidean norm is above `limit`, to `limit`. Called after an optimizer's step.
/// **Throws** std::invalid_argument unless limit > 0 and w has two axes or more.
/// **Source** Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014, section 5.1.
template <class T>
void max_norm_(Tensor<T> w, double limit);

/// Scales every row of w to this norm; rows of zeros stay. Throws as max_norm_.
template <class T>
void unit_norm_(Tensor<T> w, double norm = 1);

}  // namespace xgrad
