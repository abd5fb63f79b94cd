// Gradient checks: an operation with a bug in its backward rule and the corrected one, then a
// network with one relu exactly at its kink, 1e-9 beside it, and with a slope that relu
// cannot have.
//
//   gradient_check [--json FILE]
//
// The first bug is the kind that trains almost as well: the swish x sigmoid(b x) whose gradient by
// b lacks a factor x. Prints five reports, within a second; the tables put the worst elements
// first. With --json the report of the wrong operation is written to a file as well.
// docs/gradient_check.md walks through the output. Last line: `planted bugs found 2`.
//
// CI: --json swish.json

#include "xgrad/modules/gradient_check.hpp"

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "shared/command_line.hpp"
#include "xgrad/gradient_check/check.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/module.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/function.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"

namespace {

using namespace xgrad;
using D = Tensor<double>;
using Tensors = std::vector<D>;

// `power` is that of x in the gradient of b, 2 if it is right.
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

// relu with a chosen slope at 0: anything in [0, 1] is a subgradient.
D relu_with(const D& x, double slope_at_0) {
  return custom_function<double>(
      "relu", {x}, [](const Tensors& in) { return relu(in[0]); },
      [slope_at_0](const Tensors& in, const D&, const D& gy) {
        return Tensors{gy * where(in[0] == 0.0, slope_at_0, in[0] > 0.0)};
      });
}

struct Net : Module<double> {
  Linear<double>& fc1 = add<Linear<double>>("fc1", 3, 4);
  Linear<double>& fc2 = add<Linear<double>>("fc2", 4, 2);
  double slope_at_0 = 0;

  D forward(const D& x) override { return fc2(relu_with(fc1(x), slope_at_0)); }
};

// Unit 0 sees x0 - x1 + distance, and the first sample has x0 = x1.
GradientReport check_network(double distance, double slope_at_0) {
  manual_seed(7);
  Net net;
  net.slope_at_0 = slope_at_0;
  D x = normal<double>({3, 3});
  x.mutable_data()[0] = x.mutable_data()[1] = 1;
  double* const w = net.fc1.weight.mutable_data();
  w[0] = 1;
  w[1] = -1;
  w[2] = 0;
  net.fc1.bias.mutable_data()[0] = distance;
  return check_gradients(
      net,
      [](const auto& y) {
        return cross_entropy(y, Indices{0, 1, 1});
      },
      x);
}

void show(const char* title, const GradientReport& report) {
  std::printf("%s\n%s\n", title, report.table(5).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine app("Checks wrong operations, right ones, and a network at a kink.");
  std::string json;
  app.add_option("--json", json, "write the report of the wrong operation to this file");
  if (const auto end = app.parse(argc, argv)) return *end;

  const GradientReport wrong_swish = check_swish(1), right_swish = check_swish(2),
                       at_kink = check_network(0, 0), beside_kink = check_network(1e-9, 0),
                       wrong_relu = check_network(0, 2);
  show("swish with a wrong gradient of b:", wrong_swish);
  show("swish, corrected:", right_swish);
  show("a network with one relu at its kink:", at_kink);
  show("the same 1e-9 beside it:", beside_kink);
  show("at the kink, with 2 for the slope of relu at 0:", wrong_relu);
  if (!json.empty()) std::ofstream(json) << wrong_swish.json();

  std::printf("planted bugs found %d\n", !wrong_swish.passed() + !wrong_relu.passed());
  return right_swish.passed() && at_kink.passed() && beside_kink.passed() ? 0 : 1;
}
