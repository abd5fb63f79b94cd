// Every word of a formula inside map: its passes agree, and its gradient is that of the operation.

#include <boost/test/unit_test.hpp>

#include "agreement.hpp"
#include "xgrad/ops/map.hpp"

namespace {

using proof::combinations;
using proof::hard_points;
template <class T>
using Tensors = std::vector<xgrad::Tensor<T>>;

// The words, by number, so that one kernel has them all.
struct OneNumber {
  static constexpr int count = 34;
  int word;
  template <class X>
  X operator()(const X& x) const {
    switch (word) {
      // clang-format off
      case 0: return exp(x);
      case 1: return expm1(x);
      case 2: return log(x);
      case 3: return log1p(x);
      case 4: return sqrt(x);
      case 5: return rsqrt(x);
      case 6: return square(x);
      case 7: return reciprocal(x);
      case 8: return abs(x);
      case 9: return sign(x);
      case 10: return sin(x);
      case 11: return cos(x);
      case 12: return tan(x);
      case 13: return asin(x);
      case 14: return acos(x);
      case 15: return atan(x);
      case 16: return sinh(x);
      case 17: return cosh(x);
      case 18: return tanh(x);
      case 19: return erf(x);
      case 20: return ndtr(x);
      case 21: return sigmoid(x);
      case 22: return relu(x);
      case 23: return softplus(x);
      case 24: return floor(x);
      case 25: return maximum(x, 0.5);
      case 26: return minimum(0.5, x);
      case 27: return pow(x, 0.5);
      case 28: return pow(x, 3);
      case 29: return pow(x, 0.0);
      case 30: return where(x > 0, sqrt(x), 0 * x);
      case 31: return where(x > 0, log(x), 1 - x);
      case 32: return sqrt(relu(x));
      case 33: return sqrt(square(x));
      default: return -x;
        // clang-format on
    }
  }
};

struct TwoNumbers {
  static constexpr int count = 11;
  int word;
  template <class X, class Y>
  auto operator()(const X& x, const Y& y) const {
    using R = decltype(x + y);
    switch (word) {
      // clang-format off
      case 0: return R(x + y);
      case 1: return R(x - y);
      case 2: return R(x * y);
      case 3: return R(x / y);
      case 4: return R(pow(x, y));
      case 5: return R(maximum(x, y));
      case 6: return R(minimum(x, y));
      case 7: return R(where(x < y, x, y));
      case 8: return R(y * y + sqrt(x));
      case 9: return R(where(y > 0, log(x), y));
      case 10: return R(where(x <= 0, y * x, x));
      default: return R(sqrt(x) * y);
        // clang-format on
    }
  }
};

template <class T>
void words_of_one() {
  for (int word = 0; word < OneNumber::count; ++word) {
    BOOST_TEST_CONTEXT("word " << word) {
      const xgrad::TensorFunction<T> mapped = [&](const Tensors<T>& x) {
        return Tensors<T>{map(OneNumber{word}, x[0])};
      };
      proof::check_agreement<T>(mapped, combinations(hard_points<T>(), 1), {true});
    }
  }
}

template <class T>
void words_of_two() {
  for (int word = 0; word < TwoNumbers::count; ++word) {
    BOOST_TEST_CONTEXT("word " << word) {
      const xgrad::TensorFunction<T> mapped = [&](const Tensors<T>& x) {
        return Tensors<T>{map(TwoNumbers{word}, x[0], x[1])};
      };
      proof::check_agreement<T>(mapped, combinations(hard_points<T>(), 2), {true, true});
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(words)

BOOST_AUTO_TEST_CASE(of_one_number) {
  words_of_one<double>();
  words_of_one<float>();
}
BOOST_AUTO_TEST_CASE(of_two_numbers) {
  words_of_two<double>();
  words_of_two<float>();
}

BOOST_AUTO_TEST_SUITE_END()
