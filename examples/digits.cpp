// Trains a multi-layer perceptron on images of digits or clothes, and says how well it classifies
// images it has not seen.
//
//   scripts/train                 digits that the program draws itself; needs no download
//   scripts/train --data mnist    IDX files: MNIST (yann.lecun.com/exdb/mnist), Fashion-MNIST
//                                 (github.com/zalandoresearch/fashion-mnist) and their relatives
//   scripts/train --help          the other options
//
// Expect progress per epoch, a confusion table, a saved model, a report beside it (digits.html: what the
// training doctor found, curves, layers, mistakes, the first layer's weights, for any browser), and a last
// line like `test accuracy 0.9826`; about half a minute with the defaults, and 4 to 8 seconds per epoch
// for the 60,000 images of MNIST. Normalised, regularised and with images that change from epoch to
// epoch, a perceptron gets further, in about four minutes each (three seeds):
//
//   --data mnist --hidden 800,800 --batch-norm --dropout 0.2 --rotate 10 --shift 2 --scale 0.1
//       --shear 5 --optimizer adam --learning-rate 2e-3 --epochs 45     0.9934 to 0.9941
//   --data fashion-mnist --hidden 800,800 --batch-norm --dropout 0.3 --flip --shift 1
//       --optimizer adam --learning-rate 2e-3 --epochs 45               0.9077 to 0.9088
//
// Built with -DXGRAD_MPI=ON it trains over several processes (docs/distributed.md), each with its part of
// every batch: `mpirun -n 2 digits --mpi`. With `--shards 12` 1, 2, 3, 4 ... of them end with the same
// bits.
//
// `scripts/train --live` (elsewhere a build with -DXGRAD_LIVE=ON) shows the report in a browser while the training
// runs: the line `live report at http://127.0.0.1:.../` says where.
//
// CI: --epochs 2 --train-samples 600 --hidden 32,32 --batch-norm --residual --mixup 0.2 --shift 2
// CI: --dropout 0.1 --drop-connect 0.1 --cutmix 1 --flip --erase 0.3 --label-smoothing 0.1

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>
#include <xgrad/xgrad.hpp>
#ifdef XGRAD_MPI
#include <xgrad/distributed/sampler.hpp>
#include <xgrad/distributed/session.hpp>
#endif
#ifdef XGRAD_LIVE
#include <xgrad/live/live_report.hpp>
#endif

#include "shared/command_line.hpp"

using namespace xgrad;

namespace {

struct Settings {
  std::string data, optimizer = "sgd", save = "digits.safetensors", report = "beside the model";
  std::vector<std::size_t> hidden = {512, 256};
  std::size_t epochs = 10, batch_size = 128, train_samples = 20000, test_samples = 4000;
  double learning_rate = 0, momentum = 0.9, weight_decay = 0, label_smoothing = 0;
  double dropout = 0, drop_connect = 0, mixup = 0, cutmix = 0;
  bool batch_norm = false, residual = false, flip = false;
  Affine affine;
  double erase = 0;
  std::uint64_t seed = 1;
  int threads = 0;
  bool mpi = false, compile = false, live = false;
  int port = 0;
  std::size_t shards = 0;
};

// The processes that train together: one that is alone, unless --mpi.
struct Ranks {
  const Collective* group = nullptr;
  Sampler sampler = random_sampler();  // of this rank's images
  std::size_t batch_size = 0;          // of this rank

  bool first() const { return group == nullptr || group->rank() == 0; }
  // Added up over the ranks.
  std::vector<double> sum(const std::vector<double>& own) const {
    if (group == nullptr) return own;
    std::vector<double> total(own.size());
    for (const std::vector<double>& of_rank : group->all_gather(own)) {
      for (std::size_t i = 0; i < total.size(); ++i) total[i] += of_rank[i];
    }
    return total;
  }
};

struct Digits {
  LabeledDataset<float> train, test;
};

LabeledDataset<float> as_dataset(ImageData d) { return {std::move(d.images), std::move(d.labels)}; }

Digits load(const Settings& s) {
  if (!s.data.empty())
    return {as_dataset(load_idx(s.data, Split::train)), as_dataset(load_idx(s.data, Split::test))};
  return {as_dataset(draw_digits(s.train_samples, s.seed)),
          as_dataset(draw_digits(s.test_samples, s.seed, {.first = s.train_samples}))};
}

Sequential<float> make_layer(const Settings& s, std::size_t in, std::size_t out) {
  Sequential<float> layer;
  const auto initialised = [](auto linear) {
    he_normal_(linear.weight);
    zeros_(linear.bias);
    return linear;
  };
  if (s.drop_connect > 0) {
    layer.append(initialised(DropConnect<float>(in, out, {.p = s.drop_connect})));
  } else {
    layer.append(initialised(Linear<float>(in, out)));
  }
  if (s.batch_norm) layer.append(BatchNorm<float>(out));
  layer.append(Relu<float>());
  if (s.dropout > 0) layer.append(Dropout<float>(s.dropout));
  return layer;
}

Sequential<float> make_net(const Settings& s, std::size_t inputs, std::size_t classes) {
  Sequential<float> net;
  net.append(Flatten<float>());
  std::size_t in = inputs;
  for (const std::size_t out : s.hidden) {
    if (s.residual && in == out) {
      net.append(Residual<float>(make_layer(s, in, out)));
    } else {
      net.append(make_layer(s, in, out));
    }
    in = out;
  }
  net.append(Linear<float>(in, classes));
  return net;
}

Augmentation make_augmentation(const Settings& s) {
  std::vector<Augmentation> parts;
  if (s.flip) parts.push_back(Flip{});
  if (s.affine.degrees + s.affine.shift + s.affine.scale + s.affine.shear > 0) {
    parts.push_back(s.affine);
  }
  if (s.erase > 0) parts.push_back(sometimes(s.erase, Erase{}));
  return sequence(std::move(parts));
}

std::unique_ptr<Optimizer<float>> make_optimizer(const Settings& s,
                                                 const NamedTensors<float>& parameters) {
  const auto rate = [&](double usual) { return s.learning_rate > 0 ? s.learning_rate : usual; };
  if (s.optimizer == "adam") {
    return std::make_unique<Adam<float>>(
        parameters, AdamOptions{.learning_rate = rate(1e-3), .weight_decay = s.weight_decay});
  }
  return std::make_unique<Sgd<float>>(parameters, SgdOptions{.learning_rate = rate(0.05),
                                                             .momentum = s.momentum,
                                                             .weight_decay = s.weight_decay});
}

// The probabilities (n, classes) of all images.
Tensor<float> probabilities(Module<float>& net, const LabeledDataset<float>& data,
                            std::size_t classes) {
  const NoGrad guard;
  net.eval();
  Tensor<float> all = Tensor<float>::uninitialized({data.size(), classes});
  float* next = all.mutable_data();
  DataLoader loader(data, {.batch_size = 1000});
  for (const auto& [images, labels] : loader) {
    const Tensor<float> p = softmax(net(images), 1);
    next = std::copy_n(p.data(), p.size(), next);
  }
  net.train();
  return all;
}

// Mean loss and share of right answers.
Figures test_figures(const Tensor<float>& p, const LabeledDataset<float>& data) {
  const NoGrad guard;
  const auto n = static_cast<double>(data.size());
  return {{"test loss", nll_loss(log(clamp(p, 1e-30F, 1.0F)), data.labels()).item()},
          {"test accuracy", static_cast<double>(count_correct(p, data.labels())) / n}};
}

std::string figures(double loss, double accuracy) {
  char text[64];
  std::snprintf(text, sizeof text, "loss %.4f  accuracy %.4f", loss, accuracy);
  return text;
}

// Mixed with other samples, if so wished.
TargetBatch<float> mixed(const LabeledBatch<float>& batch, std::size_t classes, const Settings& s) {
  TargetBatch<float> r = with_probabilities(batch, classes);
  if (s.mixup > 0) r = mixup(r, {.alpha = s.mixup});
  if (s.cutmix > 0) r = cutmix(r, {.alpha = s.cutmix});
  return r;
}

// Scores and loss of images and what they should map to.
using Forward = std::function<std::pair<Tensor<float>, Tensor<float>>(
    const Tensor<float>& inputs, const Tensor<float>& targets)>;

// What a training step needs, and what it counts.
struct Training {
  Module<float>& net;
  Optimizer<float>& optimizer;
  Monitor<float>& monitor;
  Report& report;
  const Settings& settings;
  std::size_t classes;
  std::unique_ptr<BatchGradients<float>> of_all;  // of all ranks
  Forward forward = recorded_anew();

  // Of this rank and epoch.
  double loss_sum = 0, correct = 0, seen = 0;

  Forward recorded_anew() {
    return [this](const Tensor<float>& inputs, const Tensor<float>& targets) {
      const Tensor<float> scores = net(inputs);
      return std::pair(
          scores, cross_entropy(scores, targets, {.label_smoothing = settings.label_smoothing}));
    };
  }

  // Of some of the batch's images; counts them.
  Tensor<float> loss(const LabeledBatch<float>& batch) {
    const TargetBatch<float> training = mixed(batch, classes, settings);
    const auto [scores, loss] = forward(training.inputs, training.targets);
    if (!report.graph) report.graph = tape_graph(loss, net.parameters());
    monitor.before_backward(loss);
    const auto n = static_cast<double>(batch.labels.size());
    loss_sum += loss.item() * n;
    correct += static_cast<double>(
        count_correct(scores, predicted_classes(training.targets)));  // the larger share's
    seen += n;
    return loss;
  }

  void step(const LabeledBatch<float>& batch) {
    if (of_all) {
      of_all->gradients(batch.labels.size(), [&](Part part) {
        return loss({part.of(batch.inputs), part.of(batch.labels)});
      });
    } else {
      optimizer.zero_grad();
      loss(batch).backward();
    }
    monitor.before_step();
    optimizer.step();
    monitor.after_step();
  }
};

// One pass over the training data; the rate falls along half a cosine over all epochs. Returns the
// figures on it.
Figures train_epoch(Training& training, DataLoader<Augmented<LabeledDataset<float>>>& loader,
                    std::size_t epoch, double base_rate, const Ranks& ranks) {
  const std::size_t epochs = training.settings.epochs;
  const std::string name = "epoch " + std::to_string(epoch + 1) + "/" + std::to_string(epochs);
  std::optional<Progress> progress;
  if (ranks.first()) progress.emplace(std::cerr, name, loader.size(), stderr_is_terminal());
  const CosineDecay schedule{.duration = static_cast<double>(epochs * loader.size())};
  training.loss_sum = training.correct = training.seen = 0;
  std::size_t done = 0;
  for (const auto& batch : loader) {
    const auto step = static_cast<double>(epoch * loader.size() + done);
    training.optimizer.set_learning_rate(base_rate * schedule.at(step));
    training.step(batch);
    ++done;
    if (progress)
      progress->update(
          done, figures(training.loss_sum / training.seen, training.correct / training.seen));
  }
  const auto sums = ranks.sum({training.loss_sum, training.correct, training.seen});
  const double loss = sums[0] / sums[2], accuracy = sums[1] / sums[2];
  if (progress) progress->finish(figures(loss, accuracy));
  return {{"train loss", loss}, {"train accuracy", accuracy}};
}

// The report in a browser while it grows, if asked for.
#ifdef XGRAD_LIVE
class LivePage {
 public:
  explicit LivePage(const Settings& s) {
    if (!s.live) return;
    live_.emplace(LiveReportOptions{.port = s.port});
    std::printf("live report at %s\n", live_->address().c_str());
    std::fflush(stdout);
  }
  void show(Report report, const Monitor<float>& monitor) {
    if (!live_) return;
    report.diagnosis = monitor.diagnosis();
    report.record = monitor.record();
    live_->show(std::move(report));
  }

 private:
  std::optional<LiveReport> live_;
};
#else
struct LivePage {
  explicit LivePage(const Settings& s) {
    if (s.live) throw std::runtime_error("--live needs a build with -DXGRAD_LIVE=ON");
  }
  void show(const Report&, const Monitor<float>&) {}
};
#endif

void finish_report(const Settings& s, Report& report, const Monitor<float>& monitor,
                   Module<float>& net, const Tensor<float>& p, const LabeledDataset<float>& test,
                   const ConfusionMatrix& confusion) {
  report.headline = {{"test accuracy", confusion.accuracy()},
                     {"epochs", static_cast<double>(s.epochs)}};
  report.diagnosis = monitor.diagnosis();
  report.record = monitor.record();
  report.confusion = confusion;
  report.calibration = calibration_bins(p, test.labels());
  report.worst = worst_examples(p, test.labels(), Tensor<float>(test.inputs()));
  for (const auto& parameter : net.parameters()) {
    report.histograms.push_back(histogram(parameter.name, parameter.tensor));
    if (!report.pictures.empty() || !writes_png() || parameter.tensor.shape().rank() != 2) continue;
    const Shape image = Shape(test.inputs().shape()).without(0);
    report.pictures.push_back({"weights of the first layer",
                               tile(filter_pictures(parameter.tensor, image), {.scale = 2})});
  }
  write_report(s.report, report);
  std::printf("report in %s\n", std::filesystem::absolute(s.report).c_str());
}

void run(Settings s, const Ranks& ranks) {
  if (!ranks.first()) s.save = s.report = "", s.live = false;
  if (s.threads > 0) set_num_threads(s.threads);
  manual_seed(s.seed);
  const Digits digits = load(s);
  const Shape images(digits.train.inputs().shape());
  std::size_t classes = 0;
  for (const std::int64_t label : digits.train.labels())
    classes = std::max(classes, static_cast<std::size_t>(label) + 1);
  if (ranks.first())
    std::printf("%zu images for training, %zu for testing, %zu x %zu pixels, %zu classes\n",
                digits.train.size(), digits.test.size(), images[1], images[2], classes);

  Sequential<float> net = make_net(s, images[1] * images[2], classes);
  const auto optimizer = make_optimizer(s, net.parameters());
  const double base_rate = optimizer->learning_rate();
  const Augmented train(digits.train, make_augmentation(s), s.seed);
  DataLoader loader(train, {.batch_size = ranks.batch_size,
                            .drop_last = s.batch_norm && digits.train.size() > s.batch_size,
                            .seed = s.seed,
                            .prefetch = 4,
                            .sampler = ranks.sampler});
  Report report{.title = "digits",
                .about = "A perceptron on " + (s.data.empty() ? "drawn digits" : s.data) + "."};
  const bool reported = !s.report.empty() || s.live;
  // Of some sixty steps the report shows what happened inside.
  const std::size_t every = std::max<std::size_t>(1, s.epochs * loader.size() / 60);
  Monitor<float> monitor(net, *optimizer, {.every = reported ? every : 0});
  LivePage page(s);
  Training training{net, *optimizer, monitor, report, s, classes, nullptr};
  if (s.compile) training.forward = compile(training.forward);
  if (ranks.group != nullptr)
    training.of_all = ranks.group->data_parallel(net, {.shards = s.shards});
  for (std::size_t epoch = 0; epoch < s.epochs; ++epoch) {
    Figures row = train_epoch(training, loader, epoch, base_rate, ranks);
    if (!reported) continue;
    for (const auto& f : test_figures(probabilities(net, digits.test, classes), digits.test))
      row.push_back(f);
    row.emplace_back("learning rate", optimizer->learning_rate());
    monitor.end_epoch(row);
    report.history.add(row);
    page.show(report, monitor);
  }

  if (!ranks.first()) return;
  const Tensor<float> p = probabilities(net, digits.test, classes);
  ConfusionMatrix confusion(classes);
  confusion.add(p, digits.test.labels());
  std::printf("\ntrue class by row, predicted class by column:\n%s\n", confusion.table().c_str());
  if (!s.save.empty()) {
    save_state(s.save, net.state_dict());
    std::printf("model saved in %s\n", s.save.c_str());
  }
  if (!s.report.empty()) finish_report(s, report, monitor, net, p, digits.test, confusion);
  std::printf("test accuracy %.4f\n", confusion.accuracy());
}

#ifdef XGRAD_MPI
int run_ranks(const Settings& s, int argc, char** argv) {
  return run_distributed(argc, argv, [&](Communicator& world) {
    const DistributedBatches batches{
        .batch_size = s.batch_size,
        .shards = s.shards,
        .last = s.batch_norm && s.train_samples > s.batch_size ? LastBatch::drop : LastBatch::pad};
    run(s, {&world, distributed_sampler(world, batches), local_batch_size(world, batches)});
    return 0;
  });
}
#else
int run_ranks(const Settings&, int, char**) {
  throw std::runtime_error("--mpi needs a build with -DXGRAD_MPI=ON");
}
#endif

// digits.safetensors -> digits.html.
std::string beside(const std::string& model) {
  if (model.empty()) return "digits.html";
  return std::filesystem::path(model).replace_extension(".html").string();
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CommandLine app("Trains a multi-layer perceptron on images of digits.");
  app.add_option(
      "--data", s.data,
      "folder with IDX files (train-images-idx3-ubyte[.gz], ...); default: drawn digits");
  app.add_option("--epochs", s.epochs, "passes over the training images").capture_default_str();
  app.add_option("--batch-size", s.batch_size, "images per step")
      .capture_default_str()
      .check(Check::positive());
  app.add_option("--learning-rate", s.learning_rate,
                 "at the start; default 0.05 for sgd, 0.001 for adam")
      .check(Check::positive());
  app.add_option("--optimizer", s.optimizer, "sgd or adam")
      .capture_default_str()
      .check(Check::one_of({"sgd", "adam"}));
  app.add_option("--momentum", s.momentum, "of sgd")
      .capture_default_str()
      .check(Check::between(0.0, 1.0));
  app.add_option("--weight-decay", s.weight_decay, "lambda of lambda/2 |w|^2")
      .capture_default_str()
      .check(Check::non_negative());
  app.add_option("--label-smoothing", s.label_smoothing, "share spread over all classes")
      .check(Check::between(0.0, 1.0));
  app.add_flag("--batch-norm", s.batch_norm, "normalise each hidden layer over the batch");
  app.add_option("--dropout", s.dropout, "probability to drop a hidden unit")
      .capture_default_str()
      .check(Check::between(0.0, 0.99));
  app.add_option("--drop-connect", s.drop_connect, "probability to drop a hidden layer's weight")
      .check(Check::between(0.0, 0.99));
  app.add_flag("--residual", s.residual, "add its input to a hidden layer of the same size");
  app.add_option("--mixup", s.mixup, "alpha: mix images, with shares of Beta(alpha, alpha)")
      .check(Check::non_negative());
  app.add_option("--cutmix", s.cutmix, "alpha: put boxes of other images in")
      .check(Check::non_negative());
  app.add_option("--rotate", s.affine.degrees, "turn images by up to so many degrees");
  app.add_option("--shift", s.affine.shift, "move images by up to so many pixels");
  app.add_option("--scale", s.affine.scale, "stretch images by up to this share");
  app.add_option("--shear", s.affine.shear, "lean images by up to so many degrees");
  app.add_flag("--flip", s.flip, "mirror every other image left and right");
  app.add_option("--erase", s.erase, "probability to cover a rectangle")
      .check(Check::between(0.0, 1.0));
  app.add_option("--hidden", s.hidden, "sizes of the hidden layers")
      .capture_default_str()
      .delimiter(',');
  app.add_option("--train-samples", s.train_samples, "drawn digits to train with")
      .capture_default_str()
      .check(Check::positive());
  app.add_option("--test-samples", s.test_samples, "drawn digits to test with")
      .capture_default_str()
      .check(Check::positive());
  app.add_option("--seed", s.seed, "of initial weights, order and drawn digits")
      .capture_default_str();
  app.add_option("--threads", s.threads, "default: all cores").check(Check::positive());
  app.add_option("--save", s.save, "file for the trained weights; empty: none")
      .capture_default_str();
  app.add_option("--report", s.report, "file for a report of the training; empty: none")
      .capture_default_str();
  app.add_flag("--live", s.live, "show the report in a browser of this machine while it grows");
  app.add_option("--live-port", s.port, "of --live; default: one that is free")
      .check(Check::between(1, 65535));
  app.add_flag("--compile", s.compile, "run the forward pass as a program, recorded once");
  app.add_flag("--mpi", s.mpi, "train over the ranks that mpirun started");
  app.add_option("--shards", s.shards, "parts of a batch, with --mpi; default: one per rank");
  if (const auto end = app.parse(argc, argv)) return *end;
  if (s.report == Settings().report) s.report = beside(s.save);
  try {
    if (s.mpi) return run_ranks(s, argc, argv);
    run(s, {.batch_size = s.batch_size});
  } catch (const std::exception& e) {
    std::fprintf(stderr, "digits: %s\n", e.what());
    return 1;
  }
}
