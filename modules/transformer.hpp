#pragma once

// Layers of transformers: TransformerEncoderLayer, TransformerDecoderLayer and TransformerBlock, one
// after the other in a Sequential, a loop, or the stacks of transformer_stacks.hpp. Names of
// parameters and default values are PyTorch's.
//
//   Sequential<float> model;
//   for (int i = 0; i < 6; ++i) model.emplace<TransformerBlock<float>>(512, 8);
//
// Sequences are (batch, length, width), or (length, width).

#include <string_view>

#include "xgrad/modules/attention.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/normalization.hpp"

namespace xgrad {

/// The function between the two linear maps.
enum class TransformerActivation { relu, gelu };
/// "relu", "gelu".
const char* to_string(TransformerActivation activation);

struct TransformerLayerOptions {
  std::size_t dim_feedforward = 2048;  ///< width of the hidden units
  double dropout = 0.1;  ///< of the weights of attention, of the hidden units, and of each branch
  TransformerActivation activation = TransformerActivation::relu;  ///< between the linear maps
  double layer_norm_eps = 1e-5;                                    ///< added to the variance
  bool norm_first = false;  ///< x + f(norm(x)), not norm(x + f(x))
};

namespace detail {
/// As a layer's ModuleOptions have them.
TransformerLayerOptions transformer_layer_options(const ModuleOptions& options);
}  // namespace detail

/// What layers of self-attention and two linear maps have in common.
template <template <class> class M, class T>
class SelfAttentionLayer : public LibraryModule<M, T> {
 public:
  /// With a the attention and m(x) = linear2(activation(linear1(x))):
  ///   norm_first: x = x + a(norm1(x)), y = x + m(norm2(x)); else x = norm1(x + a(x)), y = norm2(x + m(x)).
  Tensor<T> forward(const Tensor<T>& x) override;
  using Module<T>::operator();
  /// Throws std::invalid_argument for shapes that do not fit.
  Tensor<T> operator()(const Tensor<T>& x, const AttentionMasks<T>& masks);

  /// The parts, by PyTorch's names.
  MultiheadAttention<T>& self_attn;
  Linear<T>& linear1;
  Dropout<T>& dropout;
  Linear<T>& linear2;
  LayerNorm<T>& norm1;
  LayerNorm<T>& norm2;
  Dropout<T>& dropout1;
  Dropout<T>& dropout2;

 protected:
  SelfAttentionLayer(std::size_t width, std::size_t heads, const TransformerLayerOptions& options,
                     MultiheadAttentionOptions attention);
  template <class Attend>
  Tensor<T> through(const Tensor<T>& x, const Attend& attend);

  std::size_t heads_;
  TransformerLayerOptions options_;
};

/// A layer of an encoder.
/// **Shapes** x (n, l, width) -> the same. Parameters: those of self_attn (MultiheadAttention), linear1
/// (dim_feedforward, width), linear2 (width, dim_feedforward), norm1 and norm2 (LayerNorm).
/// **Source** Vaswani et al. 2017, section 3.1; norm_first: Xiong et al. 2020.
template <class T>
class TransformerEncoderLayer : public SelfAttentionLayer<TransformerEncoderLayer, T> {
 public:
  /// Throws std::invalid_argument as MultiheadAttention, Linear, Dropout and LayerNorm do.
  TransformerEncoderLayer(std::size_t width, std::size_t heads,
                          TransformerLayerOptions options = {});

  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);
};

struct TransformerBlockOptions {
  std::size_t dim_feedforward = 0;  ///< 0: four times the width
  double dropout = 0;               ///< of weights of attention, hidden units and branches
  TransformerActivation activation = TransformerActivation::gelu;  ///< between the linear maps
  double layer_norm_eps = 1e-5;                                    ///< added to the variance
  bool norm_first = true;  ///< x + f(norm(x)), not norm(x + f(x))
  bool rotary = false;     ///< see MultiheadAttentionOptions
};

/// A layer of a decoder alone, as language models have them: a TransformerEncoderLayer with other default
/// values whose places see what is before them, and that goes on from what it kept:
///   AttentionCache<float> cache;
///   for (...) y = block(x, cache);  // x (n, 1, width), the next place
/// **Shapes** and parameters as TransformerEncoderLayer. **Source** Radford et al. 2018, 2019.
template <class T>
class TransformerBlock : public SelfAttentionLayer<TransformerBlock, T> {
 public:
  /// Throws std::invalid_argument as MultiheadAttention, Linear, Dropout and LayerNorm do.
  TransformerBlock(std::size_t width, std::size_t heads, TransformerBlockOptions options = {});

  using TransformerBlock::SelfAttentionLayer::operator();
  /// The next places of the sequence in the cache, which they are added to.
  Tensor<T> operator()(const Tensor<T>& x, AttentionCache<T>& cache);

  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  bool rotary_;
};

/// A layer of a decoder that also looks at a memory, what an encoder made of another sequence:
///   x = norm1(x + a(x)), x = norm2(x + c(x, memory)), y = norm3(x + m(x)), or norm_first as above.
/// **Shapes** x (n, l, width), memory (n, s, width) -> (n, l, width). Parameters: those of the layer of an
/// encoder, of multihead_attn (MultiheadAttention) and norm3 (LayerNorm). As in PyTorch, x sees what comes
/// behind it unless a mask or .causal says otherwise.
/// **Source** Vaswani et al. 2017, section 3.1.
template <class T>
class TransformerDecoderLayer : public LibraryModule<TransformerDecoderLayer, T> {
 public:
  /// Throws std::invalid_argument as MultiheadAttention, Linear, Dropout and LayerNorm do.
  TransformerDecoderLayer(std::size_t width, std::size_t heads,
                          TransformerLayerOptions options = {});

  /// Throws std::invalid_argument for shapes that do not fit.
  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& memory,
                       const AttentionMasks<T>& masks = {},
                       const AttentionMasks<T>& memory_masks = {});
  /// The next places of the sequence in the cache, which they are added to.
  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& memory, AttentionCache<T>& cache,
                       const AttentionMasks<T>& memory_masks = {});

  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

  /// The parts, by PyTorch's names.
  MultiheadAttention<T>& self_attn;
  MultiheadAttention<T>& multihead_attn;
  Linear<T>& linear1;
  Dropout<T>& dropout;
  Linear<T>& linear2;
  LayerNorm<T>& norm1;
  LayerNorm<T>& norm2;
  LayerNorm<T>& norm3;
  Dropout<T>& dropout1;
  Dropout<T>& dropout2;
  Dropout<T>& dropout3;

 private:
  using Module<T>::forward;
  template <class Attend>
  Tensor<T> through(const Tensor<T>& x, const Tensor<T>& memory, const AttentionMasks<T>& masks,
                    const Attend& attend);

  std::size_t heads_;
  TransformerLayerOptions options_;
};

}  // namespace xgrad
