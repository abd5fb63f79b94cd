// Attention, positions and the layers of transformers.

#include "xgrad/modules/attention.hpp"

#include <cmath>
#include <functional>
#include <limits>

#include "tests/modules/helpers.hpp"
#include "tests/modules/references.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/modules/transformer.hpp"
#include "xgrad/modules/transformer_stacks.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/diagonals.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/positions.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"
#include "xgrad/ops/softmax.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;

using D = Tensor<double>;
using Inputs = std::vector<D>;
using Masks = AttentionMasks<double>;

void check_close(const std::vector<double>& theirs, const D& ours, double tolerance = 1e-13) {
  BOOST_TEST_REQUIRE(theirs.size() == ours.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    BOOST_TEST(std::abs(ours.data()[i] - theirs[i]) <= tolerance * (1 + std::abs(theirs[i])),
               i << ": " << ours.data()[i] << ", expected " << theirs[i]);
  }
}

template <class M>
NamedTensors<double> sorted_parameters(const M& net) {
  NamedTensors<double> all = net.parameters();
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

// The numbers that tests/references/attention.py got from such a layer.
template <class M, class Call>
void check_reference(const std::string& name, M net, const std::vector<Shape>& shapes,
                     const Call& call) {
  for_each_reference(
      name, 1,
      [&](const Shape&, const Quantities& q) {
        NamedTensors<double> state;
        for (const auto& p : sorted_parameters(net)) {
          const int k = 1 + static_cast<int>(state.size());
          state.push_back({p.name, 0.4 * wave(p.tensor.shape(), k)});
        }
        net.load_state_dict(state);
        Inputs x;
        for (const int k : {0, 20, 21}) {
          if (x.size() < shapes.size()) x.push_back(wave(shapes[x.size()], k).requires_grad_());
        }
        const D y = call(net, x);
        sum(y * wave(y.shape(), 100)).backward();
        check_close(q.at("y"), y);
        for (std::size_t i = 0; i < x.size(); ++i) {
          BOOST_TEST_CONTEXT("input " << i)
          check_close(q.at("gx" + std::to_string(i)), x[i].gradient());
        }
        for (const auto& p : sorted_parameters(net)) {
          BOOST_TEST_CONTEXT(p.name) check_close(q.at("g " + p.name), p.tensor.gradient());
        }
        BOOST_TEST(q.size() == 1 + x.size() + net.parameters().size());
      },
      "attention.txt");
}

// As in the script: the last key in all sequences, the one before in the others.
D padding(std::size_t n, std::size_t s) {
  D mask = zeros<double>({n, s});
  for (std::size_t i = 0; i < n; ++i) {
    mask.mutable_data()[i * s + s - 1] = 1;
    if (i > 0) mask.mutable_data()[i * s + s - 2] = 1;
  }
  return mask;
}
D later(std::size_t l, std::size_t s) { return triu(ones<double>({l, s}), 1); }

const Shape kX = {2, 3, 4}, kMemory = {2, 5, 4};

}  // namespace

BOOST_AUTO_TEST_SUITE(attention)

BOOST_AUTO_TEST_CASE(heads_give_what_pytorch_gives) {
  using M = MultiheadAttention<double>;
  check_reference("attention", M(4, 2), {kX}, [](M& m, const Inputs& x) { return m(x[0]); });
  check_reference(
      "attention masked", M(4, 2, {.bias = false}), {kX, kMemory}, [](M& m, const Inputs& x) {
        return m(x[0], x[1], x[1], {.key_padding_mask = padding(2, 5), .attn_mask = later(3, 5)});
      });
  check_reference("attention masked", M(4, 2, {.bias = false, .causal = true}), {kX, kMemory},
                  [](M& m, const Inputs& x) {
                    return m(x[0], x[1], x[1], {.key_padding_mask = padding(2, 5)});
                  });
  check_reference("attention bias", M(4, 2), {kX, kMemory, kMemory}, [](M& m, const Inputs& x) {
    return m(x[0], x[1], x[2], {.attn_bias = wave({4, 3, 5}, 30)});
  });
  check_reference("attention widths", M(4, 2, {.kdim = 3, .vdim = 5}), {kX, {2, 5, 3}, {2, 5, 5}},
                  [](M& m, const Inputs& x) { return m(x[0], x[1], x[2]); });
}

BOOST_AUTO_TEST_CASE(layers_give_what_pytorch_gives) {
  using Encoder = TransformerEncoderLayer<double>;
  using Decoder = TransformerDecoderLayer<double>;
  const TransformerLayerOptions post = {.dim_feedforward = 6, .dropout = 0};
  TransformerLayerOptions pre = post;
  pre.activation = TransformerActivation::gelu;
  pre.norm_first = true;
  check_reference("decoder first", Decoder(4, 2, pre), {kX, kMemory},
                  [](Decoder& m, const Inputs& x) { return m(x[0], x[1]); });
  pre.layer_norm_eps = 0.01;
  check_reference("encoder", Encoder(4, 2, post), {kX},
                  [](Encoder& m, const Inputs& x) { return m(x[0]); });
  check_reference("encoder first", Encoder(4, 2, pre), {kX}, [](Encoder& m, const Inputs& x) {
    return m(x[0], {.key_padding_mask = padding(2, 3), .attn_mask = later(3, 3)});
  });
  check_reference("encoder first", Encoder(4, 2, pre), {kX}, [](Encoder& m, const Inputs& x) {
    return m(x[0], {.key_padding_mask = padding(2, 3), .causal = true});
  });
  check_reference("decoder", Decoder(4, 2, post), {kX, kMemory}, [](Decoder& m, const Inputs& x) {
    return m(x[0], x[1], {.causal = true}, {.key_padding_mask = padding(2, 5)});
  });
}

BOOST_AUTO_TEST_CASE(stacks_give_what_pytorch_gives) {
  using Encoder = TransformerEncoder<double>;
  using Decoder = TransformerDecoder<double>;
  TransformerStackOptions options{.num_layers = 2, .layer = {.dim_feedforward = 6, .dropout = 0}};
  check_reference("decoders", Decoder(4, 2, options), {kX, kMemory},
                  [](Decoder& m, const Inputs& x) {
                    return m(x[0], x[1], {.causal = true}, {.key_padding_mask = padding(2, 5)});
                  });
  options.norm = options.layer.norm_first = true;
  check_reference("encoders", Encoder(4, 2, options), {kX}, [](Encoder& m, const Inputs& x) {
    return m(x[0], {.key_padding_mask = padding(2, 3), .causal = true});
  });
}

BOOST_AUTO_TEST_CASE(a_decoder_goes_on_from_its_caches) {
  TransformerDecoder<double> decoder(4, 2,
                                     {.num_layers = 2, .norm = true, .layer = {.dropout = 0}});
  TransformerEncoder<double> encoder(4, 2, {.num_layers = 1, .layer = {.dropout = 0}});
  const D x = wave(kX, 0), memory = encoder(wave(kMemory, 1));
  check_close(numbers(encoder(wave(kMemory, 1), {})), memory, 0);
  const Masks masks = {.key_padding_mask = padding(2, 5)};
  const D whole = decoder(x, memory, {.causal = true}, masks);
  std::vector<AttentionCache<double>> caches;
  Inputs y;
  for (const D& part : split(x, 3, 1)) y.push_back(decoder(part, memory, caches, masks));
  BOOST_TEST(caches.size() == 2U);
  check_close(numbers(whole), concat(y, 1));
  BOOST_TEST(decoder.layer(1).norm3.path() == "layers.1.norm3");
}

BOOST_AUTO_TEST_CASE(a_sequence_alone_is_one_of_a_batch) {
  MultiheadAttention<double> m(4, 2);
  const D x = wave({1, 3, 4}, 0), k = wave({1, 5, 4}, 1);
  check_close(numbers(m(x)), m(squeeze(x, {0})), 0);
  check_close(numbers(m(x, k, k)), m(squeeze(x, {0}), squeeze(k, {0}), squeeze(k, {0})), 0);
  const D v = wave({1, 5, 4}, 2);
  const Masks masks = {.key_padding_mask = padding(1, 5)},
              alone = {.key_padding_mask = squeeze(padding(1, 5), {0})};
  check_close(numbers(m(x, k, v, masks)),
              m(squeeze(x, {0}), squeeze(k, {0}), squeeze(v, {0}), alone), 0);
}

// Which of the inputs are one tensor saves work and changes nothing.
BOOST_AUTO_TEST_CASE(inputs_may_be_one) {
  MultiheadAttention<double> m(4, 2);
  const D x = wave(kX, 0), y = wave(kX, 1);
  check_close(numbers(m(x, x.clone(), y)), m(x, x, y), 0);
  check_close(numbers(m(x, y, x.clone())), m(x, y, x), 0);
  check_close(numbers(m(x, y, y.clone())), m(x, y, y), 0);
  check_close(numbers(m(x, x.clone(), x.clone())), m(x));
}

BOOST_AUTO_TEST_CASE(initial_numbers) {
  const auto is_uniform = [](const D& w, double bound) {
    const double low = min(w).item(), high = max(w).item();
    BOOST_TEST((low >= -bound && low < -0.95 * bound && high <= bound && high > 0.95 * bound));
  };
  const MultiheadAttention<double> m(32, 4), wide(32, 4, {.kdim = 16, .vdim = 64});
  is_uniform(m.in_proj_weight, std::sqrt(6.0 / 128));
  is_uniform(wide.q_proj_weight, std::sqrt(6.0 / 64));
  is_uniform(wide.k_proj_weight, std::sqrt(6.0 / 48));
  is_uniform(wide.v_proj_weight, std::sqrt(6.0 / 96));
  is_uniform(m.out_proj.weight, std::sqrt(1.0 / 32));
  check_close(std::vector<double>(96, 0), m.in_proj_bias, 0);
  check_close(std::vector<double>(32, 0), m.out_proj.bias, 0);
  const auto [mean, var] = moments(LearnedPositions<double>(100, 64).weight);
  BOOST_TEST(std::abs(mean) < 5 * 0.02 / 80);
  BOOST_TEST(std::abs(var / 4e-4 - 1) < 5 * std::sqrt(2.0 / 6400));
}

BOOST_AUTO_TEST_CASE(gradients) {
  MultiheadAttention<double> m(4, 2, {.causal = true, .rotary = true});
  check_both_orders(m, wave(kX, 3));
  TransformerBlock<double> block(4, 2, {.dim_feedforward = 3});
  check_both_orders(block, wave(kX, 3));
}

BOOST_AUTO_TEST_CASE(dropout_is_for_training) {
  TransformerEncoderLayer<double> layer(4, 2, {.dim_feedforward = 6, .dropout = 0.5});
  MultiheadAttention<double> m(4, 2, {.dropout = 0.5});
  const D x = wave(kX, 0);
  for (Module<double>* net : std::vector<Module<double>*>{&layer, &m}) {
    BOOST_TEST(numbers((*net)(x)) != numbers((*net)(x)));
    net->eval();
    BOOST_TEST(numbers((*net)(x)) == numbers((*net)(x)));
  }
}

template <class M>
void check_parts(M layer, std::size_t dropouts, const std::function<void(M&)>& call) {
  std::size_t called = 0, found = 0;
  layer.apply([&](const std::string& path, Module<double>& m) {
    if (path.starts_with("dropout")) {
      ++found;
      m.register_forward_hook([&](Module<double>&, const D&, const D&) { return ++called, D(); });
    } else if (path.ends_with("attn")) {
      BOOST_TEST(m.options().number("dropout") == 0.3);
    } else if (path.starts_with("norm")) {
      BOOST_TEST(m.options().number("eps") == 0.02);
    }
  });
  call(layer);
  BOOST_TEST(found == dropouts);
  BOOST_TEST(called == dropouts);
}

BOOST_AUTO_TEST_CASE(layers_use_all_their_parts) {
  using Encoder = TransformerEncoderLayer<double>;
  using Decoder = TransformerDecoderLayer<double>;
  const D x = wave(kX, 0), memory = wave(kMemory, 1);
  for (const bool first : {false, true}) {
    const TransformerLayerOptions o = {
        .dim_feedforward = 6, .dropout = 0.3, .layer_norm_eps = 0.02, .norm_first = first};
    check_parts<Encoder>(Encoder(4, 2, o), 3, [&](Encoder& m) { m(x); });
    check_parts<Decoder>(Decoder(4, 2, o), 4, [&](Decoder& m) { m(x, memory); });
    using Block = TransformerBlock<double>;
    const TransformerBlockOptions b = {.dropout = 0.3, .layer_norm_eps = 0.02, .norm_first = first};
    check_parts<Block>(Block(4, 2, b), 3, [&](Block& m) { m(x); });
  }
  const TransformerBlock<double> block(4, 2);
  BOOST_TEST(block.linear1.weight.shape() == (Shape{16, 4}));
}

BOOST_AUTO_TEST_CASE(a_block_is_an_encoder_layer_that_looks_back) {
  for (const bool first : {false, true}) {
    for (const auto f : {TransformerActivation::relu, TransformerActivation::gelu}) {
      TransformerBlock<double> block(
          4, 2,
          {.dim_feedforward = 6, .activation = f, .layer_norm_eps = 0.02, .norm_first = first});
      TransformerEncoderLayer<double> layer(4, 2,
                                            {.dim_feedforward = 6,
                                             .dropout = 0,
                                             .activation = f,
                                             .layer_norm_eps = 0.02,
                                             .norm_first = first});
      layer.load_state_dict(block.state_dict());
      const D x = wave(kX, 4);
      check_close(numbers(layer(x, {.causal = true})), block(x), 0);
    }
  }
  TransformerBlock<double> usual(4, 2);
  TransformerEncoderLayer<double> layer(4, 2,
                                        {.dim_feedforward = 16,
                                         .dropout = 0,
                                         .activation = TransformerActivation::gelu,
                                         .norm_first = true});
  layer.load_state_dict(usual.state_dict());
  check_close(numbers(layer(wave(kX, 4), {.causal = true})), usual(wave(kX, 4)), 0);
}

// Queries and keys are turned, values are not, in each head by itself.
BOOST_AUTO_TEST_CASE(rotary_heads_by_hand) {
  MultiheadAttention<double> m(8, 2, {.bias = false, .rotary = true});
  const D x = wave({1, 3, 8}, 2), rows = squeeze(x, {0});
  Inputs heads;
  for (std::ptrdiff_t h = 0; h < 2; ++h) {
    const auto part = [&](std::ptrdiff_t which) {
      const std::ptrdiff_t begin = 8 * which + 4 * h;
      return matmul(rows, transpose(slice(m.in_proj_weight, 0, begin, begin + 4)));
    };
    const D scores = matmul(rotary(part(0)), transpose(rotary(part(1)))) / 2.0;
    heads.push_back(matmul(softmax(scores), part(2)));
  }
  check_close(numbers(matmul(concat(heads, 1), transpose(m.out_proj.weight))), squeeze(m(x), {0}));
}

// For each sequence and each head one of its own, which is a bias of minus infinity.
BOOST_AUTO_TEST_CASE(masks_of_heads) {
  MultiheadAttention<double> m(4, 2);
  const D x = wave(kX, 0), memory = wave(kMemory, 1);
  D mask = zeros<double>({4, 3, 5}), bias = zeros<double>({4, 3, 5});
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if (i % 7 > 2) continue;
    mask.mutable_data()[i] = 1;
    bias.mutable_data()[i] = -std::numeric_limits<double>::infinity();
  }
  const D y = m(x, memory, memory, {.attn_mask = mask});
  check_close(numbers(m(x, memory, memory, {.attn_bias = bias})), y);
  check_close(numbers(m(x, memory, memory, {.attn_mask = reshape(mask, Shape{2, 2, 3, 5})})), y, 0);
  BOOST_TEST(numbers(y) != numbers(m(x, memory, memory)));
}

// Place by place, and in pieces, as the whole sequence at once.
template <class T>
void check_generation(TransformerBlockOptions options) {
  options.dim_feedforward = 24;
  TransformerBlock<T> first(16, 2, options), second(16, 2, options);
  Generator generator(4);
  const Tensor<T> x = normal<T>({2, 9, 16}, 0, 1, generator), whole = second(first(x));
  for (const std::vector<std::size_t>& pieces :
       {std::vector<std::size_t>(9, 1), std::vector<std::size_t>{4, 3, 2}}) {
    AttentionCache<T> a, b;
    std::vector<Tensor<T>> y;
    for (const Tensor<T>& part : split(x, pieces, 1)) y.push_back(second(first(part, a), b));
    BOOST_TEST(a.length() == 9U);
    const Tensor<T> joined = concat(y, 1);
    for (std::size_t i = 0; i < whole.size(); ++i) {
      BOOST_TEST(std::abs(joined.data()[i] - whole.data()[i]) <=
                 16 * std::numeric_limits<T>::epsilon() * (1 + std::abs(whole.data()[i])));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_cache_goes_on_where_it_was) {
  for (const bool rotary : {false, true}) {
    check_generation<float>({.rotary = rotary});
    check_generation<double>({.norm_first = false, .rotary = rotary});
  }
  TransformerDecoderLayer<double> layer(4, 2, {.dim_feedforward = 6, .dropout = 0});
  const Masks masks = {.key_padding_mask = padding(2, 5)};
  const D x = wave(kX, 0), memory = wave(kMemory, 1),
          whole = layer(x, memory, {.causal = true}, masks);
  AttentionCache<double> cache;
  Inputs y;
  for (const D& part : split(x, 3, 1)) y.push_back(layer(part, memory, cache, masks));
  check_close(numbers(whole), concat(y, 1));
}

BOOST_AUTO_TEST_CASE(places_differ) {
  const D p = sinusoidal_positions<double>(5, 6, 2);
  for (std::size_t i = 0; i < 5; ++i) {
    for (std::size_t e = 0; e < 6; ++e) {
      const double angle =
          static_cast<double>(2 + i) * std::pow(10000.0, -static_cast<double>(e / 2) / 3);
      BOOST_TEST(std::abs(p.data()[i * 6 + e] - (e % 2 == 0 ? std::sin(angle) : std::cos(angle))) <
                 1e-15);
    }
  }
  const D x = wave({2, 3, 6}, 0);
  SinusoidalPositions<double> sinusoidal;
  check_close(numbers(sinusoidal(x)), x + sinusoidal_positions<double>(3, 6), 0);
  check_close(numbers(sinusoidal.at(slice(x, 1, 1, 3), 1)), slice(sinusoidal(x), 1, 1, 3), 0);
  LearnedPositions<double> learned(5, 6);
  check_close(numbers(learned(x)), x + slice(learned.weight, 0, 0, 3), 0);
  check_close(numbers(learned.at(slice(x, 1, 1, 3), 1)), slice(learned(x), 1, 1, 3), 0);
  check_both_orders(learned, x);
}

// What turned vectors have to do with each other depends on how far apart they are.
BOOST_AUTO_TEST_CASE(rotary_products_depend_on_distances) {
  for (const bool halves : {false, true}) {
    const D q = wave({1, 6}, 1), k = wave({1, 6}, 2);
    const auto product = [&](std::size_t i, std::size_t j) {
      return sum(rotary(q, {.first = i, .halves = halves}) *
                 rotary(k, {.first = j, .halves = halves}))
          .item();
    };
    BOOST_TEST(std::abs(product(0, 3) - product(40, 43)) < 1e-13);
    BOOST_TEST(std::abs(product(0, 3) - product(0, 4)) > 1e-3);
  }
}

BOOST_AUTO_TEST_SUITE_END()
