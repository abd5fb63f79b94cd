// The reductions that are made of squares, powers and exponentials.

#include <algorithm>
#include <cmath>
#include <limits>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/formulas/elementary.hpp"
#include "xgrad/kernels/moments.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reduction_plan.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/scaled_sums.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad {

using detail::Rule;
using kernels::AxisView;

namespace {

Shape along(const AxisView& v) { return {v.outer, v.n, v.inner}; }
Shape kept(const AxisView& v) { return {v.outer, 1, v.inner}; }

// The means of the rows of x: rounded, and what is left of them.
template <class T>
struct Means {
  Tensor<T> mean, rest;  // undefined for 0

  const T* mean_data() const { return mean.defined() ? mean.data() : nullptr; }
  const T* rest_data() const { return rest.defined() ? rest.data() : nullptr; }
};

// Rows, and their means as arrays; null for 0.
template <class T>
struct Rows {
  AxisView view;
  const T *mean, *rest;

  std::size_t count() const { return view.rows(); }
  /// Of row i.
  T mean_of(std::size_t i) const { return mean != nullptr ? mean[i] : T(0); }
  T rest_of(std::size_t i) const { return rest != nullptr ? rest[i] : T(0); }
};

template <class T>
struct Squares {
  AxisView view;
  Means<T> means;

  Rows<T> rows() const { return {view, means.mean_data(), means.rest_data()}; }
};

// x - mean, also where the rounding of the mean is as large as that.
template <class T>
Tensor<T> deviations_from_mean(const Tensor<T>& x, const Axes& axes) {
  const Tensor<T> d = x - mean(x, axes, {.keep_dims = true});
  return d - mean(d, axes, {.keep_dims = true});
}

template <class T>
Tensor<T> recorded_deviations(const Squares<T>& s, Backward<T>& b) {
  const Tensor<T> x = reshape(b.input(0), along(s.view));
  return s.means.mean.defined() ? deviations_from_mean(x, 1) : x;
}

// The sums of the squares of the rows, around their means when `centered`.
template <class T>
Tensor<T> sums_of_squares(const Tensor<T>& x, Squares<T>& s, const Shape& shape, bool centered) {
  Tensor<T> y = Tensor<T>::uninitialized(shape);
  if (!centered) {
    kernels::squares(x.data(), y.node()->data, s.view);
    return y;
  }
  const NoGrad guard;
  const detail::Untraced untraced;
  s.means = {mean(reshape(x, along(s.view)), 1), Tensor<T>::uninitialized({s.view.rows()})};
  kernels::squares_around_mean(x.data(), s.means.mean.node()->data, s.means.rest.node()->data,
                               y.node()->data, s.view);
  return y;
}

// gx = 2 gy (x - mean): the mean adds nothing, the deviations from it being 0 in sum.
template <class T>
void squares_backward(const void* attributes, Backward<T>& b) {
  const auto& s = *static_cast<const Squares<T>*>(attributes);
  if (b.recording()) {
    const Tensor<T> g = 2 * reshape(b.gradient(), kept(s.view)) * recorded_deviations(s, b);
    return b.add(0, reshape(g, b.input_shape(0)));
  }
  const Tensor<T> scale = 2 * b.gradient();
  const auto [gx, accumulate] = detail::FastPath(b).accumulator(0);
  kernels::deviations(b.input(0).data(), s.means.mean_data(), s.means.rest_data(), scale.data(), gx,
                      s.view, accumulate);
}

// The same on arrays, where numbers are kept: mean and rest of each row, and one of work.
template <class T>
Rows<T> kept_rows(const AxisView& view, bool centered, T* kept) {
  return {view, centered ? kept : nullptr, centered ? kept + view.rows() : nullptr};
}
template <class T>
void squares_on_arrays(const T* x, const AxisView& view, bool centered, T* kept, T* y) {
  if (!centered) return kernels::squares(x, y, view);
  detail::scaled_sums(x, view, 1 / static_cast<double>(view.n), kept);
  kernels::squares_around_mean(x, kept, kept + view.rows(), y, view);
}

template <class T>
const Rule<T> kSquares = {"sum_of_squares", &squares_backward<T>,
                          &detail::destroy_attributes<Squares<T>>};

// sum (x - mean)^2.
template <class T>
Tensor<T> squares_around_mean(const Tensor<T>& x, const AxisView& view, const Shape& shape) {
  Squares<T> s{view, {}};
  const Tensor<T> y = sums_of_squares(x, s, shape, true);
  detail::record<T>(y, kSquares<T>, {&x}, {.inputs = 1}, s);
  detail::log_again(
      y, [=](const auto& operands) { return squares_around_mean(operands[0], view, shape); });
  detail::describe_rows(y, view, [](const auto& o, const AxisView& v, const Shape& of_y) {
    return squares_around_mean(o, v, of_y);
  });
  const std::size_t rows = view.rows();
  const auto forward = [view](const auto& a) {
    squares_on_arrays(a.x[0], view, true, a.kept, a.y);
  };
  const auto backward = [view, rows](const auto& a) {
    T* const scale = a.kept + 2 * rows;
    std::transform(a.gy, a.gy + rows, scale, [](T g) { return 2 * g; });
    kernels::deviations(a.x[0], a.kept, a.kept + rows, scale, a.gx[0], view, a.adds(0));
  };
  detail::describe_arrays(y, forward, backward, {.kept = 3 * rows});
  return y;
}
template <class T>
Tensor<T> squares_around_mean(const Tensor<T>& x, const Axes& axes, bool keep_dims) {
  const auto plan = detail::plan_reduction("var", x.shape(), axes);
  if (plan.count > 1) {
    return sum(square(deviations_from_mean(x, axes)), axes, {.keep_dims = keep_dims});
  }
  return squares_around_mean(x, plan.groups[0], plan.result(keep_dims));
}

// --- The root of the sum of squares, also where the squares leave the range of T. ---

// Sums of squares and of powers are as good as T is between these, and so are quotients by them.
template <class T>
struct Range {
  static constexpr T low = std::numeric_limits<T>::min() / std::numeric_limits<T>::epsilon();
  static constexpr T high = std::numeric_limits<T>::max() / 256;
};

template <class T>
bool is_between(T v, T low, T high) {
  return v >= low && v <= high;
}

// A loop without a way out, which compilers make packs of.
template <class T>
bool all_between(const T* p, std::size_t n, T low, T high) {
  int outside = 0;
  for (std::size_t k = 0; k < n; ++k) outside |= static_cast<int>(!is_between(p[k], low, high));
  return outside == 0;
}

// f(i) for the numbers of row k.
template <class F>
void each_of_row(const AxisView& view, std::size_t k, const F& f) {
  const std::size_t first = k / view.inner * view.n * view.inner + k % view.inner;
  for (std::size_t i = 0; i < view.n; ++i) f(first + i * view.inner);
}

// The norm of row k by numbers that are scaled to the largest of them.
template <class T>
T scaled_norm(const T* x, const Rows<T>& s, std::size_t k) {
  const T mean = s.mean_of(k), rest = s.rest_of(k);
  const auto deviation = [&](std::size_t i) { return (x[i] - mean) - rest; };
  T largest(0);
  each_of_row(s.view, k, [&](std::size_t i) {
    const T d = std::abs(deviation(i));
    if (d > largest || std::isnan(d)) largest = d;
  });
  if (largest == 0 || !std::isfinite(largest)) return largest;
  const int exponent = std::ilogb(largest);
  long double sum = 0;
  each_of_row(s.view, k, [&](std::size_t i) {
    const long double d = std::scalbn(deviation(i), -exponent);
    sum += d * d;
  });
  return std::scalbn(static_cast<T>(std::sqrt(sum)), exponent);
}

// gx += gy (x - mean) / y for row k, by quotients that are at most 1.
template <class T>
void add_direction(const T* x, const Rows<T>& s, std::size_t k, T y, T gy, T* gx) {
  const T mean = s.mean_of(k), rest = s.rest_of(k);
  each_of_row(s.view, k, [&](std::size_t i) { gx[i] += gy * (((x[i] - mean) - rest) / y); });
}

// gx = gy (x - mean) / y, 0 where y is 0. `scale`: room for a number of each row.
template <class T>
void add_directions(const T* x, const Rows<T>& s, const T* y, const T* gy, T* scale, T* gx,
                    bool accumulate) {
  const T low = Range<T>::low, high = Range<T>::high;
  const std::size_t n = s.count();
  const bool usual = all_between(y, n, low, high);
  std::transform(gy, gy + n, y, scale, [](T g, T v) { return g / v; });
  for (std::size_t k = 0; !usual && k < n; ++k) {
    if (!is_between(y[k], low, high) && !std::isnan(y[k])) scale[k] = T(0);
  }
  kernels::deviations(x, s.mean, s.rest, scale, gx, s.view, accumulate);
  for (std::size_t k = 0; !usual && k < n; ++k) {
    if (y[k] > 0 && !is_between(y[k], low, high)) add_direction(x, s, k, y[k], gy[k], gx);
  }
}

template <class T>
void root_of_squares_backward(const void* attributes, Backward<T>& b) {
  const auto& s = *static_cast<const Squares<T>*>(attributes);
  const Tensor<T> y = b.output(), gy = b.gradient();
  if (b.recording()) {
    const Tensor<T> size = reshape(y, kept(s.view)), zero = size == 0;
    const Tensor<T> direction = recorded_deviations(s, b) / where(zero, 1, size);
    const Tensor<T> g = reshape(gy, kept(s.view)) * where(zero, 0, direction);
    return b.add(0, reshape(g, b.input_shape(0)));
  }
  const Tensor<T> scale = Tensor<T>::uninitialized(gy.shape());
  const auto [gx, accumulate] = detail::FastPath(b).accumulator(0);
  add_directions(b.input(0).data(), s.rows(), y.data(), gy.data(), scale.node()->data, gx,
                 accumulate);
}

template <class T>
const Rule<T> kRootOfSquares = {"norm", &root_of_squares_backward<T>,
                                &detail::destroy_attributes<Squares<T>>};

// Sums of squares whose roots were taken: those that left the range are taken anew.
template <class T>
void mend_roots(const T* x, const Rows<T>& s, T* y) {
  static const T low = std::sqrt(Range<T>::low), high = std::sqrt(std::numeric_limits<T>::max());
  const bool usual = all_between(y, s.count(), low, high);
  for (std::size_t k = 0; !usual && k < s.count(); ++k) {
    if (!is_between(y[k], low, high) && !std::isnan(y[k])) y[k] = scaled_norm(x, s, k);
  }
}

template <class T>
void describe_root(const Tensor<T>& y, const AxisView& view, bool centered) {
  const std::size_t rows = view.rows();
  const auto forward = [view, centered, rows](const auto& a) {
    squares_on_arrays(a.x[0], view, centered, a.kept, a.y);
    std::transform(a.y, a.y + rows, a.y, [](T v) { return std::sqrt(v); });
    mend_roots(a.x[0], kept_rows(view, centered, a.kept), a.y);
  };
  const auto backward = [view, centered, rows](const auto& a) {
    add_directions(a.x[0], kept_rows(view, centered, a.kept), a.y, a.gy, a.kept + 2 * rows, a.gx[0],
                   a.adds(0));
  };
  detail::describe_arrays(y, forward, backward, {.kept = 3 * rows});
}

template <class T>
Tensor<T> root_of_squares(const Tensor<T>& x, const AxisView& view, const Shape& shape,
                          bool centered) {
  Squares<T> s{view, {}};
  Tensor<T> y;
  {
    const NoGrad guard;
    const detail::Untraced untraced;
    y = detail::apply(primitives::Root{}, sums_of_squares(x, s, shape, centered));
  }
  mend_roots(x.data(), s.rows(), y.node()->data);
  detail::record<T>(y, kRootOfSquares<T>, {&x}, {.inputs = 1, .output = true}, s);
  detail::log_again(
      y, [=](const auto& operands) { return root_of_squares(operands[0], view, shape, centered); });
  detail::describe_rows(y, view, [centered](const auto& o, const AxisView& v, const Shape& of_y) {
    return root_of_squares(o, v, of_y, centered);
  });
  describe_root(y, view, centered);
  return y;
}

template <class T>
Tensor<T> euclidean_norm(const char* operation, const Tensor<T>& x, const Axes& axes,
                         bool keep_dims, bool centered) {
  const auto plan = detail::plan_reduction(operation, x.shape(), axes);
  centered = centered && plan.count == 1;
  return detail::reduce_groups(
      x, plan, keep_dims, [=](const Tensor<T>& part, const AxisView& view, const Shape& shape) {
        return root_of_squares(part, view, shape, centered);
      });
}

// sum |x|^p, with the slope 0 where a power has none at 0.
template <class T>
Tensor<T> sum_of_powers(const Tensor<T>& size, T p, const Axes& axes) {
  const Tensor<T> zero = size == 0;
  return sum(where(zero, 0, pow(where(zero, 1, size), p)), axes, {.keep_dims = true});
}

// (sum |x|^p)^(1/p), of numbers scaled to the largest where the powers leave the range.
template <class T>
Tensor<T> norm_in_range(const Tensor<T>& x, T p, const Axes& axes, ReduceOptions options) {
  const auto plan = detail::plan_reduction("norm", x.shape(), axes);
  const Tensor<T> size = abs(x);
  Tensor<T> scale, s = sum_of_powers(size, p, axes);
  if (plan.numbers != 0 && !all_between(s.data(), s.size(), Range<T>::low, Range<T>::high)) {
    const NoGrad guard;
    scale = max(size, axes, {.keep_dims = true});
    scale = where(scale > 0, where(scale <= std::numeric_limits<T>::max(), scale, 1), 1);
  }
  if (scale.defined()) s = sum_of_powers(size / scale, p, axes);
  const Tensor<T> empty = s == 0;
  Tensor<T> y = where(empty, 0, pow(where(empty, 1, s), 1 / p));
  if (scale.defined()) y = y * scale;
  return reshape(y, plan.result(options.keep_dims));
}

template <class T>
Tensor<T> general_norm(const Tensor<T>& x, T p, const Axes& axes, ReduceOptions options) {
  if (detail::tracer == nullptr) return norm_in_range(x, p, axes, options);
  const auto call = [=](const Tensor<T>& now) { return norm_in_range(now, p, axes, options); };
  return detail::as_one("norm", call, x);
}

// 1 / (n - correction), NaN unless that is above 0.
template <class T>
double inverse_of_freedom(const Tensor<T>& x, const Tensor<T>& s, double correction) {
  const double n = s.size() == 0 ? 0 : static_cast<double>(x.size() / s.size());
  return n > correction ? 1 / (n - correction) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

template <class T>
Tensor<T> var(const Tensor<T>& x, const Axes& axes, VarianceOptions options) {
  const Tensor<T> s = squares_around_mean(x, axes, options.keep_dims);
  return s * inverse_of_freedom(x, s, options.correction);
}

template <class T>
Tensor<T> stddev(const Tensor<T>& x, const Axes& axes, VarianceOptions options) {
  const bool one_group = detail::plan_reduction("stddev", x.shape(), axes).count == 1;
  const Tensor<T> y = euclidean_norm("stddev", one_group ? x : deviations_from_mean(x, axes), axes,
                                     options.keep_dims, one_group);
  return y * std::sqrt(inverse_of_freedom(x, y, options.correction));
}

template <class T>
Tensor<T> norm(const Tensor<T>& x, double p, const Axes& axes, ReduceOptions options) {
  detail::require_in("norm", "p", p, "(0, inf]");
  if (p == 2) return euclidean_norm("norm", x, axes, options.keep_dims, false);
  if (p == 1) return sum(abs(x), axes, options);
  if (std::isinf(p)) return max(abs(x), axes, options);
  return general_norm(x, static_cast<T>(p), axes, options);
}

#define XGRAD_INSTANTIATE(T)                                                 \
  template Tensor<T> var(const Tensor<T>&, const Axes&, VarianceOptions);    \
  template Tensor<T> stddev(const Tensor<T>&, const Axes&, VarianceOptions); \
  template Tensor<T> norm(const Tensor<T>&, double, const Axes&, ReduceOptions);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
