#include "xgrad/ops/hard_cross_entropy.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/kernels/softmax.hpp"
#include "xgrad/ops/class_samples.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/softmax.hpp"

namespace xgrad::detail {
namespace {

template <class T>
struct CrossEntropy : Samples<T> {
  Tensor<T> maximum, log_sum;  // of each sample: the largest x, and log sum exp(x - maximum)
};

// What is known of the samples, as arrays. Of a sample that does not count, whatever is in it, log_sum is 0.
template <class T>
struct Rows {
  AxisView view;
  const T* factors;
  T *maximum, *log_sum;
};

template <class T>
Rows<T> rows_of(const CrossEntropy<T>& s) {
  return {s.view, s.factors.data(), s.maximum.node()->data, s.log_sum.node()->data};
}
template <class T>
auto positions_of(const CrossEntropy<T>& s) {
  return [p = s.positions.data()](std::size_t i) { return static_cast<std::size_t>(p[i]); };
}

// The losses of the samples; maximum and log_sum are set on the way. at(i): where the number at the label of
// sample i is.
template <class T, class At>
void set_losses(const T* x, const Rows<T>& r, const At& at, T* losses) {
  kernels::log_sum_exp(x, r.maximum, r.log_sum, r.view);
  for (std::size_t i = 0; i < r.view.rows(); ++i) {
    const T factor = r.factors[i];
    losses[i] = factor == 0 ? T(0) : factor * (r.log_sum[i] - (x[at(i)] - r.maximum[i]));
    if (factor == 0) r.log_sum[i] = 0;
  }
}

// gx = g (softmax(x) - onehot), which at a label is what its probability lacks of 1: not the difference to a
// rounded one. `work`: room for two numbers of each sample.
template <class T, class At>
void add_gradient(const T* x, const Rows<T>& r, const At& at, const T* g, T* work, T* gx,
                  bool accumulate) {
  const std::size_t rows = r.view.rows();
  T *const scale = work, *const before = work + rows;
  std::transform(r.log_sum, r.log_sum + rows, g, scale, &kernels::softmax_scale<T>);
  for (std::size_t i = 0; i < rows; ++i) before[i] = accumulate ? gx[at(i)] : T(0);
  kernels::exponentials(x, r.maximum, scale, gx, r.view, accumulate);
  for (std::size_t i = 0; i < rows; ++i) {
    const T log_sum = r.log_sum[i], log_p = (x[at(i)] - r.maximum[i]) - log_sum;
    if (g[i] == 0) continue;  // an ignored one has no position
    gx[at(i)] = before[i] + g[i] * (std::isinf(log_sum) ? kUndefined<T> : std::expm1(log_p));
  }
}

template <class T>
Tensor<T> softmax_less_one_hot(const Samples<T>& s, const Tensor<T>& x) {
  return where(one_hot(s) != 0, expm1(log_softmax(x, 1)), softmax(x, 1));
}

template <class T>
void cross_entropy_backward(const void* attributes, Backward<T>& b) {
  const auto& s = *static_cast<const CrossEntropy<T>*>(attributes);
  const Tensor<T> g = sample_gradients<T>(s, b.gradient());
  if (b.recording()) {
    const Tensor<T> x = reshape(b.input(0), Shape{s.view.outer, s.view.n, s.view.inner});
    const Tensor<T> slope = softmax_less_one_hot<T>(s, where(s.factors == 0, 0, x));
    return b.add(0, reshape(g * slope, b.input_shape(0)));
  }
  const Tensor<T> work = Tensor<T>::uninitialized({2, s.view.rows()});
  const T* const x = b.input(0).data();
  const auto [gx, accumulate] = FastPath(b).accumulator(0);
  add_gradient(x, rows_of(s), positions_of(s), g.data(), work.node()->data, gx, accumulate);
}

template <class T>
const Rule<T> kCrossEntropy = {"cross_entropy", &cross_entropy_backward<T>,
                               &destroy_attributes<CrossEntropy<T>>};

}  // namespace

template <class T>
Tensor<T> hard_cross_entropy(const Tensor<T>& x, const Indices& labels,
                             const NllOptions<T>& options) {
  CrossEntropy<T> s{samples_of("cross_entropy", x, labels, options), {}, {}};
  s.maximum = Tensor<T>::uninitialized(s.factors.shape());
  s.log_sum = Tensor<T>::uninitialized(s.factors.shape());
  const Tensor<T> losses = Tensor<T>::uninitialized(s.factors.shape());
  set_losses(x.data(), rows_of(s), positions_of(s), losses.node()->data);
  const Tensor<T> y = total_of<T>(losses, s, options.reduction);
  record<T>(y, kCrossEntropy<T>, {&x}, {.inputs = 1}, s);
  if (!is_logged<T>()) return y;
  log_again(y, [followed = FollowedIndices(labels), options](const auto& o) {
    return hard_cross_entropy(o[0], followed.get(), options);
  });
  return y;
}

// Kept of each sample: factor, maximum, log_sum, and three numbers of work.
template <class T>
void describe_cross_entropy(const Tensor<T>& y, const Tensor<T>& x, const Indices& labels,
                            const NllOptions<T>& options) {
  if (tracer == nullptr || x.size() == 0) return;
  const AxisView view = checked_view("cross_entropy", x, labels, options.weight);
  const std::size_t rows = view.rows(), batch = mean_batch(x.shape());
  const auto positions = [view, followed = FollowedIndices(labels), i = options.ignore_index] {
    return LabelPositions{view, followed.get().data(), i};
  };
  const auto forward = [=, weighted = options.weight.defined(),
                        reduction = options.reduction](const ForwardArrays<T>& a) {
    const LabelPositions at = positions();
    T *const factors = a.kept, *const losses = a.kept + 3 * rows;
    const T* const weight = weighted ? a.x[1] : nullptr;
    const double divisor = set_factors("cross_entropy", at, weight, reduction, batch, factors);
    set_losses(a.x[0], Rows<T>{view, factors, factors + rows, factors + 2 * rows}, at, losses);
    total_of(losses, rows, divisor, reduction, a.y);
  };
  const auto backward = [=, one = y.size() == 1](const BackwardArrays<T>& a) {
    T *const factors = a.kept, *const g = a.kept + 3 * rows;
    sample_gradients(factors, rows, a.gy, one, g);
    add_gradient(a.x[0], Rows<T>{view, factors, factors + rows, factors + 2 * rows}, positions(), g,
                 g + rows, a.gx[0], a.adds(0));
  };
  describe_arrays(y, forward, backward, {.kept = 6 * rows});
  describe_class_losses<T>(y, x, labels, options, &hard_cross_entropy<T>);
}

#define XGRAD_INSTANTIATE(T)                                                                     \
  template Tensor<T> hard_cross_entropy(const Tensor<T>&, const Indices&, const NllOptions<T>&); \
  template void describe_cross_entropy(const Tensor<T>&, const Tensor<T>&, const Indices&,       \
                                       const NllOptions<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
