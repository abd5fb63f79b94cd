// Gradient checks: an operation with a bug in its backward rule, the corrected one, and a network
// of relus with one of them exactly at its kink.
//
//   gradient_check [--json FILE]
//
// The bug is the kind that trains almost as well: the swish x sigmoid(b x) whose gradient by b
// lacks a factor x. The table puts the wrong elements first. With --json the report of the wrong
// operation is written to a file as well.

#include "xgrad/autograd/gradient_check.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/gradient_check.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/function.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"

namespace {

using namespace xgrad;
using D = Tensor<double>;
using Tensors = std::vector<D>;

// The gradients of x and b; `power` is that of x in the gradient of b, 2 if it is right.
D swish(const D& x, const D& b, double power) {
  return custom_function<double>(
      "swish", {x, b}, [](const Tensors& in) { return in[0] * sigmoid(in[1] * in[0]); },
      [power](const Tensors& in, const D&, const D& gy) {
        const D s = sigmoid(in[1] * in[0]), slope = s * (1.0 - s);
        return Tensors{gy * (s + in[0] * in[1] * slope), gy * pow(in[0], power) * slope};
      });
}

GradientReport check_swish(double power) {
  const D x = D::from({4}, {0.5, 1.3, -0.7, 2.1}), b = D::from({4}, {1, 0.4, -0.3, 1.7});
  return check_gradients([power](const auto& t, const auto& s) { return swish(t, s, power); },
                         {x, b}, {.names = {"x", "b"}});
}

// The first unit of the hidden layer has a pre-activation of exactly 0 for the first sample, whose
// input is 0.
GradientReport check_network_at_a_kink() {
  Sequential<double> net(Linear<double>(3, 4), Relu<double>(), Linear<double>(4, 2));
  D x = normal<double>({3, 3});
  for (int i = 0; i < 3; ++i) x.mutable_data()[i] = 0;
  return check_gradients(
      net,
      [](const auto& y) {
        return cross_entropy(y, Indices{0, 1, 1});
      },
      x);
}

void show(const char* title, const GradientReport& report) {
  std::printf("%s\n%s\n", title, report.table(6).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Checks a wrong operation, the right one, and a network at a kink.");
  std::string json;
  app.add_option("--json", json, "write the report of the wrong operation to this file");
  CLI11_PARSE(app, argc, argv);

  manual_seed(7);
  const GradientReport wrong = check_swish(1), right = check_swish(2),
                       network = check_network_at_a_kink();
  show("swish with a wrong gradient of b:", wrong);
  show("swish, corrected:", right);
  show("a network with a relu at its kink:", network);
  if (!json.empty()) std::ofstream(json) << wrong.json();
  return !wrong.passed() && right.passed() && network.passed() ? 0 : 1;
}
