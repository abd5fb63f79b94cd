// What initial weights do to a signal: the variance of the activations, and of the gradient with
// respect to them, in each of 20 layers, for normal numbers of deviation 0.01, Xavier's and He's.
//
//   initialization [--layers 20] [--width 256] [--batch 256] [--seed 0]
//
// Prints one table for tanh and one for relu, here without the layers between:
//
//   tanh              normal(0.01)                xavier                    he
//   layer     activation  gradient  activation  gradient  activation  gradient
//       0        1.0e+00   1.2e-32     1.0e+00   3.5e-02     1.0e+00   3.3e+00
//      20        1.2e-32   1.0e+00     2.4e-02   9.9e-01     3.1e-01   1.0e+00
//   relu
//       0        9.9e-01   9.6e-39     1.0e+00   8.2e-07     1.0e+00   5.8e-01
//      20        8.2e-39   1.0e+00     5.1e-07   1.0e+00     2.3e-01   9.9e-01
//
// With deviation 0.01 both variances fall by a factor of about 40 in every layer (256 0.01^2 =
// 0.026; 80 with relu), the activations on the way up and the gradients on the way down: nothing is
// left to learn from. Xavier's numbers keep tanh within a factor of 50 over 20 layers, the part of
// it that is not linear being lost; relu loses half in every layer. He's make up for that half.
// The last line, after half a second, is the variance of relu's activations after the last layer
// with He's numbers: `relu variance with He weights 0.227436`.
//
// CI: as it is

#include "xgrad/modules/initialization.hpp"

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "shared/command_line.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"

namespace {

using namespace xgrad;
using Function = std::function<Tensor<double>(const Tensor<double>&)>;
using Fill = std::function<void(const Tensor<double>&)>;

struct Sizes {
  std::size_t layers = 20, width = 256, batch = 256;
};

struct Column {
  std::vector<double> activation, gradient;
};

double variance(const Tensor<double>& x) { return var(x, {}, {.correction = 0}).item(); }

// h[i + 1] = f(h[i] W^T), and the gradient of all h for a normal gradient of the last.
Column measure(const Sizes& sizes, const Fill& fill, const Function& f) {
  std::vector<Tensor<double>> h = {parameter(normal<double>({sizes.batch, sizes.width}))};
  for (std::size_t i = 0; i < sizes.layers; ++i) {
    const auto w = Tensor<double>::uninitialized({sizes.width, sizes.width});
    fill(w);
    h.push_back(f(linear(h.back(), w)));
    h.back().retain_grad();
  }
  h.back().backward(normal<double>({sizes.batch, sizes.width}));
  Column c;
  for (const Tensor<double>& layer : h) {
    c.activation.push_back(variance(layer));
    c.gradient.push_back(variance(layer.gradient()));
  }
  return c;
}

// Returns the variance of the last activations in the last column.
double print_table(const std::string& name, const Sizes& sizes, const Function& f) {
  const std::vector<Fill> fills = {[](const Tensor<double>& w) { normal_(w, {.deviation = 0.01}); },
                                   [](const Tensor<double>& w) { xavier_normal_(w); },
                                   [](const Tensor<double>& w) { he_normal_(w); }};
  std::vector<Column> columns;
  for (const Fill& fill : fills) columns.push_back(measure(sizes, fill, f));
  std::printf("%-8s%22s%22s%22s\n", name.c_str(), "normal(0.01)", "xavier", "he");
  std::printf("%-8s", "layer");
  for (std::size_t k = 0; k < columns.size(); ++k)
    std::printf("%12s%10s", "activation", "gradient");
  std::printf("\n");
  for (std::size_t i = 0; i <= sizes.layers; ++i) {
    std::printf("%5zu   ", i);
    for (const Column& c : columns) std::printf("%12.1e%10.1e", c.activation[i], c.gradient[i]);
    std::printf("\n");
  }
  std::printf("\n");
  return columns.back().activation.back();
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine app("Variance of activations and gradients through the layers, by initialisation");
  Sizes sizes;
  std::uint64_t seed = 0;
  app.add_option("--layers", sizes.layers, "number of layers");
  app.add_option("--width", sizes.width, "units in each layer");
  app.add_option("--batch", sizes.batch, "samples");
  app.add_option("--seed", seed, "of the random numbers");
  if (const auto end = app.parse(argc, argv)) return *end;
  manual_seed(seed);
  print_table("tanh", sizes, [](const Tensor<double>& x) { return tanh(x); });
  const double last = print_table("relu", sizes, [](const Tensor<double>& x) { return relu(x); });
  std::printf("relu variance with He weights %.6g\n", last);
}
