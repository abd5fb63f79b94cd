// Modules beside the functions of numbers that have the same names, which come first here: both compilers take the right
// ones.

#include <boost/test/unit_test.hpp>

#include "xgrad/kernels/dual.hpp"
#include "xgrad/kernels/number.hpp"
#include "xgrad/modules/activations.hpp"

namespace xgrad {
namespace {

using Types = std::tuple<float, double>;

BOOST_AUTO_TEST_SUITE(after_kernels)

BOOST_AUTO_TEST_CASE_TEMPLATE(functions_of_tensors, T, Types) {
  const Tensor<T> x = Tensor<T>::from({T(-1), T(2)});
  BOOST_TEST(Relu<T>()(x).data()[0] == T(0));
  BOOST_TEST(Relu<T>()(x).data()[1] == T(2));
  BOOST_TEST(Tanh<T>()(x).data()[1] == std::tanh(T(2)), boost::test_tools::tolerance(T(1e-6)));
  BOOST_TEST(Sigmoid<T>()(x).data()[0] == 1 / (1 + std::exp(T(1))),
             boost::test_tools::tolerance(T(1e-6)));
  BOOST_TEST(Softplus<T>()(x).data()[0] == std::log1p(std::exp(T(-1))),
             boost::test_tools::tolerance(T(1e-6)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xgrad
