// Making a module again: clone, convert, describe and make_module; and a module inside of a compiled function.

#include "tests/modules/helpers.hpp"
#include "xgrad/compile/compile.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/attention.hpp"
#include "xgrad/modules/branches.hpp"
#include "xgrad/modules/convert.hpp"
#include "xgrad/modules/convolution.hpp"
#include "xgrad/modules/drop_connect.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/embedding.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/lists.hpp"
#include "xgrad/modules/losses.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/pooling.hpp"
#include "xgrad/modules/recurrent.hpp"
#include "xgrad/modules/recurrent_cells.hpp"
#include "xgrad/modules/registry.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/modules/shapes.hpp"
#include "xgrad/modules/transformer.hpp"
#include "xgrad/modules/transformer_stacks.hpp"
#include "xgrad/modules/weight_norm.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/softmax.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;

template <class T>
using Examples = std::vector<std::unique_ptr<Module<T>>>;

template <class T, class... Modules>
Examples<T> list(Modules&&... modules) {
  Examples<T> all;
  (all.push_back(std::make_unique<Modules>(std::move(modules))), ...);
  return all;
}

// One of every module of the library that takes (4, 6), with options other than the defaults.
template <class T>
Examples<T> examples() {
  return list<T>(
      Linear<T>(6, 3, {.bias = false}), Maxout<T>(6, 2, 3), Prelu<T>(6), Identity<T>(),
      Flatten<T>(0), Reshape<T>({3, 2}), Relu<T>(), Sigmoid<T>(), Tanh<T>(), Relu6<T>(), Selu<T>(),
      Silu<T>(), Mish<T>(), Softplus<T>(2), Softsign<T>(), LogSigmoid<T>(), LeakyRelu<T>(0.3),
      Elu<T>(0.7), Celu<T>(0.7), Hardtanh<T>(-0.2, 0.3), Gelu<T>(GeluForm::tanh), Softmax<T>(0),
      LogSoftmax<T>(0), Dropout<T>(0.3), AlphaDropout<T>(0.3), GaussianNoise<T>(0.3),
      BatchNorm<T>(6, {.eps = 0.1, .momentum = std::nullopt, .affine = false}),
      LayerNorm<T>(6, {.eps = 0.1}), RmsNorm<T>(6, {.eps = 0.1}),
      GroupNorm<T>(2, 6, {.eps = 0.1, .affine = false}),
      DropConnect<T>(6, 3, {.p = 0.3, .bias = false}, Tanh<T>()),
      DropConnect<T>(6, 3, {.inference = DropConnectInference::gaussian, .samples = 4}, Relu<T>()),
      Sequential<T>{Linear<T>(6, 5), BatchNorm<T>(5), Dropout<T>()},
      Residual<T>(Linear<T>(6, 6), {.zero_last = true}),
      Residual<T>(Linear<T>(6, 2), Linear<T>(6, 2)), Parallel<T>(Linear<T>(6, 2), Linear<T>(6, 2)),
      Concat<T>(0, Linear<T>(6, 2), Linear<T>(6, 2)),
      Sequential<T>{Heads<T>(Linear<T>(6, 2)), OnFirst<T>(Linear<T>(2, 3))},
      WeightNorm<T>(Linear<T>(6, 2)));
}

// Those of sequences that take one.
template <class T>
Examples<T> sequence_examples() {
  return list<T>(
      MultiheadAttention<T>(6, 3, {.dropout = 0.3, .bias = false, .causal = true, .rotary = true}),
      Sequential<T>{SinusoidalPositions<T>(), LearnedPositions<T>(5, 6)},
      TransformerEncoderLayer<T>(6, 2,
                                 {.dim_feedforward = 5,
                                  .dropout = 0.3,
                                  .activation = TransformerActivation::gelu,
                                  .layer_norm_eps = 0.1,
                                  .norm_first = true}),
      TransformerBlock<T>(6, 1,
                          {.dropout = 0.3,
                           .activation = TransformerActivation::relu,
                           .norm_first = false,
                           .rotary = true}),
      TransformerEncoder<T>(6, 2,
                            {.num_layers = 2,
                             .norm = true,
                             .layer = {.dim_feedforward = 5, .dropout = 0.3, .norm_first = true}}),
      Rnn<T>(6, 3,
             {.num_layers = 2,
              .nonlinearity = Nonlinearity::relu,
              .bias = false,
              .dropout = 0.3,
              .bidirectional = true}),
      Gru<T>(6, 3, {.num_layers = 2, .dropout = 0.3, .bidirectional = true}),
      Lstm<T>(6, 3, {.bias = false, .batch_first = true}),
      RnnCell<T>(6, 3, {.bias = false, .nonlinearity = Nonlinearity::relu}), GruCell<T>(6, 3),
      LstmCell<T>(6, 3, {.bias = false}));
}

// Those of signals, images and volumes.
template <class T>
Examples<T> image_examples() {
  const auto reshape = [](const Shape& shape) { return Reshape<T>(shape); };
  return list<T>(
      Sequential<T>{
          reshape({2, 3}), Conv1d<T>(2, 4, 2, {.padding = "same", .groups = 2, .bias = false}),
          ConvTranspose1d<T>(4, 2, 2, {.padding = 1, .groups = 2, .dilation = 2}),
          MaxPool1d<T>(2, {.stride = 1, .ceil_mode = true}), AvgPool1d<T>(1, {.divisor = 2}),
          AdaptiveMaxPool1d<T>(3), AdaptiveAvgPool1d<T>(2), GlobalMaxPool<T>()},
      Sequential<T>{reshape({1, 2, 3}),
                    Conv2d<T>(1, 4, {2, 3},
                              {.stride = {1, 2},
                               .padding = {1, 1},
                               .dilation = {2, 1},
                               .padding_mode = PaddingMode::circular}),
                    Dropout2d<T>(0.3), InstanceNorm<T>(4, {.eps = 0.1, .affine = true}),
                    PixelShuffle<T>(2),
                    ConvTranspose2d<T>(1, 2, 2, {.stride = {2, 1}, .output_padding = {1, 0}}),
                    Upsample<T>({.scale_factor = {1.5, 2}}),
                    AvgPool2d<T>({1, 2}, {.padding = {0, 1}, .count_include_pad = false}),
                    MaxPool2d<T>(2, {.stride = {1, 2}}), AdaptiveMaxPool2d<T>({3, 2}),
                    Upsample<T>({.size = 4, .mode = UpsampleMode::linear, .align_corners = true}),
                    AdaptiveAvgPool2d<T>({2, 4}), PixelUnshuffle<T>(2), GlobalAvgPool<T>()},
      Sequential<T>{reshape({1, 2, 3}), Unfold<T>(2, {.padding = {1, 0}}),
                    Refold<T>({2, 3}, 2, {.padding = {1, 0}})},
      Sequential<T>{reshape({1, 1, 2, 3}), Conv3d<T>(1, 2, {1, 2, 2}, {.padding = {0, 1, 1}}),
                    ConvTranspose3d<T>(2, 1, {1, 2, 1}, {.bias = false}),
                    MaxPool3d<T>({1, 2, 2}, {.stride = 1, .padding = {0, 1, 0}}),
                    Upsample<T>({.scale_factor = {2, 1, 1.5}}),
                    AvgPool3d<T>({2, 1, 1}, {.stride = {1, 1, 2}, .divisor = 3}),
                    AdaptiveMaxPool3d<T>({1, 3, 2}), AdaptiveAvgPool3d<T>(2)});
}

template <class T>
Examples<T> all_examples() {
  Examples<T> all = examples<T>();
  for (auto& m : image_examples<T>()) all.push_back(std::move(m));
  for (auto& m : sequence_examples<T>()) all.push_back(std::move(m));
  return all;
}

// Outputs from the same draws.
template <class T>
std::vector<T> output(Module<T>& m, const Tensor<T>& x) {
  Generator generator(4);
  const GeneratorScope scope(generator);
  return numbers(m(x));
}

const Tensor<double> kInput = standard_normal({4, 6});

// A user's module with an argument.
template <class T>
struct Block : Module<T> {
  explicit Block(std::size_t n, double p = 0.5)
      : fc(this->template add<Linear<T>>("fc", n, n)),
        drop(this->template add<Dropout<T>>("drop", p)) {}
  Tensor<T> forward(const Tensor<T>& x) override { return drop(fc(x)); }
  Linear<T>& fc;
  Dropout<T>& drop;
};

template <class T>
struct Net : Module<T> {
  Block<T>& first = this->template add<Block<T>>("first", 6, 0.3);
  Block<T>& second = this->template add<Block<T>>("second", 6, 0.1);
  Tensor<T> forward(const Tensor<T>& x) override { return second(first(x)); }
};

// Output, gradients of input and parameters, and the state afterwards, from the same draws.
template <class F>
std::vector<double> step(const F& f, Module<double>& m, const Tensor<double>& input) {
  Generator generator(4);
  const GeneratorScope scope(generator);
  Tensor<double> x = parameter(input);
  const Tensor<double> y = f(x);
  std::vector<double> all = numbers(y);
  sum(y * y).backward();
  const auto append = [&all](const Tensor<double>& t) {
    all.insert(all.end(), t.data(), t.data() + t.size());
  };
  append(x.gradient());
  for (const auto& p : m.parameters()) {
    if (p.tensor.has_grad()) append(p.tensor.gradient());
  }
  for (const auto& s : m.state_dict()) append(s.tensor);
  m.zero_grad();
  return all;
}

void check_independent(Module<double>& a, Module<double>& b) {
  const NamedTensors<double> of_a = a.state_dict(), of_b = b.state_dict();
  BOOST_TEST_REQUIRE(of_a.size() == of_b.size());
  for (std::size_t i = 0; i < of_a.size(); ++i) {
    BOOST_TEST(of_a[i].name == of_b[i].name);
    BOOST_TEST(of_a[i].tensor.data() != of_b[i].tensor.data());
    BOOST_TEST(of_a[i].tensor.requires_grad() == of_b[i].tensor.requires_grad());
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(copies)

BOOST_AUTO_TEST_CASE(clones_of_every_module) {
  for (const auto& m : all_examples<double>()) {
    BOOST_TEST_CONTEXT(m->type_name()) {
      (*m)(kInput);  // moves running statistics
      const auto draws = default_generator().state();
      const auto copy = clone(*m);
      BOOST_TEST((default_generator().state() == draws));
      BOOST_TEST(output(*copy, kInput) == output(*m, kInput), boost::test_tools::per_element());
      check_independent(*m, *copy);
      m->eval();
      copy->eval();
      BOOST_TEST(output(*copy, kInput) == output(*m, kInput), boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(compiled_functions_of_every_module) {
  for (const auto& m : all_examples<double>()) {
    BOOST_TEST_CONTEXT(m->type_name()) {
      const auto copy = clone(*m);
      const auto plain = [&](const Tensor<double>& x) { return (*m)(x); };
      const auto compiled = compile([&](const Tensor<double>& x) { return (*copy)(x); });
      for (const double shift : {0.0, 0.5, -0.25, 1.0}) {
        if (shift == 1) m->eval(), copy->eval();
        BOOST_TEST(step(compiled, *copy, kInput + shift) == step(plain, *m, kInput + shift),
                   boost::test_tools::per_element());
      }
      BOOST_TEST(compiled.statistics().why_called == "");
      BOOST_TEST(compiled.statistics().run >= 2);
    }
  }
}

BOOST_AUTO_TEST_CASE(every_module_is_rebuilt_from_its_description) {
  for (const auto& m : all_examples<double>()) {
    BOOST_TEST_CONTEXT(m->type_name()) {
      const ModuleDescription plan = describe(*m);
      const auto again = make_module<double>(plan);
      BOOST_TEST((describe(*again) == plan));
      again->load_state_dict(m->state_dict());
      BOOST_TEST(output(*again, kInput) == output(*m, kInput), boost::test_tools::per_element());
      BOOST_TEST(output(*again, kInput + 1) == output(*m, kInput + 1),
                 boost::test_tools::per_element());
      for (Module<double>* module : {m.get(), again.get()}) module->eval();
      BOOST_TEST(output(*again, kInput) == output(*m, kInput), boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(options_that_are_left_out_have_their_defaults) {
  const auto tensors = [](const std::string& type, const ModuleOptions& options) {
    return make_module<double>({"", type, options, {}})->state_dict().size();
  };
  BOOST_TEST(tensors("Linear", {{"in", 3.0}, {"out", 2.0}}) == 2U);
  BOOST_TEST(tensors("Bilinear", {{"in_a", 3.0}, {"in_b", 2.0}, {"out", 2.0}}) == 2U);
  BOOST_TEST(tensors("Maxout", {{"in", 3.0}, {"out", 2.0}, {"pieces", 2.0}}) == 2U);
  BOOST_TEST(tensors("DropConnect", {{"in", 3.0},
                                     {"out", 2.0},
                                     {"p", 0.5},
                                     {"inference", std::string("mean")},
                                     {"samples", 1.0}}) == 2U);
  BOOST_TEST(tensors("BatchNorm", {{"features", 3.0}, {"eps", 0.1}, {"momentum", 0.1}}) == 5U);
  BOOST_TEST(tensors("LayerNorm", {{"normalized", std::string("3")}, {"eps", 0.1}}) == 2U);
}

BOOST_AUTO_TEST_CASE(every_module_is_converted_to_double) {
  const Tensor<float> x = normal<float>({4, 6});
  const Tensor<double> wide = Tensor<double>(x.value());
  for (const auto& m : all_examples<float>()) {
    BOOST_TEST_CONTEXT(m->type_name()) {
      m->eval();
      const auto copy = convert<double>(*m);
      if (m->type_name() == "DropConnect") continue;  // its Gaussian draws are others in double
      const auto ours = output(*copy, wide);
      const auto theirs = output(*m, x);
      for (std::size_t i = 0; i < ours.size(); ++i)
        BOOST_TEST(std::abs(ours[i] - theirs[i]) < 1e-5);
    }
  }
}

BOOST_AUTO_TEST_CASE(modules_of_other_inputs) {
  Embedding<double> embedding(5, 3);
  const auto copy = clone(embedding);
  BOOST_TEST(numbers((*copy)(Indices{4, 2})) == numbers(embedding(Indices{4, 2})),
             boost::test_tools::per_element());
  Bilinear<double> bilinear(2, 3, 4, {.bias = false});
  const auto again = make_module<double>(describe<double>(bilinear));
  BOOST_TEST((describe(*again) == describe<double>(bilinear)));
  TransformerDecoderLayer<double> layer(
      6, 3, {.dim_feedforward = 5, .dropout = 0, .activation = TransformerActivation::gelu});
  const auto decoder = clone(layer);
  BOOST_TEST((describe<double>(*decoder) == describe<double>(layer)));
  BOOST_TEST(numbers((*decoder)(kInput, kInput)) == numbers(layer(kInput, kInput)),
             boost::test_tools::per_element());
  TransformerDecoder<double> stack(6, 3, {.num_layers = 2, .layer = {.dim_feedforward = 5}});
  const auto stacked = make_module<double>(describe<double>(stack));
  BOOST_TEST((describe<double>(*stacked) == describe<double>(stack)));
  MultiheadAttention<double> wide(6, 3, {.kdim = 4, .vdim = 5});
  const auto heads = clone(wide);
  const Tensor<double> k = standard_normal({3, 4}), v = standard_normal({3, 5});
  BOOST_TEST(numbers((*heads)(kInput, k, v)) == numbers(wide(kInput, k, v)),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(clones_of_every_loss) {
  const auto check = [](auto&& loss, const auto& target) {
    const Tensor<double> x = softmax(kInput, 1);
    BOOST_TEST((*clone(loss))(x, target).item() == loss(x, target).item(), loss.type_name());
  };
  const Tensor<double> t = softmax(kInput * 2, 1);
  check(MseLoss<double>({.reduction = Reduction::sum}), t);
  check(MaeLoss<double>({.reduction = Reduction::sum}), t);
  check(HuberLoss<double>({.delta = 0.1}), t);
  check(SmoothL1Loss<double>({.beta = 0.1}), t);
  check(CosineLoss<double>({.axis = 0}), t);
  check(BinaryCrossEntropyLoss<double>({.reduction = Reduction::sum}), t);
  check(BinaryCrossEntropyWithLogitsLoss<double>({.reduction = Reduction::sum}), t);
  check(KlLoss<double>({.log_target = true}), t);
  check(PoissonNllLoss<double>({.log_input = false}), t);
  check(SigmoidFocalLoss<double>({.alpha = 0.7, .gamma = 1.5}), t);
  const Indices labels{0, 5, 1, 0};
  check(NllLoss<double>({.ignore_index = 0}), labels);
  check(CrossEntropyLoss<double>({.label_smoothing = 0.3}), labels);
  check(CrossEntropyLoss<double>({.label_smoothing = 0.3}), t);
  check(FocalLoss<double>({.gamma = 1.5}), labels);
  check(MultiClassHingeLoss<double>({.margin = 0.5}), labels);
  check(MultiClassSquaredHingeLoss<double>({.margin = 0.5}), labels);
  CtcLoss<double> ctc({.blank = 3, .zero_infinity = true});
  const Indices one{1}, two{2}, steps{4};
  BOOST_TEST((*clone(ctc))(reshape(t, Shape{4, 1, 6}), two, steps, one).item() ==
             ctc(reshape(t, Shape{4, 1, 6}), two, steps, one).item());
  const auto check_three = [&](auto&& loss) {
    BOOST_TEST((*clone(loss))(kInput, t, t + 0.1).item() == loss(kInput, t, t + 0.1).item());
  };
  check_three(GaussianNllLoss<double>({.full = true}));
  check_three(TripletMarginLoss<double>({.margin = 7}));
}

BOOST_AUTO_TEST_CASE(a_users_module_with_arguments) {
  Net<double> net;
  const auto copy = clone(net);
  BOOST_TEST(output(*copy, kInput) == output(net, kInput), boost::test_tools::per_element());
  check_independent(net, *copy);
  copy->first.fc.weight.mutable_data()[0] = 100;
  BOOST_TEST(net.first.fc.weight.data()[0] != 100);

  Block<double> block(6, 0.2);
  BOOST_TEST(output(*clone(block, 6, 0.2), kInput) == output(block, kInput),
             boost::test_tools::per_element());
  const std::string unknown =
      "clone: how a Block or a module in it is constructed is not known: give clone the "
      "constructor's arguments, make it with add, or override structure()";
  BOOST_TEST(message_of<std::logic_error>([&] { clone(block); }) == unknown);
  Sequential<double> moved_in(Block<double>(6));
  BOOST_TEST(
      message_of<std::logic_error>([&] { clone(moved_in); }) ==
      "clone: how a Sequential or a module in it is constructed is not known: give clone the "
      "constructor's arguments, make it with add, or override structure()");
  for (const std::unique_ptr<Module<double>>& m :
       list<double>(Parallel<double>(Block<double>(6)), Concat<double>(1, Block<double>(6)),
                    Residual<double>(Block<double>(6)),
                    Residual<double>(Linear<double>(6, 6), Block<double>(6)),
                    DropConnect<double>(6, 3, {}, Block<double>(3)))) {
    BOOST_TEST(message_of<std::logic_error>([&] { clone(*m); }) ==
               "clone: how a " + m->type_name() +
                   " or a module in it is constructed is not known: give clone the constructor's "
                   "arguments, make it with add, or override structure()");
  }
  Sequential<double> emplaced;
  emplaced.emplace<Block<double>>(6, 0.1);
  BOOST_TEST(output(*clone(emplaced), kInput) == output(emplaced, kInput),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_clone_keeps_modes_and_freezing_but_no_gradients_and_hooks) {
  Net<double> net;
  net.first.eval();
  net.second.fc.requires_grad_(false);
  int calls = 0;
  net.register_forward_hook(
      [&](auto&, const auto&, const auto&) { return ++calls, Tensor<double>(); });
  net(kInput).backward(Tensor<double>::filled({4, 6}, 1));
  const auto copy = clone(net);
  (*copy)(kInput);
  BOOST_TEST(calls == 1);
  BOOST_TEST(!copy->first.is_training());
  BOOST_TEST(!copy->first.drop.is_training());
  BOOST_TEST(copy->second.is_training());
  BOOST_TEST(!copy->second.fc.weight.requires_grad());
  BOOST_TEST(copy->first.fc.weight.requires_grad());
  BOOST_TEST(!copy->first.fc.weight.has_grad());
}

BOOST_AUTO_TEST_CASE(shared_parameters_stay_shared) {
  Net<double> net;
  net.second.fc.weight = net.first.fc.weight;
  const auto copy = clone(net);
  BOOST_TEST(copy->second.fc.weight.is_same(copy->first.fc.weight));
  BOOST_TEST(copy->parameters().size() == 3U);
  BOOST_TEST(output(*copy, kInput) == output(net, kInput), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(shared_parameters_stay_shared_in_another_type) {
  Sequential<double> net{Linear<double>(2, 2), Linear<double>(2, 2)};
  net.tie({"0.weight", "1.weight"});
  const auto copy = convert<float>(net);
  BOOST_TEST(copy->at("1.weight").is_same(copy->at("0.weight")));
  BOOST_TEST(copy->at("0.weight").data()[3] == static_cast<float>(net.at("0.weight").data()[3]));
  Net<float> own;
  own.second.fc.weight = own.first.fc.weight;
  const auto exact = convert<Net<double>>(own);
  BOOST_TEST(exact->second.fc.weight.is_same(exact->first.fc.weight));
}

BOOST_AUTO_TEST_CASE(state_of_another_structure_is_refused) {
  Sequential<double> a{Linear<double>(2, 3), Linear<double>(3, 2)}, b(Linear<double>(2, 3)),
      c(Linear<double>(2, 3), Linear<double>(3, 4));
  const auto before = numbers(a.at("0.weight"));
  BOOST_TEST(message_of<std::invalid_argument>([&] { a.copy_state(b); }) ==
             "copy_state: the structures differ: 2 modules and 0 tensors here, 1 modules and 0 "
             "tensors there, in Sequential");
  BOOST_TEST(message_of<std::invalid_argument>([&] { a.copy_state(c); }) ==
             "copy_state: the structures differ: weight (2, 3) here, weight (4, 3) there, in "
             "Sequential / 1 (Linear)");
  BOOST_TEST(numbers(a.at("0.weight")) == before, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_users_template_is_converted_and_checked) {
  Net<float> net;
  net.second.fc.bias.requires_grad_(false);
  net.eval();
  const auto exact = convert<Net<double>>(net);
  BOOST_TEST(!exact->first.is_training());
  BOOST_TEST(!exact->second.fc.bias.requires_grad());
  check_passes(check_gradients(
      *exact, [](const auto& y) { return y * y; }, kInput));
  Block<float> block(6, 0.1);
  const auto exact_block = convert<Block<double>>(block, 6, 0.1);
  BOOST_TEST(exact_block->fc.weight.data()[3] == double(block.fc.weight.data()[3]));
}

BOOST_AUTO_TEST_CASE(registry_of_users_modules) {
  Net<double> net;
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               make_module<double>(describe<double>(net));
             }) == "make_module: the type \"Net\" is not known: give register_module its maker");
  register_module<double>("Net",
                          [](const ModuleDescription&) { return std::make_unique<Net<double>>(); });
  const auto again = make_module<double>(describe<double>(net));
  BOOST_TEST(again->type_name() == "Net");
  BOOST_TEST(is_registered<double>("Net"));
  BOOST_TEST(!is_registered<float>("Net"));
  BOOST_TEST(message_of<std::invalid_argument>([] {
               register_module<float>("Linear", [](const ModuleDescription&) { return nullptr; });
             }) == "register_module: \"Linear\" is a type of the library");
}

BOOST_AUTO_TEST_CASE(options_are_checked) {
  const auto make = [](const std::string& type, ModuleOptions options) {
    return message_of<std::invalid_argument>([&] {
      make_module<double>({"", type, std::move(options), {}});
    });
  };
  BOOST_TEST(make("Linear", {{"in", 3.0}}) == "ModuleOptions: \"out\" is missing");
  BOOST_TEST(make("Linear", {{"in", 3.5}, {"out", 2.0}}) ==
             "ModuleOptions: \"in\" is no size: 3.5");
  BOOST_TEST(make("Linear", {{"in", std::string("x")}, {"out", 2.0}}) ==
             "ModuleOptions: \"in\" is no number: x");
  BOOST_TEST(make("Reshape", {{"shape", std::string("2 x")}}) ==
             "ModuleOptions: \"shape\" is no shape: \"2 x\"");
  BOOST_TEST(make("Reshape", {{"shape", std::string("-1 2")}}) ==
             "ModuleOptions: \"shape\" is no shape: \"-1 2\"");
  BOOST_TEST(make("Softmax", {{"axis", 1e300}}) == "ModuleOptions: \"axis\" is no axis: 1e+300");
  BOOST_TEST(make("Residual", {}) == "make_module: a Residual has no child \"branch\"");
  const ModuleDescription relu{"0", "Relu", {}, {}};
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               make_module<double>({"", "Relu", {}, {relu}});
             }) == "make_module: a Relu has 0 children, described are 1");
  Linear<double> linear(3, 2);
  BOOST_TEST(to_string(linear.options()) == "(in 3, out 2, bias 1)");
}

BOOST_AUTO_TEST_SUITE_END()
