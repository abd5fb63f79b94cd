#include <cmath>

#include "mutants.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"

namespace mutations {
namespace {

struct Slope {
  const char* name;
  D (*f)(const D&);
  D (*slope)(const D& x, const D& y);  // what stands in the place of dy/dx
  double low = -1.7, high = 1.7;
};

const std::vector<Slope> kSlopes = {
    {"exp: of the input", [](const D& x) { return exp(x); },
     [](const D& x, const D&) { return x; }},
    {"expm1: 1 forgotten", [](const D& x) { return expm1(x); },
     [](const D&, const D& y) { return y; }},
    {"log: of the output", [](const D& x) { return log(x); },
     [](const D&, const D& y) { return 1.0 / y; }, 1.2, 3},
    {"log1p: 1 forgotten", [](const D& x) { return log1p(x); },
     [](const D& x, const D&) { return 1.0 / x; }, 0.2, 3},
    {"sqrt: 2 forgotten", [](const D& x) { return sqrt(x); },
     [](const D&, const D& y) { return 1.0 / y; }, 0.2, 3},
    {"sqrt: of the input", [](const D& x) { return sqrt(x); },
     [](const D& x, const D&) { return 0.5 / x; }, 0.2, 3},
    {"rsqrt: power", [](const D& x) { return rsqrt(x); },
     [](const D&, const D& y) { return -0.5 * y * y; }, 0.2, 3},
    {"rsqrt: sign", [](const D& x) { return rsqrt(x); },
     [](const D&, const D& y) { return 0.5 * y * y * y; }, 0.2, 3},
    {"square: 2 forgotten", [](const D& x) { return square(x); },
     [](const D& x, const D&) { return x; }},
    {"reciprocal: power", [](const D& x) { return reciprocal(x); },
     [](const D&, const D& y) { return -y; }, 0.3, 3},
    {"abs: sign forgotten", [](const D& x) { return abs(x); },
     [](const D& x, const D&) { return 0.0 * x + 1.0; }},
    {"sin: sign", [](const D& x) { return sin(x); }, [](const D& x, const D&) { return -cos(x); }},
    {"sin: of itself", [](const D& x) { return sin(x); }, [](const D&, const D& y) { return y; }},
    {"cos: sign", [](const D& x) { return cos(x); }, [](const D& x, const D&) { return sin(x); }},
    {"tan: square forgotten", [](const D& x) { return tan(x); },
     [](const D&, const D& y) { return 1.0 + y; }, -1, 1},
    {"asin: sign under the root", [](const D& x) { return asin(x); },
     [](const D& x, const D&) { return rsqrt(1.0 + x * x); }, -0.8, 0.8},
    {"acos: sign", [](const D& x) { return acos(x); },
     [](const D& x, const D&) { return rsqrt(1.0 - x * x); }, -0.8, 0.8},
    {"atan: square forgotten", [](const D& x) { return atan(x); },
     [](const D& x, const D&) { return 1.0 / (1.0 + x); }, 0.1, 2},
    {"sinh: of itself", [](const D& x) { return sinh(x); }, [](const D&, const D& y) { return y; }},
    {"cosh: sign", [](const D& x) { return cosh(x); },
     [](const D& x, const D&) { return -sinh(x); }},
    {"tanh: square forgotten", [](const D& x) { return tanh(x); },
     [](const D&, const D& y) { return 1.0 - y; }},
    {"tanh: of the input", [](const D& x) { return tanh(x); },
     [](const D& x, const D&) { return 1.0 - x * x; }},
    {"erf: pi without root", [](const D& x) { return erf(x); },
     [](const D& x, const D&) { return 2 / M_PI * exp(-(x * x)); }},
    {"erf: constant cut to 4 digits", [](const D& x) { return erf(x); },
     [](const D& x, const D&) { return 1.128 * exp(-(x * x)); }},
    {"sigmoid: 1 - y forgotten", [](const D& x) { return sigmoid(x); },
     [](const D&, const D& y) { return y; }},
    {"sigmoid: sign", [](const D& x) { return sigmoid(x); },
     [](const D&, const D& y) { return y * (1.0 + y); }},
    {"sigmoid: of the input", [](const D& x) { return sigmoid(x); },
     [](const D& x, const D&) { return x * (1.0 - x); }},
    {"relu: mask forgotten", [](const D& x) { return relu(x); },
     [](const D& x, const D&) { return 0.0 * x + 1.0; }},
    {"relu: threshold", [](const D& x) { return relu(x); },
     [](const D& x, const D&) { return x > 0.5; }},
    {"relu: mask inverted", [](const D& x) { return relu(x); },
     [](const D& x, const D&) { return x < 0.0; }},
    {"softplus: sign", [](const D& x) { return softplus(x); },
     [](const D& x, const D&) { return sigmoid(-x); }},
    {"gelu: product rule", [](const D& x) { return gelu(x); },
     [](const D& x, const D&) { return 0.5 * (1.0 + erf(x * M_SQRT1_2)); }},
    {"gelu: derivative of the tanh form", [](const D& x) { return gelu(x); },
     [](const D& x, const D&) {
       const D t = tanh(0.7978845608 * (x + 0.044715 * x * x * x));
       return 0.5 * (1.0 + t) +
              0.5 * x * (1.0 - t * t) * 0.7978845608 * (1.0 + 3 * 0.044715 * x * x);
     }},
    {"silu: product rule", [](const D& x) { return silu(x); },
     [](const D& x, const D&) { return sigmoid(x); }},
    {"silu: bracket", [](const D& x) { return silu(x); },
     [](const D& x, const D&) { return sigmoid(x) * (1.0 + x) * (1.0 - sigmoid(x)); }},
    {"elu: on the wrong side", [](const D& x) { return elu(x); },
     [](const D& x, const D&) { return where(x > 0.0, exp(x), 1); }},
    {"elu: alpha forgotten", [](const D& x) { return elu(x, 1.5); },
     [](const D& x, const D&) { return where(x > 0.0, 1, exp(x)); }},
    {"leaky_relu: on the wrong side", [](const D& x) { return leaky_relu(x); },
     [](const D& x, const D&) { return where(x > 0.0, 0.01, D(1.0)); }},
    {"clamp: mask forgotten", [](const D& x) { return clamp(x, -1, 1); },
     [](const D& x, const D&) { return 0.0 * x + 1.0; }},
    {"clamp: upper limit forgotten", [](const D& x) { return clamp(x, -1, 1); },
     [](const D& x, const D&) { return x > -1.0; }},
    {"softsign: square forgotten", [](const D& x) { return softsign(x); },
     [](const D& x, const D&) { return 1.0 / (1.0 + abs(x)); }},
    {"mish: outer part only", [](const D& x) { return mish(x); },
     [](const D& x, const D&) { return tanh(softplus(x)); }},
};

Mutant from_slope(const Slope& s, unsigned seed) {
  const Operation f = [s](const Tensors& in) { return s.f(in[0]); };
  const Rule rule = [s](const Tensors& in, const D& y, const D& gy) {
    return Tensors{gy * s.slope(in[0], y)};
  };
  return {s.name, f, with_rule(s.name, f, rule), {numbers({2, 5}, s.low, s.high, seed)}};
}

struct Pair {
  const char* name;
  D (*f)(const D&, const D&);
  D (*ga)(const D& a, const D& b, const D& gy);
  D (*gb)(const D& a, const D& b, const D& gy);
};

const std::vector<Pair> kPairs = {
    {"multiply: of itself", [](const D& a, const D& b) { return a * b; },
     [](const D& a, const D&, const D& gy) { return gy * a; },
     [](const D& a, const D&, const D& gy) { return gy * a; }},
    {"divide: square forgotten", [](const D& a, const D& b) { return a / b; },
     [](const D&, const D& b, const D& gy) { return gy / b; },
     [](const D& a, const D& b, const D& gy) { return -gy * a / b; }},
    {"divide: sign", [](const D& a, const D& b) { return a / b; },
     [](const D&, const D& b, const D& gy) { return gy / b; },
     [](const D& a, const D& b, const D& gy) { return gy * a / (b * b); }},
    {"subtract: sign", [](const D& a, const D& b) { return a - b; },
     [](const D&, const D&, const D& gy) { return gy; },
     [](const D&, const D&, const D& gy) { return gy; }},
    {"pow: exponent forgotten", [](const D& a, const D& b) { return pow(a, b); },
     [](const D& a, const D& b, const D& gy) { return gy * pow(a, b - 1.0); },
     [](const D& a, const D& b, const D& gy) { return gy * pow(a, b) * log(a); }},
    {"pow: exponent not lowered", [](const D& a, const D& b) { return pow(a, b); },
     [](const D& a, const D& b, const D& gy) { return gy * b * pow(a, b); },
     [](const D& a, const D& b, const D& gy) { return gy * pow(a, b) * log(a); }},
    {"pow: logarithm of the exponent", [](const D& a, const D& b) { return pow(a, b); },
     [](const D& a, const D& b, const D& gy) { return gy * b * pow(a, b - 1.0); },
     [](const D& a, const D& b, const D& gy) { return gy * pow(a, b) * log(b); }},
    {"maximum: both", [](const D& a, const D& b) { return maximum(a, b); },
     [](const D&, const D&, const D& gy) { return gy; },
     [](const D&, const D&, const D& gy) { return gy; }},
    {"maximum: the smaller", [](const D& a, const D& b) { return maximum(a, b); },
     [](const D& a, const D& b, const D& gy) { return gy * (a < b); },
     [](const D& a, const D& b, const D& gy) { return gy * (a > b); }},
    {"where: swapped", [](const D& a, const D& b) { return where(a > 1.0, a, b); },
     [](const D& a, const D&, const D& gy) { return gy * (a <= 1.0); },
     [](const D& a, const D&, const D& gy) { return gy * (a > 1.0); }},
    {"prelu: mask of the slope's gradient",
     [](const D& a, const D& b) { return prelu(a - 1.0, b); },
     [](const D& a, const D& b, const D& gy) { return gy * where(a > 1.0, 1, b); },
     [](const D& a, const D&, const D& gy) { return gy * (a - 1.0); }},
};

Mutant from_pair(const Pair& p, unsigned seed) {
  const Operation f = [p](const Tensors& in) { return p.f(in[0], in[1]); };
  const Rule rule = [p](const Tensors& in, const D&, const D& gy) {
    return Tensors{p.ga(in[0], in[1], gy), p.gb(in[0], in[1], gy)};
  };
  return {p.name,
          f,
          with_rule(p.name, f, rule),
          {numbers({2, 4}, 0.3, 1.7, seed), numbers({2, 4}, 0.3, 1.7, seed + 1)}};
}

}  // namespace

std::vector<Mutant> handwritten_elementwise_mutants() {
  std::vector<Mutant> list;
  unsigned seed = 100;
  for (const Slope& s : kSlopes) list.push_back(from_slope(s, seed += 2));
  for (const Pair& p : kPairs) list.push_back(from_pair(p, seed += 2));
  return list;
}

}  // namespace mutations
