#include "xgrad/optimizers/clipping.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "xgrad/autograd/trace.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/optimizer.hpp"
#include "xgrad/optimizers/flat.hpp"

namespace xgrad {
namespace {

// The parameters with a gradient that counts, each once.
template <class T>
NamedTensors<T> active(const NamedTensors<T>& parameters) {
  NamedTensors<T> r;
  std::vector<const void*> seen;
  for (const NamedTensor<T>& p : parameters) {
    if (p.tensor.requires_grad() && p.tensor.has_grad()) r.push_back(p);
  }
  std::erase_if(r, [&](const NamedTensor<T>& p) {
    const void* node = p.tensor.node();
    if (std::find(seen.begin(), seen.end(), node) != seen.end()) return true;
    seen.push_back(node);
    return false;
  });
  return r;
}

// The gradient as a tensor to write to: a copy when somebody else holds it or it is part of
// a graph.
template <class T>
Tensor<T> writable_gradient(Tensor<T> parameter) {
  Tensor<T> g = parameter.gradient();
  const detail::Node<T>& n = *g.node();
  const bool held_twice =
      n.strong.load(std::memory_order_acquire) == 2;  // the parameter's and ours
  if (n.rule == nullptr && n.owns_data && held_twice) return g;
  g = g.clone();
  parameter.set_gradient(g);
  return g;
}

template <class T, class Rule>
void rewrite(const NamedTensors<T>& parameters, const Rule& rule) {
  for (const NamedTensor<T>& p : parameters) {
    Tensor<T> g = writable_gradient(p.tensor);
    kernels::UpdateArguments<T> a{};
    a.g = a.w = g.mutable_data();
    a.n = g.size();
    kernels::update(rule, a);
  }
}

template <class T>
double largest_of(const NamedTensors<T>& active) {
  double r = 0;
  for (const NamedTensor<T>& p : active) {
    const double largest = detail::largest_magnitude(p.tensor.gradient());
    if (!(largest <= r)) r = largest;  // NaN stays
    if (std::isnan(r)) return r;
  }
  return r;
}

// By numbers in units of the largest: for squares beyond the range of double.
template <class T>
double scaled_norm_of(const NamedTensors<T>& active) {
  const double largest = largest_of(active);
  if (largest == 0 || !std::isfinite(largest)) return largest;
  double squares = 0;
  for (const NamedTensor<T>& p : active) {
    const Tensor<T> g = p.tensor.gradient();
    for (std::size_t i = 0; i < g.size(); ++i) {
      const double share = static_cast<double>(g.data()[i]) / largest;
      squares += share * share;
    }
  }
  return largest * std::sqrt(squares);
}

template <class T>
double norm_of(const NamedTensors<T>& active, GradientNorm norm) {
  if (norm == GradientNorm::maximum) return largest_of(active);
  double squares = 0;
  for (const NamedTensor<T>& p : active) {
    const Tensor<T> g = p.tensor.gradient();
    squares += detail::dot(g, g);
  }
  return squares > 1e-290 && std::isfinite(squares) ? std::sqrt(squares) : scaled_norm_of(active);
}

template <class T>
[[noreturn]] void refuse_norm(const NamedTensors<T>& active, double norm) {
  std::vector<std::string> names;
  for (const NamedTensor<T>& p : active) {
    if (!std::isfinite(detail::largest_magnitude(p.tensor.gradient()))) names.push_back(p.name);
  }
  detail::fail("clip_grad_norm", "the norm of the gradients is ", norm, ": ", detail::join(names));
}

constexpr std::uint64_t kHalf = std::uint64_t{1} << 32;  // a seed has more digits than a double

}  // namespace

template <class T>
double grad_norm(const NamedTensors<T>& parameters, GradientNorm norm) {
  return norm_of(active(parameters), norm);
}

template <class T>
double clip_grad_norm(const NamedTensors<T>& parameters, double max_norm, GradientNorm norm) {
  detail::require_in("clip_grad_norm", "max_norm", max_norm, "(0, inf)");
  const auto size = std::make_shared<double>();
  detail::effect("clip_grad_norm", [=] {
    const NamedTensors<T> chosen = active(parameters);
    *size = norm_of(chosen, norm);
    if (!std::isfinite(*size)) refuse_norm(chosen, *size);
    if (*size > max_norm) rewrite(chosen, kernels::ScaleRule<T>{static_cast<T>(max_norm / *size)});
  });
  return *size;
}

template <class T>
void clip_grad_value(const NamedTensors<T>& parameters, double limit) {
  detail::require_in("clip_grad_value", "limit", limit, "(0, inf)");
  detail::effect("clip_grad_value", [=] {
    rewrite(active(parameters), kernels::ClampRule<T>{static_cast<T>(limit)});
  });
}

GradientNoise::GradientNoise(const GradientNoiseOptions& options)
    : options_(options), generator_(options.seed) {
  detail::require_in("GradientNoise", "eta", options.eta, "[0, inf)");
  detail::require_in("GradientNoise", "gamma", options.gamma, "[0, inf)");
}

double GradientNoise::deviation() const {
  return std::sqrt(options_.eta / std::pow(1 + step_, options_.gamma));
}

template <class T>
void GradientNoise::add(const NamedTensors<T>& parameters) {
  const T deviation_now = static_cast<T>(deviation());
  for (const NamedTensor<T>& p : active(parameters)) {
    Tensor<T> g = writable_gradient(p.tensor);
    Tensor<T> noise = Tensor<T>::uninitialized(g.shape());
    kernels::fill_normal(noise.mutable_data(), noise.size(), T(0), deviation_now,
                         generator_.next());
    detail::add_scaled(g, 1, noise);
  }
  step_ += 1;
}

StateNumbers GradientNoise::state_dict() const {
  const Generator::State s = generator_.state();
  return detail::with_prefix({{"step", step_},
                              {"seed high", static_cast<double>(s.seed / kHalf)},
                              {"seed low", static_cast<double>(s.seed % kHalf)},
                              {"draws", static_cast<double>(s.draws)}},
                             "GradientNoise");
}

void GradientNoise::load_state_dict(const StateNumbers& state) {
  const StateNumbers given = detail::own_numbers(state, "GradientNoise");
  detail::check_state("GradientNoise", detail::own_numbers(state_dict(), "GradientNoise"), given);
  const auto number = [&](const char* name) { return static_cast<std::uint64_t>(given.at(name)); };
  step_ = given.at("step");
  generator_.set_state({number("seed high") * kHalf + number("seed low"), number("draws")});
}

#define XGRAD_INSTANTIATE(T)                                                    \
  template double grad_norm(const NamedTensors<T>&, GradientNorm);              \
  template double clip_grad_norm(const NamedTensors<T>&, double, GradientNorm); \
  template void clip_grad_value(const NamedTensors<T>&, double);                \
  template void GradientNoise::add(const NamedTensors<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
