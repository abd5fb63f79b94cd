#pragma once

// The update rules of the optimizers as formulas, and the kernels they are turned into: one pass
// over a parameter that reads weight, gradient and state once and writes weight and state once.
//
// A rule is a functor of the weight `w`, the gradient `g` and `kStates` state arrays `s`, which it
// updates; it returns the new weight. Its constants are computed in double and rounded to T. A rule
// that kernels/simd/optimizer.cpp does not instantiate does not link.

#include <cstddef>
#include <limits>

#include "xgrad/kernels/dispatch.hpp"

namespace xgrad::kernels {

/// What weight decay does to an update, in this order.
template <class T>
struct DecayFactors {
  T l2 = T(0);           // g += l2 w
  T keep = T(1);         // w *= keep, with g still of the old w
  bool general = false;  // the rest is wanted
  T l1 = T(0);           // g += l1 sign(w)
  T lp = T(0);           // g += lp sign(w) |w|^exponent
  T lp_direct = T(0);    // w -= lp_direct sign(w) |w|^exponent
  T exponent = T(0);
  T shrink = T(0);  // after the rule: w = sign(w) max(|w| - shrink, 0)
};

constexpr std::size_t kMaxStates = 3;

/// One parameter: n weights, their gradient and the state of the rule.
template <class T>
struct UpdateArguments {
  T* w;
  const T* g;
  T* state[kMaxStates];
  std::size_t n;
  DecayFactors<T> decay;
};

template <class T>
using UpdateKernel = void (*)(const void* rule, const UpdateArguments<T>& a);

template <Isa I, class Rule>
UpdateKernel<typename Rule::value_type> update_kernel();

/// x / y, 0 where y is 0: where nothing is known of a weight's gradients there is no step.
template <class X>
[[gnu::always_inline]] inline X step_over(X x, X y) {
  return where(y == X(0), X(0), x / y);
}

/// g with a square that T can hold: finite numbers beyond +-2^62 in float, +-2^510 in double, count
/// as that. Steps that are quotients of gradients and roots of their squares are the same then.
template <class X>
[[gnu::always_inline]] inline X squarable(X g) {
  using T = typename X::value_type;
  const X size = abs(g), limit(sizeof(T) == 4 ? 0x1p62 : 0x1p510);
  const auto beyond = size > limit && size <= X(std::numeric_limits<T>::max());
  if (!any(beyond)) return g;
  return where(beyond, where(g > X(0), limit, -limit), g);
}

/// w - learning_rate g.
template <class T>
struct SgdRule {
  using value_type = T;
  static constexpr std::size_t kStates = 0;
  T learning_rate;

  template <class X>
  [[gnu::always_inline]] X operator()(X w, X g, X*) const {
    return w - X(learning_rate) * g;
  }
};

/// v = momentum v + gain g;  w - (along_velocity v + along_gradient g).
template <class T>
struct MomentumRule {
  using value_type = T;
  static constexpr std::size_t kStates = 1;
  T momentum, gain, along_velocity, along_gradient;

  template <class X>
  [[gnu::always_inline]] X operator()(X w, X g, X* s) const {
    s[0] = X(momentum) * s[0] + X(gain) * g;
    return w - (X(along_velocity) * s[0] + X(along_gradient) * g);
  }
};

/// m and v of Adam and its relatives: moving averages of g and of g^2.
template <class T>
struct MovingAverages {
  T beta1, gain1, beta2, gain2;  // gain = 1 - beta

  template <class X>
  [[gnu::always_inline]] void update(X g, X& m, X& v) const {
    m = X(beta1) * m + X(gain1) * g;
    v = X(beta2) * v + X(gain2) * g * g;
  }
};

/// w - rate m / (sqrt(v) root_scale + epsilon); with `Amsgrad` the largest v so far.
template <class T, bool Amsgrad>
struct AdamRule {
  using value_type = T;
  static constexpr std::size_t kStates = Amsgrad ? 3 : 2;
  MovingAverages<T> averages;
  T rate, root_scale, epsilon;

  template <class X>
  [[gnu::always_inline]] X operator()(X w, X g, X* s) const {
    averages.update(squarable(g), s[0], s[1]);
    if constexpr (Amsgrad) s[2] = maximum(s[2], s[1]);
    const X v = s[kStates - 1];
    const X m = squarable(s[0]);  // RAdam begins with averages of any size
    return w - step_over(X(rate) * m, sqrt(v) * X(root_scale) + X(epsilon));
  }
};

/// w - rate m, both averages kept up to date: RAdam while the second is not yet to be trusted.
template <class T>
struct FirstMomentRule {
  using value_type = T;
  static constexpr std::size_t kStates = 2;
  MovingAverages<T> averages;
  T rate;

  template <class X>
  [[gnu::always_inline]] X operator()(X w, X g, X* s) const {
    X m = s[0];
    averages.update(squarable(g), m, s[1]);
    s[0] = X(averages.beta1) * s[0] + X(averages.gain1) * g;
    return w - X(rate) * s[0];
  }
};

/// w - (moment_rate m + gradient_rate g) / (sqrt(v) root_scale + epsilon).
template <class T>
struct NadamRule {
  using value_type = T;
  static constexpr std::size_t kStates = 2;
  MovingAverages<T> averages;
  T moment_rate, gradient_rate, root_scale, epsilon;

  template <class X>
  [[gnu::always_inline]] X operator()(X w, X g, X* s) const {
    g = squarable(g);
    averages.update(g, s[0], s[1]);
    const X direction = X(moment_rate) * s[0] + X(gradient_rate) * g;
    return w - step_over(direction, sqrt(s[1]) * X(root_scale) + X(epsilon));
  }
};

/// m = beta1 m + gain1 g;  u = max(beta2 u, |g| + epsilon);  w - rate m / u.
template <class T>
struct AdamaxRule {
  using value_type = T;
  static constexpr std::size_t kStates = 2;
  T beta1, gain1, beta2, rate, epsilon;

  template <class X>
  [[gnu::always_inline]] X operator()(X w, X g, X* s) const {
    s[0] = X(beta1) * s[0] + X(gain1) * g;
    s[1] = maximum(X(beta2) * s[1], abs(g) + X(epsilon));
    return w - step_over(X(rate) * s[0], s[1]);
  }
};

/// w - rate sign(beta1 m + gain1 g), then m = beta2 m + gain2 g.
template <class T>
struct LionRule {
  using value_type = T;
  static constexpr std::size_t kStates = 1;
  T beta1, gain1, beta2, gain2, rate;

  template <class X>
  [[gnu::always_inline]] X operator()(X w, X g, X* s) const {
    const X direction = sign(X(beta1) * s[0] + X(gain1) * g);
    s[0] = X(beta2) * s[0] + X(gain2) * g;
    return w - X(rate) * direction;
  }
};

/// s = s + g^2, at most the largest T;  w - rate g / (sqrt(s) + epsilon).
template <class T>
struct AdagradRule {
  using value_type = T;
  static constexpr std::size_t kStates = 1;
  T rate, epsilon;

  template <class X>
  [[gnu::always_inline]] X operator()(X w, X g, X* s) const {
    g = squarable(g);
    s[0] = minimum(s[0] + g * g, X(std::numeric_limits<T>::max()));
    return w - step_over(X(rate) * g, sqrt(s[0]) + X(epsilon));
  }
};

/// s = rho s + gain g^2;  d = g sqrt(u + epsilon) / sqrt(s + epsilon);  u = rho u + gain d^2;  w -
/// rate d.
template <class T>
struct AdadeltaRule {
  using value_type = T;
  static constexpr std::size_t kStates = 2;
  T rate, rho, gain, epsilon;

  template <class X>
  [[gnu::always_inline]] X operator()(X w, X g, X* s) const {
    g = squarable(g);
    s[0] = X(rho) * s[0] + X(gain) * g * g;
    const X d = step_over(sqrt(s[1] + X(epsilon)), sqrt(s[0] + X(epsilon))) * g;
    s[1] = X(rho) * s[1] + X(gain) * d * d;
    return w - X(rate) * d;
  }
};

/// s = memory s + gain g^2, centred less the square of the average gradient;  d = g / (sqrt(s) +
/// epsilon); w - rate d, with momentum u = momentum u + d;  w - rate u. States: s, then u, then the
/// average.
template <class T, bool Momentum, bool Centred>
struct RmsPropRule {
  using value_type = T;
  static constexpr std::size_t kStates = 1 + Momentum + Centred;
  T rate, memory, gain, epsilon, momentum;

  template <class X>
  [[gnu::always_inline]] X operator()(X w, X g, X* s) const {
    g = squarable(g);
    s[0] = X(memory) * s[0] + X(gain) * g * g;
    X variance = s[0];
    if constexpr (Centred) {
      X& mean = s[kStates - 1];
      mean = X(memory) * mean + X(gain) * g;
      variance = relu(variance - mean * mean);  // rounding may make it negative
    }
    const X d = step_over(g, sqrt(variance) + X(epsilon));
    if constexpr (!Momentum) return w - X(rate) * d;
    s[Momentum] = X(momentum) * s[Momentum] + d;
    return w - X(rate) * s[Momentum];
  }
};

/// w + share (g - w): an average w moves towards g.
template <class T>
struct AverageRule {
  using value_type = T;
  static constexpr std::size_t kStates = 0;
  T share;

  template <class X>
  [[gnu::always_inline]] X operator()(X w, X g, X*) const {
    return w + X(share) * (g - w);
  }
};

/// factor w.
template <class T>
struct ScaleRule {
  using value_type = T;
  static constexpr std::size_t kStates = 0;
  T factor;

  template <class X>
  [[gnu::always_inline]] X operator()(X w, X, X*) const {
    return X(factor) * w;
  }
};

/// w limited to [-limit, limit]; NaN stays.
template <class T>
struct ClampRule {
  using value_type = T;
  static constexpr std::size_t kStates = 0;
  T limit;

  template <class X>
  [[gnu::always_inline]] X operator()(X w, X, X*) const {
    return maximum(minimum(w, X(limit)), X(-limit));
  }
};

namespace detail {
template <class T>
void run_update(UpdateKernel<T> kernel, const void* rule, const UpdateArguments<T>& a);
}

/// Applies the rule, with the work shared out over the threads.
template <class Rule>
void update(const Rule& rule, const UpdateArguments<typename Rule::value_type>& a) {
  static const auto kernel = choose([]<Isa I>() { return update_kernel<I, Rule>(); });
  detail::run_update(kernel, &rule, a);
}

/// Reductions over one array, for norms and line searches. `dot` adds in double.
template <class T>
struct VectorKernels {
  double (*dot)(const T* x, const T* y, std::size_t n);
  T (*largest_magnitude)(const T* x, std::size_t n);
};

template <Isa I, class T>
VectorKernels<T> make_vector_kernels();

/// The sum of x[i] y[i], added in double in pieces of fixed size: the same for any number
/// of threads.
template <class T>
double dot(const T* x, const T* y, std::size_t n);

/// The largest |x[i]|; NaN when one of them is, 0 for n = 0.
template <class T>
T largest_magnitude(const T* x, std::size_t n);

/// False when one of the numbers is NaN or infinite.
template <class T>
bool all_finite(const T* x, std::size_t n);

}  // namespace xgrad::kernels
