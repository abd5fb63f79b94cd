#pragma once

// Values, gradients, and gradients of gradients of a function of a list of tensors, to compare with those
// of the same function run in another way.

#include <functional>
#include <vector>

#include "runs_again.hpp"
#include "xgrad/kernels/random.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"

namespace proof {

template <class T>
using Tensors = std::vector<xgrad::Tensor<T>>;

template <class T>
Tensors<T> leaves(const Tensors<T>& x, const std::vector<bool>& differentiable) {
  Tensors<T> l;
  for (std::size_t i = 0; i < x.size(); ++i)
    l.push_back(x[i].clone().requires_grad_(differentiable[i]));
  return l;
}

template <class T>
struct Results {
  Tensors<T> values, first, second;
};

// With seeds 1, -0.5, 2, 1 ...
template <class T>
Results<T> results_of(const std::function<Tensors<T>(const Tensors<T>&)>& f, const Tensors<T>& x,
                      bool twice) {
  xgrad::Generator generator(kSeed);
  const xgrad::GeneratorScope scope(generator);
  Results<T> r{f(x), {}, {}};
  Tensors<T> outputs, seeds, inputs;
  for (const xgrad::Tensor<T>& t : r.values) {
    if (!t.requires_grad()) continue;
    std::vector<T> seed(t.size());
    for (std::size_t i = 0; i < seed.size(); ++i)
      seed[i] = i % 3 == 0 ? T(1) : i % 3 == 1 ? T(-0.5) : T(2);
    outputs.push_back(t);
    seeds.push_back(xgrad::Tensor<T>::from(t.shape(), seed));
  }
  for (const xgrad::Tensor<T>& t : x) {
    if (t.requires_grad()) inputs.push_back(t);
  }
  if (outputs.empty() || inputs.empty()) return r;
  r.first = xgrad::grad(outputs, inputs, {.retain_graph = true, .allow_unused = true}, seeds);
  if (!twice) return r;
  xgrad::Tensor<T> total(0);
  for (const xgrad::Tensor<T>& g :
       xgrad::grad(outputs, inputs, {.create_graph = true, .allow_unused = true}, seeds)) {
    if (g.defined()) total = total + sum(square(g));
  }
  if (total.requires_grad()) r.second = xgrad::grad<T>({total}, inputs, {.allow_unused = true});
  return r;
}

}  // namespace proof
