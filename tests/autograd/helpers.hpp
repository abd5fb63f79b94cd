#pragma once

// What the tests of the tape share.

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <vector>

#include "tests/ops/failure.hpp"
#include "xgrad/autograd/tensor.hpp"

namespace xgrad::test {

using D = Tensor<double>;
using Tensors = std::vector<D>;

/// A fixture: every node that a test made is gone when it ends.
class NothingLeft {
 public:
  ~NothingLeft() { BOOST_TEST(detail::live_nodes() == before_); }

 private:
  std::int64_t before_ = detail::live_nodes();
};

/// A parameter of shape (n).
inline D leaf(std::initializer_list<double> values) {
  return parameter(D::from({values.size()}, values));
}

inline void is(const D& x, const Array<double>& expected) {
  BOOST_TEST(to_string(x.shape()) == to_string(Shape(expected.shape())));
  BOOST_TEST(std::vector<double>(x.data(), x.data() + x.size()) ==
                 std::vector<double>(expected.data(), expected.data() + expected.size()),
             boost::test_tools::per_element());
}

/// Equal but for rounding.
inline void is_about(const D& x, double expected) {
  BOOST_TEST(x.item() == expected, boost::test_tools::tolerance(1e-14));
}

}  // namespace xgrad::test
