#include "xgrad/modules/transformer.hpp"

#include "xgrad/base/errors.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"

namespace xgrad {
namespace {

TransformerActivation activation_of(const ModuleOptions& o) {
  const std::string word = o.text("activation");
  if (word == "relu") return TransformerActivation::relu;
  if (word == "gelu") return TransformerActivation::gelu;
  detail::fail("make_module", "the activation is neither relu nor gelu: ", detail::quote(word));
}

template <class T>
Tensor<T> activated(TransformerActivation activation, const Tensor<T>& x) {
  return activation == TransformerActivation::relu ? relu(x) : gelu(x);
}

// x and a function of it, with the norm before or behind.
template <class T, class F>
Tensor<T> branch(const Tensor<T>& x, LayerNorm<T>& norm, Dropout<T>& dropout, bool norm_first,
                 const F& f) {
  if (norm_first) return x + dropout(f(norm(x)));
  return norm(x + dropout(f(x)));
}

ModuleOptions options_of(std::size_t width, std::size_t heads, const TransformerLayerOptions& o) {
  return {{"width", ModuleOptions::of(width)},
          {"heads", ModuleOptions::of(heads)},
          {"dim_feedforward", ModuleOptions::of(o.dim_feedforward)},
          {"dropout", ModuleOptions::of(o.dropout)},
          {"activation", to_string(o.activation)},
          {"layer_norm_eps", ModuleOptions::of(o.layer_norm_eps)},
          {"norm_first", ModuleOptions::of(o.norm_first)}};
}

TransformerLayerOptions layer_options(std::size_t width, const TransformerBlockOptions& o) {
  return {.dim_feedforward = o.dim_feedforward != 0 ? o.dim_feedforward : 4 * width,
          .dropout = o.dropout,
          .activation = o.activation,
          .layer_norm_eps = o.layer_norm_eps,
          .norm_first = o.norm_first};
}

}  // namespace

TransformerLayerOptions detail::transformer_layer_options(const ModuleOptions& o) {
  return {.dim_feedforward = o.size("dim_feedforward"),
          .dropout = o.number("dropout"),
          .activation = activation_of(o),
          .layer_norm_eps = o.number("layer_norm_eps"),
          .norm_first = o.flag("norm_first", false)};
}

const char* to_string(TransformerActivation activation) {
  return activation == TransformerActivation::relu ? "relu" : "gelu";
}

// --- SelfAttentionLayer ---

template <template <class> class M, class T>
SelfAttentionLayer<M, T>::SelfAttentionLayer(std::size_t width, std::size_t heads,
                                             const TransformerLayerOptions& o,
                                             MultiheadAttentionOptions attention)
    : self_attn(this->template add<MultiheadAttention<T>>("self_attn", width, heads, attention)),
      linear1(this->template add<Linear<T>>("linear1", width, o.dim_feedforward)),
      dropout(this->template add<Dropout<T>>("dropout", o.dropout)),
      linear2(this->template add<Linear<T>>("linear2", o.dim_feedforward, width)),
      norm1(this->template add<LayerNorm<T>>("norm1", width, NormLayerOptions{o.layer_norm_eps})),
      norm2(this->template add<LayerNorm<T>>("norm2", width, NormLayerOptions{o.layer_norm_eps})),
      dropout1(this->template add<Dropout<T>>("dropout1", o.dropout)),
      dropout2(this->template add<Dropout<T>>("dropout2", o.dropout)),
      heads_(heads),
      options_(o) {}

template <template <class> class M, class T>
template <class Attend>
Tensor<T> SelfAttentionLayer<M, T>::through(const Tensor<T>& x, const Attend& attend) {
  const bool first = options_.norm_first;
  const Tensor<T> y = branch(x, norm1, dropout1, first, attend);
  return branch(y, norm2, dropout2, first, [&](const Tensor<T>& z) {
    return linear2(dropout(activated(options_.activation, linear1(z))));
  });
}

template <template <class> class M, class T>
Tensor<T> SelfAttentionLayer<M, T>::forward(const Tensor<T>& x) {
  return through(x, [&](const Tensor<T>& z) { return self_attn(z); });
}

template <template <class> class M, class T>
Tensor<T> SelfAttentionLayer<M, T>::operator()(const Tensor<T>& x, const AttentionMasks<T>& masks) {
  return this->inside([&] {
    return this->hooked(x, through(x, [&](const Tensor<T>& z) { return self_attn(z, masks); }));
  });
}

template <class T>
TransformerEncoderLayer<T>::TransformerEncoderLayer(std::size_t width, std::size_t heads,
                                                    TransformerLayerOptions o)
    : TransformerEncoderLayer::SelfAttentionLayer(width, heads, o, {.dropout = o.dropout}) {}

template <class T>
ModuleOptions TransformerEncoderLayer<T>::options() const {
  return options_of(this->linear1.weight.shape()[1], this->heads_, this->options_);
}

template <class T>
std::unique_ptr<Module<T>> TransformerEncoderLayer<T>::from(const ModuleOptions& o) {
  const std::size_t width = o.size("width"), heads = o.size("heads");
  return std::make_unique<TransformerEncoderLayer>(width, heads,
                                                   detail::transformer_layer_options(o));
}

// --- TransformerBlock ---

template <class T>
TransformerBlock<T>::TransformerBlock(std::size_t width, std::size_t heads,
                                      TransformerBlockOptions o)
    : TransformerBlock::SelfAttentionLayer(
          width, heads, layer_options(width, o),
          {.dropout = o.dropout, .causal = true, .rotary = o.rotary}),
      rotary_(o.rotary) {}

template <class T>
Tensor<T> TransformerBlock<T>::operator()(const Tensor<T>& x, AttentionCache<T>& cache) {
  return this->inside([&] {
    return this->hooked(
        x, this->through(x, [&](const Tensor<T>& z) { return this->self_attn(z, cache); }));
  });
}

template <class T>
ModuleOptions TransformerBlock<T>::options() const {
  const ModuleOptions common =
      options_of(this->linear1.weight.shape()[1], this->heads_, this->options_);
  std::vector<ModuleOption> all(common.begin(), common.end());
  all.push_back({"rotary", ModuleOptions::of(rotary_)});
  return ModuleOptions(std::move(all));
}

template <class T>
std::unique_ptr<Module<T>> TransformerBlock<T>::from(const ModuleOptions& o) {
  const TransformerLayerOptions layer = detail::transformer_layer_options(o);
  const std::size_t width = o.size("width"), heads = o.size("heads");
  return std::make_unique<TransformerBlock>(
      width, heads,
      TransformerBlockOptions{.dim_feedforward = layer.dim_feedforward,
                              .dropout = layer.dropout,
                              .activation = layer.activation,
                              .layer_norm_eps = layer.layer_norm_eps,
                              .norm_first = layer.norm_first,
                              .rotary = o.flag("rotary", false)});
}

// --- TransformerDecoderLayer ---

template <class T>
TransformerDecoderLayer<T>::TransformerDecoderLayer(std::size_t width, std::size_t heads,
                                                    TransformerLayerOptions o)
    : self_attn(this->template add<MultiheadAttention<T>>(
          "self_attn", width, heads, MultiheadAttentionOptions{.dropout = o.dropout})),
      multihead_attn(this->template add<MultiheadAttention<T>>(
          "multihead_attn", width, heads, MultiheadAttentionOptions{.dropout = o.dropout})),
      linear1(this->template add<Linear<T>>("linear1", width, o.dim_feedforward)),
      dropout(this->template add<Dropout<T>>("dropout", o.dropout)),
      linear2(this->template add<Linear<T>>("linear2", o.dim_feedforward, width)),
      norm1(this->template add<LayerNorm<T>>("norm1", width, NormLayerOptions{o.layer_norm_eps})),
      norm2(this->template add<LayerNorm<T>>("norm2", width, NormLayerOptions{o.layer_norm_eps})),
      norm3(this->template add<LayerNorm<T>>("norm3", width, NormLayerOptions{o.layer_norm_eps})),
      dropout1(this->template add<Dropout<T>>("dropout1", o.dropout)),
      dropout2(this->template add<Dropout<T>>("dropout2", o.dropout)),
      dropout3(this->template add<Dropout<T>>("dropout3", o.dropout)),
      heads_(heads),
      options_(o) {}

template <class T>
template <class Attend>
Tensor<T> TransformerDecoderLayer<T>::through(const Tensor<T>& x, const Tensor<T>& memory,
                                              const AttentionMasks<T>& masks,
                                              const Attend& attend) {
  const bool first = options_.norm_first;
  const Tensor<T> y = branch(x, norm1, dropout1, first, attend);
  const Tensor<T> z = branch(y, norm2, dropout2, first, [&](const Tensor<T>& query) {
    return multihead_attn(query, memory, memory, masks);
  });
  return branch(z, norm3, dropout3, first, [&](const Tensor<T>& v) {
    return linear2(dropout(activated(options_.activation, linear1(v))));
  });
}

template <class T>
Tensor<T> TransformerDecoderLayer<T>::operator()(const Tensor<T>& x, const Tensor<T>& memory,
                                                 const AttentionMasks<T>& masks,
                                                 const AttentionMasks<T>& memory_masks) {
  return this->inside([&] {
    return this->hooked(x, through(x, memory, memory_masks,
                                   [&](const Tensor<T>& z) { return self_attn(z, masks); }));
  });
}

template <class T>
Tensor<T> TransformerDecoderLayer<T>::operator()(const Tensor<T>& x, const Tensor<T>& memory,
                                                 AttentionCache<T>& cache,
                                                 const AttentionMasks<T>& memory_masks) {
  return this->inside([&] {
    return this->hooked(x, through(x, memory, memory_masks,
                                   [&](const Tensor<T>& z) { return self_attn(z, cache); }));
  });
}

template <class T>
ModuleOptions TransformerDecoderLayer<T>::options() const {
  return options_of(linear1.weight.shape()[1], heads_, options_);
}

template <class T>
std::unique_ptr<Module<T>> TransformerDecoderLayer<T>::from(const ModuleOptions& o) {
  const std::size_t width = o.size("width"), heads = o.size("heads");
  return std::make_unique<TransformerDecoderLayer>(width, heads,
                                                   detail::transformer_layer_options(o));
}

template class SelfAttentionLayer<TransformerEncoderLayer, float>;
template class TransformerEncoderLayer<float>;
template class SelfAttentionLayer<TransformerEncoderLayer, double>;
template class TransformerEncoderLayer<double>;
template class SelfAttentionLayer<TransformerBlock, float>;
template class TransformerBlock<float>;
template class SelfAttentionLayer<TransformerBlock, double>;
template class TransformerBlock<double>;
template class TransformerDecoderLayer<float>;
template class TransformerDecoderLayer<double>;

}  // namespace xgrad
