#include "checkers.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "xgrad/gradient_check/check.hpp"

namespace mutations {
namespace {

double inner(const D& a, const D& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a.data()[i] * b.data()[i];
  return sum;
}

D normal_like(const D& x, std::mt19937_64& engine) {
  std::normal_distribution<double> normal;
  D r = x.clone();
  for (std::size_t i = 0; i < x.size(); ++i) r.mutable_data()[i] = normal(engine);
  return r;
}

Tensors moved(const Tensors& x, const Tensors& direction, double step) {
  Tensors r;
  for (std::size_t i = 0; i < x.size(); ++i) {
    r.push_back(x[i].clone());
    for (std::size_t j = 0; j < x[i].size(); ++j)
      r[i].mutable_data()[j] += step * direction[i].data()[j];
  }
  return r;
}

Tensors moved(const Tensors& x, std::size_t i, std::size_t j, double step) {
  Tensors r = x;
  r[i] = x[i].clone();
  r[i].mutable_data()[j] += step;
  return r;
}

// Analytic and numeric derivative of one number by one coordinate.
struct Comparison {
  double analytic, numeric;
};

// Every coordinate of <u, f> by central differences f(x + h) - f(x - h).
std::vector<Comparison> compare_all(const Operation& f, const Tensors& x, const D& u, double h) {
  const Tensors g = right_gradients(f, x, u);
  std::vector<Comparison> all;
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < x[i].size(); ++j) {
      const double right = inner(u, f(moved(x, i, j, h))), left = inner(u, f(moved(x, i, j, -h)));
      all.push_back({g[i].data()[j], (right - left) / (2 * h)});
    }
  }
  return all;
}

template <class Rule>
bool all_accepted(const std::vector<Comparison>& list, Rule accepts) {
  return std::all_of(list.begin(), list.end(),
                     [&](const Comparison& c) { return accepts(c.analytic, c.numeric); });
}

// <u, J v> by differences and <J' u, v> by backward, for random u and v.
Comparison compare_direction(const Operation& f, const Tensors& x, double h) {
  std::mt19937_64 engine(0);
  Tensors v;
  for (const D& t : x) v.push_back(normal_like(t, engine));
  const D u = normal_like(f(x), engine);
  const Tensors g = right_gradients(f, x, u);
  Comparison c = {0, (inner(u, f(moved(x, v, h))) - inner(u, f(moved(x, v, -h)))) / (2 * h)};
  for (std::size_t i = 0; i < x.size(); ++i) c.analytic += inner(g[i], v[i]);
  return c;
}

D some_weights(const Operation& f, const Tensors& x) {
  std::mt19937_64 engine(1);
  return normal_like(f(x), engine);
}

xgrad::GradientReport report_of(const Operation& f, const Tensors& x) {
  const xgrad::TensorFunction<double> list = [&](const Tensors& in) { return Tensors{f(in)}; };
  return xgrad::check_gradients(list, x, {.meant = {.zero_gradient = true, .unused_input = true}});
}

// Only a verdict of fail counts as a bug found.
bool xgrad_accepts(const Operation& f, const Tensors& x) {
  return report_of(f, x).count(xgrad::Verdict::fail) == 0;
}

// torch.autograd.gradcheck: each element of the Jacobian.
bool torch_accepts(const Operation& f, const Tensors& x) {
  const D y = f(x);
  for (std::size_t k = 0; k < y.size(); ++k) {
    D u = D::filled(y.shape(), 0);
    u.mutable_data()[k] = 1;
    const auto close = [](double a, double n) {
      return std::abs(a - n) <= 1e-5 + 1e-3 * std::abs(n);
    };
    if (!all_accepted(compare_all(f, x, u, 1e-6), close)) return false;
  }
  return true;
}

// jax.test_util.check_grads, reverse mode: one random direction; tolerances times the number of
// elements compared, one.
bool jax_accepts(const Operation& f, const Tensors& x) {
  const Comparison c = compare_direction(f, x, 1e-4);
  return std::abs(c.analytic - c.numeric) <= 1e-5 + 1e-5 * std::abs(c.numeric);
}

// autograd.test_util.check_grads, reverse mode: one random direction, absolute or relative.
bool hips_accepts(const Operation& f, const Tensors& x) {
  const Comparison c = compare_direction(f, x, 1e-6 / 2);
  const double error = std::abs(c.analytic - c.numeric);
  return error < 1e-6 || error / std::abs(c.analytic + c.numeric) < 1e-6;
}

// mlpack's CheckGradient: one ratio for all parameters, held against 1e-4 in most of its tests.
bool mlpack_accepts(const Operation& f, const Tensors& x) {
  double difference = 0, sum = 0;
  for (const Comparison& c : compare_all(f, x, some_weights(f, x), 1e-7)) {
    difference += (c.analytic - c.numeric) * (c.analytic - c.numeric);
    sum += (c.analytic + c.numeric) * (c.analytic + c.numeric);
  }
  return std::sqrt(difference) <= 1e-4 * std::sqrt(sum);
}

// dynet::check_grad: 1 % absolute or relative.
bool dynet_accepts(const Operation& f, const Tensors& x) {
  return all_accepted(compare_all(f, x, some_weights(f, x), 5e-3), [](double a, double n) {
    double error = std::abs(a - n);
    if (error > 0.01) error /= std::max(std::abs(a), std::abs(n));
    return error <= 0.01;
  });
}

// dlib::test_layer: 5 % and 0.006, with the first of ten steps that passes.
bool dlib_accepts(const Operation& f, const Tensors& x) {
  const auto close = [](double a, double n) {
    return std::abs((n - a) / (n + 1e-12)) <= 0.05 || std::abs(n - a) <= 0.006;
  };
  for (double h = 1e-4; h < 0.1; h *= 2) {
    if (all_accepted(compare_all(f, x, some_weights(f, x), h), close)) return true;
  }
  return false;
}

}  // namespace

bool xgrad_proves(const Operation& f, const Tensors& inputs) {
  return report_of(f, inputs).passed();
}

const std::vector<Checker>& checkers() {
  static const std::vector<Checker> list = {
      {"xgrad", "extrapolated differences, an error bound for each element", xgrad_accepts},
      {"PyTorch", "each element, h 1e-6: 1e-5 + 1e-3 |n|", torch_accepts},
      {"JAX", "one random direction, h 1e-4: 1e-5 + 1e-5 |n|", jax_accepts},
      {"HIPS autograd", "one random direction, h 5e-7: 1e-6 or 1e-6 |a + n|", hips_accepts},
      {"mlpack", "|a - n| / |a + n| of all elements, h 1e-7: 1e-4", mlpack_accepts},
      {"DyNet", "each element, h 5e-3: 0.01 or 0.01 max(|a|, |n|)", dynet_accepts},
      {"dlib", "each element, ten steps: 0.006 or 0.05 |n|, one passing step is enough",
       dlib_accepts},
  };
  return list;
}

}  // namespace mutations
