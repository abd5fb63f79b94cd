#include "spectral_reference.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace proof {
namespace {

// a = J' a J and v = v J for the rotation J that makes a(p, q) zero.
void rotate(Reference& a, Reference& v, std::size_t p, std::size_t q) {
  if (a.at({p, q}) == 0) return;
  const std::size_t n = a.shape[0];
  const Number half = (a.at({q, q}) - a.at({p, p})) / (2 * a.at({p, q}));
  const Number t = (half < 0 ? -1 : 1) / (std::abs(half) + std::sqrt(half * half + 1));
  const Number c = 1 / std::sqrt(t * t + 1), s = t * c;
  const auto turn = [c, s](Number& x, Number& y) {
    const Number before = x;
    x = c * before - s * y;
    y = s * before + c * y;
  };
  for (std::size_t k = 0; k < n; ++k) turn(a.at({k, p}), a.at({k, q}));
  for (std::size_t k = 0; k < n; ++k) turn(a.at({p, k}), a.at({q, k}));
  for (std::size_t k = 0; k < n; ++k) turn(v.at({k, p}), v.at({k, q}));
}

Reference identity(std::size_t n) {
  return generate({n, n}, [](const Index& i) { return i[0] == i[1] ? 1 : 0; });
}

Number sign_of_column(const Reference& v, std::size_t j) {
  Number largest = 0;
  for (std::size_t i = 0; i < v.shape[0]; ++i)
    if (std::abs(v.at({i, j})) > std::abs(largest)) largest = v.at({i, j});
  return largest < 0 ? -1 : 1;
}

Reference scaled_sum(const Reference& a, Number by, const Reference& b) {
  return generate(a.shape, [&](const Index& i) { return a.at(i) + by * b.at(i); });
}

}  // namespace

Eigen eigen(const Reference& a) {
  const std::size_t n = a.shape[0];
  Reference d = a, v = identity(n);
  for (int sweep = 0; sweep < 30; ++sweep) {
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t q = p + 1; q < n; ++q) rotate(d, v, p, q);
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
    return d.at({i, i}) < d.at({j, j});
  });
  Eigen r;
  for (const std::size_t i : order) r.values.push_back(d.at({i, i}));
  r.vectors = generate({n, n}, [&](const Index& i) {
    return sign_of_column(v, order[i[1]]) * v.at({i[0], order[i[1]]});
  });
  return r;
}

Singular singular(const Reference& a) {
  const std::size_t m = a.shape[0], n = a.shape[1], k = std::min(m, n);
  const bool tall = m >= n;
  const Eigen e = eigen(tall ? matrix_product(transposed(a), a) : matrix_product(a, transposed(a)));
  Singular r;
  for (std::size_t i = k; i-- > 0;) r.s.push_back(std::sqrt(std::max<Number>(e.values[i], 0)));
  const Reference side = generate({k, k}, [&](const Index& i) {
    return e.vectors.at({i[0], k - 1 - i[1]});
  });
  const Reference other = matrix_product(tall ? a : transposed(a), side);
  const Reference left = tall ? other : side, right = tall ? side : other;
  const auto by = [&](std::size_t j, bool left_side) {
    const Number sign = sign_of_column(left, j);
    return left_side == tall ? sign / r.s[j] : sign;
  };
  r.u = generate({m, k}, [&](const Index& i) { return left.at(i) * by(i[1], true); });
  r.vh = generate({k, n}, [&](const Index& i) { return right.at({i[1], i[0]}) * by(i[0], false); });
  return r;
}

Orthogonal orthogonal(const Reference& a) {
  const std::size_t m = a.shape[0], n = a.shape[1], k = std::min(m, n);
  Orthogonal y{Reference({m, k}), Reference({k, n})};
  for (std::size_t j = 0; j < n; ++j) {
    std::vector<Number> v(m);
    for (std::size_t i = 0; i < m; ++i) v[i] = a.at({i, j});
    for (int twice = 0; twice < 2; ++twice) {
      for (std::size_t p = 0; p < std::min(j, k); ++p) {
        Number along = 0;
        for (std::size_t i = 0; i < m; ++i) along += y.q.at({i, p}) * v[i];
        for (std::size_t i = 0; i < m; ++i) v[i] -= along * y.q.at({i, p});
        y.r.at({p, j}) += along;
      }
    }
    if (j >= k) continue;
    Number square = 0;
    for (const Number x : v) square += x * x;
    y.r.at({j, j}) = std::sqrt(square);
    for (std::size_t i = 0; i < m; ++i) y.q.at({i, j}) = v[i] / y.r.at({j, j});
  }
  return y;
}

Reference pseudo_inverse(const Reference& a) {
  Singular s = singular(a);
  const Reference v = generate({a.shape[1], s.s.size()}, [&](const Index& i) {
    return s.vh.at({i[1], i[0]}) / s.s[i[1]];
  });
  return matrix_product(v, transposed(s.u));
}

Reference exponential(const Reference& a) {
  constexpr int kHalvings = 8, kTerms = 30;
  const Reference zero(a.shape), part = scaled_sum(zero, std::ldexp(Number{1}, -kHalvings), a);
  Reference sum = identity(a.shape[0]), term = sum;
  for (int k = 1; k <= kTerms; ++k) {
    term = scaled_sum(zero, Number{1} / k, matrix_product(term, part));
    sum = scaled_sum(sum, 1, term);
  }
  for (int i = 0; i < kHalvings; ++i) sum = matrix_product(sum, sum);
  return sum;
}

Formula each_matrix(std::function<Reference(const Reference&)> f,
                    std::function<Shape(std::size_t m, std::size_t n)> result) {
  return [f = std::move(f), result = std::move(result)](const References& in) {
    const Shape& a = in[0].shape;
    const std::size_t m = a[a.rank() - 2], n = a.back();
    Shape shape(a.begin(), a.end() - 2);
    const std::size_t count = shape.elements();
    for (const std::size_t size : result(m, n)) shape.push_back(size);
    Reference y(shape);
    for (std::size_t b = 0; y.values.size() != 0 && b < count; ++b) {
      Reference one({m, n});
      std::copy_n(in[0].values.begin() + static_cast<std::ptrdiff_t>(b * m * n), m * n,
                  one.values.begin());
      const Reference part = f(one);
      std::copy(part.values.begin(), part.values.end(),
                y.values.begin() + static_cast<std::ptrdiff_t>(b * part.values.size()));
    }
    return y;
  };
}

}  // namespace proof
