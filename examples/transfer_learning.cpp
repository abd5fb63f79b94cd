// Transfer learning: a network that reads handwritten digits learns, from a hundred examples, to
// say whether a drawn digit has a closed loop (0, 4, 6, 8, 9).
//
//   transfer_learning [--pretrained mlp_784_512_128_32_10_relu.safetensors] [--samples 100]
//
// Shows: weights trained by another program, loaded by name; the head replaced; the body frozen
// at first, then unfrozen with a smaller rate; the same network trained from scratch for
// comparison. The file (784-512-128-32-10, ReLU, trained on MNIST, from github.com/sadblack/dfdx)
// has the tensors 0.0.weight, 0.0.bias, ... 3.weight, 3.bias; without it a body is trained on
// drawn digits first.
//
// Expect, in about two seconds: three accuracies on 2000 other digits (from scratch, with the body
// frozen, with all trained), and `test accuracy` of the last, 0.9220.
//
// CI: --pretraining 200 --epochs 2

#include <cstdio>
#include <string>
#include <xgrad/xgrad.hpp>

#include "shared/command_line.hpp"

using namespace xgrad;

namespace {

struct Settings {
  std::string pretrained;
  std::size_t samples = 100, epochs = 30, pretraining = 4000;
};

LabeledDataset<float> digits(std::size_t count, std::size_t first) {
  ImageData d = draw_digits(count, 1, {.first = first});
  return {std::move(d.images), std::move(d.labels)};
}

LabeledDataset<float> loops(std::size_t count, std::size_t first) {
  ImageData d = draw_digits(count, 1, {.first = first});
  for (auto& label : d.labels)
    label = label == 0 || label == 4 || label == 6 || label == 8 || label == 9;
  return {std::move(d.images), std::move(d.labels)};
}

Sequential<float> digit_net() {
  Sequential<float> net{Flatten<float>()};
  std::size_t in = 784;
  for (const std::size_t out : {512U, 128U, 32U}) {
    net.append(Linear<float>(in, out)).append(Relu<float>());
    in = out;
  }
  net.append(Linear<float>(in, 10));
  return net;
}

void train(Sequential<float>& net, Optimizer<float>& optimizer, const LabeledDataset<float>& data,
           std::size_t epochs) {
  DataLoader loader(data, {.batch_size = 20, .shuffle = true, .seed = 1});
  Trainer trainer(
      net, optimizer, classification<float>(),
      {.epochs = epochs, .schedule = LinearDecay{.duration = static_cast<double>(epochs)}});
  trainer.fit(loader);
}

double accuracy_of(Module<float>& net, const LabeledDataset<float>& test) {
  DataLoader loader(test, {.batch_size = 500});
  return evaluate(net, loader, classification<float>()).at(1).second;
}

Sequential<float> pretrained(const Settings& s) {
  Sequential<float> net = digit_net();
  if (s.pretrained.empty()) {
    std::printf("without --pretrained the body learns from drawn digits\n");
    Adam<float> adam(net.parameters(), {.learning_rate = 1e-3});
    train(net, adam, digits(s.pretraining, 10000), 3);
    return net;
  }
  const NameMap map{{"0.0.*", "1.*"}, {"1.0.*", "3.*"}, {"2.0.*", "5.*"}, {"3.*", "7.*"}};
  net.load_state_dict(map.apply(load_state<float>(s.pretrained)));
  return net;
}

double run(const Settings& s) {
  manual_seed(1);
  const auto few = loops(s.samples, 0), test = loops(2000, 2000);
  {
    Sequential<float> scratch = first_layers(digit_net(), 7);
    scratch.append(Linear<float>(32, 2));
    Adam<float> adam(scratch.parameters(), {.learning_rate = 1e-3});
    train(scratch, adam, few, 2 * s.epochs);
    std::printf("from scratch:         %.4f\n", accuracy_of(scratch, test));
  }
  Sequential<float> net = first_layers(pretrained(s), 7);  // without the head
  const NamedTensors<float> body = net.parameters();
  freeze(body);
  net.append(Linear<float>(32, 2));
  Adam<float> adam(net[7].parameters(), {.learning_rate = 1e-2});
  train(net, adam, few, s.epochs);
  std::printf("new head, body frozen: %.4f\n", accuracy_of(net, test));
  unfreeze(body);
  adam.set_learning_rate(1e-3);
  adam.add_group(body, {.learning_rate = 3e-4});
  train(net, adam, few, s.epochs);
  return accuracy_of(net, test);
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CommandLine app("From reading digits to seeing loops.");
  app.add_option("--pretrained", s.pretrained, "safetensors file; default: pretrain here");
  app.add_option("--samples", s.samples, "to learn from").capture_default_str();
  app.add_option("--epochs", s.epochs, "of each of the two stages").capture_default_str();
  app.add_option("--pretraining", s.pretraining, "drawn digits to pretrain with")
      .capture_default_str();
  if (const auto end = app.parse(argc, argv)) return *end;
  try {
    const double accuracy = run(s);
    std::printf("body unfrozen:         %.4f\ntest accuracy %.4f\n", accuracy, accuracy);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "transfer_learning: %s\n", e.what());
    return 1;
  }
}
