#include "xgrad/kernels/ctc.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace xgrad::kernels {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

// log(e^a + e^b)
double log_add(double a, double b) {
  if (a == kNever) return b;
  if (b == kNever) return a;
  const double d = a - b;
  return d > 0 ? a + std::log1p(std::exp(-d)) : b + std::log1p(std::exp(d));
}

// States: a blank, the first label, a blank, ..., a blank. From each one on to itself, to the next, and
// from a label to the next label if that is another one.
template <class T>
class Trellis {
 public:
  explicit Trellis(const CtcSample<T>& s) : s_(s), states_(2 * s.count + 1) {}

  std::size_t states() const { return states_; }
  std::int64_t class_of(std::size_t k) const { return k % 2 == 0 ? s_.blank : s_.labels[k / 2]; }
  double log_p(std::size_t t, std::size_t k) const {
    return static_cast<double>(s_.log_probs[t * s_.stride + static_cast<std::size_t>(class_of(k))]);
  }
  // May state k be entered from the one before the last?
  bool skips_to(std::size_t k) const {
    return k % 2 == 1 && k >= 3 && s_.labels[k / 2] != s_.labels[k / 2 - 1];
  }
  bool is_last(std::size_t k) const { return k + 1 == states_ || k + 2 == states_; }

  // The logarithm of the probability of the first steps, ending in each state.
  std::vector<double> forwards() const {
    std::vector<double> a(std::max<std::size_t>(s_.steps, 1) * states_, kNever);
    for (std::size_t k = 0; s_.steps > 0 && k < std::min<std::size_t>(states_, 2); ++k) {
      a[k] = log_p(0, k);
    }
    for (std::size_t t = 1; t < s_.steps; ++t) {
      const double* const before = a.data() + (t - 1) * states_;
      for (std::size_t k = 0; k < states_; ++k) {
        double sum = before[k];
        if (k >= 1) sum = log_add(sum, before[k - 1]);
        if (skips_to(k)) sum = log_add(sum, before[k - 2]);
        a[t * states_ + k] = sum + log_p(t, k);
      }
    }
    return a;
  }

  // Of all steps; no steps have no labels.
  double total(const std::vector<double>& a) const {
    if (s_.steps == 0) return s_.count == 0 ? 0 : kNever;
    const double* const last = a.data() + (s_.steps - 1) * states_;
    return states_ == 1 ? last[0] : log_add(last[states_ - 1], last[states_ - 2]);
  }

  // That of the steps behind t from each state, from that of the steps behind t + 1.
  void backwards(std::size_t t, std::vector<double>& b) const {
    std::vector<double> next(states_);
    for (std::size_t k = 0; k < states_; ++k) next[k] = b[k] + log_p(t + 1, k);
    for (std::size_t k = 0; k < states_; ++k) {
      double sum = next[k];
      if (k + 1 < states_) sum = log_add(sum, next[k + 1]);
      if (k + 2 < states_ && skips_to(k + 2)) sum = log_add(sum, next[k + 2]);
      b[k] = sum;
    }
  }

 private:
  const CtcSample<T>& s_;
  std::size_t states_;
};

}  // namespace

template <class T>
double ctc_loss(const CtcSample<T>& s) {
  const Trellis<T> trellis(s);
  return -trellis.total(trellis.forwards());
}

template <class T>
void ctc_backward(const CtcSample<T>& s, double g, bool zero_infinity, T* gx) {
  const Trellis<T> trellis(s);
  const std::vector<double> a = trellis.forwards();
  const double total = trellis.total(a);
  if (total == kNever && zero_infinity) return;
  const std::size_t states = trellis.states();
  std::vector<double> b(states, kNever);
  for (std::size_t k = 0; k < states; ++k) {
    if (trellis.is_last(k)) b[k] = 0;
  }
  for (std::size_t t = s.steps; t-- > 0;) {
    if (t + 1 < s.steps) trellis.backwards(t, b);
    for (std::size_t k = 0; k < states; ++k) {
      const double share = std::exp(a[t * states + k] + b[k] - total);
      gx[t * s.stride + static_cast<std::size_t>(trellis.class_of(k))] -= static_cast<T>(g * share);
    }
  }
}

#define XGRAD_INSTANTIATE(T)                     \
  template double ctc_loss(const CtcSample<T>&); \
  template void ctc_backward(const CtcSample<T>&, double, bool, T*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
