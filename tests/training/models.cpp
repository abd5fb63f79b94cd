// Models in and out: rebuilt from files, combined, taken apart, and weights trained by others.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>

#include "tests/serialization/files.hpp"
#include "xgrad/data/idx.hpp"
#include "xgrad/data/loader.hpp"
#include "xgrad/data/scaling.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/branches.hpp"
#include "xgrad/modules/drop_connect.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/embedding.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/shapes.hpp"
#include "xgrad/modules/weight_norm.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/optimizers/sgd.hpp"
#include "xgrad/serialization/name_map.hpp"
#include "xgrad/serialization/safetensors.hpp"
#include "xgrad/serialization/state.hpp"
#include "xgrad/training/checkpoint.hpp"
#include "xgrad/training/ensemble.hpp"
#include "xgrad/training/metrics.hpp"
#include "xgrad/training/model_file.hpp"
#include "xgrad/training/predict.hpp"
#include "xgrad/training/task.hpp"
#include "xgrad/training/transfer.hpp"

using namespace xgrad;
using xgrad_test::message_of;
using xgrad_test::same;
using xgrad_test::TemporaryDirectory;

namespace {

Sequential<float> everything() {
  Sequential<float> branch{Linear<float>(12, 12), BatchNorm<float>(12), Silu<float>()};
  Sequential<float> net;
  net.append(Flatten<float>())
      .append(Linear<float>(28, 12), "first")
      .append(Residual<float>(std::move(branch)))
      .append(LayerNorm<float>(Shape{12}))
      .append(LeakyRelu<float>(0.2))
      .append(WeightNorm<float>(Linear<float>(12, 6)))
      .append(GroupNorm<float>(2, 6))
      .append(Prelu<float>())
      .append(Dropout<float>(0.3))
      .append(DropConnect<float>(6, 8))
      .append(Maxout<float>(8, 4, 3))
      .append(Reshape<float>({2, 2}))
      .append(Softmax<float>());
  return net;
}

LabeledDataset<float> mnist_test(const std::string& folder) {
  ImageData d = load_idx(folder, Split::test);
  return {std::move(d.images), std::move(d.labels)};
}

std::size_t correct(Module<float>& net, const LabeledDataset<float>& data) {
  DataLoader loader(data, {.batch_size = 1000});
  return confusion_matrix(net, loader, 10).correct();
}

Sequential<float> sigmoid_net() {
  return Sequential<float>{Flatten<float>(),       Linear<float>(784, 50), Sigmoid<float>(),
                           Linear<float>(50, 100), Sigmoid<float>(),       Linear<float>(100, 10)};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(model_file)

BOOST_AUTO_TEST_CASE(is_rebuilt_without_its_source) {
  const TemporaryDirectory folder;
  manual_seed(1);
  Sequential<float> net = everything();
  const auto x = normal<float>({5, 4, 7});
  net(x);  // moves the running statistics
  net.eval();
  save_model(folder / "net.model", net, {{"trained on", "noise"}});
  const auto before = default_generator().state();
  const auto again = load_model<float>(folder / "net.model");
  BOOST_TEST((default_generator().state() == before));
  BOOST_TEST(!again->is_training());
  BOOST_TEST(!again->children()[8]->is_training());
  BOOST_TEST(same((*again)(x), net(x)));
  BOOST_TEST(again->type_name() == "Sequential");
  const auto in_double = load_model<double>(folder / "net.model");
  BOOST_TEST(in_double->parameter_count() == net.parameter_count());
  BOOST_TEST(read_safetensors(folder / "net.model").metadata.at("text/trained on") == "noise");
  BOOST_TEST((description_from_json(to_json(describe(net))) == describe(net)));
}

BOOST_AUTO_TEST_CASE(ensembles_too) {
  const TemporaryDirectory folder;
  manual_seed(3);
  Ensemble<float> e(Combination::votes);
  e.add(Linear<float>(4, 3)).add(Sequential<float>{Linear<float>(4, 5), Linear<float>(5, 3)});
  const auto x = normal<float>({6, 4});
  save_model(folder / "m", e);
  const auto again = load_model<float>(folder / "m");
  BOOST_TEST(!again->is_training());
  BOOST_TEST(same((*again)(x), e(x)));
  BOOST_TEST(same((*clone(e))(x), e(x)));
  Archive file = pack_model(e);
  file.metadata["xgrad structure"] =
      "{\"type\":\"Ensemble\",\"options\":[[\"combination\",\"x\"]]}";
  BOOST_TEST(message_of([&] { unpack_model<float>(file, "m"); }) ==
             "load_model: m: Ensemble: no combination \"x\"");
}

BOOST_AUTO_TEST_CASE(with_its_preprocessing) {
  const TemporaryDirectory folder;
  manual_seed(3);
  const Sequential<float> net{Linear<float>(4, 3)};
  const Array<float> x = normal<float>({6, 4}).value();
  Standardize<float> scale;
  scale.fit(x);
  Archive file = pack_model(net);
  scale.save(file, "inputs");
  write_safetensors(folder / "m", file);
  const Archive found = read_safetensors(folder / "m");
  BOOST_TEST((load_preprocessor<float>(found, "inputs")->transform(x) == scale.transform(x)));
  BOOST_TEST(
      same(unpack_model<float>(found.without("inputs"), "m")->at("0.weight"), net.at("0.weight")));
}

// A table whose categories alone would have had other columns.
BOOST_AUTO_TEST_CASE(with_the_pipeline_of_its_inputs) {
  const TemporaryDirectory folder;
  manual_seed(3);
  const Sequential<float> net{Linear<float>(3, 2)};
  Pipeline<float> inputs;
  inputs.add(Standardize<float>(), {"n"});
  inputs.fit(Table({{"n", {1, 2, 6}}, {"kind", {0, 1, 0}, {"a", "b"}}}));
  save_model(folder / "m", net, inputs, {{"by", "hand"}});
  const auto again = load_model<float>(folder / "m");
  const Archive file = read_safetensors(folder / "m");
  BOOST_TEST(file.metadata.at("text/by") == "hand");
  const Table one({{"kind", {0}, {"b"}}, {"n", {3}}});
  const Array<float> x = load_pipeline<float>(file).transform(one);
  BOOST_TEST(xgrad_test::elements(x) == (std::vector<float>{0, 0, 1}));
  BOOST_TEST(same(Tensor<float>(predict(*again, x)), (*again)(Tensor<float>(x)).detach()));
  BOOST_CHECK_THROW(save_model(folder / "n", net, Pipeline<float>()), std::logic_error);
  BOOST_TEST(folder.files() == 1U);
}

BOOST_AUTO_TEST_CASE(a_checkpoint_is_no_model) {
  const TemporaryDirectory folder;
  Sequential<float> net{Linear<float>(3, 2)};
  Sgd<float> sgd(net.parameters(), {.learning_rate = 0.1});
  save_checkpoint(folder / "c", Checkpoint<float>::of(net, sgd));
  BOOST_TEST(message_of([&] {
               load_model<float>(folder / "c");
             }).ends_with("; it is a checkpoint, for load_checkpoint"));
  save_model(folder / "m", net);
  BOOST_TEST(
      message_of([&] { load_checkpoint<float>(folder / "m"); }) ==
      "checkpoint: " + folder / "m" +
          ": not a checkpoint: a safetensors file of 2 tensors with a model, for load_model");
}

namespace {
template <class T>
struct Own : Module<T> {
  Linear<T>& fc = this->template add<Linear<T>>("fc", 2, 2);
  Tensor<T> forward(const Tensor<T>& x) override { return fc(x); }
};
template <class T>
struct Tied : Module<T> {
  Linear<T>& a = this->template add<Linear<T>>("a", 2, 2);
  Linear<T>& b = this->template add<Linear<T>>("b", 2, 2);
  Tied() { b.weight = a.weight; }
  Tensor<T> forward(const Tensor<T>& x) override { return b(a(x)); }
};
}  // namespace

BOOST_AUTO_TEST_CASE(what_cannot_be_rebuilt_is_not_written) {
  const TemporaryDirectory folder;
  const Own<float> own;
  BOOST_TEST(
      message_of<std::invalid_argument>([&] { save_model(folder / "m", own); })
          .starts_with("save_model: Own cannot be rebuilt from its description: make_module: "
                       "the type \"Own\" is not known"));
  BOOST_TEST(folder.files() == 0U);
  register_module<float>("Tied",
                         [](const ModuleDescription&) { return std::make_unique<Tied<float>>(); });
  save_model(folder / "m", Tied<float>());  // makes its shared parameter itself
  const auto tied = load_model<float>(folder / "m");
  BOOST_TEST(tied->parameters().size() == 3U);
  Sequential<float> shared{Linear<float>(2, 2), Linear<float>(2, 2)};
  static_cast<Linear<float>&>(shared[1]).weight = static_cast<Linear<float>&>(shared[0]).weight;
  save_model(folder / "n", shared);
  const auto again = load_model<float>(folder / "n");
  BOOST_TEST(again->at("1.weight").is_same(again->at("0.weight")));
  BOOST_TEST(same(again->at("0.weight"), shared.at("0.weight")));
  Archive lies = pack_model(shared);
  for (const char* ties :
       {"[[\"0.weight\", \"2.weight\"]]", "[[\"0.weight\", \"0.bias\"]]", "{", "[1]"}) {
    lies.metadata["xgrad ties"] = ties;
    BOOST_CHECK_THROW(unpack_model<float>(lies, "lies"), FileError);
  }
}

// PyTorch's states count batches as integers.
BOOST_AUTO_TEST_CASE(batch_norm_from_pytorch) {
  BatchNorm<float> norm(2);
  Archive file = to_archive(norm.state_dict());
  Archive theirs;
  for (const auto& [name, array] : file) {
    if (name != "num_batches_tracked") theirs.add(name, array);
  }
  Indices count = Indices::from_shape(std::vector<std::size_t>{});
  count() = 1234;
  theirs.add("num_batches_tracked", count);
  theirs.add("positions", Indices{0, 1});  // not a number: left out
  norm.load_state_dict(from_archive<float>(theirs));
  BOOST_TEST(norm.num_batches_tracked.item() == 1234);
}

BOOST_AUTO_TEST_CASE(numbers_by_description) {
  Sequential<float> net = everything();
  net.append(RmsNorm<float>(Shape{2, 2}))
      .append(LayerNorm<float>(Shape{3}, {.affine = false}))
      .append(BatchNorm<float>(9, {.affine = false}))
      .append(GroupNorm<float>(1, 3, {.affine = false}))
      .append(Parallel<float>(Linear<float>(2, 7, {.bias = false}), Embedding<float>(5, 3)))
      .append(Concat<float>(0, Bilinear<float>(2, 3, 4), Identity<float>()));
  const double lengths = 6;  // of the WeightNorm
  double held = -lengths;
  for (const auto& t : net.state_dict()) held += static_cast<double>(t.tensor.size());
  BOOST_TEST(detail::numbers_of(describe(net)) == held);
}

// Normalisation without numbers of its own may be of any size; a limit may be infinite.
BOOST_AUTO_TEST_CASE(options_that_need_no_numbers) {
  const TemporaryDirectory folder;
  BatchNorm<float> batch(784, {.affine = false, .track = false});
  Hardtanh<float> half(0, std::numeric_limits<double>::infinity());
  LayerNorm<float> layer(Shape{28, 28}, {.affine = false});
  for (const Module<float>* m : std::vector<const Module<float>*>{&batch, &half, &layer}) {
    save_model(folder / "m", *m);
    BOOST_TEST((describe(*load_model<float>(folder / "m")) == describe(*m)));
  }
}

BOOST_AUTO_TEST_CASE(structures_that_lie) {
  const TemporaryDirectory folder;
  const std::string file = folder / "m";
  const Sequential<float> net{Linear<float>(3, 4), Relu<float>()};
  const auto with = [&](const std::string& structure) {
    Archive a = to_archive(net.state_dict());
    if (!structure.empty()) a.metadata["xgrad structure"] = structure;
    write_safetensors(file, a);
    return message_of([&] { load_model<float>(file); });
  };
  const auto linear = [](const char* in, const char* out) {
    return std::string(
               "{\"type\":\"Sequential\",\"children\":[{\"name\":\"0\",\"type\":\"Linear\","
               "\"options\":[[\"in\",") +
           in + "],[\"out\"," + out + "]]}]}";
  };
  BOOST_TEST(with(linear("3", "4")) == "nothing was thrown");
  BOOST_TEST(with("") == "load_model: " + file + ": there is no structure in it, only 2 tensors");
  BOOST_TEST(with("{").starts_with("load_model: " + file + ": description_from_json: "));
  BOOST_TEST(with("[]") != "nothing was thrown");
  BOOST_TEST(with("{\"type\":3}") != "nothing was thrown");
  BOOST_TEST(with(linear("15", "15")) ==
             "load_model: " + file + ": the structure has 240 numbers, the tensors 16");
  BOOST_TEST(with(linear("1e12", "4")) ==
             "load_model: " + file + ": the structure has 4e+12 numbers, the tensors 16");
  BOOST_TEST(with(linear("-3", "4")) != "nothing was thrown");
  BOOST_TEST(with(linear("3.5", "4")) != "nothing was thrown");
  BOOST_TEST(with(linear("4", "3")).find("wrong shape") != std::string::npos);
  BOOST_TEST(with("{\"type\":\"Nonsense\"}").find("\"Nonsense\" is not known") !=
             std::string::npos);
  const auto alone = [](const std::string& type, const std::string& options) {
    return "{\"type\":\"" + type + "\",\"options\":[" + options + "]}";
  };
  BOOST_TEST(with(alone("LayerNorm", "[\"normalized\",\"99999 99999\"]")).find(" numbers, ") !=
             std::string::npos);
  std::string many = "{\"type\":\"Sequential\",\"children\":[";
  for (int i = 0; i < 9; ++i) {
    many += (i > 0 ? "," : "") + alone("Prelu", "[\"count\",2]");
  }
  BOOST_TEST(with(many + "]}").find("has 18 numbers, the tensors 16") != std::string::npos);
  for (const char* shape : {"-1 -1", "4294967296 4294967296", "2 x", "1 1 1 1 1 1 1 1 1"}) {
    BOOST_TEST(with(alone("Reshape", "[\"shape\",\"" + std::string(shape) + "\"]"))
                   .find("load_state_dict") == std::string::npos);
  }
  for (const char* axis : {"1e300", "-1e300", "0.5"}) {
    BOOST_TEST(with(alone("Softmax", "[\"axis\"," + std::string(axis) + "]")).find("is no axis") !=
               std::string::npos);
  }
  std::string deep = "{\"type\":\"Sequential\"}";
  for (int i = 0; i < 100; ++i) deep = "{\"type\":\"Sequential\",\"children\":[" + deep + "]}";
  BOOST_TEST(with(deep).find("64 levels") != std::string::npos);
  BOOST_TEST(with(std::string(100000, '[')).find("64 levels") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

// Weights trained by others: data set pretrained-mnist, whose README counts 9352 and 9849.
BOOST_AUTO_TEST_SUITE(pretrained)

BOOST_AUTO_TEST_CASE(mnist_sigmoid) {
  const auto folder = xgrad_test::real_data("pretrained-mnist"),
             mnist = xgrad_test::real_data("mnist");
  if (!folder) return;
  Sequential<float> net = sigmoid_net();
  const NameMap map{{"W1", "1.weight", {.transpose = true}}, {"b1", "1.bias"},
                    {"W2", "3.weight", {.transpose = true}}, {"b2", "3.bias"},
                    {"W3", "5.weight", {.transpose = true}}, {"b3", "5.bias"}};
  net.load_state_dict(
      map.apply(load_state<float>(*folder + "/mlp_784_50_100_10_sigmoid.safetensors")));
  BOOST_TEST(correct(net, mnist_test(*mnist)) == 9352U);
}

BOOST_AUTO_TEST_CASE(mnist_relu) {
  const auto folder = xgrad_test::real_data("pretrained-mnist"),
             mnist = xgrad_test::real_data("mnist");
  if (!folder) return;
  Sequential<float> net;
  std::size_t in = 784;
  for (const std::size_t out : {512U, 128U, 32U}) {
    net.append(Sequential<float>{Linear<float>(in, out), Relu<float>()});
    in = out;
  }
  net.append(Linear<float>(in, 10));
  net.load_state_dict(load_state<float>(*folder + "/mlp_784_512_128_32_10_relu.safetensors"));
  Sequential<float> whole{Flatten<float>()};
  whole.append(std::move(net));
  BOOST_TEST(correct(whole, mnist_test(*mnist)) == 9849U);

  const TemporaryDirectory files;
  save_model(files / "relu.model", whole);
  BOOST_TEST(correct(*load_model<float>(files / "relu.model"), mnist_test(*mnist)) == 9849U);
}

BOOST_AUTO_TEST_SUITE_END()
