#pragma once

// The update rules of the optimizers as formulas, and the kernels they are turned into: one pass
// over a parameter that reads weight, gradient and state once and writes weight and state once.
//
// A rule is a functor of the weight `w`, the gradient `g` and `kStates` state arrays `s`, which it
// updates; it returns the new weight. Its constants are computed in double and rounded to T. A rule
// that kernels/simd/optimizers.cpp does not instantiate does not link.

#include <cstddef>

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
struct Moments {
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
  Moments<T> moments;
  T rate, root_scale, epsilon;

  template <class X>
  [[gnu::always_inline]] X operator()(X w, X g, X* s) const {
    moments.update(g, s[0], s[1]);
    if constexpr (Amsgrad) s[2] = maximum(s[2], s[1]);
    const X v = s[kStates - 1];
    return w - X(rate) * s[0] / (sqrt(v) * X(root_scale) + X(epsilon));
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

/// The sum of x[i] y[i], added in double in pieces of fixed size: the same for any number of
/// threads.
template <class T>
double dot(const T* x, const T* y, std::size_t n);

/// The largest |x[i]|; NaN when one of them is, 0 for n = 0.
template <class T>
T largest_magnitude(const T* x, std::size_t n);

/// False when one of the numbers is NaN or infinite.
template <class T>
bool all_finite(const T* x, std::size_t n);

}  // namespace xgrad::kernels
