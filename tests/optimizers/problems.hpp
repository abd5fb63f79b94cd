#pragma once

// The three problems of tests/references/optimizers.py, and helpers of all optimizer tests.

#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/message.hpp"
#include "xgrad/autograd/parameters.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad::test {

template <class T>
Tensor<T> leaf(const Shape& shape, const std::vector<double>& values) {
  Tensor<T> t = Tensor<T>::from(shape, std::vector<T>(values.begin(), values.end()));
  t.requires_grad_();
  return t;
}

/// Weights at their starting point, and the loss.
template <class T>
struct Problem {
  NamedTensors<T> parameters;
  std::function<Tensor<T>()> loss;

  std::vector<T> weights() const {
    std::vector<T> r;
    for (const auto& p : parameters)
      r.insert(r.end(), p.tensor.data(), p.tensor.data() + p.tensor.size());
    return r;
  }
};

/// 100 (y - x^2)^2 + (1 - x)^2; minimum 0 at (1, 1).
template <class T>
Problem<T> rosenbrock() {
  const Tensor<T> x = leaf<T>({1}, {-1.2}), y = leaf<T>({1}, {1.0});
  return {{{"x", x}, {"y", y}}, [=] { return sum(100.0 * square(y - x * x) + square(1.0 - x)); }};
}

/// sum(d w^2 / 2 - c w) with d from 1 to `condition`.
template <class T>
Problem<T> quadratic(double condition = 100) {
  std::vector<double> d, c, start;
  for (int i = 0; i < 6; ++i) {
    d.push_back(std::pow(condition, i / 5.0));
    c.push_back(std::cos(i));
    start.push_back(std::sin(1 + i));
  }
  const Tensor<T> dt = leaf<T>({2, 3}, d).detach(), ct = leaf<T>({2, 3}, c).detach();
  const Tensor<T> w = leaf<T>({2, 3}, start);
  return {{{"w", w}}, [=] { return sum(0.5 * dt * w * w - ct * w); }};
}

/// Mean of log(1 + exp(z)) - y z for z = x w + b, thirty samples of three features.
template <class T>
Problem<T> logistic() {
  std::vector<double> x, y;
  for (int i = 0; i < 30; ++i) {
    for (int j = 0; j < 3; ++j) x.push_back(std::sin(1.0 + 3 * i + j * (i + 2)));
    y.push_back(i % 3 == 0 ? 1 : 0);
  }
  const Tensor<T> xt = leaf<T>({30, 3}, x).detach(), yt = leaf<T>({30, 1}, y).detach();
  const Tensor<T> w = leaf<T>({3, 1}, {0.5, -0.25, 0.125}), b = leaf<T>({1}, {0.1});
  return {{{"w", w}, {"b", b}}, [=] {
            const Tensor<T> z = matmul(xt, w) + b;
            return mean(softplus(z) - yt * z);
          }};
}

template <class T>
Problem<T> problem(const std::string& name) {
  return name == "rosenbrock"  ? rosenbrock<T>()
         : name == "quadratic" ? quadratic<T>()
                               : logistic<T>();
}

/// The numbers of tests/references/<file>.txt by the text before the colon of their line.
inline std::map<std::string, std::vector<double>> read_references(const std::string& file) {
  std::ifstream lines(XGRAD_SOURCE_DIR "/tests/references/" + file + ".txt");
  std::map<std::string, std::vector<double>> r;
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    std::istringstream numbers(line.substr(colon + 1));
    std::vector<double>& row = r[line.substr(0, colon)];
    for (double v; numbers >> v;) row.push_back(v);
  }
  return r;
}

/// Of optimizers.txt: "adam rosenbrock".
inline const std::vector<double>& reference(const std::string& name) {
  static const auto all = read_references("optimizers");
  return all.at(name);
}

}  // namespace xgrad::test
