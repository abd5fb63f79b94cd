// A language model of names, character by character: the next one from the eight before it, by a
// multi-layer perceptron over embedded characters (Bengio and others 2003), or from all before it,
// by a GRU, an LSTM or a transformer.
//
//   names --data names.txt [--model mlp,gru,lstm,transformer] [--context 8] [--features 24]
//         [--hidden 256] [--epochs 15] [--compile]
//
// Shows: batches of your own kind, a module whose input is no tensor, a Task for the Trainer,
// sequences of different lengths in a batch, weight decay, dropout, sampling, and (--compile) a program for
// each length of the forward pass, with the same results. The file has a
// name a line, a to z; it is in github.com/karpathy/makemore. Names that occur twice are taken once, so that those held out (a
// tenth for the choice of the epoch, a tenth for the test) are new to the model. Without --data
// names are put together from syllables.
//
// Expect: the loss by epoch, that of counting pairs of characters, a few new names, and `nll per
// character` on the test names, in nats, the end of a name being a character.
//
// Of names.txt, three seeds (--seed 1, 2, 3), 0.12 to 0.13 million parameters each, where counting pairs
// gives 2.45 to 2.46; after five epochs (--epochs 5; some 95 s of processor time for all four), and after one:
//
//   mlp          2.0771 2.0851 2.0869    2.1852 2.1909 2.1982
//   gru          2.0210 2.0228 2.0256    2.1658 2.1687 2.1764
//   lstm         2.0383 2.0377 2.0438    2.1921 2.1935 2.1997
//   transformer  2.0869 2.0912 2.0961    2.1965 2.1946 2.2031
//
// CI: --epochs 1 --hidden 32 --model mlp,gru,lstm,transformer

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <vector>
#include <xgrad/xgrad.hpp>

#include "shared/command_line.hpp"

using namespace xgrad;

namespace {

constexpr std::size_t kSymbols = 27;  // the end of a name, and a to z

struct Settings {
  std::string data;
  std::vector<std::string> models = {"mlp"};
  std::size_t context = 8, features = 24, hidden = 0, epochs = 15, batch_size = 256;
  double learning_rate = 2e-3, weight_decay = 0.05, dropout = 0.25;
  std::uint64_t seed = 1;
  bool repeated = false, compile = false;
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

constexpr std::int64_t kNothing = -100;  // what cross_entropy does not count

struct CharBatch {
  Indices symbols;  // (n, context), or (n, steps)
  Indices next;     // (n), or (n steps): what follows each of them
};

std::vector<std::int64_t> symbols_of(const std::string& name) {
  std::vector<std::int64_t> symbols;
  for (const char c : name) symbols.push_back(c - '`');
  symbols.push_back(0);
  return symbols;
}

// Every position of every name, with the symbols before it.
class Contexts : public Dataset<CharBatch> {
 public:
  Contexts(const std::vector<std::string>& names, const Samples& chosen, std::size_t context)
      : context_(context) {
    for (const std::int64_t i : chosen) {
      std::vector<std::int64_t> symbols(context, 0);
      for (const std::int64_t next : symbols_of(names[static_cast<std::size_t>(i)]))
        add(symbols, next);
    }
  }
  std::size_t size() const override { return next_.size(); }
  CharBatch get(std::span<const std::int64_t> samples) const override {
    CharBatch b{Indices(Indices::shape_type{samples.size(), context_}),
                Indices(Indices::shape_type{samples.size()})};
    for (std::size_t k = 0; k < samples.size(); ++k) {
      const auto i = static_cast<std::size_t>(samples[k]);
      std::copy_n(&before_[i * context_], context_, b.symbols.data() + k * context_);
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

// Whole names, as long as the longest of a batch: what is behind their ends does not count, and
// what is before them does not see it.
class Names : public Dataset<CharBatch> {
 public:
  Names(const std::vector<std::string>& names, const Samples& chosen) {
    for (const std::int64_t i : chosen)
      names_.push_back(symbols_of(names[static_cast<std::size_t>(i)]));
  }
  std::size_t size() const override { return names_.size(); }
  CharBatch get(std::span<const std::int64_t> samples) const override {
    std::size_t steps = 0;
    for (const std::int64_t i : samples) steps = std::max(steps, name(i).size());
    CharBatch b{Indices(Indices::shape_type{samples.size(), steps}),
                Indices(Indices::shape_type{samples.size() * steps})};
    for (std::size_t k = 0; k < samples.size(); ++k) {
      for (std::size_t t = 0; t < steps; ++t) {
        const bool inside = t < name(samples[k]).size();
        b.symbols.data()[k * steps + t] = t == 0 || !inside ? 0 : name(samples[k])[t - 1];
        b.next.data()[k * steps + t] = inside ? name(samples[k])[t] : kNothing;
      }
    }
    return b;
  }

 private:
  const std::vector<std::int64_t>& name(std::int64_t i) const {
    return names_[static_cast<std::size_t>(i)];
  }
  std::vector<std::vector<std::int64_t>> names_;
};

struct NameModel : Module<float> {
  using Module<float>::operator();
  /// A row of scores for each symbol that follows: one for a context, one for each step.
  Tensor<float> operator()(const Indices& symbols) {
    return inside([&] {
      const Tensor<float> y = scores(symbols);
      return reshape(y, Shape{y.size() / kSymbols, kSymbols});
    });
  }

 private:
  virtual Tensor<float> scores(const Indices& symbols) = 0;
};

struct Perceptron : NameModel {
  explicit Perceptron(const Settings& s)
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
  Tensor<float> scores(const Indices& contexts) override { return layers(embedding(contexts)); }

  Embedding<float>& embedding;
  Sequential<float>& layers;
};

// Gru or Lstm.
template <class Layer>
struct Recurrent : NameModel {
  explicit Recurrent(const Settings& s)
      : embedding(add<Embedding<float>>("embedding", kSymbols, s.features)),
        layer(add<Layer>("layer", s.features, s.hidden, RecurrentOptions{.batch_first = true})),
        dropout(add<Dropout<float>>("dropout", s.dropout)),
        head(add<Linear<float>>("head", s.hidden, kSymbols)) {}
  Tensor<float> scores(const Indices& symbols) override {
    return head(dropout(layer(embedding(symbols))));
  }

  Embedding<float>& embedding;
  Layer& layer;
  Dropout<float>& dropout;
  Linear<float>& head;
};

struct Transformer : NameModel {
  explicit Transformer(const Settings& s)
      : embedding(add<Embedding<float>>("embedding", kSymbols, s.hidden)),
        blocks(add<Sequential<float>>("blocks")),
        norm(add<LayerNorm<float>>("norm", s.hidden)),
        head(add<Linear<float>>("head", s.hidden, kSymbols)) {
    normal_(embedding.weight, {.deviation = 0.02});
    for (int i = 0; i < 2; ++i) {
      blocks.append(TransformerBlock<float>(
          s.hidden, 4, TransformerBlockOptions{.dropout = s.dropout / 2, .rotary = true}));
    }
  }
  Tensor<float> scores(const Indices& symbols) override {
    return head(norm(blocks(embedding(symbols))));
  }

  Embedding<float>& embedding;
  Sequential<float>& blocks;
  LayerNorm<float>& norm;
  Linear<float>& head;
};

// Mean negative log-likelihood of a model that has counted pairs of symbols, each once more.
double bigram_loss(const Contexts& train, const Contexts& test) {
  std::vector<double> pairs(kSymbols * kSymbols, 1), single(kSymbols, kSymbols);
  const auto visit = [](const Contexts& data, const auto& f) {
    std::vector<std::int64_t> all(data.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
    const CharBatch b = data.get(all);
    const std::size_t context = b.symbols.shape(1);
    for (std::size_t i = 0; i < all.size(); ++i) {
      f(static_cast<std::size_t>(b.symbols.data()[(i + 1) * context - 1]),
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

// A name by a model that sees the last `context` symbols, or all of them if that is 0.
std::string sample(NameModel& net, std::size_t context) {
  const NoGrad guard;
  std::vector<std::int64_t> symbols(std::max<std::size_t>(context, 1), 0);
  std::string name;
  while (name.size() < 20) {
    const std::size_t seen = context == 0 ? symbols.size() : context;
    Indices last(Indices::shape_type{1, seen});
    std::copy(symbols.end() - static_cast<std::ptrdiff_t>(seen), symbols.end(), last.data());
    const Tensor<float> p = softmax(select(net(last), 0, -1));
    float u = uniform<float>({}).item();
    std::int64_t next = 0;
    while (next + 1 < static_cast<std::int64_t>(kSymbols) && (u -= p.data()[next]) > 0) ++next;
    if (next == 0) break;
    name += static_cast<char>('`' + next);
    symbols.push_back(next);
  }
  return name;
}

struct Parts {
  const Dataset<CharBatch>&train, &validation, &test;
};

// The loss on the test names.
double trained(NameModel& net, const Parts& parts, std::size_t batch_size, const Settings& s) {
  AdamW<float> optimizer(net.parameters(), {.learning_rate = s.learning_rate,
                                            .weight_decay = s.weight_decay,
                                            .decay = {.only = names_like({"*weight*"})}});
  // As many as there are lengths, in training and evaluation.
  const auto program =
      compile([&](const Indices& symbols) { return net(symbols); }, {.cache_limit = 64});
  const Task<float, CharBatch> task{
      .loss = [](const Tensor<float>& y, const CharBatch& b) { return cross_entropy(y, b.next); },
      .predict =
          [&](const CharBatch& b) { return s.compile ? program(b.symbols) : net(b.symbols); },
      .count =
          [](const CharBatch& b) {
            return b.next.size() -
                   static_cast<std::size_t>(std::count(b.next.begin(), b.next.end(), kNothing));
          }};
  DataLoader train_loader(parts.train, {.batch_size = batch_size, .shuffle = true, .seed = s.seed});
  DataLoader validation_loader(parts.validation, {.batch_size = 16 * batch_size});
  DataLoader test_loader(parts.test, {.batch_size = 16 * batch_size});
  const auto epochs = static_cast<double>(s.epochs);
  Trainer trainer(net, optimizer, task,
                  {.epochs = s.epochs,
                   .schedule = CosineDecay{.duration = epochs},
                   .restore_best = true,
                   .progress = &std::cerr});
  trainer.fit(train_loader, validation_loader);
  net.eval();
  return evaluate(net, test_loader, task).at(0).second;
}

// About as many parameters for each kind: 0.12 to 0.13 million.
std::unique_ptr<NameModel> model(const std::string& kind, Settings s) {
  const auto hidden = [&](std::size_t n) { return s.hidden == 0 ? n : s.hidden; };
  s.hidden = hidden(kind == "mlp" ? 256 : kind == "gru" ? 184 : kind == "lstm" ? 156 : 72);
  if (kind == "mlp") return std::make_unique<Perceptron>(s);
  if (kind == "gru") return std::make_unique<Recurrent<Gru<float>>>(s);
  if (kind == "lstm") return std::make_unique<Recurrent<Lstm<float>>>(s);
  return std::make_unique<Transformer>(s);
}

void run(const Settings& s) {
  const std::vector<std::string> names = load(s);
  const auto parts = random_split(names.size(), {0.8, 0.1, 0.1}, s.seed);
  const Contexts train(names, parts[0], s.context), validation(names, parts[1], s.context),
      test(names, parts[2], s.context);
  const Names train_names(names, parts[0]), validation_names(names, parts[1]),
      test_names(names, parts[2]);
  std::printf("%zu names, %zu characters to train with; counting pairs: %.4f\n", names.size(),
              train.size(), bigram_loss(train, test));
  for (const std::string& kind : s.models) {
    manual_seed(s.seed);
    const std::unique_ptr<NameModel> net = model(kind, s);
    const bool contexts = kind == "mlp";
    const double loss = contexts ? trained(*net, {train, validation, test}, s.batch_size, s)
                                 : trained(*net, {train_names, validation_names, test_names},
                                           std::max<std::size_t>(s.batch_size / 8, 1), s);
    for (int i = 0; i < 10; ++i) std::printf("%s ", sample(*net, contexts ? s.context : 0).c_str());
    std::printf("\n%s, %zu parameters\nnll per character %.4f\n", kind.c_str(),
                net->parameter_count(), loss);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CommandLine app("A language model of names.");
  app.add_option("--data", s.data, "names.txt; default: names of syllables");
  app.add_option("--context", s.context, "characters it sees").capture_default_str();
  app.add_option("--features", s.features, "of each character").capture_default_str();
  app.add_option("--hidden", s.hidden,
                 "units of a layer; default: about as many weights for each model");
  app.add_option("--model", s.models, "mlp, gru, lstm, transformer, or several")
      .delimiter(',')
      .check(Check::one_of({"mlp", "gru", "lstm", "transformer"}))
      .capture_default_str();
  app.add_option("--epochs", s.epochs, "passes over the training names").capture_default_str();
  app.add_option("--batch-size", s.batch_size, "characters per step; of names an eighth")
      .capture_default_str();
  app.add_option("--learning-rate", s.learning_rate, "at the start").capture_default_str();
  app.add_option("--weight-decay", s.weight_decay, "decoupled").capture_default_str();
  app.add_option("--dropout", s.dropout, "probability").capture_default_str();
  app.add_option("--seed", s.seed, "of split, order and weights").capture_default_str();
  app.add_flag("--compile", s.compile, "run the forward pass as a program, recorded once");
  app.add_flag("--repeated", s.repeated, "keep names that occur twice");
  if (const auto end = app.parse(argc, argv)) return *end;
  try {
    run(s);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "names: %s\n", e.what());
    return 1;
  }
}
