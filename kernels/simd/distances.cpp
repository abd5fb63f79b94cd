#include "xgrad/kernels/distances.hpp"

#include "xgrad/kernels/instantiate.hpp"

// Loops over neighbours that the compiler turns into packs; sums have as many terms at a time as
// lanes, so that it need not change their order.
namespace xgrad::kernels {
namespace {

constexpr std::size_t kLanes = 16;

constexpr float largest_of(float) { return __FLT_MAX__; }
constexpr double largest_of(double) { return __DBL_MAX__; }
[[gnu::always_inline]] inline float root_of(float x) { return __builtin_sqrtf(x); }
[[gnu::always_inline]] inline double root_of(double x) { return __builtin_sqrt(x); }

template <class T>
void squares(const T* __restrict a, const T* __restrict b, T* __restrict y, std::size_t k,
             std::size_t m) {
  for (std::size_t j = 0; j < m; ++j) y[j] = 0;
  for (std::size_t l = 0; l < k; ++l) {
    const T* const row = b + l * m;
    const T from = a[l];
    for (std::size_t j = 0; j < m; ++j) y[j] += (from - row[j]) * (from - row[j]);
  }
}

template <class T>
bool expand(T a, const T* __restrict b, T* __restrict y, std::size_t m) {
  int near = 0;
  for (std::size_t j = 0; j < m; ++j) {
    const T both = a + b[j];
    y[j] = both - 2 * y[j];
    near |= y[j] >= T(0.25) * both ? 0 : 1;
  }
  return near != 0;
}

template <class T>
bool root(T* __restrict y, std::size_t m, T low) {
  constexpr T largest = largest_of(T());
  int outside = 0;
  for (std::size_t j = 0; j < m; ++j) {
    outside |= y[j] >= low && y[j] <= largest ? 0 : 1;
    y[j] = root_of(y[j]);
  }
  return outside != 0;
}

// The sum of term(i), i < k.
template <class T, class Term>
[[gnu::always_inline]] inline T total(std::size_t k, const Term& term) {
  T lane[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= k; i += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) lane[l] += term(i + l);
  }
  for (std::size_t l = 0; i + l < k; ++l) lane[l] += term(i + l);
  for (std::size_t half = kLanes / 2; half != 0; half /= 2) {
    for (std::size_t l = 0; l < half; ++l) lane[l] += lane[l + half];
  }
  return lane[0];
}

template <class T>
T pair(const T* a, const T* b, std::size_t k) {
  return total<T>(k, [=](std::size_t i) { return (a[i] - b[i]) * (a[i] - b[i]); });
}

template <class T>
void add(T* __restrict y, T g, const T* __restrict a, const T* __restrict b, std::size_t k) {
  for (std::size_t i = 0; i < k; ++i) y[i] += g * (a[i] - b[i]);
}

template <class T>
T project(const T* v, const T* a, const T* b, std::size_t k) {
  return total<T>(k, [=](std::size_t i) { return v[i] * (a[i] - b[i]); });
}

}  // namespace

template <Isa I, class T>
DistanceKernels<T> make_distance_kernels() {
  return {&squares<T>, &expand<T>, &root<T>, &pair<T>, &add<T>, &project<T>};
}

template DistanceKernels<float> make_distance_kernels<kIsa, float>();
template DistanceKernels<double> make_distance_kernels<kIsa, double>();

}  // namespace xgrad::kernels
