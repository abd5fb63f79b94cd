// The slopes at kinks and ties that docs/conventions.md promises, and that it promises these.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <sstream>
#include <string>

#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

using namespace xgrad;

namespace {

using D = Tensor<double>;

struct Convention {
  const char* row;  // of the table
  std::function<D(const D&)> f;
  double x, first, second;
};

const double kInfinity = std::numeric_limits<double>::infinity();
const double kSelu = 1.0507009873554804934 * 1.6732632423543772848;

const std::vector<Convention> kConventions = {
    {"| `relu` | x = 0 | 0 | 0 |", [](const D& x) { return relu(x); }, 0, 0, 0},
    {"| `abs` | x = 0 | 0 | 0 |", [](const D& x) { return abs(x); }, 0, 0, 0},
    {"| `sign` | x = 0, a jump | 0 | 0 |", [](const D& x) { return sign(x); }, 0, 0, 0},
    {"| `floor` | an integer, a jump | 0 | 0 |", [](const D& x) { return floor(x); }, 2, 0, 0},
    {"| `leaky_relu` | x = 0 | the given slope | 0 |",
     [](const D& x) { return leaky_relu(x, 0.125); }, 0, 0.125, 0},
    {"| `prelu` | x = 0 | the slope by x, 0 by the slope | 0 |",
     [](const D& x) { return prelu(x, D(0.25)); }, 0, 0.25, 0},
    {"| `prelu` | x = 0 | the slope by x, 0 by the slope | 0 |",
     [](const D& slope) { return prelu(D(0.0), slope); }, 0.25, 0, 0},
    {"| `clamp`, `hardtanh`, `relu6` | x = low or x = high | 0 | 0 |",
     [](const D& x) { return clamp(x, -1, 2); }, -1, 0, 0},
    {"| `clamp`, `hardtanh`, `relu6` | x = low or x = high | 0 | 0 |",
     [](const D& x) { return hardtanh(x); }, 1, 0, 0},
    {"| `clamp`, `hardtanh`, `relu6` | x = low or x = high | 0 | 0 |",
     [](const D& x) { return relu6(x); }, 6, 0, 0},
    {"| `elu` | x = 0 | alpha | alpha |", [](const D& x) { return elu(x, 1.5); }, 0, 1.5, 1.5},
    {"| `celu` | x = 0 | 1 (smooth) | 1 / alpha |", [](const D& x) { return celu(x, 2); }, 0, 1,
     0.5},
    {"| `selu` | x = 0 | scale alpha, 1.7580993408 | the same |",
     [](const D& x) { return selu(x); }, 0, kSelu, kSelu},
    {"| `softsign` | x = 0 | 1 (smooth) | 0 |", [](const D& x) { return softsign(x); }, 0, 1, 0},
    {"| `maximum`, `minimum` | a = b, tensors | half by each | 0 |",
     [](const D& x) { return maximum(x, D(1.0)); }, 1, 0.5, 0},
    {"| `maximum`, `minimum` | a = b, tensors | half by each | 0 |",
     [](const D& x) { return minimum(x, D(1.0)); }, 1, 0.5, 0},
    {"| `maxout` | several equal pieces | shared evenly between them | 0 |",
     [](const D& x) {
       return maxout(xgrad::stack({x, D(1.0), D(1.0), D(0.0)}, 0), 4);
     },
     1, 1.0 / 3, 0},
    {"| `where` | always | that of the operand it takes | the same |",
     [](const D& x) { return where(x > 0.0, 2.0 * x, 3.0 * x); }, 0, 3, 0},
    {"| `pow` | x = 0, y >= 0, by y | 0 | 0 |", [](const D& y) { return pow(D(0.0), y); }, 2, 0, 0},
    {"| `pow` | y = 0, by x | 0, also at x = 0 | 0 |", [](const D& x) { return pow(x, 0); }, 0, 0,
     0},
    {"| `sqrt`, `pow` with 0 < y < 1 | x = 0, by x | infinite | infinite |",
     [](const D& x) { return sqrt(x); }, 0, kInfinity, -kInfinity},
    {"| `sqrt`, `pow` with 0 < y < 1 | x = 0, by x | infinite | infinite |",
     [](const D& x) { return pow(x, 0.5); }, 0, kInfinity, -kInfinity},
};

std::string documented() {
  std::ifstream file(XGRAD_SOURCE_DIR "/docs/conventions.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool same(double got, double expected) {
  return got == expected || std::abs(got - expected) <= 1e-15 * std::abs(expected);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(conventions)

BOOST_AUTO_TEST_CASE(hold_for_both_derivatives) {
  for (const Convention& c : kConventions) {
    const D x = parameter(D(c.x));
    const D first = grad(sum(c.f(x)), x, {.create_graph = true});
    BOOST_TEST(same(first.item(), c.first), c.row << ": " << first.item());
    const D second = first.requires_grad() ? grad(first, x, {.allow_unused = true}) : D();
    BOOST_TEST(same(second.defined() ? second.item() : 0, c.second), c.row);
  }
}

BOOST_AUTO_TEST_CASE(are_documented) {
  const std::string text = documented();
  for (const Convention& c : kConventions)
    BOOST_TEST(text.find(c.row + std::string("\n")) != std::string::npos, c.row);
}

BOOST_AUTO_TEST_SUITE_END()
