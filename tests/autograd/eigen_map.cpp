// Eigen's view of tensors, where Eigen is installed.

#include "xgrad/autograd/eigen_map.hpp"

#if __has_include(<Eigen/Core>)

#include "tests/autograd/helpers.hpp"
#include "xgrad/ops/arithmetic.hpp"

namespace xgrad::test {

BOOST_FIXTURE_TEST_SUITE(eigen_map, NothingLeft)

BOOST_AUTO_TEST_CASE(shows_the_numbers) {
  D x = D::from({{1, 2, 3}, {4, 5, 6}});
  const auto m = as_eigen(x);
  BOOST_TEST(m.data() == x.data());
  BOOST_TEST(m.rows() == 2);
  BOOST_TEST(m(1, 0) == 4);
  mutable_eigen(x)(0, 2) = 7;
  BOOST_TEST(m(0, 2) == 7);
  const D v = D::from({1, 2});
  BOOST_TEST(as_eigen(v).cols() == 1);
  BOOST_TEST((as_eigen(x).transpose() * as_eigen(v))(0, 0) == 9);
}

BOOST_AUTO_TEST_CASE(makes_tensors_of_matrices_and_expressions) {
  Eigen::MatrixXd m(2, 3);
  m << 1, 2, 3, 4, 5, 6;
  is(from_eigen(m), {{1, 2, 3}, {4, 5, 6}});
  is(from_eigen(m.transpose() * 2), {{2, 8}, {4, 10}, {6, 12}});
  is(from_eigen(m * m.transpose()), {{14, 32}, {32, 77}});
  is(from_eigen(m.row(1)), {4, 5, 6});
  is(from_eigen(m.array() > 2), {{0, 0, 1}, {1, 1, 1}});
  static_assert(std::is_same_v<decltype(from_eigen(Eigen::Vector3f())), Tensor<float>>);
  static_assert(std::is_same_v<decltype(from_eigen(Eigen::Vector3i())), Tensor<double>>);
}

BOOST_AUTO_TEST_CASE(refuses_what_is_no_matrix) {
  const D x = D::filled({1, 2, 3}, 0);
  check_failure<std::invalid_argument>([&] { (void)as_eigen(x); },
                                       "as_eigen: a matrix has two axes: x (1, 2, 3)");
  D y = parameter(x) + x;
  check_failure<std::invalid_argument>([&] { (void)mutable_eigen(y); },
                                       "as_eigen: a matrix has two axes: x (1, 2, 3)");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test

#endif
