#include "xgrad/ops/svd.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/autograd/recorded_pass.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/svd.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/decompositions.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/ties.hpp"

namespace xgrad {

using detail::Changes;
using detail::Matrices;
using detail::part_of;
using detail::Rule;
using detail::Ties;

namespace {

std::size_t values_of(const Matrices& s) { return std::min(s.m, s.n); }

template <class T>
void choose_signs(const Matrices& s, T* u, T* vh) {
  const std::size_t k = values_of(s);
  for (std::size_t j = 0; j < k; ++j) {
    if (detail::sign_of(u + j, s.m, k) > 0) continue;
    for (std::size_t i = 0; i < s.m; ++i) u[i * k + j] = -u[i * k + j];
    for (std::size_t i = 0; i < s.n; ++i) vh[j * s.n + i] = -vh[j * s.n + i];
  }
}

// (..., k + m k + k n): s, u and vh.
template <class T>
Tensor<T> decomposed(const Tensor<T>& a, const Matrices& s) {
  const std::size_t k = values_of(s), size = k + s.m * k + k * s.n;
  const Tensor<T> y = Tensor<T>::uninitialized(s.with({size}));
  const auto each = [&](std::size_t i) {
    T *const values = y.node()->data + i * size, *const u = values + k, *const vh = u + s.m * k;
    const auto o = kernels::decompose(kernels::Singular::with_vectors, s.m, s.n,
                                      a.data() + i * s.elements(), u, values, vh);
    if (!o.failed()) choose_signs(s, u, vh);
    return o;
  };
  if (size != 0) {
    detail::decompose_all("svd", s, 20, each);
  }
  return y;
}

template <class T>
Svd<T> parts_of(const Tensor<T>& results, const Shape& a) {
  const std::size_t m = a[a.rank() - 2], n = a.back(), k = std::min(m, n);
  return {part_of(results, k, {m, k}), part_of(results, 0, {k}),
          part_of(results, k + m * k, {k, n})};
}

// x - x'.
template <class T>
Tensor<T> difference(const Tensor<T>& x) {
  return x - transpose(x);
}

// Products with the vectors of the gradients by the vectors.
template <class T>
struct Inner {
  Tensor<T> u, v;  // (..., k, k): U' gU, V' gV

  Inner(const Svd<T>& y, const Svd<T>& gy)
      : u(matmul(y.u, gy.u, {.transpose_a = true})),
        v(matmul(y.vh, gy.vh, {.transpose_b = true})) {}
};

// U c V' and what lies outside the spaces of U and V; `inverse` (..., k) is 1 / s.
template <class T>
Tensor<T> assembled(const Svd<T>& y, const Svd<T>& gy, const Inner<T>& inner, const Tensor<T>& c,
                    const Tensor<T>& inverse) {
  const bool tall = y.u.size(-2) > y.u.size(-1), wide = y.vh.size(-1) > y.vh.size(-2);
  Tensor<T> left =
      tall ? matmul(y.u, c - inner.u * unsqueeze(inverse, -2)) + gy.u * unsqueeze(inverse, -2)
           : matmul(y.u, c);
  const Tensor<T> inside = matmul(left, y.vh);
  if (!wide) return inside;
  const Tensor<T> outside = gy.vh - matmul(inner.v, y.vh, {.transpose_a = true});
  return inside + matmul(y.u, outside * unsqueeze(inverse, -1));
}

// c of one matrix where all values differ and none is 0; a and b are the inner products.
template <class T>
void fill_middle(const T* a, const T* b, const T* s, const T* gs, std::size_t k, T* c) {
  for (std::size_t i = 0; i < k; ++i) {
    c[i * k + i] = gs[i];
    for (std::size_t j = 0; j < i; ++j) {
      const T da = a[i * k + j] - a[j * k + i], db = b[i * k + j] - b[j * k + i];
      const T even = (da + db) / (2 * (s[j] - s[i])), odd = (da - db) / (2 * (s[j] + s[i]));
      c[i * k + j] = even + odd;
      c[j * k + i] = even - odd;
    }
  }
}

template <class T>
Tensor<T> plain_gradient(const Svd<T>& y, const Svd<T>& gy) {
  const Inner<T> inner(y, gy);
  const std::size_t k = y.s.shape().back(), count = k == 0 ? 0 : y.s.size() / k;
  const Tensor<T> c = Tensor<T>::uninitialized(inner.u.shape());
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = i * k * k;
    fill_middle(inner.u.data() + at, inner.v.data() + at, y.s.data() + i * k, gy.s.data() + i * k,
                k, c.node()->data + at);
  }
  return assembled(y, gy, inner, c, reciprocal(y.s));
}

// --- Equal values ---

// Lengths of the columns of gU and the rows of gV'.
template <class T>
struct Lengths {
  std::size_t m, n, k;
  const T *u, *vh;

  explicit Lengths(const Svd<T>& g)
      : m(g.u.size(-2)), n(g.vh.size(-1)), k(g.s.size(-1)), u(g.u.data()), vh(g.vh.data()) {}
  T of_u(std::size_t b, std::size_t i) const {
    return detail::column_norm(u + b * m * k + i, m, k);
  }
  T of_v(std::size_t b, std::size_t i) const {
    return detail::column_norm(vh + b * k * n + i * n, n, 1);
  }
};

// What counts as rounding in the gradients of a matrix.
template <class T>
std::vector<T> tolerances_of(const Svd<T>& y, const Svd<T>& gy) {
  const Lengths<T> length(gy);
  const std::size_t k = length.k, count = k == 0 ? 0 : gy.s.size() / k;
  std::vector<T> tolerances;
  for (std::size_t b = 0; b < count; ++b) {
    T longest = 0;
    for (std::size_t i = 0; i < k; ++i)
      longest = std::max({longest, length.of_u(b, i), length.of_v(b, i)});
    const T by_values = detail::largest_of(gy.s.data() + b * k, k) * y.s.data()[b * k];
    tolerances.push_back(detail::choice_tolerance(longest, by_values));
  }
  return tolerances;
}

// A turn of the vectors of equal values changes the function by a_ij + b_ij; where they are 0, one
// of those of U alone by a_ij and one of those of V by b_ij. That has to be rounding.
template <class T>
void require_no_choice(const Inner<T>& inner, const std::vector<T>& tolerances, const Ties& ties) {
  const std::size_t k = inner.u.size(-1);
  for (std::size_t b = 0; b < tolerances.size(); ++b) {
    const T *const u = inner.u.data() + b * k * k, *const v = inner.v.data() + b * k * k;
    for (std::size_t i = 0; i < k; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (!ties.tied(b, i, j)) continue;
        const T da = u[i * k + j] - u[j * k + i], db = v[i * k + j] - v[j * k + i];
        const T turn =
            ties.is_zero(b, i) ? std::max(std::abs(da), std::abs(db)) : std::abs(da + db);
        detail::require(!(turn > tolerances[b]), "svd",
                        "a gradient by the vectors of equal singular values, ", j, " and ", i,
                        " of matrix ", b, ", depends on which vectors they are: ", inner.u.shape());
      }
    }
  }
}

// The vectors of a value that is 0 may also turn out of the space of all of them. `outside` has
// them as rows of `length` numbers.
template <class T>
void require_nothing_outside(const char* which, const Tensor<T>& outside,
                             const std::vector<T>& tolerances, const Ties& ties) {
  const std::size_t k = outside.size(-2), length = outside.size(-1);
  for (std::size_t p = 0; p < tolerances.size() * k; ++p) {
    const std::size_t b = p / k, i = p % k;
    if (!ties.is_zero(b, i)) continue;
    const T out = detail::column_norm(outside.data() + p * length, length, 1);
    detail::require(
        !(out > tolerances[b]), "svd", "a gradient by ", which, " vector ", i, " of matrix ", b,
        ", whose singular value is 0, depends on which vector it is: ", outside.shape());
  }
}

template <class T>
void require_unambiguous(const Svd<T>& y, const Svd<T>& gy, const Inner<T>& inner,
                         const Ties& ties) {
  const NoGrad guard;
  const std::vector<T> tolerances = tolerances_of(y, gy);
  require_no_choice(inner, tolerances, ties);
  require_nothing_outside("left", transpose(gy.u - matmul(y.u, inner.u)), tolerances, ties);
  require_nothing_outside("right", gy.vh - matmul(inner.v, y.vh, {.transpose_a = true}), tolerances,
                          ties);
}

template <class T>
struct Middle {
  Tensor<T> c;        // between U and V'
  Tensor<T> inverse;  // 1 / s, 0 where s is
};

template <class T>
Middle<T> middle_of(const Inner<T>& inner, const Tensor<T>& s, const Ties& ties) {
  const Shape& shape = inner.u.shape();
  const auto half_where = [&](const auto& wanted) {
    return ties.matrix<T>(shape, [&](auto... at) { return wanted(at...) ? 0.5 : 0; });
  };
  const auto one_unless = [&](const auto& wanted) {
    return ties.matrix<T>(shape, [&](auto... at) { return wanted(at...) ? 0 : 1; });
  };
  const auto apart = [&](std::size_t b, std::size_t i, std::size_t j) {
    return i != j && !ties.tied(b, i, j);
  };
  const auto positive = [&](std::size_t b, std::size_t i, std::size_t j) {
    return i != j && !(ties.is_zero(b, i) && ties.is_zero(b, j));
  };
  const Tensor<T> row = unsqueeze(s, -2), column = unsqueeze(s, -1);
  const Tensor<T> a = difference(inner.u), b = difference(inner.v);
  const Tensor<T> even = half_where(apart) / (row - column + one_unless(apart));
  const Tensor<T> odd = half_where(positive) / (row + column + one_unless(positive));
  const auto zero = [&](std::size_t m, std::size_t i) { return ties.is_zero(m, i) ? 1 : 0; };
  const Tensor<T> zeros = ties.vector<T>(s.shape(), zero);
  return {(a + b) * even + (a - b) * odd, (1 - zeros) / (s + zeros)};
}

// What the change of the gradients of the values under turns says, see ops/ties.hpp. Where values
// are 0, U and V turn on their own: with u and v the differences for seeds p_i,
// u_ij = p_j W_ij - p_i W_ji, v_ij = p_j W_ji - p_i W_ij.
template <class T>
Tensor<T> by_turns(const Inner<T>& change, const Ties& ties, std::size_t pass) {
  const auto weight = [&ties, pass](bool own) {
    return [&ties, pass, own](std::size_t b, std::size_t i, std::size_t j) {
      if (!ties.found_in(pass, b, i, j)) return 0.0;
      const double p = ties.seed(pass, b, i), q = ties.seed(pass, b, j);
      return ties.is_zero(b, i) ? (own ? q : p) / (q * q - p * p) : 0.5 / (q - p);
    };
  };
  const Shape& shape = change.u.shape();
  return ties.matrix<T>(shape, weight(true)) * difference(change.u) +
         ties.matrix<T>(shape, weight(false)) * difference(change.v);
}

// Values in a group of which some vector matters.
template <class T>
std::vector<bool> groups_with_vectors(const Ties& ties, const Svd<T>& g) {
  const std::size_t k = g.s.size(-1);
  const Lengths<T> length(g);
  std::vector<bool> kept(g.s.size());
  for (std::size_t p = 0; p < kept.size(); ++p) {
    if (length.of_u(p / k, p % k) == T(0) && length.of_v(p / k, p % k) == T(0)) continue;
    const Ties::Group& group = ties.at(p / k, p % k);
    std::fill_n(kept.begin() + static_cast<std::ptrdiff_t>(p / k * k + group.first), group.count,
                true);
  }
  return kept;
}

// What W lacks when equal values, or those that are 0, come apart by z; x is by_turns of the second
// change, 2 DW: (z_j - z_i) x_ij / (2 (q - p)), and where they are 0
// ((q z_j - p z_i) x_ij + (p z_j - q z_i) x_ji) / (2 (q^2 - p^2)).
template <class T>
Tensor<T> by_distances(const Tensor<T>& x, const Tensor<T>& z, const Ties& ties, std::size_t pass) {
  const auto weight = [&ties, pass](bool own) {
    return [&ties, pass, own](std::size_t b, std::size_t i, std::size_t j) {
      if (!ties.found_in(pass, b, i, j)) return 0.0;
      const double p = ties.seed(pass, b, i), q = ties.seed(pass, b, j);
      if (!ties.is_zero(b, i)) return own ? 0.5 / (q - p) : 0.0;
      return (own ? q : p) / (2 * (q * q - p * p));
    };
  };
  // Swapping i and j turns the sign of a weight and its p to q.
  const auto weighted = [&z](const Tensor<T>& w) {
    return w * unsqueeze(z, -2) + transpose(w) * unsqueeze(z, -1);
  };
  const Shape& shape = x.shape();
  return weighted(ties.matrix<T>(shape, weight(true))) * x +
         weighted(ties.matrix<T>(shape, weight(false))) * transpose(x);
}

// All that one pass finds.
template <class T>
Tensor<T> found_in(std::size_t pass, const Svd<T>& y, const Changes<T>& changes, const Shape& a,
                   const Ties& ties) {
  const auto out = [&](double power) {
    return ties.vector<T>(y.s.shape(), [&ties, pass, power](std::size_t b, std::size_t i) {
      return pass == 0 && ties.is_zero(b, i) ? std::pow(ties.seed(pass, b, i), power) : 0.0;
    });
  };
  const Svd<T> change = parts_of(changes.first, a);
  const Inner<T> turned(y, change);
  const Tensor<T> first = assembled(y, change, turned, by_turns(turned, ties, pass), out(-1));
  if (!changes.complete) return detail::without_derivative("svd", "second", first);
  if (!changes.second.defined()) return first;
  const Svd<T> second = parts_of(changes.second, a);
  const Inner<T> again(y, second);
  const Tensor<T> z = detail::distances(y.s);
  const Tensor<T> c = by_distances(by_turns(again, ties, pass), z, ties, pass);
  return first - assembled(y, second, again, c, z * out(-2) * T(0.5));
}

// In operations, for derivatives of any order and for equal values.
template <class T>
Tensor<T> recorded_gradient(const Tensor<T>& results, const Tensor<T>& gradients, const Shape& a) {
  const Svd<T> y = parts_of(results, a), gy = parts_of(gradients, a);
  const Ties ties(y.s, true);
  const Inner<T> inner(y, gy);
  if (ties.any()) require_unambiguous(y, gy, inner, ties);
  const Middle<T> middle = middle_of(inner, y.s, ties);
  const bool last = ties.any() && detail::are_by_distances(gradients, results);
  std::vector<bool> kept = groups_with_vectors(ties, gy);
  Tensor<T> more;
  for (std::size_t pass = 0; pass < ties.passes(); ++pass) {
    const auto changes = detail::changes_of(gradients, ties.seeds<T>(pass, y.s.shape()), results);
    if (!changes.first.defined()) continue;
    const std::vector<bool> used = groups_with_vectors(ties, parts_of(changes.first, a));
    std::transform(kept.begin(), kept.end(), used.begin(), kept.begin(), std::logical_or<>());
    const Tensor<T> found = found_in(pass, y, changes, a, ties);
    more = more.defined() ? more + found : found;
  }
  const Tensor<T> gs = ties.shared(gy.s, kept);
  Tensor<T> ga = assembled(y, gy, inner, middle.c + detail::diagonal_matrix(gs), middle.inverse);
  if (more.defined()) ga = ga + more;
  return last ? detail::without_derivative("svd", "third", ga) : ga;
}

template <class T>
void svd_backward(const void*, Backward<T>& b) {
  const Shape& a = b.input_shape(0);
  const Tensor<T> results = b.output();
  b.add(0, b.recording() ? recorded_gradient(results, b.gradient(), a)
                         : plain_gradient(parts_of(results, a), parts_of(b.gradient(), a)));
}

template <class T>
const Rule<T> kSvd = {"svd", &svd_backward<T>, nullptr};
// With values that are equal or 0.
template <class T>
const Rule<T> kSvdTied = {"svd", &svd_backward<T>, nullptr};

}  // namespace

namespace {

template <class T>
bool has_ties(const Tensor<T>& results, const Matrices& s) {
  const detail::Untraced untraced;
  return Ties(part_of(results, 0, {values_of(s)}), true).any();
}

template <class T>
Tensor<T> values_and_vectors(const Tensor<T>& a, const Matrices& s) {
  detail::require_finite("svd", "a", a);
  const Tensor<T> y = decomposed(a, s);
  const bool needed = detail::needed<T>({&a}) != 0, tied = needed && has_ties(y, s);
  if (tied) detail::require_recorded_pass(kSvdTied<T>);
  detail::record(y, tied ? kSvdTied<T> : kSvd<T>, {&a}, {.output = true});
  if (detail::is_logged<T>())
    detail::log_again(y, [s](const auto& x) { return values_and_vectors(x[0], s); });
  return y;
}

}  // namespace

template <class T>
Svd<T> svd(const Tensor<T>& a) {
  return parts_of(values_and_vectors(a, detail::matrices_of("svd", a.shape())), a.shape());
}

template Svd<float> svd(const Tensor<float>&);
template Svd<double> svd(const Tensor<double>&);

}  // namespace xgrad
