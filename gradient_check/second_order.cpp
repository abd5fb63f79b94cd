#include "xgrad/gradient_check/second_order.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "xgrad/autograd/grad_mode.hpp"

namespace xgrad::detail {
namespace {

using Tensors = std::vector<Tensor<double>>;

Tensor<double> random_like(const Tensor<double>& x, Generator& generator) {
  return Tensor<double>::from(x.shape(), random_weights(x.size(), generator));
}

Tensors random_like(const Tensors& list, Generator& generator) {
  Tensors r;
  for (const Tensor<double>& x : list) r.push_back(random_like(x, generator));
  return r;
}

// grad() for outputs some of which are constants and inputs some of which are unused: zeros there.
Tensors gradients(const Tensors& outputs, const Tensors& inputs, const Tensors& seeds,
                  bool create_graph) {
  Tensors y, gy, g(inputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].requires_grad()) continue;
    y.push_back(outputs[i]);
    gy.push_back(seeds[i]);
  }
  const GradOptions options = {
      .retain_graph = true, .create_graph = create_graph, .allow_unused = true};
  if (!y.empty()) g = grad(y, inputs, options, gy);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!g[i].defined()) g[i] = Tensor<double>::filled(inputs[i].shape(), 0);
  }
  return g;
}

Tensors seeds_of(const Probe& probe, const Tensors& outputs) {
  Tensors u;
  for (std::size_t i = 0; i < outputs.size(); ++i) u.push_back(probe.seed(0, outputs, i));
  return u;
}

// |<a, b> - <c, d>| over the sum of the magnitudes of the terms.
class Gap {
 public:
  Gap(const Tensors& a, const Tensors& b, const Tensors& c, const Tensors& d) {
    add(a, b, 1, 1);
    add(c, d, -1, 1);
  }
  // Terms that are sums of such terms, and nothing but their rounding where these cancel.
  Gap& rounded_from(const Tensors& a, const Tensors& b) {
    add(a, b, 0, 1e-3L);
    return *this;
  }
  double relative() const {
    return size_ == 0 ? 0 : static_cast<double>(std::abs(difference_) / size_);
  }

 private:
  void add(const Tensors& a, const Tensors& b, long double sign, long double weight) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      for (std::size_t j = 0; j < a[i].size(); ++j) {
        const long double term = static_cast<long double>(a[i].data()[j]) * b[i].data()[j];
        difference_ += sign * term;
        size_ += weight * std::abs(term);
      }
    }
  }

  long double difference_ = 0, size_ = 0;
};

}  // namespace

TensorFunction<double> gradient_function(const Probe& probe) {
  return [&probe](const Tensors&) {
    const bool differentiable = is_recording();
    const EnableGrad guard;
    const Tensors y = probe.outputs();
    return gradients(y, probe.inputs(), seeds_of(probe, y), differentiable);
  };
}

std::vector<double> gradient_noise(const Probe& probe) {
  const double rounding = std::numeric_limits<double>::epsilon() / 2 * probe.magnitudes()[0];
  std::vector<double> noise;
  for (const Tensor<double>& x : probe.inputs()) {
    for (const double scale : coordinate_scales(x))
      noise.push_back(rounding / std::max(scale, 1.0));
  }
  return noise;
}

double adjoint_gap(const Probe& probe) {
  const Tensors y = probe.outputs();
  const Tensors u = random_like(y, probe.generator()),
                v = random_like(probe.inputs(), probe.generator());
  Tensors seeds = random_like(y, probe.generator());
  for (Tensor<double>& s : seeds) s.requires_grad_();
  const Tensors jt_seeds = gradients(y, probe.inputs(), seeds, true);
  const Tensors jv = gradients(jt_seeds, seeds, v, false);
  const Tensors jt_u = gradients(y, probe.inputs(), u, false);
  return Gap(jv, u, v, jt_u).rounded_from(y, u).relative();
}

double symmetry_gap(const Probe& probe) {
  const Tensors y = probe.outputs();
  const Tensors u = seeds_of(probe, y), g = gradients(y, probe.inputs(), u, true);
  const Tensors v = random_like(probe.inputs(), probe.generator()),
                w = random_like(probe.inputs(), probe.generator());
  const Tensors hv = gradients(g, probe.inputs(), v, false),
                hw = gradients(g, probe.inputs(), w, false);
  return Gap(hv, w, v, hw).rounded_from(g, w).rounded_from(y, u).relative();
}

}  // namespace xgrad::detail
