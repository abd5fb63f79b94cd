// A language model of names, character by character: the next one from the eight before it, by a
// multi-layer perceptron over embedded characters (Bengio and others 2003).
//
//   names --data names.txt [--context 8] [--features 24] [--hidden 256] [--epochs 15]
//
// Shows: batches of your own kind, a module whose input is no tensor, a Task for the Trainer,
// weight decay, dropout, and sampling. The file has a name a line, a to z; it is in
// github.com/karpathy/makemore. Names that occur twice are taken once, so that those held out (a
// tenth for the choice of the epoch, a tenth for the test) are new to the model. Without --data
// names are put together from syllables.
//
// Expect, in about half a minute: the loss by epoch, that of counting pairs of characters, a
// few new names, and `nll per character` on the test names, in nats, the end of a name being
// a character.
//
// CI: --epochs 1 --hidden 32

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <set>
#include <string>
#include <vector>
#include <xgrad/xgrad.hpp>

using namespace xgrad;

namespace {

constexpr std::size_t kSymbols = 27;  // the end of a name, and a to z

struct Settings {
  std::string data;
  std::size_t context = 8, features = 24, hidden = 256, epochs = 15, batch_size = 256;
  double learning_rate = 2e-3, weight_decay = 0.05, dropout = 0.25;
  std::uint64_t seed = 1;
  bool repeated = false;
};

std::vector<std::string> load(const Settings& s) {
  std::vector<std::string> names;
  if (s.data.empty()) {
    std::printf("without --data the names are put together from syllables\n");
    const char* const syllables[] = {"ma", "ri", "el", "jo", "na", "than", "li", "sa", "an", "be"};
    for (const auto& a : syllables)
      for (const auto& b : syllables)
        for (const auto& c : syllables) names.push_back(std::string(a) + b + c);
  } else {
    std::ifstream in(s.data);
    for (std::string line; std::getline(in, line);) names.push_back(line);
    if (names.empty()) {
      throw std::runtime_error("no names in " + s.data +
                               "; names.txt is in github.com/karpathy/makemore");
    }
  }
  if (s.repeated) return names;
  const std::set<std::string> different(names.begin(), names.end());
  return {different.begin(), different.end()};
}

struct CharBatch {
  Indices contexts;  // (n, context)
  Indices next;      // (n)
};

// Every position of every name, with the symbols before it.
class Contexts : public Dataset<CharBatch> {
 public:
  Contexts(const std::vector<std::string>& names, const Samples& chosen, std::size_t context)
      : context_(context) {
    for (const std::int64_t i : chosen) {
      std::vector<std::int64_t> symbols(context, 0);
      for (const char c : names[static_cast<std::size_t>(i)] + "`")  // the character before a: 0
        add(symbols, c - '`');
    }
  }
  std::size_t size() const override { return next_.size(); }
  CharBatch get(std::span<const std::int64_t> samples) const override {
    CharBatch b{Indices(Indices::shape_type{samples.size(), context_}),
                Indices(Indices::shape_type{samples.size()})};
    for (std::size_t k = 0; k < samples.size(); ++k) {
      const auto i = static_cast<std::size_t>(samples[k]);
      std::copy_n(&before_[i * context_], context_, b.contexts.data() + k * context_);
      b.next.data()[k] = next_[i];
    }
    return b;
  }

 private:
  void add(std::vector<std::int64_t>& symbols, std::int64_t next) {
    before_.insert(before_.end(), symbols.end() - static_cast<std::ptrdiff_t>(context_),
                   symbols.end());
    next_.push_back(next);
    symbols.push_back(next);
  }
  std::size_t context_;
  std::vector<std::int64_t> before_, next_;
};

struct NameModel : Module<float> {
  explicit NameModel(const Settings& s)
      : embedding(add<Embedding<float>>("embedding", kSymbols, s.features)),
        layers(add<Sequential<float>>("layers")) {
    std::size_t in = s.context * s.features;
    layers.append(Flatten<float>());
    for (int i = 0; i < 2; ++i) {
      layers.append(Dropout<float>(s.dropout));
      layers.append(Linear<float>(in, s.hidden)).append(BatchNorm<float>(s.hidden));
      layers.append(Relu<float>());
      in = s.hidden;
    }
    layers.append(Dropout<float>(s.dropout)).append(Linear<float>(in, kSymbols));
  }
  using Module<float>::operator();
  Tensor<float> operator()(const Indices& contexts) {
    return inside([&] { return layers(embedding(contexts)); });
  }

  Embedding<float>& embedding;
  Sequential<float>& layers;
};

// Mean negative log-likelihood of a model that has counted pairs of symbols, each once more.
double bigram_loss(const Contexts& train, const Contexts& test) {
  std::vector<double> pairs(kSymbols * kSymbols, 1), single(kSymbols, kSymbols);
  const auto visit = [](const Contexts& data, const auto& f) {
    std::vector<std::int64_t> all(data.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
    const CharBatch b = data.get(all);
    const std::size_t context = b.contexts.shape(1);
    for (std::size_t i = 0; i < all.size(); ++i) {
      f(static_cast<std::size_t>(b.contexts.data()[(i + 1) * context - 1]),
        static_cast<std::size_t>(b.next.data()[i]));
    }
  };
  visit(train, [&](std::size_t a, std::size_t b) {
    pairs[a * kSymbols + b] += 1;
    single[a] += 1;
  });
  double sum = 0;
  visit(test, [&](std::size_t a, std::size_t b) {
    sum -= std::log(pairs[a * kSymbols + b] / single[a]);
  });
  return sum / static_cast<double>(test.size());
}

std::string sample(NameModel& net, std::size_t context) {
  const NoGrad guard;
  std::vector<std::int64_t> symbols(context, 0);
  std::string name;
  while (name.size() < 20) {
    Indices last(Indices::shape_type{1, context});
    std::copy(symbols.end() - static_cast<std::ptrdiff_t>(context), symbols.end(), last.data());
    const Tensor<float> p = softmax(net(last));
    float u = uniform<float>({}).item();
    std::int64_t next = 0;
    while (next + 1 < static_cast<std::int64_t>(kSymbols) && (u -= p.data()[next]) > 0) ++next;
    if (next == 0) break;
    name += static_cast<char>('`' + next);
    symbols.push_back(next);
  }
  return name;
}

double run(const Settings& s) {
  const std::vector<std::string> names = load(s);
  const auto parts = random_split(names.size(), {0.8, 0.1, 0.1}, s.seed);
  const Contexts train(names, parts[0], s.context), validation(names, parts[1], s.context),
      test(names, parts[2], s.context);
  std::printf("%zu names, %zu characters to train with; counting pairs: %.4f\n", names.size(),
              train.size(), bigram_loss(train, test));

  manual_seed(s.seed);
  NameModel net(s);
  AdamW<float> optimizer(net.parameters(), {.learning_rate = s.learning_rate,
                                            .weight_decay = s.weight_decay,
                                            .decay = {.only = names_like({"*weight"})}});
  const Task<float, CharBatch> task{
      .loss = [](const Tensor<float>& y, const CharBatch& b) { return cross_entropy(y, b.next); },
      .predict = [&](const CharBatch& b) { return net(b.contexts); },
      .count = [](const CharBatch& b) { return b.next.size(); }};
  DataLoader train_loader(train, {.batch_size = s.batch_size, .shuffle = true, .seed = s.seed});
  DataLoader validation_loader(validation, {.batch_size = 4096});
  DataLoader test_loader(test, {.batch_size = 4096});
  const auto epochs = static_cast<double>(s.epochs);
  Trainer trainer(net, optimizer, task,
                  {.epochs = s.epochs,
                   .schedule = CosineDecay{.duration = epochs},
                   .restore_best = true,
                   .progress = &std::cerr});
  trainer.fit(train_loader, validation_loader);

  net.eval();
  for (int i = 0; i < 10; ++i) std::printf("%s ", sample(net, s.context).c_str());
  std::printf("\n");
  return evaluate(net, test_loader, task).at(0).second;
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app("A language model of names.");
  app.add_option("--data", s.data, "names.txt; default: names of syllables");
  app.add_option("--context", s.context, "characters it sees")->capture_default_str();
  app.add_option("--features", s.features, "of each character")->capture_default_str();
  app.add_option("--hidden", s.hidden, "units of each of the two layers")->capture_default_str();
  app.add_option("--epochs", s.epochs, "passes over the training names")->capture_default_str();
  app.add_option("--batch-size", s.batch_size, "characters per step")->capture_default_str();
  app.add_option("--learning-rate", s.learning_rate, "at the start")->capture_default_str();
  app.add_option("--weight-decay", s.weight_decay, "decoupled")->capture_default_str();
  app.add_option("--dropout", s.dropout, "probability")->capture_default_str();
  app.add_option("--seed", s.seed, "of split, order and weights")->capture_default_str();
  app.add_flag("--repeated", s.repeated, "keep names that occur twice");
  CLI11_PARSE(app, argc, argv);
  try {
    std::printf("nll per character %.4f\n", run(s));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "names: %s\n", e.what());
    return 1;
  }
}
