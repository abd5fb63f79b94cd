#include "mutants.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/ops/function.hpp"

namespace mutations {

Operation with_rule(const std::string& name, Operation forward, Rule rule) {
  return [=](const Tensors& inputs) {
    return xgrad::custom_function<double>(name, inputs, forward, rule);
  };
}

Tensors right_gradients(const Operation& f, const Tensors& inputs, const D& gradient) {
  const xgrad::EnableGrad guard;
  Tensors leaves;
  for (const D& x : inputs) leaves.push_back(xgrad::parameter(x));
  return xgrad::grad<double>({f(leaves)}, leaves, {}, {gradient});
}

D numbers(const xgrad::Shape& shape, double low, double high, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::vector<double> v(shape.elements());
  for (double& x : v) x = low + (high - low) * static_cast<double>(engine() >> 11) * 0x1p-53;
  return D::from(shape, v);
}

namespace {

double largest(const D& t) {
  double most = 0;
  for (std::size_t i = 0; i < t.size(); ++i) most = std::max(most, std::abs(t.data()[i]));
  return most;
}

// The largest error in any of the gradients, each relative to its own largest element.
double size_of(const Mutant& m) {
  const D seed = numbers(m.right(m.inputs).shape(), 0.5, 1.5, 99);
  const Tensors right = right_gradients(m.right, m.inputs, seed),
                wrong = right_gradients(m.wrong, m.inputs, seed);
  double size = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    for (std::size_t j = 0; j < right[i].size(); ++j) {
      const double error = std::abs(right[i].data()[j] - wrong[i].data()[j]);
      if (error > 0) size = std::max(size, error / largest(right[i]));
    }
  }
  return size;
}

}  // namespace

std::vector<Mutant> all_mutants() {
  constexpr double kRounding =
      1e-9;  // below that the altered rule is another way to write the right one
  std::vector<Mutant> all;
  for (auto* family : {altered_mutants, handwritten_elementwise_mutants, handwritten_mutants}) {
    for (Mutant& m : family()) {
      m.size = size_of(m);
      if (m.size > kRounding) all.push_back(std::move(m));
    }
  }
  return all;
}

}  // namespace mutations
