// Thirty programs with one bug each.

#include <random>

#include "tests/doctor/zoo/program.hpp"

namespace zoo {
namespace {

using namespace xgrad;

template <class O, class Options>
auto with(Options options) {
  return [options](Net& net) -> std::unique_ptr<Optimizer> {
    return std::make_unique<O>(net.parameters(), options);
  };
}
auto sgd(double rate, double decay = 0, double momentum = 0) {
  return with<Sgd<float>>(
      SgdOptions{.learning_rate = rate, .momentum = momentum, .weight_decay = decay});
}

Data plain(std::uint64_t seed = 3) { return blobs(600, 8, 4, seed); }
std::unique_ptr<Net> usual() { return mlp({8, 32, 32, 4}, "relu"); }

Program program(std::string name, std::vector<std::string> expected) {
  return {
      .name = std::move(name), .expected = std::move(expected), .data = plain(), .model = usual};
}

void each_weight(Net& net, const std::function<void(Tensor<float>)>& f) {
  for (const auto& p : net.parameters()) {
    if (p.tensor.rank() > 1) f(p.tensor);
  }
}

struct WithBranch : Net {
  Linear<float>& body = add<Linear<float>>("body", 8, 32);
  Linear<float>& side = add<Linear<float>>("side", 8, 32);
  Linear<float>& head = add<Linear<float>>("head", 32, 4);
  Tensor<float> forward(const Tensor<float>& x) override {
    return head(relu(body(x)) + relu(side(x)).detach());
  }
};

// The same layer twice, once cut off: it has a gradient, and a wrong one.
struct HalfDetached : Net {
  Linear<float>& body = add<Linear<float>>("body", 8, 32);
  Linear<float>& head = add<Linear<float>>("head", 32, 4);
  Tensor<float> forward(const Tensor<float>& x) override {
    return head(relu(body(x)) + tanh(body(x * 0.5F)).detach());
  }
};

struct Unregistered : Net {
  Linear<float>& body = add<Linear<float>>("body", 8, 32);
  Linear<float>& head = add<Linear<float>>("head", 32, 4);
  Tensor<float> scale = parameter(Tensor<float>::filled({32}, 1));
  Tensor<float> forward(const Tensor<float>& x) override { return head(relu(body(x)) * scale); }
};

struct SoftmaxOverBatch : Net {
  Linear<float>& body = add<Linear<float>>("body", 8, 32);
  Linear<float>& head = add<Linear<float>>("head", 32, 4);
  Tensor<float> forward(const Tensor<float>& x) override {
    return log_softmax(head(relu(body(x))), 0);
  }
};

struct LogOfRelu : Net {
  Linear<float>& body = add<Linear<float>>("body", 8, 32);
  Linear<float>& head = add<Linear<float>>("head", 32, 4);
  Tensor<float> forward(const Tensor<float>& x) override { return head(log(relu(body(x)))); }
};

std::unique_ptr<Net> ending_in_softmax() {
  auto net = std::make_unique<Sequential<float>>();
  net->emplace<Linear<float>>(8, 32);
  net->emplace<Relu<float>>();
  net->emplace<Linear<float>>(32, 4);
  net->emplace<Softmax<float>>();
  return net;
}

std::unique_ptr<Net> with_batch_norm_and_dropout() {
  auto net = std::make_unique<Sequential<float>>();
  net->emplace<Linear<float>>(8, 32);
  net->emplace<BatchNorm<float>>(32);
  net->emplace<Relu<float>>();
  net->emplace<Dropout<float>>(0.3);
  net->emplace<Linear<float>>(32, 4);
  return net;
}

void of_data(std::vector<Program>& all) {
  Program p = program("shuffled labels", {"labels-unrelated"});
  std::shuffle(p.data.labels.begin(), p.data.labels.end(), std::mt19937(5));
  all.push_back(p);
  p = program("inputs not scaled", {"input-scale"});
  p.data.inputs *= 120.0F;
  all.push_back(p);
  p = program("statistics of all data", {"leak"});
  standardize(p.data, 600);
  all.push_back(p);
  p = program("validation data not scaled", {"validation-scale"});
  p.data.inputs = p.data.inputs * 6.0F + 20.0F;
  p.prepare = [](Data& train, Data&) { standardize(train, train.inputs.shape(0)); };
  all.push_back(p);
  p = program("validation samples in the training data", {"duplicates"});
  p.prepare = [](Data& train, Data& validation) {
    std::copy_n(train.inputs.data(), validation.inputs.size() / 2, validation.inputs.data());
    std::copy_n(train.labels.data(), validation.labels.size() / 2, validation.labels.data());
  };
  all.push_back(p);
  p = program("a missing value", {"inputs-finite"});
  p.data.inputs(17, 3) = std::nanf("");
  all.push_back(p);
  p = program("labels counted from 1", {"labels"});
  for (auto& l : p.data.labels) ++l;
  all.push_back(p);
  p = program("class numbers as targets", {"targets"});
  p.data.targets = Array<float>(Array<float>::shape_type{600, 1});
  for (std::size_t i = 0; i < 600; ++i) p.data.targets(i, 0) = static_cast<float>(p.data.labels(i));
  p.model = [] { return mlp({8, 32, 1}, "relu"); };
  all.push_back(p);
}

void of_losses(std::vector<Program>& all) {
  Program p = program("loss with the wrong sign", {"loss-direction"});
  p.loss = [](const Tensor<float>& y, const Batch& b) { return -cross_entropy(y, b.labels); };
  all.push_back(p);
  p = program("softmax twice", {"double-softmax"});
  p.model = ending_in_softmax;
  all.push_back(p);
  p = program("likelihood of scores", {"double-softmax"});
  p.loss = [](const Tensor<float>& y, const Batch& b) { return nll_loss(y, b.labels); };
  all.push_back(p);
  p = program("softmax over the batch", {"mixed-samples", "loss-mean"});
  p.model = [] { return std::make_unique<SoftmaxOverBatch>(); };
  p.loss = [](const Tensor<float>& y, const Batch& b) { return nll_loss(y, b.labels); };
  all.push_back(p);
  p = program("column against row", {"loss-mean", "broadcast"});
  p.data = waves(600, 4, 3);
  p.data.targets.reshape({600});
  p.model = [] { return mlp({4, 32, 1}, "relu"); };
  p.loss = [](const Tensor<float>& y, const Batch& b) { return mean(square(y - b.targets)); };
  all.push_back(p);
}

void of_initial_numbers(std::vector<Program>& all) {
  const auto initialized = [&](const char* name, std::vector<std::string> expected,
                               std::function<std::unique_ptr<Net>()> model,
                               std::function<void(Tensor<float>)> set) {
    Program p = program(name, std::move(expected));
    p.model = [model, set] {
      auto net = model();
      each_weight(*net, set);
      return net;
    };
    all.push_back(p);
  };
  const auto deep = [](const char* activation) {
    return [activation] { return mlp({8, 32, 32, 32, 32, 32, 32, 32, 4}, activation); };
  };
  initialized("normal numbers of 0.01 in a deep model", {"vanishing-signal", "vanishing-gradient"},
              deep("tanh"), [](Tensor<float> w) { normal_(w, {.deviation = 0.01}); });
  initialized("normal numbers of 1 in a deep model", {"exploding-signal", "exploding-gradient"},
              deep("relu"), [](Tensor<float> w) { normal_(w, {.deviation = 1.5}); });
  initialized("all weights 0", {"symmetry", "zero-gradient"}, usual,
              [](Tensor<float> w) { zeros_(w); });
  initialized(
      "saturated sigmoids", {"saturated"},
      [] {
        return mlp({8, 32, 32, 4}, "sigmoid");
      },
      [](Tensor<float> w) { normal_(w, {.deviation = 8}); });
  Program p = program("dead units", {"dead-units"});
  p.model = [] {
    auto net = mlp({8, 32, 32, 4}, "relu");
    constant_(net->at("2.bias"), -30);
    return net;
  };
  all.push_back(p);
}

void of_models(std::vector<Program>& all) {
  Program p = program("detached branch", {"parameters"});
  p.model = [] { return std::make_unique<WithBranch>(); };
  all.push_back(p);
  p = program("one of two ways detached", {"gradient"});
  p.model = [] { return std::make_unique<HalfDetached>(); };
  all.push_back(p);
  p = program("parameter that is not registered", {"parameters"});
  p.model = [] { return std::make_unique<Unregistered>(); };
  all.push_back(p);
  p = program("logarithm of 0", {"not-finite", "runs"});
  p.model = [] { return std::make_unique<LogOfRelu>(); };
  p.trace = true;
  all.push_back(p);
}

void of_training(std::vector<Program>& all) {
  Program p = program("rate 100 times too high", {"learning-rate"});
  p.optimizer = sgd(10);
  all.push_back(p);
  p = program("rate 100 times too low", {"learning-rate"});
  p.optimizer = sgd(1e-3);
  all.push_back(p);
  p = program("gradients not removed", {"zero-grad"});
  p.zero_grad = false;
  all.push_back(p);
  p = program("trained in evaluation mode", {"mode"});
  p.model = with_batch_norm_and_dropout;
  p.train_mode = false;
  all.push_back(p);
  p = program("evaluated in training mode", {"mode"});
  p.model = with_batch_norm_and_dropout;
  p.eval_mode = false;
  all.push_back(p);
  p = program("batches of 2 for batch normalisation", {"batch-norm-batch"});
  p.model = with_batch_norm_and_dropout;
  p.batch_size = 2;
  p.epochs = 2;
  all.push_back(p);
  p = program("decay too strong", {"decay"});
  p.optimizer = sgd(0.1, 2);
  all.push_back(p);
  p = program("layer not in the optimizer", {"parameters"});
  p.optimizer = [](Net& net) -> std::unique_ptr<Optimizer> {
    NamedTensors<float> some = net.parameters();
    some.resize(some.size() - 2);
    return std::make_unique<Adam<float>>(some);
  };
  all.push_back(p);
}

}  // namespace

std::vector<Program> ill() {
  std::vector<Program> all;
  of_data(all);
  of_losses(all);
  of_initial_numbers(all);
  of_models(all);
  of_training(all);
  return all;
}

}  // namespace zoo
