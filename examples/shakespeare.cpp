// A transformer that writes Shakespeare, character by character.
//
//   shakespeare --data tinyshakespeare.txt [--layers 4] [--width 192] [--heads 6] [--block 128]
//               [--batch 16] [--steps 1200] [--temperature 0.8] [--sample 500]
//
// Shows: TransformerBlock with turned positions (rotary), a loop over steps with a schedule and clipped
// gradients, and generation that keeps keys and values (AttentionCache): a character costs one place, not
// the whole text so far. The file is in github.com/karpathy/char-rnn; its last tenth is held out. Without
// --data the text is put together from a few words.
//
// Expect: the loss every so many steps, a text, and `validation loss` in nats per character, over the whole
// of what is held out, in blocks. With the defaults (1.8 million parameters, 2.5 million characters read)
// and --data, and of the same model trained in the same way in PyTorch 1.13 (benchmarks/shakespeare.py),
// after so many steps:
//
//             480    960    1080   1200
//   this      1.903  1.665  1.647  1.633
//   PyTorch   1.908  1.688  1.650  1.640
//
// 10 minutes of processor time, also PyTorch's (one thread, a busy Xeon with OPENBLAS_CORETYPE=SkylakeX,
// docs/performance.md: OpenBLAS' kernels); in turns, a step took 0.32 to 0.42 s, PyTorch's 0.43 to 0.44.
//
// CI: --layers 1 --width 16 --heads 2 --block 32 --batch 4 --steps 20 --sample 40

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>
#include <xgrad/xgrad.hpp>

#include "shared/command_line.hpp"

using namespace xgrad;

namespace {

struct Settings {
  std::string data;
  std::size_t layers = 4, width = 192, heads = 6, block = 128, batch = 16, steps = 1200,
              sample = 500;
  double learning_rate = 3e-3, weight_decay = 0.1, dropout = 0, temperature = 0.8;
  std::uint64_t seed = 1;
};

std::string words(std::uint64_t seed) {
  const char* const some[] = {"the",   "king",  "of",    "love", "and",
                              "night", "shall", "speak", "no",   "more"};
  Generator generator(seed);
  std::string text;
  for (const std::int64_t i : random_integers({4000}, 0, 10, generator)) {
    text += some[i];
    text += i == 9 ? ".\n" : " ";
  }
  return text;
}

std::string load(const Settings& s) {
  if (s.data.empty()) {
    std::printf("without --data the text is put together from a few words\n");
    return words(s.seed);
  }
  std::ifstream in(s.data, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (text.empty()) {
    throw std::runtime_error("no text in " + s.data +
                             "; tinyshakespeare is in github.com/karpathy/char-rnn");
  }
  return text;
}

// The characters of a text, and their numbers in order.
struct Alphabet {
  explicit Alphabet(std::string text) : characters(std::move(text)) {
    std::sort(characters.begin(), characters.end());
    characters.erase(std::unique(characters.begin(), characters.end()), characters.end());
  }
  std::vector<std::int64_t> numbers(const std::string& text) const {
    std::vector<std::int64_t> n;
    for (const char c : text)
      n.push_back(std::lower_bound(characters.begin(), characters.end(), c) - characters.begin());
    return n;
  }
  std::string characters;
};

struct Model : Module<float> {
  Model(std::size_t symbols, const Settings& s)
      : embedding(add<Embedding<float>>("embedding", symbols, s.width)),
        dropout(add<Dropout<float>>("dropout", s.dropout)),
        norm(add<LayerNorm<float>>("norm", s.width)),
        head(add<Linear<float>>("head", s.width, symbols, LinearOptions{.bias = false})) {
    for (std::size_t i = 0; i < s.layers; ++i) {
      blocks.push_back(&add<TransformerBlock<float>>(
          "block" + std::to_string(i), s.width, s.heads,
          TransformerBlockOptions{.dropout = s.dropout, .rotary = true}));
    }
    normal_(embedding.weight, {.deviation = 0.02});
    for (const NamedTensor<float>& p : parameters()) {
      const bool last = p.name.ends_with("linear2.weight") || p.name.ends_with("out_proj.weight");
      const double scale = last ? std::sqrt(2.0 * static_cast<double>(s.layers)) : 1;
      if (p.tensor.rank() == 2) normal_(p.tensor, {.deviation = 0.02 / scale});
    }
  }
  using Module<float>::operator();
  // Of symbols (n, t), the scores of the ones that follow: (n, t, symbols).
  Tensor<float> operator()(const Indices& symbols) {
    return inside([&] {
      Tensor<float> x = dropout(embedding(symbols));
      for (TransformerBlock<float>* block : blocks) x = (*block)(x);
      return head(norm(x));
    });
  }
  // The same of symbols that follow those in the caches.
  Tensor<float> operator()(const Indices& symbols, std::vector<AttentionCache<float>>& caches) {
    return inside([&] {
      caches.resize(blocks.size());
      Tensor<float> x = embedding(symbols);
      for (std::size_t i = 0; i < blocks.size(); ++i) x = (*blocks[i])(x, caches[i]);
      return head(norm(x));
    });
  }

  Embedding<float>& embedding;
  Dropout<float>& dropout;
  LayerNorm<float>& norm;
  Linear<float>& head;
  std::vector<TransformerBlock<float>*> blocks;
};

// The blocks of a text that begin at the given places, and the symbols one place later.
struct Batch {
  Batch(const std::vector<std::int64_t>& text, const std::vector<std::size_t>& begins,
        std::size_t block)
      : symbols(Indices::shape_type{begins.size(), block}),
        next(Indices::shape_type{begins.size() * block}) {
    for (std::size_t i = 0; i < begins.size(); ++i) {
      const auto from = text.begin() + static_cast<std::ptrdiff_t>(begins[i]);
      std::copy_n(from, block, symbols.data() + i * block);
      std::copy_n(from + 1, block, next.data() + i * block);
    }
  }
  Indices symbols, next;
};

Tensor<float> loss_of(Model& net, const Batch& b) {
  const Tensor<float> y = net(b.symbols);
  return cross_entropy(reshape(y, {-1, static_cast<std::ptrdiff_t>(y.shape().back())}), b.next);
}

Batch random_batch(const std::vector<std::int64_t>& text, const Settings& s) {
  std::vector<std::size_t> begins;
  const auto last = static_cast<std::int64_t>(text.size() - s.block);
  for (const std::int64_t i : random_integers({s.batch}, 0, last))
    begins.push_back(static_cast<std::size_t>(i));
  return {text, begins, s.block};
}

// Mean loss over the whole text, block by block.
double validation_loss(Model& net, const std::vector<std::int64_t>& text, const Settings& s) {
  const NoGrad guard;
  net.eval();
  double sum = 0;
  const std::size_t blocks = (text.size() - 1) / s.block;
  for (std::size_t i = 0; i < blocks; i += s.batch) {
    std::vector<std::size_t> begins;
    for (std::size_t k = i; k < std::min(blocks, i + s.batch); ++k) begins.push_back(k * s.block);
    sum += static_cast<double>(loss_of(net, {text, begins, s.block}).item()) *
           static_cast<double>(begins.size());
  }
  net.train();
  return sum / static_cast<double>(blocks);
}

void train(Model& net, const std::vector<std::int64_t>& text,
           const std::vector<std::int64_t>& held_out, const Settings& s) {
  AdamW<float> optimizer(net.parameters(), {.learning_rate = s.learning_rate,
                                            .beta2 = 0.99,
                                            .weight_decay = s.weight_decay,
                                            .decay = {.only = names_like({"*weight"})}});
  const double steps = static_cast<double>(s.steps);
  Scheduler<float> scheduler(optimizer, OneCycle{.duration = steps, .rise = 0.05, .end = 0.02});
  const auto start = std::chrono::steady_clock::now();
  const std::size_t report = std::max<std::size_t>(1, s.steps / 10);
  double sum = 0;
  for (std::size_t step = 1; step <= s.steps; ++step) {
    const Tensor<float> loss = loss_of(net, random_batch(text, s));
    optimizer.zero_grad();
    loss.backward();
    clip_grad_norm(net.parameters(), 1.0);
    optimizer.step();
    scheduler.step();
    sum += static_cast<double>(loss.item());
    if (step % report != 0) continue;
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    std::printf("step %5zu  loss %.4f  validation %.4f  %.0f s\n", step,
                sum / static_cast<double>(report), validation_loss(net, held_out, s), time.count());
    std::fflush(stdout);
    sum = 0;
  }
}

// One of the symbols by the scores of the last place, divided by the temperature.
std::int64_t draw(const Tensor<float>& scores, double temperature) {
  const Tensor<float> last = select(select(scores, 0, 0), 0, -1),
                      p = softmax(last / static_cast<float>(temperature));
  float u = uniform<float>({}).item();
  std::size_t next = 0;
  while (next + 1 < p.size() && (u -= p.data()[next]) > 0) ++next;
  return static_cast<std::int64_t>(next);
}

// Keys and values are kept until a block is full; then the last half of it is read again.
std::vector<std::int64_t> write(Model& net, const Settings& s) {
  const NoGrad guard;
  net.eval();
  std::vector<std::int64_t> text = {0};  // the end of a line
  std::vector<AttentionCache<float>> caches;
  std::size_t read = 0;
  while (text.size() <= s.sample) {
    if (read > 0 && caches[0].length() + text.size() - read > s.block) {
      caches.clear();
      read = text.size() - s.block / 2;
    }
    Indices next(Indices::shape_type{1, text.size() - read});
    std::copy(text.begin() + static_cast<std::ptrdiff_t>(read), text.end(), next.data());
    read = text.size();
    text.push_back(draw(net(next, caches), s.temperature));
  }
  return text;
}

double run(const Settings& s) {
  const std::string text = load(s);
  const Alphabet alphabet(text);
  const std::size_t kept = text.size() - text.size() / 10;
  const std::vector<std::int64_t> all = alphabet.numbers(text),
                                  first(all.begin(),
                                        all.begin() + static_cast<std::ptrdiff_t>(kept)),
                                  held_out(all.begin() + static_cast<std::ptrdiff_t>(kept),
                                           all.end());
  if (held_out.size() <= s.block)
    throw std::runtime_error("a block is longer than what is held out");
  manual_seed(s.seed);
  Model net(alphabet.characters.size(), s);
  std::printf("%zu characters, %zu different; %zu parameters\n", text.size(),
              alphabet.characters.size(), net.parameter_count());
  train(net, first, held_out, s);
  for (const std::int64_t i : write(net, s))
    std::putchar(alphabet.characters[static_cast<std::size_t>(i)]);
  std::printf("\n");
  return validation_loss(net, held_out, s);
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CommandLine app("A transformer that writes Shakespeare.");
  app.add_option("--data", s.data, "tinyshakespeare.txt; default: a text of few words");
  app.add_option("--layers", s.layers, "blocks").capture_default_str();
  app.add_option("--width", s.width, "of the vectors").capture_default_str();
  app.add_option("--heads", s.heads, "of attention").capture_default_str();
  app.add_option("--block", s.block, "characters that it sees").capture_default_str();
  app.add_option("--batch", s.batch, "blocks in a step").capture_default_str();
  app.add_option("--steps", s.steps, "of training").capture_default_str();
  app.add_option("--sample", s.sample, "characters to write").capture_default_str();
  app.add_option("--temperature", s.temperature, "below 1: the likely more often")
      .capture_default_str();
  app.add_option("--learning-rate", s.learning_rate, "the highest").capture_default_str();
  app.add_option("--weight-decay", s.weight_decay, "decoupled").capture_default_str();
  app.add_option("--dropout", s.dropout, "probability").capture_default_str();
  app.add_option("--seed", s.seed, "of weights, order and text").capture_default_str();
  if (const auto end = app.parse(argc, argv)) return *end;
  try {
    std::printf("validation loss %.4f\n", run(s));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "shakespeare: %s\n", e.what());
    return 1;
  }
}
