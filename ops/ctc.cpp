#include "xgrad/ops/ctc.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/ctc.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {

using detail::fail;
using detail::Rule;

namespace {

constexpr const char* kName = "ctc_loss";

// The labels of all samples one after the other, and where those of each one begin.
struct Labels {
  std::vector<std::int64_t> all;
  std::vector<std::size_t> begin, count, steps;
  std::int64_t blank = 0;
  bool zero_infinity = false;

  std::size_t samples() const { return count.size(); }
};

std::vector<std::size_t> lengths_of(const char* name, const Indices& lengths, std::size_t n,
                                    std::size_t most) {
  detail::require(lengths.size() == n && lengths.dimension() <= 1, kName, name, " ",
                  Shape(lengths.shape()), " for ", n, " samples");
  std::vector<std::size_t> r;
  for (std::size_t i = 0; i < n; ++i) {
    const std::int64_t v = lengths.data()[i];
    detail::require<std::out_of_range>(v >= 0 && static_cast<std::size_t>(v) <= most, kName, name,
                                       " ", v, " at position ", i, " is not in [0, ", most, "]");
    r.push_back(static_cast<std::size_t>(v));
  }
  return r;
}

void require_label(std::int64_t label, std::size_t classes, std::int64_t blank) {
  detail::require<std::out_of_range>(label >= 0 && label < static_cast<std::int64_t>(classes),
                                     kName, "label ", label, " is not in [0, ", classes, ")");
  detail::require(label != blank, kName, "a target is the blank: ", label);
}

// x (steps, n, classes).
Labels checked(const Shape& x, const Indices& targets, const Indices& input_lengths,
               const Indices& target_lengths, const CtcOptions& options) {
  const std::size_t n = x[1], classes = x[2];
  detail::require<std::out_of_range>(
      options.blank >= 0 && options.blank < static_cast<std::int64_t>(classes), kName, "blank ",
      options.blank, " is not in [0, ", classes, ")");
  const bool rows = targets.dimension() == 2;
  detail::require(targets.dimension() == 1 || (rows && targets.shape()[0] == n), kName, "targets ",
                  Shape(targets.shape()), " do not fit x ", x);
  const std::size_t width = rows ? targets.shape()[1] : targets.size();
  Labels r;
  r.blank = options.blank;
  r.zero_infinity = options.zero_infinity;
  r.steps = lengths_of("input length", input_lengths, n, x[0]);
  r.count = lengths_of("target length", target_lengths, n, width);
  const std::size_t sum = std::accumulate(r.count.begin(), r.count.end(), std::size_t{0});
  detail::require(rows || sum == width, kName, "targets ", Shape(targets.shape()), ", but the ",
                  "lengths add up to ", sum);
  for (std::size_t i = 0; i < n; ++i) {
    r.begin.push_back(r.all.size());
    const std::int64_t* const from = targets.data() + (rows ? i * width : r.all.size());
    r.all.insert(r.all.end(), from, from + r.count[i]);
  }
  for (const std::int64_t label : r.all) require_label(label, classes, options.blank);
  return r;
}

template <class T>
kernels::CtcSample<T> sample(const Labels& l, const T* x, std::size_t classes, std::size_t i) {
  return {x + i * classes, l.samples() * classes, l.steps[i], l.all.data() + l.begin[i], l.count[i],
          l.blank};
}

// --- The recursion in operations ---

template <class T>
constexpr T kNever = -std::numeric_limits<T>::infinity();

// The columns (n, k) moved to the right by `by`.
template <class T>
Tensor<T> moved(const Tensor<T>& a, std::size_t by) {
  const std::size_t n = a.size(0), k = a.size(1);
  const Tensor<T> none = Tensor<T>::filled({n, std::min(by, k)}, kNever<T>);
  if (by >= k) return none;
  return concat({none, slice(a, 1, 0, static_cast<std::ptrdiff_t>(k - by))}, 1);
}

// For each sample the states of its trellis: a blank, a label, a blank, ...; all classes, where a
// label may be entered from the one before, and where the first step may be.
template <class T>
struct States {
  Indices classes;
  Tensor<T> skips, first;
};

template <class T>
States<T> states_of(const Labels& l) {
  const std::size_t n = l.samples();
  const std::size_t k = 2 * *std::max_element(l.count.begin(), l.count.end()) + 1;
  States<T> s{Indices(Indices::shape_type{n, k}), Tensor<T>::filled({n, k}, 0),
              Tensor<T>::filled({n, k}, kNever<T>)};
  std::fill_n(s.classes.data(), n * k, l.blank);
  for (std::size_t i = 0; i < n; ++i) {
    const std::int64_t* const labels = l.all.data() + l.begin[i];
    s.first.mutable_data()[i * k] = 0;
    if (l.count[i] > 0) s.first.mutable_data()[i * k + 1] = 0;
    for (std::size_t j = 0; j < l.count[i]; ++j) {
      s.classes.data()[i * k + 2 * j + 1] = labels[j];
      if (j > 0 && labels[j] != labels[j - 1]) s.skips.mutable_data()[i * k + 2 * j + 1] = 1;
    }
  }
  return s;
}

// 1 for the samples with more than t steps, as (n, 1).
template <class T>
Tensor<T> running(const Labels& l, std::size_t t) {
  Tensor<T> r = Tensor<T>::uninitialized({l.samples(), 1});
  for (std::size_t i = 0; i < l.samples(); ++i) r.mutable_data()[i] = l.steps[i] > t ? T(1) : T(0);
  return r;
}

// 0 for the states that may be last, -infinity elsewhere.
template <class T>
Tensor<T> ends_of(const Labels& l, std::size_t states) {
  Tensor<T> r = Tensor<T>::filled({l.samples(), states}, kNever<T>);
  for (std::size_t i = 0; i < l.samples(); ++i) {
    T* const row = r.mutable_data() + i * states;
    row[2 * l.count[i]] = 0;
    if (l.count[i] > 0) row[2 * l.count[i] - 1] = 0;
  }
  return r;
}

// x (steps, n, classes) -> (n)
template <class T>
Tensor<T> composed_losses(const Tensor<T>& x, const Labels& l) {
  if (l.samples() == 0) return sum(x, {0, 2});
  const States<T> s = states_of<T>(l);
  Tensor<T> a = s.first;
  for (std::size_t t = 0; t < x.size(0); ++t) {
    const Tensor<T> p = gather(select(x, 0, static_cast<std::ptrdiff_t>(t)), 1, s.classes);
    Tensor<T> next = a;
    if (t > 0) {
      const Tensor<T> skipped = where(s.skips, moved(a, 2), kNever<T>);
      next = logsumexp(stack(std::vector{a, moved(a, 1), skipped}, 2), 2);
    }
    a = where(running<T>(l, t), next + p, a);
  }
  Tensor<T> loss = -logsumexp(a + ends_of<T>(l, a.size(1)), 1);
  if (l.zero_infinity) loss = where(isinf(loss), 0, loss);
  return loss;
}

// --- The operation ---

// gx += the gradient for gradients g (n) of the losses.
template <class T>
void add_gradients(const Labels& l, const Tensor<T>& x, const Tensor<T>& g, T* gx) {
  const std::size_t classes = x.size(2);
  kernels::parallel_for(l.samples(), [&](std::size_t i) {
    kernels::ctc_backward(sample(l, x.data(), classes, i), static_cast<double>(g.data()[i]),
                          l.zero_infinity, gx + i * classes);
  });
}

// The gradient as a function of x and g, in operations.
template <class T>
Tensor<T> composed_gradient(const Labels& l, const Tensor<T>& x, const Tensor<T>& g) {
  const GradOptions options{.create_graph = true, .allow_unused = true};
  const Tensor<T> gx = grad<T>({composed_losses(x, l)}, {x}, options, {g})[0];
  return gx.defined() ? gx : Tensor<T>::filled(x.shape(), T(0));
}

template <class T>
void gradient_backward(const void* attributes, Backward<T>& b) {
  const auto& l = *static_cast<const Labels*>(attributes);
  if (b.recording()) {
    const auto in = detail::aliases(b);
    return detail::add_composed(b, in, composed_gradient(l, in[0], in[1]));
  }
  const EnableGrad guard;
  const Tensor<T> x = parameter(b.input(0)), g = parameter(b.input(1));
  const Tensor<T> gx = composed_gradient(l, x, g);
  if (!gx.requires_grad()) return;
  const auto second = grad<T>({gx}, {x, g}, {.allow_unused = true}, {b.gradient()});
  for (std::size_t i = 0; i < 2; ++i) {
    if (second[i].defined()) b.add(i, second[i]);
  }
}

template <class T>
const Rule<T> kGradient = {"ctc_loss gradient", &gradient_backward<T>,
                           &detail::destroy_attributes<Labels>};

template <class T>
void ctc_backward(const void* attributes, Backward<T>& b) {
  const auto& l = *static_cast<const Labels*>(attributes);
  const Tensor<T> x = b.input(0), g = b.gradient();
  if (b.recording()) {
    Tensor<T> gx = Tensor<T>::filled(x.shape(), T(0));
    add_gradients(l, x, g, gx.node()->data);
    detail::record<T>(gx, kGradient<T>, {&x, &g}, {.inputs = 3}, l);
    return b.add(0, std::move(gx));
  }
  const auto [gx, accumulate] = detail::FastPath(b).accumulator(0);
  if (!accumulate) std::fill_n(gx, x.size(), T(0));
  add_gradients(l, x, g, gx);
}

template <class T>
const Rule<T> kCtc = {"ctc_loss", &ctc_backward<T>, &detail::destroy_attributes<Labels>};

// x (steps, n, classes) -> (n)
template <class T>
Tensor<T> losses(const Tensor<T>& x, const Labels& l) {
  Tensor<T> y = Tensor<T>::uninitialized({l.samples()});
  T* const to = y.node()->data;
  kernels::parallel_for(l.samples(), [&](std::size_t i) {
    const double loss = kernels::ctc_loss(sample(l, x.data(), x.size(2), i));
    to[i] = static_cast<T>(l.zero_infinity && std::isinf(loss) ? 0 : loss);
  });
  detail::record<T>(y, kCtc<T>, {&x}, {.inputs = 1}, l);
  if (detail::is_logged<T>()) detail::log_again(y, [l](const auto& o) { return losses(o[0], l); });
  return y;
}

// 1 / the number of labels.
template <class T>
Tensor<T> per_label(const Labels& l) {
  Tensor<T> r = Tensor<T>::uninitialized({l.samples()});
  for (std::size_t i = 0; i < l.samples(); ++i) {
    r.mutable_data()[i] = T(1) / static_cast<T>(std::max<std::size_t>(l.count[i], 1));
  }
  return r;
}

template <class T>
Tensor<T> reduced_losses(const Tensor<T>& x, const Indices& targets, const Indices& input_lengths,
                         const Indices& target_lengths, CtcOptions options) {
  detail::require(x.rank() == 2 || x.rank() == 3, kName,
                  "x is not (steps, n, classes) or (steps, classes): ", x.shape());
  const bool one = x.rank() == 2;
  const Shape shape{x.size(0), one ? 1 : x.size(1), x.size(-1)};
  const Labels l = checked(shape, targets, input_lengths, target_lengths, options);
  Tensor<T> y = losses(one ? reshape(x, shape) : x, l);
  const Reduction reduction = options.reduction;
  if (reduction == Reduction::mean) return mean(y * per_label<T>(l));
  if (reduction == Reduction::none) return one ? reshape(y, Shape{}) : y;
  return reduction == Reduction::batchmean ? mean(y) : sum(y);
}

}  // namespace

template <class T>
Tensor<T> ctc_loss(const Tensor<T>& x, const Indices& targets, const Indices& input_lengths,
                   const Indices& target_lengths, CtcOptions options) {
  if (detail::tracer == nullptr)
    return reduced_losses(x, targets, input_lengths, target_lengths, options);
  using detail::FollowedIndices;
  const auto call = [a = FollowedIndices(targets), b = FollowedIndices(input_lengths),
                     c = FollowedIndices(target_lengths), options](const Tensor<T>& now) {
    return reduced_losses(now, a.get(), b.get(), c.get(), options);
  };
  return detail::as_one(kName, call, x);
}

#define XGRAD_INSTANTIATE(T)                                                                    \
  template Tensor<T> ctc_loss(const Tensor<T>&, const Indices&, const Indices&, const Indices&, \
                              CtcOptions);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
