#pragma once

// MultiheadAttention, and what tells a transformer where in a sequence it is. The layers made of them are
// in transformer.hpp, the operations in xgrad/ops/attention.hpp and xgrad/ops/positions.hpp.
//
// Sequences are (batch, length, width), PyTorch's batch_first = True; there is no other layout.

#include "xgrad/modules/linear.hpp"
#include "xgrad/ops/attention.hpp"

namespace xgrad {

struct MultiheadAttentionOptions {
  double dropout = 0;    ///< of the weights, in training
  bool bias = true;      ///< in_proj_bias and out_proj.bias
  std::size_t kdim = 0;  ///< width of keys and values; 0: that of the queries
  std::size_t vdim = 0;  ///< width of the values; 0: that of the keys
  bool causal = false;   ///< a query sees the keys up to its own place, always
  bool rotary = false;   ///< queries and keys are turned by where they stand, see rotary
};

/// Which keys a query sees. PyTorch's names and, unlike those of scaled_dot_product_attention, PyTorch's
/// sense: masks say what is left out.
template <class T>
struct AttentionMasks {
  Tensor<T> key_padding_mask = {};  ///< (batch, s): keys where it is not 0 are padding
  Tensor<T> attn_mask =
      {};  ///< (l, s), (batch heads, l, s) or (batch, heads, l, s): left out likewise
  Tensor<T> attn_bias = {};  ///< of the same shapes: added to the scores; PyTorch's float masks
  bool causal = false;       ///< as the option, for this call
};

/// Keys and values of what a causal attention has seen, for sequences that grow: (batch, heads, length,
/// width of a head). Empty at the start.
template <class T>
struct AttentionCache {
  Tensor<T> key = {}, value = {};  ///< of all steps so far
  std::size_t length() const { return key.defined() ? key.shape()[2] : 0; }
};

/// Attention by several heads: queries, keys and values are projected, each head attends with its share
/// of the columns, what the heads give is joined and projected.
/// **Shapes** query (n, l, width), key (n, s, kdim), value (n, s, vdim) -> (n, l, width); all three also
/// without n. Parameters as in PyTorch: in_proj_weight (3 width, width), or with kdim or vdim
/// q_proj_weight (width, width), k_proj_weight (width, kdim) and v_proj_weight (width, vdim), initially
/// Xavier uniform; in_proj_bias (3 width), initially 0; out_proj.weight (width, width), uniform in
/// +-1/sqrt(width), and out_proj.bias (width), initially 0. A query that sees no key gets out_proj.bias.
/// **Source** Vaswani et al. 2017, section 3.2.2.
template <class T>
class MultiheadAttention : public LibraryModule<MultiheadAttention, T> {
 public:
  /// Throws std::invalid_argument for sizes of 0, a width that cannot be divided among the heads, a
  /// dropout outside [0, 1], and for rotary heads of odd width.
  MultiheadAttention(std::size_t width, std::size_t heads, MultiheadAttentionOptions options = {});

  /// Of x by itself.
  Tensor<T> forward(const Tensor<T>& x) override;
  using Module<T>::operator();
  /// Throws std::invalid_argument for shapes that do not fit.
  Tensor<T> operator()(const Tensor<T>& query, const Tensor<T>& key, const Tensor<T>& value,
                       const AttentionMasks<T>& masks = {});
  Tensor<T> operator()(const Tensor<T>& x, const AttentionMasks<T>& masks);
  /// Of x (n, l, width), which follows what the cache has, and is added to it: as the whole sequence at
  /// once with .causal would give it, its last l places.
  Tensor<T> operator()(const Tensor<T>& x, AttentionCache<T>& cache);

  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  struct Heads {
    Tensor<T> query, key, value;
  };
  bool separate() const { return options_.kdim != width_ || options_.vdim != width_; }
  Tensor<T> initial_projection(std::size_t rows, std::size_t columns) const;
  Tensor<T> projected(std::size_t part, const Tensor<T>& x) const;
  Tensor<T> in_heads(const Tensor<T>& x) const;
  Heads heads_of(const Tensor<T>& query, const Tensor<T>& key, const Tensor<T>& value) const;
  AttentionOptions<T> attention_options(const Heads& h, const AttentionMasks<T>& masks) const;
  Tensor<T> joined(const Heads& h, const AttentionOptions<T>& options);
  Tensor<T> attend(const Tensor<T>& query, const Tensor<T>& key, const Tensor<T>& value,
                   const AttentionMasks<T>& masks);
  Tensor<T> attend(const Tensor<T>& x, AttentionCache<T>& cache);

  std::size_t width_, heads_;
  MultiheadAttentionOptions options_;

 public:
  Tensor<T>& in_proj_weight;  ///< undefined with kdim or vdim
  Tensor<T>& q_proj_weight;   ///< undefined without
  Tensor<T>& k_proj_weight;
  Tensor<T>& v_proj_weight;
  Tensor<T>& in_proj_bias;  ///< undefined without bias
  Linear<T>& out_proj;
};

/// x + sinusoidal_positions, at most as long as x is.
/// **Shapes** x (..., length, width) -> the same.
template <class T>
class SinusoidalPositions : public LibraryModule<SinusoidalPositions, T> {
 public:
  Tensor<T> forward(const Tensor<T>& x) override { return at(x, 0); }
  /// For x that begins at a later position.
  Tensor<T> at(const Tensor<T>& x, std::size_t first) const;
};

/// x + weight, of as many positions as x has.
/// **Shapes** x (..., length, width) -> the same, length at most `length`. Parameter: weight (length,
/// width), initially normal with deviation 0.02. **Source** Radford et al. 2018, section 4.1.
template <class T>
class LearnedPositions : public LibraryModule<LearnedPositions, T> {
 public:
  /// Throws std::invalid_argument for a size of 0.
  LearnedPositions(std::size_t length, std::size_t width);

  /// Throws std::invalid_argument for x of another width, or longer.
  Tensor<T> forward(const Tensor<T>& x) override { return at(x, 0); }
  /// For x that begins at a later position.
  Tensor<T> at(const Tensor<T>& x, std::size_t first) const;

  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

  Tensor<T>& weight;
};

}  // namespace xgrad
