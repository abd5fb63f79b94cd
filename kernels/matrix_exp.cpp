#include "xgrad/kernels/matrix_exp.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "xgrad/kernels/gemm.hpp"
#include "xgrad/kernels/lapack.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::kernels {
namespace {

using Matrix = std::vector<double>;

// An approximant of degree m: its coefficients, the largest norm for which it is exact to rounding,
// and log2 of the first coefficient of its backward error, 1 / (binomial(2 m, m) (2 m + 1)!).
struct Approximant {
  std::span<const double> coefficients;
  double reach, log2_error;

  std::size_t degree() const { return coefficients.size() - 1; }
};

constexpr double k3[] = {120, 60, 12, 1};
constexpr double k5[] = {30240, 15120, 3360, 420, 30, 1};
constexpr double k7[] = {17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1};
constexpr double k9[] = {17643225600, 8821612800, 2075673600, 302702400, 30270240,
                         2162160,     110880,     3960,       90,        1};
constexpr double k13[] = {64764752532480000,
                          32382376266240000,
                          7771770303897600,
                          1187353796428800,
                          129060195264000,
                          10559470521600,
                          670442572800,
                          33522128640,
                          1323241920,
                          40840800,
                          960960,
                          16380,
                          182,
                          1};
const Approximant kSmall[] = {{k3, 1.495585217958292e-2, -std::log2(20.0 * 5040)},
                              {k5, 2.539398330063230e-1, -std::log2(252.0 * 39916800)},
                              {k7, 9.504178996162932e-1, -std::log2(3432.0 * 1307674368000)},
                              {k9, 2.097847961257068, -std::log2(48620.0 * 121645100408832000)}};
const Approximant kLarge = {k13, 4.25, -std::log2(10400600.0 * 1.0888869450418352e28)};

class Exponential {
 public:
  Exponential(Matrix a, std::size_t n) : n_(n), a_(std::move(a)) {}

  Matrix run() {
    if (n_ == 1) return {std::exp(a_[0])};
    const Matrix a2 = product(a_, a_), a4 = product(a2, a2), a6 = product(a2, a4);
    const double d4 = root(a4, 4), d6 = root(a6, 6);
    for (std::size_t i = 0; i < 2; ++i) {
      if (fits(kSmall[i], std::max(d4, d6))) return approximate(kSmall[i], {a2, a4, a6});
    }
    const Matrix a8 = product(a4, a4);
    const double d8 = root(a8, 8);
    for (std::size_t i = 2; i < 4; ++i) {
      if (fits(kSmall[i], std::max(d6, d8))) return approximate(kSmall[i], {a2, a4, a6, a8});
    }
    const double d10 = root(product(a4, a6), 10);
    const double size = std::min(std::max(d6, d8), std::max(d8, d10));
    return scaled(size, {a2, a4, a6});
  }

 private:
  Matrix product(const Matrix& a, const Matrix& b) const {
    Matrix c(a.size());
    gemm(false, false, n_, n_, n_, a.data(), b.data(), 0.0, c.data());
    return c;
  }

  double norm(const Matrix& a) const {  // of rows: the 1-norm of the transpose
    double largest = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < n_; ++j) sum += std::abs(a[i * n_ + j]);
      largest = std::max(largest, sum);
    }
    return largest;
  }
  double root(const Matrix& power, int p) const { return std::pow(norm(power), 1.0 / p); }

  // How many more halvings the rounding errors of a matrix that is far from normal ask for.
  int more_halvings(const Approximant& p, int halvings) const {
    const double own = std::ldexp(norm(a_), -halvings);
    if (own == 0) return 0;
    const std::size_t power = 2 * p.degree() + 1;
    std::vector<double> sums(n_, 1), next(n_);
    double log2_norm = 0;  // of |a|^power times ones
    for (std::size_t k = 0; k < power; ++k) {
      for (std::size_t i = 0; i < n_; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < n_; ++j)
          sum += std::ldexp(std::abs(a_[i * n_ + j]), -halvings) * sums[j];
        next[i] = sum;
      }
      const double largest = *std::max_element(next.begin(), next.end());
      if (largest == 0) return 0;
      log2_norm += std::log2(largest);
      for (std::size_t i = 0; i < n_; ++i) sums[i] = next[i] / largest;
    }
    const double excess = p.log2_error + log2_norm - std::log2(own) + 53;
    return std::max(static_cast<int>(std::ceil(excess / static_cast<double>(2 * p.degree()))), 0);
  }
  bool fits(const Approximant& p, double size) const {
    return size <= p.reach && more_halvings(p, 0) == 0;
  }

  Matrix combination(const std::vector<Matrix>& even, std::span<const double> c, std::size_t first,
                     std::size_t last, std::size_t parity) const {
    Matrix sum(a_.size(), 0);
    for (std::size_t k = first; k <= last; ++k) {
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += c[2 * k + parity] * even[k - 1][i];
    }
    return sum;
  }
  void add_diagonal(Matrix& m, double v) const {
    for (std::size_t i = 0; i < n_; ++i) m[i * n_ + i] += v;
  }

  // (V - U)^-1 (V + U) with the odd part U and the even part V; `even` are the powers 2, 4 ...
  Matrix approximate(const Approximant& p, const std::vector<Matrix>& even) const {
    const std::size_t half = p.degree() / 2, low = std::min<std::size_t>(half, even.size());
    Matrix u = combination(even, p.coefficients, 1, std::min<std::size_t>(low, 4), 1);
    Matrix v = combination(even, p.coefficients, 1, std::min<std::size_t>(low, 4), 0);
    if (p.degree() == 13) {
      const auto high = [&](std::size_t parity) {
        return product(even[2], combination(even, p.coefficients.subspan(6), 1, 3, parity));
      };
      const Matrix odd = high(1), plain = high(0);
      for (std::size_t i = 0; i < u.size(); ++i) {
        u[i] += odd[i];
        v[i] += plain[i];
      }
    }
    add_diagonal(u, p.coefficients[1]);
    add_diagonal(v, p.coefficients[0]);
    return quotient(product(a_, u), v);
  }

  Matrix quotient(const Matrix& u, const Matrix& v) const {
    Matrix below(u.size()), above(u.size());
    for (std::size_t i = 0; i < u.size(); ++i) {
      below[i] = v[i] - u[i];
      above[i] = v[i] + u[i];
    }
    std::vector<int> pivots(n_);
    const auto factored = lapack::getrf(n_, n_, below.data(), pivots.data());
    const auto solved = factored.failed()
                            ? factored
                            : lapack::getrs(lapack::Transposed::no, n_, n_, below.data(),
                                            pivots.data(), above.data());
    if (solved.failed())
      std::fill(above.begin(), above.end(), std::numeric_limits<double>::quiet_NaN());
    return above;
  }

  Matrix scaled(double size, std::vector<Matrix> even) {
    int halvings =
        size > kLarge.reach ? static_cast<int>(std::ceil(std::log2(size / kLarge.reach))) : 0;
    halvings += more_halvings(kLarge, halvings);
    for (double& x : a_) x = std::ldexp(x, -halvings);
    for (std::size_t k = 0; k < even.size(); ++k) {
      for (double& x : even[k]) x = std::ldexp(x, -2 * static_cast<int>(k + 1) * halvings);
    }
    Matrix y = approximate(kLarge, even);
    for (int i = 0; i < halvings; ++i) y = product(y, y);
    return y;
  }

  std::size_t n_;
  Matrix a_;
};

}  // namespace

template <class T>
void matrix_exp(const T* a, std::size_t n, T* y) {
  if (n == 0) return;
  const Matrix r = Exponential(Matrix(a, a + n * n), n).run();
  std::transform(r.begin(), r.end(), y, [](double v) { return static_cast<T>(v); });
}

template void matrix_exp(const float*, std::size_t, float*);
template void matrix_exp(const double*, std::size_t, double*);

}  // namespace xgrad::kernels
