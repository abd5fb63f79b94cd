// xgrad: numbers are tensors without axes, vectors have one; recorded by each call, or compiled.

#include <algorithm>
#include <memory>
#include <optional>

#include "problems.hpp"
#include "xgrad/compile/compile.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace benchmark_scalar_tools {
namespace {

using Number = xgrad::Tensor<double>;
using Numbers = std::vector<Number>;

// Of a list of arguments, which have these shapes.
struct Function {
  std::vector<xgrad::Shape> shapes;
  std::function<Number(const Numbers&)> call;
};

Function of_minors(std::size_t n) {
  return {std::vector<xgrad::Shape>(n * n), [n](const Numbers& a) {
            std::vector<bool> used(n);
            return minors(a, n, 0, used);
          }};
}

Function of_lstm(std::size_t d, std::size_t steps) {
  Numbers signals;
  for (std::size_t t = 0; t < steps; ++t) {
    signals.push_back(Number::filled({d}, 0));
    for (std::size_t i = 0; i < d; ++i) signals.back().mutable_data()[i] = signal(t, i);
  }
  return {{{4 * d, d}, {4 * d, d}, {4 * d}}, [d, signals](const Numbers& w) {
            Number h = Number::filled({d}, 0), c = h;
            for (const Number& x : signals) {
              const Numbers z = split(matmul(w[0], x) + matmul(w[1], h) + w[2], 4, 0);
              c = sigmoid(z[1]) * c + sigmoid(z[0]) * tanh(z[2]);
              h = sigmoid(z[3]) * tanh(c);
            }
            return mean(h * h);
          }};
}

Function of_runge_kutta(std::size_t n, std::size_t steps) {
  const auto slope = [](const Number& y) {
    return (roll(y, {-1}, {0}) - roll(y, {2}, {0})) * roll(y, {1}, {0}) - y + kForcing;
  };
  return {{{n}}, [=](const Numbers& start) {
            Number y = start[0];
            for (std::size_t t = 0; t < steps; ++t) {
              const Number k1 = slope(y), k2 = slope(y + kTimeStep / 2 * k1),
                           k3 = slope(y + kTimeStep / 2 * k2), k4 = slope(y + kTimeStep * k3);
              y = y + kTimeStep / 6 * (k1 + 2.0 * (k2 + k3) + k4);
            }
            return mean(y * y);
          }};
}

Function function_of(const Problem& p) {
  if (p.kind == Problem::Kind::minors) return of_minors(p.size);
  return p.kind == Problem::Kind::lstm ? of_lstm(p.size, p.steps) : of_runge_kutta(p.size, p.steps);
}

}  // namespace

Gradient of_xgrad(const Problem& p, bool again) {
  const Function f = function_of(p);
  Numbers arguments;
  for (const xgrad::Shape& s : f.shapes) arguments.push_back(Number::filled(s, 0).requires_grad_());
  std::function<Numbers(const Numbers&)> gradient = [f](const Numbers& x) {
    return xgrad::grad<double>({f.call(x)}, x);
  };
  if (again) gradient = xgrad::compile(gradient);
  return [=](const double* x, double* to) mutable {
    for (Number& a : arguments) {
      std::copy_n(x, a.size(), a.mutable_data());
      x += a.size();
    }
    for (const Number& g : gradient(arguments)) to = std::copy_n(g.data(), g.size(), to);
  };
}

}  // namespace benchmark_scalar_tools
