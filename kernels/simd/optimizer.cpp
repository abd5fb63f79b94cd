#include "xgrad/kernels/optimizer.hpp"

#include <algorithm>

#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/subnormal.hpp"

namespace xgrad::kernels {
namespace {

template <class Rule, bool General>
class Update {
  using T = typename Rule::value_type;
  using P = Pack<T, Arch>;

 public:
  static void run(const void* rule, const UpdateArguments<T>& a) {
    const Rule r = *static_cast<const Rule*>(rule);
    const std::size_t whole = a.n / P::size * P::size;
    packs(r, a, whole);
    if (whole < a.n) rest(r, a, whole, a.n - whole);
  }

 private:
  static constexpr std::size_t kStates = Rule::kStates;

  // One piece of machine code for all: in another one a compiler may round a product that is added up before it is
  // added, or not, and numbers would depend on where they are.
  [[gnu::noinline]] static void packs(const Rule& rule, UpdateArguments<T> a, std::size_t n) {
    for (std::size_t k = 0; k < n; k += P::size) step(rule, a, k);
  }

  // The last ones, among zeros.
  static void rest(const Rule& rule, const UpdateArguments<T>& a, std::size_t first,
                   std::size_t n) {
    alignas(64) T w[P::size] = {}, g[P::size] = {}, state[kStates + 1][P::size] = {};
    UpdateArguments<T> part = a;
    part.w = w;
    part.g = g;
    std::copy_n(a.w + first, n, w);
    std::copy_n(a.g + first, n, g);
    for (std::size_t i = 0; i < kStates; ++i) {
      std::copy_n(a.state[i] + first, n, state[i]);
      part.state[i] = state[i];
    }
    packs(rule, part, P::size);
    std::copy_n(w, n, a.w + first);
    for (std::size_t i = 0; i < kStates; ++i) std::copy_n(state[i], n, a.state[i] + first);
  }

  [[gnu::always_inline]] static void step(const Rule& rule, const UpdateArguments<T>& a,
                                          std::size_t k) {
    P s[kStates + 1];
    for (std::size_t i = 0; i < kStates; ++i) s[i] = P::load(a.state[i] + k);
    P w = P::load(a.w + k), g = P::load(a.g + k) + P(a.decay.l2) * w;
    w = w * P(a.decay.keep) - decay_more(a.decay, w, g);
    w = rule(w, g, s);
    if constexpr (General) w = sign(w) * relu(abs(w) - P(a.decay.shrink));
    w.store(a.w + k);
    for (std::size_t i = 0; i < kStates; ++i) s[i].store(a.state[i] + k);
  }

  // Adds the coupled penalties to g and returns what the decoupled ones take from w.
  [[gnu::always_inline]] static P decay_more(const DecayFactors<T>& d, P w, P& g) {
    if constexpr (!General) return P(0);
    const P direction = sign(w);
    g = g + P(d.l1) * direction;
    if (d.lp == T(0) && d.lp_direct == T(0)) return P(0);
    const P slope = direction * pow(abs(w), P(d.exponent));
    g = g + P(d.lp) * slope;
    return P(d.lp_direct) * slope;
  }
};

// Averages of gradients that have become 0 shrink to the smallest numbers there are, and stay there: 0.9 of the
// smallest one is rounded to itself.
template <class Rule>
void run(const void* rule, const UpdateArguments<typename Rule::value_type>& a) {
  const SubnormalsAreZero scope;  // all arithmetic is in Update::packs
  a.decay.general ? Update<Rule, true>::run(rule, a) : Update<Rule, false>::run(rule, a);
}

// 32 partial sums, in double: enough to hide the latency of adding, and the compiler makes
// them packs.
constexpr std::size_t kSums = 32;

template <class T>
double dot_kernel(const T* x, const T* y, std::size_t n) {
  double sum[kSums] = {};
  std::size_t k = 0;
  for (; k + kSums <= n; k += kSums) {
    for (std::size_t i = 0; i < kSums; ++i) {
      sum[i] += static_cast<double>(x[k + i]) * static_cast<double>(y[k + i]);
    }
  }
  for (std::size_t i = 0; k < n; ++k, ++i)
    sum[i] += static_cast<double>(x[k]) * static_cast<double>(y[k]);
  for (std::size_t half = kSums / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) sum[i] += sum[i + half];
  }
  return sum[0];
}

template <class T>
T largest_magnitude_kernel(const T* x, std::size_t n) {
  using P = Pack<T, Arch>;
  P largest(0), other(0);
  std::size_t k = 0;
  for (; k + 2 * P::size <= n; k += 2 * P::size) {
    largest = maximum(largest, abs(P::load(x + k)));
    other = maximum(other, abs(P::load(x + k + P::size)));
  }
  for (; k < n; k += P::size) {
    largest = maximum(largest, abs(P::load_first(x + k, n - k < P::size ? n - k : P::size)));
  }
  alignas(64) T lane[P::size];
  maximum(largest, other).store(lane);
  T r = lane[0];
  for (const T v : lane) r = v > r || v != v ? v : r;
  return r;
}

}  // namespace

template <Isa I, class T>
VectorKernels<T> make_vector_kernels() {
  return {&dot_kernel<T>, &largest_magnitude_kernel<T>};
}
template VectorKernels<float> make_vector_kernels<kIsa, float>();
template VectorKernels<double> make_vector_kernels<kIsa, double>();

template <Isa I, class Rule>
UpdateKernel<typename Rule::value_type> update_kernel() {
  return &run<Rule>;
}

#define XGRAD_INSTANTIATE(T, ...) template UpdateKernel<T> update_kernel<kIsa, __VA_ARGS__>();
#define XGRAD_INSTANTIATE_ALL(T)                     \
  XGRAD_INSTANTIATE(T, SgdRule<T>)                   \
  XGRAD_INSTANTIATE(T, MomentumRule<T>)              \
  XGRAD_INSTANTIATE(T, AdamRule<T, false>)           \
  XGRAD_INSTANTIATE(T, AdamRule<T, true>)            \
  XGRAD_INSTANTIATE(T, FirstMomentRule<T>)           \
  XGRAD_INSTANTIATE(T, NadamRule<T>)                 \
  XGRAD_INSTANTIATE(T, AdamaxRule<T>)                \
  XGRAD_INSTANTIATE(T, LionRule<T>)                  \
  XGRAD_INSTANTIATE(T, AdagradRule<T>)               \
  XGRAD_INSTANTIATE(T, AdadeltaRule<T>)              \
  XGRAD_INSTANTIATE(T, RmsPropRule<T, false, false>) \
  XGRAD_INSTANTIATE(T, RmsPropRule<T, false, true>)  \
  XGRAD_INSTANTIATE(T, RmsPropRule<T, true, false>)  \
  XGRAD_INSTANTIATE(T, RmsPropRule<T, true, true>)   \
  XGRAD_INSTANTIATE(T, AverageRule<T>)               \
  XGRAD_INSTANTIATE(T, ScaleRule<T>)                 \
  XGRAD_INSTANTIATE(T, ClampRule<T>)
XGRAD_INSTANTIATE_ALL(float)
XGRAD_INSTANTIATE_ALL(double)
#undef XGRAD_INSTANTIATE_ALL
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
