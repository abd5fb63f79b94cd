#pragma once

// Attention: each query takes a mean of values, weighted by how well their keys fit it. One operation
// whose memory grows with the length of the sequence and not with its square.
//
//   Tensor<float> y = scaled_dot_product_attention(q, k, v, {.causal = true});
//
// In PyTorch `attn_mask` is one argument, a mask or numbers to add; here these are .mask and .bias.
// The modules are in xgrad/modules/attention.hpp.

#include <cstddef>
#include <optional>
#include <type_traits>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/kernels/random.hpp"

namespace xgrad {

template <class T>
struct AttentionOptions {
  Tensor<T> mask = {};               ///< a query sees the keys where it is not 0; a constant
  Tensor<T> bias = {};               ///< added to the scores; -inf: the query does not see the key
  bool causal = false;               ///< query i sees the keys 0 ... i + offset only
  std::ptrdiff_t offset = 0;         ///< of a causal one: how many keys precede the first query's
  double dropout = 0;                ///< the probability with which a weight becomes 0
  std::optional<double> scale = {};  ///< 1 / sqrt(width) when not given
  Generator* generator = nullptr;    ///< of dropout; the default one when null
};

/// y_i = sum over j of softmax over j (scale q_i k_j + bias_ij) v_j, over the keys j that query i
/// sees. A query that sees none, or only such with a score of -inf, has y = 0 and hands on gradients
/// of 0.
/// Shapes: query (..., l, width), key (..., s, width), value (..., s, value_width) -> (..., l,
/// value_width); mask and bias broadcast to (..., l, s), and so do the leading axes. With .causal and
/// l and s unequal, the first query sees the first key and no other, as in PyTorch; with .offset = s -
/// l the last query sees the last key, which is what a query needs whose earlier keys are kept.
/// Dropout multiplies the weights by 0 with the given probability and by 1 / (1 - dropout) otherwise:
/// one draw of the generator, which the backward pass repeats.
/// Gradient: with the weights p and gp_ij = gy_i v_j, gs = p (gp - sum over j of p gp): gv_j = sum
/// over i of p_ij gy_i, gq_i = scale sum over j of gs_ij k_j, gk_j = scale sum over i of gs_ij q_i,
/// and gs of the bias. Complexity: l s (width + value_width); memory l and s, apart from mask and
/// bias themselves. A bias that requires a gradient, and derivatives of derivatives, go by the
/// composition of other operations, which keeps all weights.
/// Throws std::invalid_argument: shapes that do not fit, a width of 0, dropout outside [0, 1], a
/// scale that is not finite, an offset without causal.
/// Source: Vaswani et al. 2017, section 3.2.1; by blocks: Rabe, Staats 2021; Dao, Fu, Ermon, Rudra,
/// Re 2022.
template <class T>
Tensor<T> scaled_dot_product_attention(
    const Tensor<T>& query, const Tensor<T>& key, const Tensor<T>& value,
    const std::type_identity_t<AttentionOptions<T>>& options = {});

}  // namespace xgrad
