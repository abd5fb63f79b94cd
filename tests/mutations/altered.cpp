#include <algorithm>
#include <cmath>

#include "mutants.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/normalization.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"
#include "xgrad/ops/softmax.hpp"

namespace mutations {
namespace {

struct Subject {
  const char* name;
  Operation f;
  Tensors inputs;
  std::size_t altered;  // whose gradient is altered
};

std::vector<Subject> subjects() {
  const D x = numbers({3, 3}, 0.3, 1.7, 1), y = numbers({3, 3}, 0.4, 1.5, 2),
          row = numbers({3}, 0.5, 1.5, 3);
  const xgrad::Indices labels = {2, 0, 1};
  return {
      {"multiply", [](const Tensors& in) { return in[0] * in[1]; }, {x, y}, 0},
      {"divide", [](const Tensors& in) { return in[0] / in[1]; }, {x, y}, 1},
      {"pow", [](const Tensors& in) { return pow(in[0], in[1]); }, {x, y}, 0},
      {"bias", [](const Tensors& in) { return in[0] + in[1]; }, {x, row}, 1},
      {"exp", [](const Tensors& in) { return exp(in[0]); }, {x}, 0},
      {"tanh", [](const Tensors& in) { return tanh(in[0]); }, {x}, 0},
      {"gelu", [](const Tensors& in) { return gelu(in[0]); }, {x}, 0},
      {"matmul", [](const Tensors& in) { return matmul(in[0], in[1]); }, {x, y}, 1},
      {"linear", [](const Tensors& in) { return linear(in[0], in[1], in[2]); }, {x, y, row}, 1},
      {"softmax", [](const Tensors& in) { return softmax(in[0]); }, {x}, 0},
      {"logsumexp", [](const Tensors& in) { return logsumexp(in[0], 1); }, {x}, 0},
      {"var", [](const Tensors& in) { return var(in[0], 0); }, {x}, 0},
      {"mean", [](const Tensors& in) { return mean(square(in[0])); }, {x}, 0},
      {"cumsum", [](const Tensors& in) { return cumsum(in[0] * in[0], 1); }, {x}, 0},
      {"layer_norm", [](const Tensors& in) { return layer_norm(in[0], {3}, in[1]); }, {x, row}, 0},
      {"concat",
       [](const Tensors& in) {
         return xgrad::concat({in[0], in[1]}, 0) * 2.0;
       },
       {x, y},
       0},
      {"transpose", [](const Tensors& in) { return transpose(in[0] * in[0]); }, {x}, 0},
      {"cross_entropy", [=](const Tensors& in) { return cross_entropy(in[0], labels); }, {x}, 0},
  };
}

using Alteration = std::function<void(Tensors& g, std::size_t i)>;

struct Bug {
  std::string name;
  Alteration alter;
};

D map_elements(const D& g, const std::function<double(double v, std::size_t i)>& f) {
  D r = g.clone();
  for (std::size_t i = 0; i < g.size(); ++i) r.mutable_data()[i] = f(g.data()[i], i);
  return r;
}

Bug elements(std::string name, std::function<double(double v, std::size_t i)> f) {
  return {std::move(name), [f](Tensors& g, std::size_t i) { g[i] = map_elements(g[i], f); }};
}

std::size_t place_of_largest(const D& g) {
  const auto smaller = [](double a, double b) { return std::abs(a) < std::abs(b); };
  return static_cast<std::size_t>(std::max_element(g.data(), g.data() + g.size(), smaller) -
                                  g.data());
}

Bug relative_error(double e) {
  return elements("all off by " + std::to_string(e),
                  [e](double v, std::size_t) { return v * (1 + e); });
}

Bug relative_error_of_one(double e) {
  return {"one off by " + std::to_string(e), [e](Tensors& g, std::size_t i) {
            const std::size_t p = place_of_largest(g[i]);
            g[i] = map_elements(g[i],
                                [=](double v, std::size_t k) { return k == p ? v * (1 + e) : v; });
          }};
}

std::vector<Bug> bugs() {
  std::vector<Bug> list = {
      elements("wrong sign", [](double v, std::size_t) { return -v; }),
      elements("factor 2", [](double v, std::size_t) { return 2 * v; }),
      elements("factor 1/2", [](double v, std::size_t) { return v / 2; }),
      elements("detached", [](double, std::size_t) { return 0.0; }),
      elements("stale mask", [](double v, std::size_t i) { return i % 4 == 1 ? 0 : v; }),
      elements("first element lost", [](double v, std::size_t i) { return i == 0 ? 0 : v; }),
      elements("clipped", [](double v, std::size_t) { return std::clamp(v, -0.2, 0.2); }),
      elements("sign of one element", [](double v, std::size_t i) { return i == 1 ? -v : v; }),
      elements("rounded to bfloat16",
               [](double v, std::size_t) {
                 return v == 0 ? 0
                               : std::ldexp(std::nearbyint(std::ldexp(v, 8 - std::ilogb(v))),
                                            std::ilogb(v) - 8);
               }),
      {"divided by the number of elements",
       [](Tensors& g, std::size_t i) {
         g[i] = g[i] / static_cast<double>(std::max<std::size_t>(g[i].size(), 2));
       }},
      {"transposed",
       [](Tensors& g, std::size_t i) {
         if (g[i].rank() == 2) g[i] = transpose(g[i]);
       }},
      {"off by one",
       [](Tensors& g, std::size_t i) {
         const D flat = flatten(g[i]);
         g[i] =
             reshape(xgrad::concat({slice(flat, 0, 1, {}), slice(flat, 0, 0, 1)}, 0), g[i].shape());
       }},
      {"reversed along the last axis", [](Tensors& g, std::size_t i) { g[i] = flip(g[i], -1); }},
      {"summed over the wrong axis",
       [](Tensors& g, std::size_t i) {
         if (g[i].rank() == 2)
           g[i] = broadcast_to(mean(g[i], 1, {.keep_dims = true}), g[i].shape());
       }},
      {"operands swapped",
       [](Tensors& g, std::size_t) {
         if (g.size() > 1 && g[0].shape() == g[1].shape()) std::swap(g[0], g[1]);
       }},
      {"added to the other operand's",
       [](Tensors& g, std::size_t) {
         if (g.size() > 1 && g[0].shape() == g[1].shape()) g[0] = g[0] + g[1];
       }},
  };
  for (const double e : {1e-3, 1e-4, 1e-5, 1e-6, -1e-6, 1e-7}) list.push_back(relative_error(e));
  for (const double e : {1e-3, 1e-5, 1e-6, 1e-7}) list.push_back(relative_error_of_one(e));
  return list;
}

Rule altered(const Operation& f, const Alteration& alter, std::size_t i) {
  return [=](const Tensors& inputs, const D&, const D& gy) {
    Tensors g = right_gradients(f, inputs, gy);
    alter(g, i);
    return g;
  };
}

}  // namespace

std::vector<Mutant> altered_mutants() {
  std::vector<Mutant> list;
  for (const Subject& s : subjects()) {
    for (const Bug& b : bugs()) {
      list.push_back({s.name + (": " + b.name), s.f,
                      with_rule(s.name, s.f, altered(s.f, b.alter, s.altered)), s.inputs});
    }
  }
  return list;
}

}  // namespace mutations
