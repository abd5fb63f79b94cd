#include "xgrad/compile/fused_calls.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <random>
#include <vector>

#include "xgrad/autograd/elementwise_loop.hpp"

namespace xgrad::detail {
namespace {

using kernels::GroupKernels;

template <class T>
constexpr std::size_t kGroup = kernels::kGroupBytes / sizeof(T);

// Over one group, or over all numbers of a comparison.
template <class T>
const Loop& loop_of(std::size_t n, std::size_t inputs) {
  static const std::vector<Loop> loops = [] {
    std::vector<Loop> r(2);
    for (std::size_t k = 0; k < 2; ++k) build_loop(r[k], kGroup<T>, k + 1);
    return r;
  }();
  thread_local Loop other;
  if (n == kGroup<T>) return loops[inputs - 1];
  build_loop(other, n, inputs);
  return other;
}

// --- Comparing ---

constexpr std::size_t kNumbers = 4096;

template <class T>
using Numbers = std::vector<T>;

// Around 1, and of all sizes.
template <class T>
Numbers<T> numbers(unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<T> normal;
  std::uniform_real_distribution<T> exponent(-12, 12);
  Numbers<T> x(kNumbers);
  for (T& v : x) {
    v = normal(random);
    if (random() % 4 == 0) v = std::ldexp(v, static_cast<int>(exponent(random)));
    if (random() % 2 == 0) v = std::abs(v);
  }
  return x;
}

template <class T>
bool same(const Numbers<T>& a, const Numbers<T>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), [](T x, T y) {
    return (x != x && y != y) || std::memcmp(&x, &y, sizeof(T)) == 0;
  });
}

// Leaves out what differs from the kernels of `rule`.
template <class T>
class Comparison {
 public:
  Comparison(const ElementwiseRule<T>& rule, const void* functor)
      : rule_(rule), functor_(functor), x_(numbers<T>(1)), y_(numbers<T>(2)), z_(kNumbers) {
    const T* const in[] = {x_.data(), y_.data()};
    rule.kernels.forward(functor, loop_of<T>(kNumbers, rule.arity), in, z_.data());
  }

  GroupKernels<T> run(GroupKernels<T> group) const {
    if (group.value != nullptr && !same(z_, value(group))) group = {};
    for (unsigned i = 0; i < 2; ++i)
      if (group.slope[i] != nullptr && !is_same_slope(group, i)) group.slope[i] = nullptr;
    if (group.value == nullptr || group.slope[0] == nullptr) group.both = nullptr;
    if (group.both != nullptr && !is_same_together(group)) group.both = nullptr;
    return group;
  }

 private:
  Numbers<T> value(const GroupKernels<T>& group) const {
    Numbers<T> z(kNumbers);
    for (std::size_t k = 0; k < kNumbers; k += kGroup<T>)
      group.value(functor_, &x_[k], &y_[k], &z[k]);
    return z;
  }
  Numbers<T> slope(const GroupKernels<T>& group, unsigned i) const {
    Numbers<T> d(kNumbers);
    for (std::size_t k = 0; k < kNumbers; k += kGroup<T>)
      group.slope[i](functor_, &x_[k], &y_[k], &z_[k], &d[k]);
    return d;
  }
  bool is_same_together(const GroupKernels<T>& group) const {
    Numbers<T> z(kNumbers), d(kNumbers);
    for (std::size_t k = 0; k < kNumbers; k += kGroup<T>)
      group.both(functor_, &x_[k], &y_[k], &z[k], &d[k]);
    return same(z, z_) && same(d, slope(group, 0));
  }
  bool is_same_slope(const GroupKernels<T>& group, unsigned i) const {
    const Numbers<T> gz = numbers<T>(3);
    Numbers<T> by_group = slope(group, i), by_kernel(kNumbers), other(kNumbers);
    for (std::size_t k = 0; k < kNumbers; ++k) by_group[k] = gz[k] * by_group[k];
    kernels::BackwardArguments<T> a{};
    a.in[0] = x_.data();
    a.in[1] = y_.data();
    a.y = z_.data();
    a.gy = gz.data();
    a.gin[i] = by_kernel.data();
    a.gin[1 - i] = other.data();
    rule_.kernels.backward[1U << i](functor_, loop_of<T>(kNumbers, rule_.arity), a);
    return same(by_group, by_kernel);
  }

  const ElementwiseRule<T>& rule_;
  const void* functor_;
  Numbers<T> x_, y_, z_;
};

}  // namespace

template <class T>
GroupKernels<T> only_exact(const GroupKernels<T>& group, const ElementwiseRule<T>& rule,
                           const void* functor) {
  return Comparison<T>(rule, functor).run(group);
}

template <class T>
GroupKernels<T> exact_group_kernels(const ElementwiseRule<T>& rule, const void* functor) {
  static std::mutex mutex;
  static std::map<kernels::ForwardKernel<T>, GroupKernels<T>> known;
  const std::lock_guard<std::mutex> lock(mutex);
  const auto [there, is_new] = known.try_emplace(rule.kernels.forward);
  if (is_new) {
    const GroupKernels<T> group = kernels::group_kernels(rule.kernels.forward);
    if (group.value != nullptr) there->second = only_exact(group, rule, functor);
  }
  return there->second;
}

template <class T>
void KernelCall<T>::value(const void* call, const T* x, const T* y, T* z) {
  const auto& c = *static_cast<const KernelCall*>(call);
  const T* const in[] = {x, y};
  c.rule->kernels.forward(c.functor, loop_of<T>(kGroup<T>, c.rule->arity), in, z);
}

template <class T>
void KernelCall<T>::gradient(const void* call, const T* x, const T* y, const T* z, const T* gz,
                             T* g) {
  const auto& c = *static_cast<const KernelCall*>(call);
  alignas(64) T other[kGroup<T>];
  kernels::BackwardArguments<T> a;
  a.in[0] = x;
  a.in[1] = y;
  a.y = c.rule->saves(1U << c.wanted).output ? z : nullptr;
  a.gy = gz;
  a.gin[c.wanted] = g;
  a.gin[1 - c.wanted] = other;
  a.accumulate[0] = a.accumulate[1] = false;
  a.careful = c.rule->careful;
  c.rule->kernels.backward[c.needed](c.functor, loop_of<T>(kGroup<T>, c.rule->arity), a);
}

template GroupKernels<float> only_exact(const GroupKernels<float>&, const ElementwiseRule<float>&,
                                        const void*);
template GroupKernels<double> only_exact(const GroupKernels<double>&,
                                         const ElementwiseRule<double>&, const void*);
template GroupKernels<float> exact_group_kernels(const ElementwiseRule<float>&, const void*);
template GroupKernels<double> exact_group_kernels(const ElementwiseRule<double>&, const void*);
template struct KernelCall<float>;
template struct KernelCall<double>;

}  // namespace xgrad::detail
