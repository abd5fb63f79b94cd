#pragma once

// TransformerEncoder and TransformerDecoder: layers of transformers one behind the other, under
// PyTorch's names, whose state dictionaries load.
//
//   TransformerEncoder<float> encoder(512, 8, {.num_layers = 6});
//   TransformerDecoder<float> decoder(512, 8, {.num_layers = 6});
//   Tensor<float> y = decoder(target, encoder(source), {.causal = true});

#include <vector>

#include "xgrad/modules/sequential.hpp"
#include "xgrad/modules/transformer.hpp"

namespace xgrad {

struct TransformerStackOptions {
  std::size_t num_layers = 6;
  bool norm = false;  ///< a LayerNorm behind the last layer, as norm_first needs it
  TransformerLayerOptions layer = {};  ///< of each layer
};

/// What both have in common.
template <template <class> class M, template <class> class Layer, class T>
class TransformerStack : public LibraryModule<M, T> {
 public:
  /// Throws std::out_of_range.
  Layer<T>& layer(std::size_t i);
  std::size_t size() const { return layers.size(); }

  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

  Sequential<T>& layers;
  LayerNorm<T>* norm;  ///< null without

 protected:
  TransformerStack(const char* name, std::size_t width, std::size_t heads,
                   const TransformerStackOptions& options);
  /// x through all layers, each by through(layer, x, its index), and the norm.
  template <class Through>
  Tensor<T> all(Tensor<T> x, const Through& through);
};

/// Layers of an encoder, each on what the one before gave.
/// **Shapes** x (n, l, width) -> the same. Parameters: those of layers.0, layers.1, ...
/// (TransformerEncoderLayer) and, with .norm, of norm (LayerNorm).
/// **Source** Vaswani et al. 2017, section 3.1.
template <class T>
class TransformerEncoder : public TransformerStack<TransformerEncoder, TransformerEncoderLayer, T> {
 public:
  /// Throws std::invalid_argument for no layers, and as TransformerEncoderLayer does.
  TransformerEncoder(std::size_t width, std::size_t heads, TransformerStackOptions options = {});

  Tensor<T> forward(const Tensor<T>& x) override;
  using Module<T>::operator();
  /// With the same masks in all layers. Throws std::invalid_argument for shapes that do not fit.
  Tensor<T> operator()(const Tensor<T>& x, const AttentionMasks<T>& masks);
};

/// Layers of a decoder, each of which looks at the same memory.
/// **Shapes** x (n, l, width), memory (n, s, width) -> (n, l, width). Parameters: those of layers.0, ...
/// (TransformerDecoderLayer) and, with .norm, of norm (LayerNorm).
/// **Source** Vaswani et al. 2017, section 3.1.
template <class T>
class TransformerDecoder : public TransformerStack<TransformerDecoder, TransformerDecoderLayer, T> {
 public:
  /// Throws std::invalid_argument for no layers, and as TransformerDecoderLayer does.
  TransformerDecoder(std::size_t width, std::size_t heads, TransformerStackOptions options = {});

  /// Throws std::invalid_argument for shapes that do not fit.
  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& memory,
                       const AttentionMasks<T>& masks = {},
                       const AttentionMasks<T>& memory_masks = {});
  /// The next places of the sequence in the caches, one for each layer or none yet, which they are
  /// added to. Throws std::invalid_argument for another number of caches, too.
  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& memory,
                       std::vector<AttentionCache<T>>& caches,
                       const AttentionMasks<T>& memory_masks = {});

 private:
  using Module<T>::forward;
};

#define XGRAD_EXTERN(T)                                                                   \
  extern template class TransformerStack<TransformerEncoder, TransformerEncoderLayer, T>; \
  extern template class TransformerStack<TransformerDecoder, TransformerDecoderLayer, T>; \
  extern template class TransformerEncoder<T>;                                            \
  extern template class TransformerDecoder<T>;
XGRAD_EXTERN(float)
XGRAD_EXTERN(double)
#undef XGRAD_EXTERN

}  // namespace xgrad
