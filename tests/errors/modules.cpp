#include <cmath>

#include "tests/errors/bad_calls.hpp"
#include "xgrad/xgrad.hpp"

namespace bad_calls {
namespace {

using namespace xgrad;
using D = double;
using T = Tensor<double>;

T of(const Shape& shape) { return T::filled(shape, 0.5); }

auto make(const std::string& type, std::vector<ModuleOption> options = {}) {
  return make_module<D>({"", type, ModuleOptions(std::move(options)), {}});
}

T attend_after(const T& first, const T& second) {
  MultiheadAttention<D> heads(6, 2);
  AttentionCache<D> cache;
  heads(first, cache);
  return heads(second, cache);
}

T decode_with_caches(std::size_t count) {
  TransformerDecoder<D> decoder(6, 2, {.num_layers = 3, .layer = {.dim_feedforward = 4}});
  std::vector<AttentionCache<D>> caches(count);
  return decoder(of({1, 1, 6}), of({1, 2, 6}), caches);
}

}  // namespace

// clang-format off
std::vector<Call> modules() {
  return {
      XGRAD_BAD(Elu<D>(-1e-9)),
      XGRAD_BAD(Celu<D>(0)),
      XGRAD_BAD(Softplus<D>(0)),
      XGRAD_BAD(Hardtanh<D>(0.3, 0.1)),
      XGRAD_BAD(Prelu<D>(0)),
      XGRAD_BAD(Prelu<D>(3)(of({2, 4}))),
      XGRAD_BAD(Maxout<D>(3, 2, 0)),
      XGRAD_BAD(Maxout<D>(3, (std::size_t{1} << 62) + 1, 4)),
      XGRAD_BAD(Softmax<D>(1)(of({2}))),
      XGRAD_BAD(LogSoftmax<D>(-2)(of({2}))),
      XGRAD_BAD(Linear<D>(0, 3)),
      XGRAD_BAD(Linear<D>(3, 2)(of({2, 4}))),
      XGRAD_BAD(Bilinear<D>(2, 0, 3)),
      XGRAD_BAD(Conv2d<D>(3, 4, 3, {.groups = 2})),
      XGRAD_BAD(Conv1d<D>(3, 4, {3, 3})),
      XGRAD_BAD(Conv3d<D>(3, 0, 3)),
      XGRAD_BAD(Conv2d<D>(3, 4, 3)(of({1, 2, 5, 5}))),
      XGRAD_BAD(ConvTranspose2d<D>(3, 4, 0)),
      XGRAD_BAD(Conv2d<D>(3, 4, 3, {.stride = 0})),
      XGRAD_BAD(Conv2d<D>(3, 4, 3, {.padding = -1})),
      XGRAD_BAD(ConvTranspose1d<D>(3, 4, 3, {.dilation = {1, 2}})),
      XGRAD_BAD(MaxPool2d<D>(0)),
      XGRAD_BAD(AvgPool1d<D>({2, 2})),
      XGRAD_BAD(MaxPool3d<D>({2, 2})),
      XGRAD_BAD(AvgPool3d<D>(2)(of({3, 4}))),
      XGRAD_BAD(make("MaxPool2d", {{"kernel_size", ""}, {"stride", 1.0}, {"padding", 0.0}, {"dilation", 1.0}})),
      XGRAD_BAD(make("Conv2d", {{"in_channels", 1.0}, {"out_channels", 1.0}, {"kernel_size", 1.0}, {"stride", 1.0},
                                {"padding", 0.0}, {"dilation", 1.0}, {"groups", 1.0}, {"padding_mode", "mirror"}})),
      XGRAD_BAD(make("Upsample", {{"size", 2.0}, {"mode", "cubic"}})),
      XGRAD_BAD(InstanceNorm<D>(0)),
      XGRAD_BAD(InstanceNorm<D>(2)(of({3, 2, 1}))),
      XGRAD_BAD(Dropout2d<D>(1.0000001)),
      XGRAD_BAD(Embedding<D>(0, 3)),
      XGRAD_BAD(MultiheadAttention<D>(6, 4)),
      XGRAD_BAD(MultiheadAttention<D>(0, 1)),
      XGRAD_BAD(MultiheadAttention<D>(6, 2, {.dropout = 1.5})),
      XGRAD_BAD(MultiheadAttention<D>(6, 2, {.rotary = true})),
      XGRAD_BAD(MultiheadAttention<D>(6, 2)(of({2, 3, 5}))),
      XGRAD_BAD(MultiheadAttention<D>(6, 2, {.kdim = 4})(of({2, 3, 6}), of({2, 5, 4}), of({1, 5, 6}))),
      XGRAD_BAD(MultiheadAttention<D>(6, 2)(of({2, 3, 6}), {.key_padding_mask = of({3, 3})})),
      XGRAD_BAD(MultiheadAttention<D>(6, 2)(of({2, 3, 6}), {.attn_mask = of({2, 3, 3})})),
      XGRAD_BAD(MultiheadAttention<D>(6, 2)(of({2, 3, 6}), {.attn_bias = of({3, 4})})),
      XGRAD_BAD(attend_after(of({2, 1, 6}), of({3, 1, 6}))),
      XGRAD_BAD(SinusoidalPositions<D>()(of({6}))),
      XGRAD_BAD(SinusoidalPositions<D>()(of({2, 5}))),
      XGRAD_BAD(LearnedPositions<D>(0, 3)),
      XGRAD_BAD(LearnedPositions<D>(4, 3)(of({5, 3}))),
      XGRAD_BAD(Rnn<D>(0, 3)),
      XGRAD_BAD(Gru<D>(2, 3, {.num_layers = 0})),
      XGRAD_BAD(Gru<D>(2, 3, {.dropout = 1.5})),
      XGRAD_BAD(Lstm<D>(2, 3, {.proj_size = 2})),
      XGRAD_BAD(Gru<D>(2, 3)(of({4}))),
      XGRAD_BAD(Gru<D>(2, 3)(of({4, 1, 3}))),
      XGRAD_BAD(Rnn<D>(2, 3, {.batch_first = true})(of({4, 0, 2}))),
      XGRAD_BAD(Gru<D>(2, 3, {.bidirectional = true})(of({4, 1, 2}), {.state = of({1, 1, 3})})),
      XGRAD_BAD(Gru<D>(2, 3)(of({4, 2}), {.state = of({1, 1, 3})})),
      XGRAD_BAD(Gru<D>(2, 3)(of({4, 2, 2}), {.lengths = {4}})),
      XGRAD_BAD(Lstm<D>(2, 3)(of({4, 1, 2}), {.state = {of({1, 1, 3}), T()}})),
      XGRAD_BAD(Lstm<D>(2, 3).weights(0, true)),
      XGRAD_BAD(RnnCell<D>(2, 0)),
      XGRAD_BAD(GruCell<D>(2, 3)(of({4, 3}))),
      XGRAD_BAD(LstmCell<D>(2, 3)(of({4, 2}), {of({4, 3}), of({3, 3})})),
      XGRAD_BAD(make("Rnn", {{"in", 1.0}, {"hidden", 1.0}, {"nonlinearity", "relu6"}})),
      XGRAD_BAD(TransformerEncoderLayer<D>(6, 4)),
      XGRAD_BAD(TransformerEncoderLayer<D>(6, 2)(of({2, 3, 5}))),
      XGRAD_BAD(TransformerDecoderLayer<D>(6, 2, {.dim_feedforward = 0})),
      XGRAD_BAD(TransformerDecoderLayer<D>(6, 2)(of({2, 3, 6}), of({1, 3, 6}))),
      XGRAD_BAD(TransformerEncoder<D>(6, 2, {.num_layers = 0})),
      XGRAD_BAD(TransformerEncoder<D>(6, 2, {.num_layers = 1, .layer = {.dim_feedforward = 4}})(of({2, 3, 5}))),
      XGRAD_BAD(TransformerDecoder<D>(6, 4)),
      XGRAD_BAD(decode_with_caches(2)),
      XGRAD_BAD(TransformerBlock<D>(6, 2, {.dropout = -1})),
      XGRAD_BAD(make("TransformerBlock", {{"width", 2.0}, {"heads", 1.0}, {"dim_feedforward", 1.0}, {"dropout", 0.0},
                                          {"activation", "tanh"}, {"layer_norm_eps", 1.0}})),
      XGRAD_BAD(Dropout<D>(1.0000001)),
      XGRAD_BAD(Dropout<D>(NAN)),
      XGRAD_BAD(AlphaDropout<D>(-1e-9)),
      XGRAD_BAD(GaussianNoise<D>(-1e-9)),
      XGRAD_BAD(GaussianNoise<D>(INFINITY)),
      XGRAD_BAD(DropConnect<D>(2, 3, {.p = 1})),
      XGRAD_BAD(DropConnect<D>(2, 3, {.samples = 0})),
      XGRAD_BAD(BatchNorm<D>(0)),
      XGRAD_BAD(BatchNorm<D>(3, {.eps = -1e-9})),
      XGRAD_BAD(BatchNorm<D>(3, {.momentum = 0})),
      XGRAD_BAD(BatchNorm<D>(3, {.momentum = 1.0000001})),
      XGRAD_BAD(BatchNorm<D>(3)(of({1, 3}))),
      XGRAD_BAD(BatchNorm<D>(3)(of({2, 4}))),
      XGRAD_BAD(LayerNorm<D>(0)),
      XGRAD_BAD(LayerNorm<D>(3, {.eps = -1e-9})),
      XGRAD_BAD(RmsNorm<D>(3, {.eps = NAN})),
      XGRAD_BAD(GroupNorm<D>(2, 3)),
      XGRAD_BAD(GroupNorm<D>(0, 3)),
      XGRAD_BAD(Reshape<D>({2, 3})(of({2, 4}))),
      XGRAD_BAD(Flatten<D>(3)(of({2, 4}))),
      XGRAD_BAD(Residual<D>(Linear<D>(3, 2))(of({1, 3}))),
      XGRAD_BAD(Parallel<D>(Linear<D>(3, 2), Linear<D>(3, 1))(of({1, 3}))),
      XGRAD_BAD(Parallel<D>()(of({1, 3}))),
      XGRAD_BAD(Concat<D>(0, Linear<D>(3, 2), Linear<D>(3, 1))(of({1, 3}))),
      XGRAD_BAD(Concat<D>(0)(of({1, 3}))),
      XGRAD_BAD(WeightNorm<D>(Relu<D>())),
      XGRAD_BAD(Sequential<D>(Linear<D>(3, 2), Linear<D>(3, 2))(of({1, 3}))),
      XGRAD_BAD(Sequential<D>()[0]),
      XGRAD_BAD(Sequential<D>().append(Relu<D>(), "a.b")),
      XGRAD_BAD(Sequential<D>(Relu<D>()).append(Relu<D>(), "0")),
      XGRAD_BAD(Sequential<D>(Relu<D>()).at("0.weight")),
      XGRAD_BAD(Linear<D>(3, 2).load_state_dict(NamedTensors<D>{{"weight", of({2})}})),
      XGRAD_BAD(Linear<D>(3, 2).copy_state(Linear<D>(3, 4))),
      XGRAD_BAD(MseLoss<D>()(of({2}), of({3}))),
      XGRAD_BAD(HuberLoss<D>({.delta = -1e-9})(of({2}), of({2}))),

      XGRAD_BAD(make("Lniear")),
      XGRAD_BAD(make("Linear")),
      XGRAD_BAD(make("Linear", {{"in", 2.5}, {"out", 1.0}})),
      XGRAD_BAD(make("Elu", {{"alpha", std::string("much")}})),
      XGRAD_BAD(make("Softmax", {{"axis", 1e300}})),
      XGRAD_BAD(make("Reshape", {{"shape", std::string("2 -1")}})),
      XGRAD_BAD(make("Residual")),
      XGRAD_BAD(register_module<D>("Linear", nullptr)),

      XGRAD_BAD(normal_(of({2}), {.deviation = -1e-9})),
      XGRAD_BAD(uniform_(of({2}), {.low = 0.3, .high = 0.1})),
      XGRAD_BAD(truncated_normal_(of({2}), {.low = 1, .high = 0.5})),
      XGRAD_BAD(truncated_normal_(of({2}), {.deviation = -1e-9})),
      XGRAD_BAD(identity_(of({2}))),
      XGRAD_BAD(fans(Shape{2})),
      XGRAD_BAD(xavier_uniform_(of({2, 2}), {.gain = 0})),
      XGRAD_BAD(xavier_normal_(of({2}))),
      XGRAD_BAD(lecun_uniform_(of({2, 2}), {.gain = -1e-9})),
      XGRAD_BAD(lecun_normal_(of({2, 2}), {.gain = NAN})),
      XGRAD_BAD(he_uniform_(of({2}))),
      XGRAD_BAD(he_normal_(of({}))),
      XGRAD_BAD(orthogonal_(of({2}))),
      XGRAD_BAD(sparse_(of({2, 2}), {.sparsity = 1.0000001})),
      XGRAD_BAD(sparse_(of({2, 2}), {.deviation = -1e-9})),
      XGRAD_BAD(max_norm_(of({2, 2}), 0)),
      XGRAD_BAD(unit_norm_(of({2, 2}), -1e-9)),
  };
}
// clang-format on

}  // namespace bad_calls
