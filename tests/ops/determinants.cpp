// Determinants, and their derivatives where a matrix is singular.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <vector>
#include <xtensor/xview.hpp>

#include "tests/ops/failure.hpp"
#include "tests/ops/reference_rows.hpp"
#include "xgrad/autograd/derivatives.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/determinant.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad::test {

BOOST_AUTO_TEST_SUITE(determinants)

namespace {

D values(const Shape& shape, const std::vector<double>& v) { return D::from(shape, v); }

// d^2 det / d a[i,j] d a[k,l] of a 3 x 3 matrix, from its definition.
double sign3(std::size_t i, std::size_t j, std::size_t k) {
  return static_cast<double>((static_cast<int>(i) - static_cast<int>(j)) *
                             (static_cast<int>(j) - static_cast<int>(k)) *
                             (static_cast<int>(k) - static_cast<int>(i))) /
         2;
}

Array<double> second_derivative_of_det(const D& a) {
  Array<double> h(Array<double>::shape_type{3, 3, 3, 3});
  h.fill(0);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k)
        for (std::size_t l = 0; l < 3; ++l)
          for (std::size_t m = 0; m < 3; ++m)
            for (std::size_t n = 0; n < 3; ++n)
              h(i, j, k, l) += sign3(i, k, m) * sign3(j, l, n) * a.data()[m * 3 + n];
  return h;
}

Array<double> cofactors(const D& a) {
  const Array<double> h = second_derivative_of_det(a);
  Array<double> c(Array<double>::shape_type{3, 3});
  c.fill(0);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k)
        for (std::size_t l = 0; l < 3; ++l) c(i, j) += h(i, j, k, l) * a.data()[k * 3 + l] / 2;
  return c;
}

void check_near(const Array<double>& a, const Array<double>& b, double tolerance) {
  BOOST_TEST_REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    BOOST_TEST(std::abs(a.data()[i] - b.data()[i]) <= tolerance,
               i << ": " << a.data()[i] << ", expected " << b.data()[i]);
}

const std::vector<double> kSingular[] = {{1, 2, 3, 4, 5, 6, 7, 8, 9},     // rank 2
                                         {0, 1, 2, 0, 3, 4, 0, 5, 6},     // a column of zeros
                                         {1, 2, 3, 2, 4, 6, -1, -2, -3},  // rank 1
                                         {0, 0, 0, 0, 0, 0, 0, 0, 0},
                                         {1, 2, 3, 4, 5, 6, 7, 8, 9 + 1e-13},  // nearly
                                         {2, 1, 0, 1, 3, 1, 0, 1, 4}};         // regular

}  // namespace

// Cofactors of numbers whose product is beyond the range.
BOOST_AUTO_TEST_CASE(det_has_its_derivatives_where_it_is_out_of_range) {
  for (const double scale : {0x1p-700, 0x1p700, 0x1p-1000}) {
    for (const std::vector<double>& v : {std::vector<double>{2, 1, 1, 3}, {1, 2, 2, 4}}) {
      D a = parameter(values({2, 2}, v) * scale);
      det(a).backward();
      check_close(a.gradient() / scale, values({2, 2}, {v[3], -v[2], -v[1], v[0]}), 1e-14);
      const auto f = [](const D& x) { return det(x); };
      check_close(hvp<double>(f, a, values({2, 2}, {1, 2, 3, 4})), values({2, 2}, {4, -3, -2, 1}),
                  1e-14);
    }
  }
  const auto scaled = [](const std::vector<double>& v) { return values({3, 3}, v) * 0x1p-370; };
  for (const auto& v : kSingular) {
    D a = parameter(stack({scaled(v), values({3, 3}, v)}));
    sum(det(a)).backward();
    const D g = a.gradient() * values({2, 1, 1}, {0x1p740, 1});
    check_close(select(g, 0, 0), select(g, 0, 1), 1e-13);
    check_near(select(g, 0, 1).value(), cofactors(values({3, 3}, v)), 1e-12);
  }
}

// PyTorch 1.13 has the gradient 0 where the rank is n - 1.
BOOST_AUTO_TEST_CASE(det_has_its_derivatives_at_singular_matrices) {
  for (const auto& v : kSingular) {
    D a = parameter(values({3, 3}, v));
    det(a).backward();
    check_near(a.grad(), cofactors(a), 1e-12);
    check_near(hessian<double>([](const D& x) { return det(x); }, a).value(),
               second_derivative_of_det(a), 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(det_has_its_third_derivative_at_zero) {
  const D x = parameter(zeros<double>({3, 3}));
  const D first = grad(det(x), x, {.create_graph = true});
  const D second = grad(slice(reshape(first, {9}), 0, 0, 1), x, {.create_graph = true});
  const D third = grad(slice(reshape(second, {9}), 0, 4, 5), x, {.create_graph = true});
  for (std::size_t i = 0; i < 9; ++i)
    BOOST_TEST(std::abs(third.data()[i] - (i == 8 ? 1 : 0)) <= 1e-13);
}

BOOST_AUTO_TEST_CASE(det_in_a_batch_of_regular_and_singular_matrices) {
  std::vector<double> all;
  for (const auto& v : kSingular) all.insert(all.end(), v.begin(), v.end());
  D a = parameter(values({6, 3, 3}, all));
  det(a).backward(ones<double>({6}));
  for (std::size_t m = 0; m < 6; ++m) {
    const Array<double> g = xt::view(a.grad(), m);
    check_near(g, cofactors(values({3, 3}, kSingular[m])), 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(det_beyond_the_range_on_the_way) {
  BOOST_TEST(det(values({3, 3}, {1e200, 0, 0, 0, 1e200, 0, 0, 0, 1e-300})).item() == 1e100,
             boost::test_tools::tolerance(1e-14));
  BOOST_TEST(det(Tensor<float>::from({2, 2}, {0, 2, 3, 0})).item() == -6);
}

BOOST_AUTO_TEST_CASE(slogdet_of_a_singular_matrix) {
  D a = parameter(values({2, 2}, {1, 2, 2, 4}));
  const auto [sign, logarithm] = slogdet(a);
  BOOST_TEST(sign.item() == 0);
  BOOST_TEST(logarithm.item() == -std::numeric_limits<double>::infinity());
  check_failure<std::invalid_argument>(
      [&, y = logarithm] { y.backward(); },
      "slogdet: the matrix is singular, its logarithm has no gradient: (2, 2)");
  BOOST_TEST(slogdet(values({2, 2}, {0, 1, 1, 0})).sign.item() == -1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
