#include "xgrad/modules/transformer_stacks.hpp"

#include "xgrad/base/errors.hpp"

namespace xgrad {

template <template <class> class M, template <class> class Layer, class T>
TransformerStack<M, Layer, T>::TransformerStack(const char* name, std::size_t width,
                                                std::size_t heads, const TransformerStackOptions& o)
    : layers(this->template add<Sequential<T>>("layers")), norm(nullptr) {
  detail::require(o.num_layers > 0, name, "there are no layers: num_layers ", o.num_layers);
  for (std::size_t i = 0; i < o.num_layers; ++i)
    layers.append(std::make_unique<Layer<T>>(width, heads, o.layer));
  if (!o.norm) return;
  norm = &this->template add<LayerNorm<T>>("norm", width, NormLayerOptions{o.layer.layer_norm_eps});
}

template <template <class> class M, template <class> class Layer, class T>
Layer<T>& TransformerStack<M, Layer, T>::layer(std::size_t i) {
  return static_cast<Layer<T>&>(layers[i]);
}

template <template <class> class M, template <class> class Layer, class T>
template <class Through>
Tensor<T> TransformerStack<M, Layer, T>::all(Tensor<T> x, const Through& through) {
  for (std::size_t i = 0; i < size(); ++i) x = through(layer(i), x, i);
  return norm != nullptr ? (*norm)(x) : x;
}

template <template <class> class M, template <class> class Layer, class T>
ModuleOptions TransformerStack<M, Layer, T>::options() const {
  const ModuleOptions of_layer = layers[0].options();
  std::vector<ModuleOption> all(of_layer.begin(), of_layer.end());
  all.push_back({"num_layers", ModuleOptions::of(size())});
  all.push_back({"norm", ModuleOptions::of(norm != nullptr)});
  return ModuleOptions(std::move(all));
}

template <template <class> class M, template <class> class Layer, class T>
std::unique_ptr<Module<T>> TransformerStack<M, Layer, T>::from(const ModuleOptions& o) {
  const std::size_t width = o.size("width"), heads = o.size("heads");
  return std::make_unique<M<T>>(
      width, heads,
      TransformerStackOptions{.num_layers = o.size("num_layers"),
                              .norm = o.flag("norm", false),
                              .layer = detail::transformer_layer_options(o)});
}

template <class T>
TransformerEncoder<T>::TransformerEncoder(std::size_t width, std::size_t heads,
                                          TransformerStackOptions o)
    : TransformerEncoder::TransformerStack("TransformerEncoder", width, heads, o) {}

template <class T>
Tensor<T> TransformerEncoder<T>::forward(const Tensor<T>& x) {
  return this->all(x, [](auto& layer, const Tensor<T>& z, std::size_t) { return layer(z); });
}

template <class T>
Tensor<T> TransformerEncoder<T>::operator()(const Tensor<T>& x, const AttentionMasks<T>& masks) {
  return this->inside([&] {
    return this->hooked(x, this->all(x, [&](auto& layer, const Tensor<T>& z, std::size_t) {
      return layer(z, masks);
    }));
  });
}

template <class T>
TransformerDecoder<T>::TransformerDecoder(std::size_t width, std::size_t heads,
                                          TransformerStackOptions o)
    : TransformerDecoder::TransformerStack("TransformerDecoder", width, heads, o) {}

template <class T>
Tensor<T> TransformerDecoder<T>::operator()(const Tensor<T>& x, const Tensor<T>& memory,
                                            const AttentionMasks<T>& masks,
                                            const AttentionMasks<T>& memory_masks) {
  return this->inside([&] {
    return this->hooked(x, this->all(x, [&](auto& layer, const Tensor<T>& z, std::size_t) {
      return layer(z, memory, masks, memory_masks);
    }));
  });
}

template <class T>
Tensor<T> TransformerDecoder<T>::operator()(const Tensor<T>& x, const Tensor<T>& memory,
                                            std::vector<AttentionCache<T>>& caches,
                                            const AttentionMasks<T>& memory_masks) {
  return this->inside([&] {
    detail::require(caches.empty() || caches.size() == this->size(), "TransformerDecoder",
                    "there are not as many caches as layers: caches ", caches.size(), ", layers ",
                    this->size());
    caches.resize(this->size());
    return this->hooked(x, this->all(x, [&](auto& layer, const Tensor<T>& z, std::size_t i) {
      return layer(z, memory, caches[i], memory_masks);
    }));
  });
}

#define XGRAD_INSTANTIATE(T)                                                       \
  template class TransformerStack<TransformerEncoder, TransformerEncoderLayer, T>; \
  template class TransformerStack<TransformerDecoder, TransformerDecoderLayer, T>; \
  template class TransformerEncoder<T>;                                            \
  template class TransformerDecoder<T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
