// The door to LAPACK: what each routine does with a matrix that is known, what it says when it
// fails, and that threads do not show.

#include "xgrad/kernels/lapack.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <numeric>
#include <tuple>
#include <vector>

#include "tests/message.hpp"
#include "tests/ops/threads.hpp"

using namespace xgrad::kernels::lapack;
using xgrad::test::check_failure;

namespace {

template <class T>
using Matrix = std::vector<T>;  // column-major

template <class T>
T element(std::size_t i) {
  return static_cast<T>(std::sin(static_cast<double>(1 + i * i % 97)));
}

template <class T>
Matrix<T> general(std::size_t m, std::size_t n) {
  Matrix<T> a(m * n);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = element<T>(i);
  return a;
}

// op(a) (m, k) times b (k, n).
template <class T>
Matrix<T> product(const Matrix<T>& a, const Matrix<T>& b, std::size_t m, std::size_t k,
                  std::size_t n, bool transpose_a = false, bool transpose_b = false) {
  Matrix<T> c(m * n);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t l = 0; l < k; ++l)
        c[i + j * m] +=
            a[transpose_a ? l + i * k : i + l * m] * b[transpose_b ? j + l * n : l + j * k];
    }
  }
  return c;
}

template <class T>
Matrix<T> identity(std::size_t n) {
  Matrix<T> e(n * n);
  for (std::size_t i = 0; i < n; ++i) e[i + i * n] = 1;
  return e;
}

template <class T>
Matrix<T> positive(std::size_t n) {
  const Matrix<T> g = general<T>(n, n);
  Matrix<T> a = product(g, g, n, n, n, false, true);
  for (std::size_t i = 0; i < n; ++i) a[i + i * n] += static_cast<T>(n);
  return a;
}

template <class T>
Matrix<T> triangle_of(Triangle t, std::size_t n, Matrix<T> a) {
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = 0; i < n; ++i)
      if (t == Triangle::lower ? i < j : i > j) a[i + j * n] = 0;
  }
  return a;
}

template <class T>
void check_close(const Matrix<T>& a, const Matrix<T>& b, double scale = 1) {
  BOOST_TEST_REQUIRE(a.size() == b.size());
  const double tolerance = scale * 200 * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (std::size_t i = 0; i < a.size(); ++i)
    BOOST_TEST(std::abs(static_cast<double>(a[i] - b[i])) <= tolerance,
               i << ": " << a[i] << ", " << b[i]);
}

constexpr std::size_t kN = 7;
constexpr Triangle kTriangles[] = {Triangle::lower, Triangle::upper};

using Types = std::tuple<float, double>;

}  // namespace

BOOST_AUTO_TEST_SUITE(lapack)

BOOST_AUTO_TEST_CASE_TEMPLATE(positive_definite, T, Types) {
  const Matrix<T> a = positive<T>(kN);
  for (const Triangle t : kTriangles) {
    const bool lower = t == Triangle::lower;
    Matrix<T> f = a;
    BOOST_TEST(!potrf(t, kN, f.data()).failed());
    BOOST_TEST(f[lower ? kN : 1] == a[lower ? kN : 1]);  // of the other triangle
    const Matrix<T> l = triangle_of(t, kN, f);
    check_close(product(l, l, kN, kN, kN, !lower, lower), a, kN);

    Matrix<T> square = l;
    BOOST_TEST(!lauum(t, kN, square.data()).failed());
    check_close(triangle_of(t, kN, square),
                triangle_of(t, kN, product(l, l, kN, kN, kN, lower, !lower)), kN);

    Matrix<T> inverse = f;
    BOOST_TEST(!potri(t, kN, inverse.data()).failed());
    for (std::size_t j = 0; j < kN; ++j) {
      for (std::size_t i = 0; i < j; ++i)
        (lower ? inverse[i + j * kN] : inverse[j + i * kN]) =
            lower ? inverse[j + i * kN] : inverse[i + j * kN];
    }
    check_close(product(a, inverse, kN, kN, kN), identity<T>(kN));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(triangles, T, Types) {
  for (const Triangle t : kTriangles) {
    Matrix<T> f = positive<T>(kN);
    BOOST_TEST(!potrf(t, kN, f.data()).failed());
    const Matrix<T> l = triangle_of(t, kN, f), b = general<T>(kN, 3);
    for (const Transposed o : {Transposed::no, Transposed::yes}) {
      Matrix<T> x = b;
      BOOST_TEST(!trtrs(t, o, Diagonal::stored, kN, 3, f.data(), x.data()).failed());
      check_close(product(l, x, kN, kN, 3, o == Transposed::yes), b);
    }
    Matrix<T> inverse = l;
    BOOST_TEST(!trtri(t, Diagonal::stored, kN, inverse.data()).failed());
    check_close(product(l, inverse, kN, kN, kN), identity<T>(kN));
    f[4 + 4 * kN] = 0;
    Matrix<T> x = b;
    BOOST_TEST(trtrs(t, Transposed::no, Diagonal::stored, kN, 3, f.data(), x.data()).info == 5u);
    BOOST_TEST((x == b));
    BOOST_TEST(trtri(t, Diagonal::stored, kN, f.data()).info == 5u);
    BOOST_TEST(!trtrs(t, Transposed::no, Diagonal::unit, kN, 3, f.data(), x.data()).failed());
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(general_matrices, T, Types) {
  const Matrix<T> a = general<T>(kN, kN), b = general<T>(kN, 2);
  Matrix<T> lu = a;
  std::vector<int> pivots(kN);
  BOOST_TEST(!getrf(kN, kN, lu.data(), pivots.data()).failed());
  for (const Transposed o : {Transposed::no, Transposed::yes}) {
    Matrix<T> x = b;
    BOOST_TEST(!getrs(o, kN, 2, lu.data(), pivots.data(), x.data()).failed());
    check_close(product(a, x, kN, kN, 2, o == Transposed::yes), b);
  }
  T norm = 0, reciprocal = 0;
  for (std::size_t j = 0; j < kN; ++j) {
    T sum = 0;
    for (std::size_t i = 0; i < kN; ++i) sum += std::abs(a[i + j * kN]);
    norm = std::max(norm, sum);
  }
  BOOST_TEST(!gecon(kN, lu.data(), norm, &reciprocal).failed());
  BOOST_TEST((reciprocal > 0 && reciprocal < 1));
  BOOST_TEST(!getri(kN, lu.data(), pivots.data()).failed());
  check_close(product(a, lu, kN, kN, kN), identity<T>(kN));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(orthogonal, T, Types) {
  constexpr std::size_t m = 9;
  const Matrix<T> a = general<T>(m, kN), c = general<T>(m, 2);
  Matrix<T> f = a, tau(kN);
  BOOST_TEST(!geqrf(m, kN, f.data(), tau.data()).failed());
  Matrix<T> r(kN * kN);
  for (std::size_t j = 0; j < kN; ++j) std::copy_n(f.data() + j * m, j + 1, r.data() + j * kN);
  Matrix<T> q = f;
  BOOST_TEST(!orgqr(m, kN, kN, q.data(), tau.data()).failed());
  check_close(product(q, r, m, kN, kN), a);
  Matrix<T> complete(m * m);
  std::copy(f.begin(), f.end(), complete.begin());
  BOOST_TEST(!orgqr(m, m, kN, complete.data(), tau.data()).failed());
  check_close(product(complete, complete, m, m, m, true), identity<T>(m));
  Matrix<T> qc = c;
  BOOST_TEST(
      !ormqr(Side::left, Transposed::yes, m, 2, kN, f.data(), tau.data(), qc.data()).failed());
  check_close(qc, product(complete, c, m, m, 2, true));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(spectra, T, Types) {
  const Matrix<T> a = positive<T>(kN);
  for (const Triangle t : kTriangles) {
    Matrix<T> v = triangle_of(t, kN, a), w(kN), alone(kN);
    Matrix<T> copy = v;
    BOOST_TEST(!syevd(Vectors::all, t, kN, v.data(), w.data()).failed());
    BOOST_TEST(!syevd(Vectors::none, t, kN, copy.data(), alone.data()).failed());
    check_close(w, alone, 10);
    Matrix<T> scaled = v;
    for (std::size_t i = 0; i < v.size(); ++i) scaled[i] *= w[i / kN];
    check_close(product(scaled, v, kN, kN, kN, false, true), a, 10);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(singular_values, T, Types) {
  for (const std::size_t m : {std::size_t{5}, std::size_t{9}}) {
    const std::size_t k = std::min(m, kN);
    const Matrix<T> a = general<T>(m, kN);
    for (const auto decompose : {&gesdd<T>, &gesvd<T>}) {
      Matrix<T> copy = a, s(k), u(m * k), vt(k * kN), alone(k), all_u(m * m), all_vt(kN * kN);
      BOOST_TEST(
          !decompose(Vectors::thin, m, kN, copy.data(), s.data(), u.data(), vt.data()).failed());
      Matrix<T> scaled = u;
      for (std::size_t i = 0; i < u.size(); ++i) scaled[i] *= s[i / m];
      check_close(product(scaled, vt, m, k, kN), a);
      copy = a;
      BOOST_TEST(
          !decompose(Vectors::none, m, kN, copy.data(), alone.data(), nullptr, nullptr).failed());
      check_close(alone, s);
      copy = a;
      BOOST_TEST(!decompose(Vectors::all, m, kN, copy.data(), s.data(), all_u.data(), all_vt.data())
                      .failed());
      check_close(product(all_u, all_u, m, m, m, true), identity<T>(m));
      check_close(product(all_vt, all_vt, kN, kN, kN, true), identity<T>(kN));
    }
  }
}

BOOST_AUTO_TEST_CASE(empty_matrices_are_taken) {
  double none = 0;
  int pivot = 0;
  double* const p = &none;
  BOOST_TEST(!potrf(Triangle::lower, 0, p).failed());
  BOOST_TEST(!potri(Triangle::lower, 0, p).failed());
  BOOST_TEST(!trtri(Triangle::lower, Diagonal::stored, 0, p).failed());
  BOOST_TEST(!lauum(Triangle::lower, 0, p).failed());
  BOOST_TEST(!trtrs(Triangle::lower, Transposed::no, Diagonal::stored, 0, 2, p, p).failed());
  BOOST_TEST(!trtrs(Triangle::lower, Transposed::no, Diagonal::stored, 2, 0,
                    general<double>(2, 2).data(), p)
                  .failed());
  BOOST_TEST(!getrf(0, 3, p, &pivot).failed());
  BOOST_TEST(!getrs(Transposed::no, 0, 2, p, &pivot, p).failed());
  BOOST_TEST(!getri(0, p, &pivot).failed());
  BOOST_TEST(!geqrf(0, 3, p, p).failed());
  BOOST_TEST(!geqrf(3, 0, p, p).failed());
  BOOST_TEST(!orgqr(3, 0, 0, p, p).failed());
  BOOST_TEST(!ormqr(Side::left, Transposed::no, 0, 2, 0, p, p, p).failed());
  BOOST_TEST(!syevd(Vectors::all, Triangle::lower, 0, p, p).failed());
  BOOST_TEST(!gesdd(Vectors::thin, 0, 3, p, p, p, p).failed());
  BOOST_TEST(!gesdd(Vectors::thin, 3, 0, p, p, p, p).failed());
  BOOST_TEST(!gesvd(Vectors::thin, 0, 3, p, p, p, p).failed());
}

BOOST_AUTO_TEST_CASE(what_depends_on_the_numbers_is_returned) {
  Matrix<double> a = identity<double>(kN);
  a[4 + 4 * kN] = -1;
  BOOST_TEST(potrf(Triangle::lower, kN, a.data()).info == 5u);
  Matrix<double> b = identity<double>(kN);
  b[2 + 2 * kN] = 0;
  std::vector<int> pivots(kN);
  BOOST_TEST(getrf(kN, kN, b.data(), pivots.data()).info == 3u);
}

BOOST_AUTO_TEST_CASE(what_lapack_refuses_is_an_error_of_ours) {
  Matrix<double> a = identity<double>(2);
  check_failure<std::logic_error>(
      [&] { static_cast<void>(potrf(static_cast<Triangle>('X'), 2, a.data())); },
      "potrf: LAPACK refuses argument 1");
  check_failure<std::invalid_argument>(
      [&] { static_cast<void>(potrf(Triangle::lower, std::size_t{1} << 31, a.data())); },
      "LAPACK: size 2147483648 is larger than it can count");
}

BOOST_AUTO_TEST_CASE(the_first_failure_of_a_batch_is_told) {
  for (const int threads : {1, 3}) {
    const xgrad::test::Threads scope(threads);
    std::vector<int> seen(1000);
    const auto each = [&](std::size_t i) {
      ++seen[i];
      return Outcome{i % 400 == 399 ? i : 0};
    };
    const BatchOutcome o = for_each_matrix(seen.size(), 1e5, each);
    BOOST_TEST(o.matrix == 399u);
    BOOST_TEST(o.info == 399u);
    BOOST_TEST(std::accumulate(seen.begin(), seen.end(), 0) == 1000);
    BOOST_TEST(!for_each_matrix(0, 1e5, each).failed());
    BOOST_TEST(!for_each_matrix(3, 1, each).failed());
    BOOST_CHECK_THROW(
        static_cast<void>(for_each_matrix(
            100, 1e5, [](std::size_t i) { return i == 60 ? throw std::bad_alloc() : Outcome{}; })),
        std::bad_alloc);
  }
}

// From the sizes on at which OpenBLAS' own threads change bits.
BOOST_AUTO_TEST_CASE(threads_do_not_show) {
  constexpr std::size_t n = 160;
  const Matrix<double> a = positive<double>(n), b = general<double>(n, n);
  const auto run = [&](int threads) {
    const xgrad::test::Threads scope(threads);
    Matrix<double> f = a, lu = b, v = a, w(n), tau(n), qr = b, s(n), u(n * n), vt(n * n), copy = b;
    std::vector<int> pivots(n);
    BOOST_TEST(!potrf(Triangle::upper, n, f.data()).failed());
    BOOST_TEST(!getrf(n, n, lu.data(), pivots.data()).failed());
    BOOST_TEST(!syevd(Vectors::all, Triangle::upper, n, v.data(), w.data()).failed());
    BOOST_TEST(!geqrf(n, n, qr.data(), tau.data()).failed());
    BOOST_TEST(!gesdd(Vectors::thin, n, n, copy.data(), s.data(), u.data(), vt.data()).failed());
    return std::vector{f, lu, v, w, qr, tau, s, u, vt};
  };
  const auto one = run(1);
  for (const int threads : {2, 4}) {
    const auto more = run(threads);
    for (std::size_t i = 0; i < one.size(); ++i)
      BOOST_TEST(std::memcmp(one[i].data(), more[i].data(), one[i].size() * sizeof(double)) == 0,
                 i);
  }
}

BOOST_AUTO_TEST_SUITE_END()
