#include "xgrad/ops/eigen.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <vector>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/autograd/recorded_pass.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/lapack.hpp"
#include "xgrad/kernels/scratch.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/decompositions.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/ties.hpp"

namespace xgrad {

using detail::Matrices;
using detail::part_of;
using detail::Rule;
using detail::Ties;
namespace lapack = kernels::lapack;

namespace {

// The transpose of v, a column of which is a vector, with signs.
template <class T>
void write_vectors(const T* v, std::size_t n, T* to) {
  for (std::size_t j = 0; j < n; ++j) {
    const T sign = detail::sign_of(v + j * n, n, 1);
    for (std::size_t i = 0; i < n; ++i) to[i * n + j] = sign * v[j * n + i];
  }
}

// (..., n + n n): values, and vectors.
template <class T>
Tensor<T> decomposed(const Tensor<T>& a, const Matrices& s) {
  const std::size_t n = s.n, size = n + n * n;
  const Tensor<T> y = Tensor<T>::uninitialized(s.with({size}));
  const auto each = [&](std::size_t i) {
    kernels::Scratch<T> v(n * n + 1);
    std::copy_n(a.data() + i * n * n, n * n, v.data());
    T* const to = y.node()->data + i * size;
    const auto o = lapack::syevd(lapack::Vectors::all, lapack::Triangle::upper, n, v.data(), to);
    if (!o.failed()) write_vectors(v.data(), n, to + n);
    return o;
  };
  detail::decompose_all("eigh", s, 10, each);
  return y;
}

template <class T>
Eigh<T> parts_of(const Tensor<T>& results, std::size_t n) {
  return {part_of(results, 0, {n}), part_of(results, n, {n, n})};
}

// V K V', exactly symmetric.
template <class T>
Tensor<T> turned_back(const Tensor<T>& v, const Tensor<T>& k) {
  return detail::symmetric_part(matmul(matmul(v, k), v, {.transpose_b = true}));
}

// The matrix between the vectors where all values differ; m becomes it.
template <class T>
void divide_by_gaps(T* m, const T* l, const T* gl, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    m[i * n + i] = gl[i];
    for (std::size_t j = 0; j < i; ++j) {
      const T k = (m[i * n + j] - m[j * n + i]) / (2 * (l[j] - l[i]));
      m[i * n + j] = m[j * n + i] = k;
    }
  }
}

template <class T>
Tensor<T> plain_gradient(const Eigh<T>& y, const Eigh<T>& gy) {
  const std::size_t n = y.values.shape().back();
  const Tensor<T> m = matmul(y.vectors, gy.vectors, {.transpose_a = true});
  for (std::size_t i = 0, count = n == 0 ? 0 : y.values.size() / n; i < count; ++i) {
    divide_by_gaps(m.node()->data + i * n * n, y.values.data() + i * n, gy.values.data() + i * n,
                   n);
  }
  return turned_back(y.vectors, m);
}

// The vectors of each value, or what else has columns for them, are zero.
template <class T>
bool is_zero_column(const Tensor<T>& x, std::size_t matrix, std::size_t column) {
  const std::size_t m = x.size(-2), n = x.size(-1);
  const T* const at = x.data() + matrix * m * n + column;
  for (std::size_t i = 0; i < m; ++i) {
    if (at[i * n] != T(0)) return false;
  }
  return true;
}

// A turn of the vectors of equal values changes the function by m_ij - m_ji: that has to be
// rounding.
template <class T>
void require_no_choice(const Tensor<T>& m, const Eigh<T>& y, const Eigh<T>& gy, const Ties& ties) {
  const std::size_t n = y.values.shape().back(), count = n == 0 ? 0 : y.values.size() / n;
  for (std::size_t b = 0; ties.any() && b < count; ++b) {
    const T* const at = m.data() + b * n * n;
    T longest = 0;
    for (std::size_t i = 0; i < n; ++i)
      longest = std::max(longest, detail::column_norm(gy.vectors.data() + b * n * n + i, n, n));
    const T by_values = detail::largest_of(gy.values.data() + b * n, n) *
                        detail::largest_of(y.values.data() + b * n, n);
    const T tolerance = detail::choice_tolerance(longest, by_values);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (!ties.tied(b, i, j)) continue;
        detail::require(!(std::abs(at[i * n + j] - at[j * n + i]) > tolerance), "eigh",
                        "a gradient by the vectors of equal eigenvalues, ", j, " and ", i,
                        " of matrix ", b, ", depends on which vectors they are: ", m.shape());
      }
    }
  }
}

// Values in a group of which some vector matters.
template <class T>
std::vector<bool> groups_with_vectors(const Ties& ties, const Tensor<T>& gv) {
  const std::size_t n = gv.size(-1);
  std::vector<bool> kept(n == 0 ? 0 : gv.size() / n);
  for (std::size_t p = 0; p < kept.size(); ++p) {
    if (is_zero_column(gv, p / n, p % n)) continue;
    const Ties::Group& g = ties.at(p / n, p % n);
    std::fill_n(kept.begin() + static_cast<std::ptrdiff_t>(p / n * n + g.first), g.count, true);
  }
  return kept;
}

// What the change of the gradients of the values under turns says, see ops/ties.hpp.
template <class T>
Tensor<T> by_turns(const Tensor<T>& turn, const Ties& ties, std::size_t pass) {
  const auto weight = [&ties, pass](std::size_t b, std::size_t i, std::size_t j) {
    return ties.found_in(pass, b, i, j) ? 0.5 / (ties.seed(pass, b, j) - ties.seed(pass, b, i)) : 0;
  };
  return ties.matrix<T>(turn.shape(), weight) * (turn - transpose(turn));
}

// All that one pass finds between the vectors.
template <class T>
Tensor<T> found_in(std::size_t pass, const Eigh<T>& y, const detail::Changes<T>& changes,
                   const Ties& ties) {
  const std::size_t n = y.values.size(-1);
  const auto between = [&](const Tensor<T>& change) {
    const Tensor<T> by_vectors = parts_of(change, n).vectors;
    return by_turns(matmul(y.vectors, by_vectors, {.transpose_a = true}), ties, pass);
  };
  const Tensor<T> first = between(changes.first);
  if (!changes.complete) return detail::without_derivative("eigh", "second", first);
  if (!changes.second.defined()) return first;
  const auto weight = [&ties, pass](std::size_t b, std::size_t i, std::size_t j) {
    return ties.found_in(pass, b, i, j) ? 0.5 / (ties.seed(pass, b, j) - ties.seed(pass, b, i)) : 0;
  };
  const Tensor<T> l = detail::distances(y.values), apart = unsqueeze(l, -2) - unsqueeze(l, -1);
  return first - ties.matrix<T>(first.shape(), weight) * apart * between(changes.second);
}

// In operations, for derivatives of any order and for equal values.
template <class T>
Tensor<T> recorded_gradient(const Tensor<T>& results, const Tensor<T>& gradients, std::size_t n) {
  const Eigh<T> y = parts_of(results, n), gy = parts_of(gradients, n);
  const Shape& l = y.values.shape();
  const Shape& v = y.vectors.shape();
  const Ties ties(y.values, false);
  const Tensor<T> m = matmul(y.vectors, gy.vectors, {.transpose_a = true});
  require_no_choice(m, y, gy, ties);
  const auto apart = [&](std::size_t b, std::size_t i, std::size_t j) {
    return i != j && !ties.tied(b, i, j);
  };
  const Tensor<T> half = ties.matrix<T>(v, [&](auto... at) { return apart(at...) ? 0.5 : 0; });
  const Tensor<T> one = ties.matrix<T>(v, [&](auto... at) { return apart(at...) ? 0 : 1; });
  const Tensor<T> gaps = unsqueeze(y.values, -2) - unsqueeze(y.values, -1);
  Tensor<T> k = (m - transpose(m)) * (half / (gaps + one));
  std::vector<bool> kept = groups_with_vectors(ties, gy.vectors);
  const bool last = ties.any() && detail::are_by_distances(gradients, results);
  for (std::size_t pass = 0; pass < ties.passes(); ++pass) {
    const auto changes = detail::changes_of(gradients, ties.seeds<T>(pass, l), results);
    if (!changes.first.defined()) continue;
    const std::vector<bool> more = groups_with_vectors(ties, parts_of(changes.first, n).vectors);
    std::transform(kept.begin(), kept.end(), more.begin(), kept.begin(), std::logical_or<>());
    k = k + found_in(pass, y, changes, ties);
  }
  const Tensor<T> gl = ties.shared(gy.values, kept);
  const Tensor<T> ga = turned_back(y.vectors, k + detail::diagonal_matrix(gl));
  return last ? detail::without_derivative("eigh", "third", ga) : ga;
}

template <class T>
void eigh_backward(const void*, Backward<T>& b) {
  const std::size_t n = b.input_shape(0).back();
  const Tensor<T> results = b.output();
  b.add(0, b.recording() ? recorded_gradient(results, b.gradient(), n)
                         : plain_gradient(parts_of(results, n), parts_of(b.gradient(), n)));
}

template <class T>
const Rule<T> kEigh = {"eigh", &eigh_backward<T>, nullptr};
// With equal values.
template <class T>
const Rule<T> kEighTied = {"eigh", &eigh_backward<T>, nullptr};

template <class T>
void eigvalsh_backward(const void*, Backward<T>& b) {
  const Tensor<T> vectors = eigh(b.input(0)).vectors;
  b.add(0, turned_back(vectors, detail::diagonal_matrix(b.gradient())));
}

template <class T>
const Rule<T> kEigvalsh = {"eigvalsh", &eigvalsh_backward<T>, nullptr};

}  // namespace

namespace {

template <class T>
bool has_ties(const Tensor<T>& results, std::size_t n) {
  const detail::Untraced untraced;
  return Ties(part_of(results, 0, {n}), false).any();
}

template <class T>
Tensor<T> values_and_vectors(const Tensor<T>& a, const Matrices& s) {
  detail::require_finite("eigh", "a", a, detail::Part::lower);
  const Tensor<T> y = decomposed(a, s);
  const bool needed = detail::needed<T>({&a}) != 0, tied = needed && has_ties(y, s.n);
  if (tied) detail::require_recorded_pass(kEighTied<T>);
  detail::record(y, tied ? kEighTied<T> : kEigh<T>, {&a}, {.output = true});
  if (detail::is_logged<T>())
    detail::log_again(y, [s](const auto& x) { return values_and_vectors(x[0], s); });
  return y;
}

}  // namespace

template <class T>
Eigh<T> eigh(const Tensor<T>& a) {
  const Matrices s = detail::square_matrices_of("eigh", a.shape());
  return parts_of(values_and_vectors(a, s), s.n);
}

namespace {

template <class T>
Tensor<T> values_of(const Tensor<T>& a) {
  const Matrices s = detail::square_matrices_of("eigvalsh", a.shape());
  detail::require_finite("eigvalsh", "a", a, detail::Part::lower);
  const Tensor<T> y = Tensor<T>::uninitialized(s.with({s.n}));
  const auto each = [&](std::size_t i) {
    kernels::Scratch<T> copy(s.elements() + 1);
    std::copy_n(a.data() + i * s.elements(), s.elements(), copy.data());
    return lapack::syevd(lapack::Vectors::none, lapack::Triangle::upper, s.n, copy.data(),
                         y.node()->data + i * s.n);
  };
  detail::decompose_all("eigvalsh", s, 3, each);
  // Equal ones need to know how their gradients depend on the vectors.
  if (detail::needed<T>({&a}) != 0 && Ties(y, false).any()) return eigh(a).values;
  detail::record(y, kEigvalsh<T>, {&a}, {.inputs = 1});
  detail::log_again(y, [](const auto& x) { return values_of(x[0]); });
  return y;
}

}  // namespace

template <class T>
Tensor<T> eigvalsh(const Tensor<T>& a) {
  return detail::as_one(
      "eigvalsh", [](const Tensor<T>& x) { return values_of(x); }, a);
}

#define XGRAD_INSTANTIATE(T)               \
  template Eigh<T> eigh(const Tensor<T>&); \
  template Tensor<T> eigvalsh(const Tensor<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
