#include "xgrad/ops/sorting.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/axis.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/axis_view.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {
namespace {

using detail::require;
using kernels::AxisView;

AxisView view_along(const Shape& s, std::size_t axis) {
  const Shape before(s.begin(), s.begin() + axis), after(s.begin() + axis + 1, s.end());
  return {before.elements(), s[axis], after.elements()};
}

template <class T>
struct Entry {
  T value;
  std::int64_t index;
};

// Both are strict orders in which NaN is the largest.
template <class T>
bool is_below(T a, T b) {
  return a < b || (std::isnan(b) && !std::isnan(a));
}
template <class T>
bool comes_first(const Entry<T>& a, const Entry<T>& b, bool descending) {
  return descending ? is_below(b.value, a.value) : is_below(a.value, b.value);
}

// Positions of k elements of each row along the axis, as `choose` arranges the row's entries.
template <class T, class Choose>
Indices positions_along(const Tensor<T>& x, std::size_t axis, std::size_t k, const Choose& choose) {
  const AxisView v = view_along(x.shape(), axis);
  Shape shape = x.shape();
  shape[axis] = k;
  Indices index(Indices::shape_type(shape.begin(), shape.end()));
  const std::size_t rows = shape.elements() == 0 ? 0 : v.rows();
  const std::size_t pieces = kernels::pieces_for(rows * v.n);
  kernels::parallel_for(pieces, [&](std::size_t piece) {
    std::vector<Entry<T>> row(v.n);
    const std::size_t end = kernels::piece_begin(rows, pieces, piece + 1);
    for (std::size_t r = kernels::piece_begin(rows, pieces, piece); r < end; ++r) {
      const std::size_t outer = r / v.inner, inner = r % v.inner;
      const T* const from = x.data() + outer * v.n * v.inner + inner;
      for (std::size_t i = 0; i < v.n; ++i) {
        row[i] = {from[i * v.inner], static_cast<std::int64_t>(i)};
      }
      choose(row);
      std::int64_t* const to = index.data() + outer * k * v.inner + inner;
      for (std::size_t i = 0; i < k; ++i) to[i * v.inner] = row[i].index;
    }
  });
  return index;
}

template <class T>
Indices sorted_positions(const char* operation, const Tensor<T>& x, std::ptrdiff_t axis,
                         bool descending) {
  const std::size_t i = normalize_axis(operation, axis, x.shape());
  return positions_along(x, i, x.shape()[i], [descending](std::vector<Entry<T>>& row) {
    std::stable_sort(row.begin(), row.end(), [descending](const auto& a, const auto& b) {
      return comes_first(a, b, descending);
    });
  });
}

// The positions are the caller's, who may do with them what he likes.
template <class T>
Sorted<T> at_positions(const char* operation, const Tensor<T>& x, std::ptrdiff_t axis,
                       Indices index) {
  detail::read_on_host(x, operation);
  Tensor<T> values = gather(x, axis, index);
  return {std::move(values), std::move(index)};
}

template <class T>
Sorted<T> running_extremum(const char* operation, const Tensor<T>& x, std::ptrdiff_t axis,
                           bool largest) {
  const std::size_t i = normalize_axis(operation, axis, x.shape());
  const auto replaces = [largest](T candidate, T best) {
    if (std::isnan(candidate) || std::isnan(best)) return std::isnan(candidate);
    return largest ? candidate >= best : candidate <= best;
  };
  return at_positions(operation, x, axis,
                      positions_along(x, i, x.shape()[i], [&replaces](std::vector<Entry<T>>& row) {
                        for (std::size_t k = 1; k < row.size(); ++k) {
                          if (!replaces(row[k].value, row[k - 1].value)) row[k] = row[k - 1];
                        }
                      }));
}

// NaN where the largest element of the row, which is the last of the sorted ones, is.
template <class T>
Tensor<T> with_nan_of(const Tensor<T>& largest, const Tensor<T>& y) {
  const bool any = std::any_of(largest.data(), largest.data() + largest.size(),
                               [](T v) { return std::isnan(v); });
  return any ? where(not_equal(largest, largest), largest, y) : y;
}

template <class T>
Tensor<T> chosen_quantile(const char* operation, const Tensor<T>& x, double q, std::ptrdiff_t axis,
                          ReduceOptions options) {
  const std::size_t i = normalize_axis(operation, axis, x.shape());
  detail::require_in(operation, "q", q, "[0, 1]");
  const std::size_t n = x.shape()[i];
  require(n > 0, operation, "axis ", i, " is empty: x ", x.shape());
  const double place = q * static_cast<double>(n - 1);
  const auto low = static_cast<std::ptrdiff_t>(place);
  const T share = static_cast<T>(place - static_cast<double>(low));
  const Tensor<T> sorted = sort(x, axis).values;
  const auto element = [&](std::ptrdiff_t k) {
    return options.keep_dims ? slice(sorted, axis, k, k + 1) : select(sorted, axis, k);
  };
  const Tensor<T> y =
      share == T(0) ? element(low) : element(low) * (T(1) - share) + element(low + 1) * share;
  return with_nan_of(element(static_cast<std::ptrdiff_t>(n) - 1), y);
}

template <class T>
Tensor<T> quantile_of(const char* operation, const Tensor<T>& x, double q, std::ptrdiff_t axis,
                      ReduceOptions options) {
  const auto call = [=](const Tensor<T>& now) {
    return chosen_quantile(operation, now, q, axis, options);
  };
  const Tensor<T> y = detail::as_one(operation, call, x);
  const auto i = static_cast<std::ptrdiff_t>(normalize_axis(operation, axis, x.shape()));
  detail::describe_batch(
      y, [=](const auto& b) { return quantile_of(operation, b.x[0], q, i + 1, options); });
  return y;
}

}  // namespace

template <class T>
Sorted<T> sort(const Tensor<T>& x, std::ptrdiff_t axis, SortOptions options) {
  return at_positions("sort", x, axis, sorted_positions("sort", x, axis, options.descending));
}

template <class T>
Indices argsort(const Tensor<T>& x, std::ptrdiff_t axis, SortOptions options) {
  detail::read_on_host(x, "argsort");
  return sorted_positions("argsort", x, axis, options.descending);
}

template <class T>
Sorted<T> topk(const Tensor<T>& x, std::size_t k, std::ptrdiff_t axis, TopkOptions options) {
  const std::size_t i = normalize_axis("topk", axis, x.shape());
  require(k <= x.shape()[i], "topk", "there are not ", k, " elements along axis ", i, ": x ",
          x.shape());
  const bool descending = options.largest;
  const auto choose = [k, descending](std::vector<Entry<T>>& row) {
    std::partial_sort(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(k), row.end(),
                      [descending](const Entry<T>& a, const Entry<T>& b) {
                        if (comes_first(a, b, descending)) return true;
                        return !comes_first(b, a, descending) && a.index < b.index;
                      });
  };
  return at_positions("topk", x, axis, positions_along(x, i, k, choose));
}

template <class T>
Sorted<T> cummax(const Tensor<T>& x, std::ptrdiff_t axis) {
  return running_extremum("cummax", x, axis, true);
}

template <class T>
Sorted<T> cummin(const Tensor<T>& x, std::ptrdiff_t axis) {
  return running_extremum("cummin", x, axis, false);
}

template <class T>
Tensor<T> quantile(const Tensor<T>& x, double q, std::ptrdiff_t axis, ReduceOptions options) {
  return quantile_of("quantile", x, q, axis, options);
}

template <class T>
Tensor<T> quantile(const Tensor<T>& x, double q) {
  return quantile_of("quantile", flatten(x), q, 0, {});
}

template <class T>
Tensor<T> median(const Tensor<T>& x, std::ptrdiff_t axis, ReduceOptions options) {
  return quantile_of("median", x, 0.5, axis, options);
}

template <class T>
Tensor<T> median(const Tensor<T>& x) {
  return quantile_of("median", flatten(x), 0.5, 0, {});
}

template <class T>
Indices bucketize(const Tensor<T>& x, const std::vector<T>& bounds, BucketizeOptions options) {
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const bool ascends = i == 0 ? !std::isnan(bounds[0]) : bounds[i - 1] <= bounds[i];
    require(ascends, "bucketize", "the bounds do not ascend: bound ", i, " is ", bounds[i]);
  }
  detail::read_on_host(x, "bucketize");
  Indices index(Indices::shape_type(x.shape().begin(), x.shape().end()));
  std::transform(x.data(), x.data() + x.size(), index.data(), [&](T v) {
    const auto at = options.right ? std::upper_bound(bounds.begin(), bounds.end(), v, is_below<T>)
                                  : std::lower_bound(bounds.begin(), bounds.end(), v, is_below<T>);
    return static_cast<std::int64_t>(at - bounds.begin());
  });
  return index;
}

#define XGRAD_INSTANTIATE(T)                                                            \
  template Sorted<T> sort(const Tensor<T>&, std::ptrdiff_t, SortOptions);               \
  template Indices argsort(const Tensor<T>&, std::ptrdiff_t, SortOptions);              \
  template Sorted<T> topk(const Tensor<T>&, std::size_t, std::ptrdiff_t, TopkOptions);  \
  template Sorted<T> cummax(const Tensor<T>&, std::ptrdiff_t);                          \
  template Sorted<T> cummin(const Tensor<T>&, std::ptrdiff_t);                          \
  template Tensor<T> quantile(const Tensor<T>&, double, std::ptrdiff_t, ReduceOptions); \
  template Tensor<T> quantile(const Tensor<T>&, double);                                \
  template Tensor<T> median(const Tensor<T>&, std::ptrdiff_t, ReduceOptions);           \
  template Tensor<T> median(const Tensor<T>&);                                          \
  template Indices bucketize(const Tensor<T>&, const std::vector<T>&, BucketizeOptions);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
