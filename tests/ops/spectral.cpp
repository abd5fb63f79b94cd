// Decompositions of matrices: equal eigenvalues and singular values against functions of the matrix
// itself in 60 digits (tests/references/spectral.py), deficient ranks, known test matrices, how far
// the factors are off, and what makes them unique.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "tests/message.hpp"
#include "tests/ops/reference_rows.hpp"
#include "xgrad/autograd/derivatives.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/eigen.hpp"
#include "xgrad/ops/least_squares.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/matrix_exp.hpp"
#include "xgrad/ops/qr.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"
#include "xgrad/ops/svd.hpp"

using namespace xgrad;
using xgrad::test::message_of;
using xgrad::test::wave;

namespace {

using D = Tensor<double>;
using Function = std::function<D(const D&)>;

D reference(const std::string& name, const Shape& shape) {
  return xgrad::test::reference("spectral", name, shape);
}

template <class T>
double largest(const Tensor<T>& x) {
  double r = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    r = std::max(r, static_cast<double>(std::abs(x.data()[i])));
  return r;
}

void check_near(const D& x, const D& expected, double tolerance) {
  BOOST_TEST_REQUIRE(to_string(x.shape()) == to_string(expected.shape()));
  const NoGrad guard;
  const double off = largest(D(x.detach() - expected));
  BOOST_TEST(off <= tolerance * (1 + largest(expected)), "off by " << off);
}

// sum(y wave(100)), and y itself when it is one number.
D contracted(const D& y) { return y.rank() == 0 ? y : sum(y * wave(y.shape(), 100)); }

D symmetric(const D& a) { return (a + transpose(a)) * 0.5; }

D hadamard() {
  return D::from({4, 4}, {0.5, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, -0.5, 0.5, 0.5, -0.5, -0.5, 0.5, -0.5,
                          -0.5, 0.5});
}
D with_values(std::initializer_list<double> s) { return hadamard() * D::from({4}, s); }

const std::map<std::string, D>& matrices() {
  static const std::map<std::string, D> all = {
      {"one", eye<double>(4)},
      {"three", eye<double>(4) + 1.0},
      {"pairs", D::from({4, 4}, {2, 0, 1, 0, 0, 2, 0, 1, 1, 0, 2, 0, 0, 1, 0, 2})},
      {"singular one", hadamard() * 1.5},
      {"singular pair", with_values({3, 2, 2, 1})},
      {"singular tall", concat({hadamard() * 2.0, zeros<double>({2, 4})})},
      {"singular rank 2", with_values({3, 2, 0, 0})},
      {"singular zero", zeros<double>({4, 4})},
      {"singular thin", slice(with_values({3, 0, 0, 0}), -1, 0, 2)},
  };
  return all;
}

// V diag(f(l)) V'.
Function by_eigenvalues(const Function& f) {
  return [f](const D& a) {
    const auto [l, v] = eigh(symmetric(a));
    return matmul(v * unsqueeze(f(l), -2), v, {.transpose_b = true});
  };
}
// U diag(f(s)) V'.
Function by_singular_values(const Function& f) {
  return [f](const D& a) {
    const auto [u, s, vh] = svd(a);
    return matmul(u * unsqueeze(f(s), -2), vh);
  };
}

const std::map<std::string, Function>& functions() {
  static const std::map<std::string, Function> all = {
      {"exp", by_eigenvalues([](const D& l) { return exp(l); })},
      {"square", by_eigenvalues([](const D& l) { return l * l; })},
      {"root", by_eigenvalues([](const D& l) { return sqrt(l); })},
      {"log", by_eigenvalues([](const D& l) { return log(l); })},
      {"trace of exp", [](const D& a) { return sum(exp(eigvalsh(symmetric(a)))); }},
      {"polar", by_singular_values([](const D& s) { return ones_like(s); })},
      {"nuclear", [](const D& a) { return matrix_norm(a, MatrixNorm::nuclear); }},
      {"cube", by_singular_values([](const D& s) { return s * s * s; })},
      {"sum of powers", by_singular_values([](const D& s) { return s + s * s * s; })},
  };
  return all;
}

void check_gradient(const std::string& matrix, const std::string& function) {
  BOOST_TEST_CONTEXT(matrix << ", " << function) {
    const bool of_singular = matrix.starts_with("singular ");
    const std::string name = (of_singular ? matrix.substr(9) : matrix) + " " + function;
    const D a = parameter(matrices().at(matrix));
    const D expected = reference(name, a.shape());
    const D y = contracted(functions().at(function)(a));
    const D g = grad({y}, {a}, {.create_graph = true})[0];
    check_near(g, expected, 1e-13);
    y.backward();
    check_near(a.gradient(), expected, 1e-13);
    BOOST_TEST(!a.gradient().requires_grad());
  }
}

void check_second(const std::string& matrix, const std::string& function) {
  BOOST_TEST_CONTEXT(matrix << ", " << function) {
    const std::string name =
        (matrix.starts_with("singular ") ? matrix.substr(9) : matrix) + " " + function + " second";
    const D a = matrices().at(matrix);
    const auto loss = [&](const D& x) { return contracted(functions().at(function)(x)); };
    check_near(hvp(loss, a, wave(a.shape(), 200)), reference(name, a.shape()), 1e-12);
  }
}

// A random (m, n) whose singular values fall from 1 to 1 / condition.
template <class T>
Tensor<T> random_matrix(std::size_t m, std::size_t n, double condition, std::uint64_t seed) {
  Generator g(seed);
  const std::size_t k = std::min(m, n);
  const D u = qr(normal<double>({m, k}, 0, 1, g)).q, v = qr(normal<double>({n, k}, 0, 1, g)).q;
  D s = D::uninitialized({k});
  for (std::size_t i = 0; i < k; ++i) {
    s.mutable_data()[i] = std::pow(
        condition, -static_cast<double>(i) / static_cast<double>(std::max<std::size_t>(k - 1, 1)));
  }
  const D a = matmul(u * s, v, {.transpose_b = true});
  return Tensor<T>::from(a.shape(), std::vector<T>(a.data(), a.data() + a.size()));
}

template <class T>
void check_orthonormal_columns(const Tensor<T>& q, double tolerance) {
  const Tensor<T> off = matmul(q, q, {.transpose_a = true}) - eye<T>(q.size(-1));
  BOOST_TEST(largest(off) <= tolerance);
}

template <class T>
void check_factors(std::size_t m, std::size_t n, double condition) {
  BOOST_TEST_CONTEXT(sizeof(T) << " bytes, " << m << " x " << n << ", condition " << condition) {
    const Tensor<T> a = random_matrix<T>(m, n, condition, 7 * m + n), before = a.clone();
    const double tolerance = 20 * static_cast<double>(std::max(m, n)) *
                             static_cast<double>(std::numeric_limits<T>::epsilon());
    const auto [u, s, vh] = svd(a);
    BOOST_TEST(largest(Tensor<T>(a - matmul(u * s, vh))) <= tolerance);
    check_orthonormal_columns(u, tolerance);
    check_orthonormal_columns(Tensor<T>(transpose(vh)), tolerance);
    for (const QrMode mode : {QrMode::reduced, QrMode::complete}) {
      const auto [q, r] = qr(a, mode);
      BOOST_TEST(largest(Tensor<T>(a - matmul(q, r))) <= tolerance);
      check_orthonormal_columns(q, tolerance);
      for (std::size_t i = 0; i < std::min(m, n); ++i) BOOST_TEST(r.data()[i * n + i] >= T(0));
    }
    const Tensor<T> c = matmul(a, a, {.transpose_b = true});
    const auto [l, v] = eigh(c);
    BOOST_TEST(largest(Tensor<T>(c - matmul(v * l, v, {.transpose_b = true}))) <= tolerance);
    check_orthonormal_columns(v, tolerance);
    BOOST_TEST(std::equal(a.data(), a.data() + a.size(), before.data()));
  }
}

// The first component within a thousandth of the largest.
double leading(const D& columns, std::size_t j) {
  const std::size_t m = columns.size(-2), n = columns.size(-1);
  double most = 0;
  for (std::size_t i = 0; i < m; ++i) most = std::max(most, std::abs(columns.data()[i * n + j]));
  std::size_t i = 0;
  while (std::abs(columns.data()[i * n + j]) < 0.999 * most) ++i;
  return columns.data()[i * n + j];
}

std::string backward_message(const D& y) {
  return message_of<std::invalid_argument>([&] { y.backward(); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(spectral)

BOOST_AUTO_TEST_CASE(functions_at_equal_eigenvalues) {
  for (const char* matrix : {"one", "three", "pairs"}) {
    for (const char* f : {"exp", "square", "root", "log", "trace of exp"}) {
      check_gradient(matrix, f);
      check_second(matrix, f);
    }
  }
}

BOOST_AUTO_TEST_CASE(functions_at_equal_singular_values) {
  for (const char* matrix : {"singular one", "singular pair", "singular tall"}) {
    for (const char* f : {"polar", "nuclear", "cube"}) {
      check_gradient(matrix, f);
      check_second(matrix, f);
    }
  }
}

BOOST_AUTO_TEST_CASE(functions_where_singular_values_are_0) {
  for (const char* matrix : {"singular rank 2", "singular zero", "singular thin"}) {
    check_gradient(matrix, "sum of powers");
    check_second(matrix, "sum of powers");
  }
}

BOOST_AUTO_TEST_CASE(several_functions_and_several_matrices) {
  // Two functions at once, in a batch with a matrix whose eigenvalues differ, of a loss that is not
  // linear in them: against the same by products.
  const D a = symmetric(wave({4, 4})), both = stack({eye<double>(4) + 1.0, a});
  const auto loss = [](const D& square, const D& cube) {
    return sum(exp(square * wave({4, 4}, 1) * 0.1)) + sum(sin(cube) * wave({4, 4}, 2));
  };
  const auto spectral = [&](const D& x) {
    const auto [l, v] = eigh(symmetric(x));
    const auto with = [&, v = v](const D& f) {
      return matmul(v * unsqueeze(f, -2), v, {.transpose_b = true});
    };
    return loss(with(l * l), with(l * l * l));
  };
  const auto by_products = [&](const D& x) {
    const D s = symmetric(x), squared = matmul(s, s);
    return loss(squared, matmul(squared, s));
  };
  const D x = parameter(both), y = parameter(both);
  spectral(x).backward();
  by_products(y).backward();
  check_near(x.gradient(), y.gradient(), 1e-13);
  const D along = wave({2, 4, 4}, 5);
  check_near(hvp(spectral, both, along), hvp(by_products, both, along), 1e-12);
}

BOOST_AUTO_TEST_CASE(equal_values_between_other_derivatives) {
  // By the matrix, by a factor, and by the matrix again.
  const auto mixed = [](const auto& square) {
    const D x = parameter(eye<double>(3) * 2.0), t = parameter(D::from({}, {0.7}));
    const D y = sum(sin(square(x) * t) * wave({3, 3}, 1));
    const D g = sum(grad({y}, {x}, {.create_graph = true})[0] * wave({3, 3}, 2));
    const D by_t = grad({g}, {t}, {.create_graph = true})[0];
    return grad({by_t}, {x})[0];
  };
  check_near(mixed(functions().at("square")), mixed([](const D& x) {
               const D s = symmetric(x);
               return matmul(s, s);
             }),
             1e-13);
  // Through two decompositions in a row: log(exp(x)) is x.
  const D x = parameter(eye<double>(3) * 2.0), w = wave({3, 3}, 1);
  sum(w * functions().at("log")(functions().at("exp")(x))).backward();
  check_near(x.gradient(), symmetric(w), 1e-13);
}

BOOST_AUTO_TEST_CASE(a_pass_that_records_itself_leaves_nothing) {
  const std::int64_t nodes = detail::live_nodes();
  {
    const D a = parameter(eye<double>(4));
    const D y = contracted(functions().at("exp")(a));
    y.backward();
    BOOST_TEST(a.gradient().is_leaf());
    a.gradient().clone();
  }
  BOOST_TEST(detail::live_nodes() == nodes);
}

BOOST_AUTO_TEST_CASE(what_depends_on_the_choice_is_refused) {
  const D a = parameter(eye<double>(3)), c = wave({3, 3});
  BOOST_TEST(
      backward_message(sum(c * eigh(a).vectors)) ==
      "eigh: a gradient by the vectors of equal eigenvalues, 0 and 1 of matrix 0, depends on "
      "which vectors they are: (3, 3)");
  BOOST_TEST(
      backward_message(sum(c * svd(a).u)) ==
      "svd: a gradient by the vectors of equal singular values, 0 and 1 of matrix 0, depends "
      "on which vectors they are: (3, 3)");
  const D b = parameter(zeros<double>({3, 1}));
  BOOST_TEST(backward_message(sum(wave({3, 1}) * svd(b).u)) ==
             "svd: a gradient by left vector 0 of matrix 0, whose singular value is 0, depends on "
             "which vector it is: (1, 3)");
  const auto third_message = [](const std::string& f, const D& x) {
    const D g = grad({contracted(functions().at(f)(x))}, {x}, {.create_graph = true})[0];
    return backward_message(sum(grad({sum(g * wave(x.shape()))}, {x}, {.create_graph = true})[0]));
  };
  const std::string no_third =
      ": there is no third derivative where values are equal and the function depends on their "
      "vectors as well";
  BOOST_TEST(third_message("exp", a) == "eigh" + no_third);
  BOOST_TEST(third_message("cube", a) == "svd" + no_third);
  const D tall = parameter(D::from({3, 1}, {1, 2, 2}));
  BOOST_TEST(
      backward_message(sum(wave({3, 3}) * qr(tall, QrMode::complete).q))
          .starts_with(
              "qr: a gradient by the columns that complete q depends on which columns they are"));
  const D dependent = parameter(D::from({2, 2}, {0, 1, 0, 1}));
  BOOST_TEST(
      backward_message(sum(qr(dependent).r)) ==
      "qr: no gradient where columns are dependent: diagonal element 0 of r is 0, the matrix, "
      "r (2, 2)");
}

BOOST_AUTO_TEST_CASE(equal_values_share_their_gradients) {
  const D a = parameter(eye<double>(4) + 1.0);
  select(eigvalsh(a), 0, 0).backward();
  check_near(a.gradient(), (eye<double>(4) - 0.25) / 3.0, 1e-14);
  const D b = parameter(hadamard() * 2.0);
  matrix_norm(b, MatrixNorm::spectral).backward();
  check_near(b.gradient(), hadamard() / 4.0, 1e-14);
  const D c = parameter(with_values({3, 2, 0, 0}));
  matrix_norm(c, MatrixNorm::nuclear).backward();
  check_near(c.gradient(), with_values({1, 1, 0, 0}), 1e-14);
}

BOOST_AUTO_TEST_CASE(a_symmetric_matrix_is_its_lower_triangle) {
  D a = parameter(D::from({2, 2}, {2, std::nan(""), 1, 3}));
  contracted(eigh(a).vectors).backward();
  const D g = a.gradient();
  BOOST_TEST(g.data()[1] == g.data()[2]);
  BOOST_TEST(std::isfinite(g.data()[1]));
  const D b = D::from({2, 2}, {2, 1, 1, 3});
  check_near(eigvalsh(a), eigvalsh(b), 0);
  BOOST_TEST(message_of<std::invalid_argument>([] {
               eigh(D::from({2, 2}, {2, 1, std::nan(""), 3}));
             }) == "eigh: a is not finite: the matrix has nan at (1, 0), (2, 2)");
}

BOOST_AUTO_TEST_CASE(signs_are_unique) {
  Generator g(3);
  for (std::size_t n = 1; n < 9; ++n) {
    const D a = normal<double>({n + 2, n}, 0, 1, g);
    const D u = svd(a).u, v = eigh(matmul(a, a, {.transpose_a = true})).vectors;
    const D q = qr(a, QrMode::complete).q;
    for (std::size_t j = 0; j < n; ++j) {
      BOOST_TEST(leading(u, j) > 0);
      BOOST_TEST(leading(v, j) > 0);
    }
    for (std::size_t j = n; j < n + 2; ++j) BOOST_TEST(leading(q, j) > 0);
  }
}

BOOST_AUTO_TEST_CASE(factors_are_near) {
  for (const double condition : {1.0, 1e2, 1e4, 1e8}) {
    for (const auto& [m, n] :
         {std::pair<std::size_t, std::size_t>{1, 1}, {7, 7}, {40, 40}, {30, 12}, {12, 30}}) {
      check_factors<float>(m, n, condition);
      check_factors<double>(m, n, condition);
    }
  }
}

BOOST_AUTO_TEST_CASE(known_matrices) {
  const auto made = [](std::size_t n, const std::function<double(double, double)>& f) {
    D a = D::uninitialized({n, n});
    for (std::size_t i = 0; i < n * n; ++i)
      a.mutable_data()[i] = f(static_cast<double>(i / n), static_cast<double>(i % n));
    return a;
  };
  const auto check = [](const std::string& name, const D& values) {
    const double n = static_cast<double>(values.size());
    BOOST_TEST_CONTEXT(name)
    check_near(values, reference(name, values.shape()), 20 * n * 0x1p-52);
  };
  check("hilbert", svdvals(made(8, [](double i, double j) { return 1 / (i + j + 1); })));
  const double s = std::sin(1.25), c = std::cos(1.25);
  check("kahan", svdvals(made(12, [&](double i, double j) {
          return std::pow(s, i) * (i == j ? 1 : j > i ? -c : 0);
        })));
  check("frank",
        svdvals(made(12, [](double i, double j) { return j >= i - 1 ? 12 - std::max(i, j) : 0; })));
  check("wilkinson", eigvalsh(made(21, [](double i, double j) {
          return i == j ? std::abs(i - 10) : std::abs(i - j) == 1 ? 1 : 0;
        })));
}

BOOST_AUTO_TEST_CASE(deficient_rank) {
  const D a = parameter(reference("deficient matrix", {5, 4}));
  const D along = reference("deficient direction", {5, 4});
  BOOST_TEST(matrix_rank(a)() == 2);
  const D p = pinv(a);
  check_near(p, reference("deficient pinv", {4, 5}), 1e-14);
  contracted(p).backward();
  check_near(sum(a.gradient() * along), reference("deficient change", {1, 1}).item(), 1e-12);
  D b = parameter(reference("deficient matrix", {5, 4}));
  const D x = lstsq(b, wave({5, 2}, 3));
  check_near(x, reference("deficient lstsq", {4, 2}), 1e-14);
  contracted(x).backward();
  check_near(sum(b.gradient() * along), reference("deficient lstsq change", {1, 1}).item(), 1e-12);
}

BOOST_AUTO_TEST_CASE(cut_offs_are_those_of_the_type) {
  const std::vector<double> values = {1, 0, 0, 1e-8};
  const D a = D::from({2, 2}, values);
  const auto b = Tensor<float>::from({2, 2}, std::vector<float>(values.begin(), values.end()));
  BOOST_TEST(matrix_rank(a)() == 2);
  BOOST_TEST(matrix_rank(b)() == 1);
  BOOST_TEST(matrix_rank(a, {.relative_tolerance = 1e-6})() == 1);
  BOOST_TEST(largest(pinv(a)) > 1e7);
  BOOST_TEST(largest(pinv(b)) < 2);
  BOOST_TEST(std::isinf(cond(zeros<double>({2, 2})).item()));
  BOOST_TEST(std::isinf(cond(D::from({2, 2}, {1, 0, 0, 0})).item()));
}

BOOST_AUTO_TEST_CASE(exponentials) {
  const std::map<std::string, D> all = {
      {"wave", wave({4, 4}, 7) * 3.0},
      {"shear", D::from({2, 2}, {1, 1e6, 0, -1})},
      {"nilpotent", D::from({3, 3}, {0, 1, 2, 0, 0, 3, 0, 0, 0})},
  };
  for (const auto& [name, matrix] : all) {
    BOOST_TEST_CONTEXT(name) {
      const D a = parameter(matrix), y = matrix_exp(a);
      check_near(y, reference("exponential " + name, a.shape()), 1e-14);
      contracted(y).backward();
      // The shear, whose exponential is 1e6, is as badly conditioned.
      check_near(a.gradient(), reference("exponential " + name + " gradient", a.shape()),
                 name == "shear" ? 1e-12 : 1e-14);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
