#include "xgrad/ops/softmax.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <limits>

#include "tests/ops/failure.hpp"
#include "tests/ops/reference_rows.hpp"
#include "tests/ops/threads.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

using Along = D (*)(const D& x, std::ptrdiff_t axis);
const std::vector<std::pair<std::string, Along>> kFunctions = {
    {"softmax", &softmax<double>}, {"log_softmax", &log_softmax<double>}};

std::string joined(const Shape& shape) {
  std::string s;
  for (const std::size_t n : shape) s += (s.empty() ? "" : "x") + std::to_string(n);
  return s;
}

std::vector<Row> softmax_rows() {
  std::vector<Row> rows;
  for (const auto& [name, f] : kFunctions) {
    for (const Shape& shape :
         {Shape{5}, Shape{3, 4}, Shape{2, 3, 4}, Shape{2, 19}, Shape{19, 2}, Shape{3, 1}}) {
      for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
        rows.push_back({name + " " + joined(shape) + " axis " + std::to_string(axis),
                        {wave(shape)},
                        [f = f, axis](const Tensors& x) {
                          return f(x[0], static_cast<std::ptrdiff_t>(axis));
                        }});
      }
    }
    rows.push_back({name + " of large numbers", {wave({3, 4})}, [f = f](const Tensors& x) {
                      return f(1000 * x[0], 1);
                    }});
  }
  return rows;
}

const RegisterRows registered("softmax", softmax_rows());

}  // namespace

BOOST_AUTO_TEST_SUITE(softmaxes)

BOOST_AUTO_TEST_CASE(the_last_axis_is_the_default) {
  const D x = wave({2, 3, 4});
  check_identical(softmax(x), softmax(x, 2));
  check_identical(log_softmax(x, -1), log_softmax(x, 2));
}

BOOST_AUTO_TEST_CASE(float_agrees) {
  const D x = wave({7, 70});
  Tensor<float> f = Tensor<float>::uninitialized(x.shape());
  std::copy_n(x.data(), x.size(), f.mutable_data());
  const Tensor<float> y = softmax(f), z = log_softmax(f);
  const D exact = softmax(x), log_exact = log_softmax(x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    BOOST_TEST(std::abs(y.data()[i] - exact.data()[i]) < 4e-7 * exact.data()[i]);
    BOOST_TEST(std::abs(z.data()[i] - log_exact.data()[i]) < 1e-6);
  }
}

// The logarithm of a probability near 1 is that of 1 plus the sum of the others, not of its
// rounded value: exp(-20) for float, where 1 + exp(-20) is 1.
BOOST_AUTO_TEST_CASE(one_number_stands_out) {
  const double exact = std::log1p(std::exp(-20) + std::exp(-21));
  const auto near = boost::test_tools::tolerance(1e-14);
  const D x = D::from({2, 3}, {1020, 1000, 999, 3, 2, 1});
  const D other = D(std::log1p(std::exp(-1) + std::exp(-2)));
  for (const bool rows : {true, false}) {
    const std::ptrdiff_t axis = rows ? 1 : 0;
    const D y = log_softmax(rows ? x : transpose(x), axis);
    BOOST_TEST(-y.data()[0] == exact, near);
    BOOST_TEST(-y.data()[rows ? 3 : 1] == other.item(), near);
    const D s = logsumexp((rows ? x : transpose(x)) - D(1020), axis);
    BOOST_TEST(s.data()[0] == exact, near);
  }
  const auto y = log_softmax(Tensor<float>::from({3}, {20, 0, -1}));
  BOOST_TEST(-y.data()[0] == static_cast<float>(exact), boost::test_tools::tolerance(1e-6F));
}

// p (1 - p) and p - 1 where 1 - p is e^-15, which says nothing in float once p is rounded; in all
// passes, along the row and across.
BOOST_AUTO_TEST_CASE(slopes_where_one_number_stands_out) {
  using Loss = std::function<Tensor<float>(const Tensor<float>&, std::ptrdiff_t)>;
  const double rest = std::exp(-15) + std::exp(-16), p = 1 / (1 + rest);
  const auto at = [](const Tensor<float>& y, std::ptrdiff_t axis) { return select(y, axis, 0); };
  const Loss losses[] = {
      [&](const auto& x, auto axis) { return sum(at(softmax(x, axis), axis)); },
      [&](const auto& x, auto axis) { return -sum(at(log_softmax(x, axis), axis)); },
      [&](const auto& x, auto axis) {
        return cross_entropy(axis == 1 ? x : transpose(x), indices(std::vector<std::int64_t>(20)),
                             {.reduction = Reduction::sum});
      }};
  const double slopes[] = {p * p * rest, -p * rest, -p * rest};
  std::vector<float> numbers;
  for (int i = 0; i < 20; ++i) numbers.insert(numbers.end(), {15, 0, -1});
  const auto rows = Tensor<float>::from({20, 3}, numbers);
  for (const std::ptrdiff_t axis : {0, 1}) {
    for (const bool create_graph : {false, true}) {
      for (std::size_t k = 0; k < 3; ++k) {
        const auto x = parameter(axis == 1 ? rows : transpose(rows));
        const auto g = grad(losses[k](x, axis), x, {.create_graph = create_graph});
        const auto first = select(g, axis, 0);
        for (std::size_t i = 0; i < first.size(); ++i)
          BOOST_TEST(first.data()[i] == slopes[k], boost::test_tools::tolerance(1e-6));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(infinities) {
  const D x = D::from({4, 2}, {-kInfinity, 2, -kInfinity, -kInfinity, kInfinity, 1, kNaN, 1});
  const D y = softmax(x), z = log_softmax(x);
  check_close(y, D::from({4, 2}, {0, 1, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN}));
  check_close(z, D::from({4, 2}, {-kInfinity, 0, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN}));
  const D row = parameter(D::from({3}, {-kInfinity, 1, 1})), w = D::from({3}, {7, 1, 2});
  check_close(grad(sum(softmax(row) * w), row), D::from({3}, {0, -0.25, 0.25}));
}

BOOST_AUTO_TEST_CASE(rows_of_any_length) {
  // Around every size of pack, unrolled or not.
  for (std::size_t n = 1; n <= 70; ++n) {
    const D x = wave({2, n});
    check_close(sum(softmax(x), 1), D::filled({2}, 1));
    const D columns = wave({3, n});
    check_close(sum(softmax(columns, 0), 0), D::filled({n}, 1));
    check_close(sum(softmax(columns, 0)), D(static_cast<double>(n)));
  }
}

BOOST_AUTO_TEST_CASE(of_nothing) {
  for (const Shape& shape : {Shape{0}, Shape{0, 3}, Shape{3, 0}}) {
    const D x = parameter(D::uninitialized(shape));
    for (const auto& [name, f] : kFunctions) {
      const D y = f(x, 0);
      BOOST_TEST((y.shape() == shape));
      BOOST_TEST((grad(sum(y), x).shape() == shape));
    }
  }
}

BOOST_AUTO_TEST_CASE(errors) {
  using std::out_of_range;
  check_failure<out_of_range>([] { softmax(D(1.0)); },
                              "softmax: axis -1 is out of range: x () has no axes");
  check_failure<out_of_range>(
      [] {
        log_softmax(wave({2, 3}), 2);
      },
      "log_softmax: axis 2 is out of range [-2, 1]: x (2, 3)");
}

// Rows of few numbers are taken side by side; of them one is sure, one has an infinity, one has none that is finite.
BOOST_AUTO_TEST_CASE(short_rows_alone_and_among_others) {
  constexpr std::size_t kRows = 37;
  for (const std::size_t n : {1u, 2u, 3u, 10u, 15u, 16u, 17u}) {
    Tensor<float> x = wave({kRows, n}).to<float>() * 3.0f;
    float* const p = x.mutable_data();
    p[4 * n] = 30;
    p[5 * n] = -std::numeric_limits<float>::infinity();
    std::fill_n(p + 6 * n, n, -std::numeric_limits<float>::infinity());
    p[7 * n] = std::numeric_limits<float>::infinity();
    const auto all = logsumexp(x, 1);
    for (std::size_t i = 0; i < kRows; ++i) {
      const auto row =
          slice(x, {{static_cast<std::ptrdiff_t>(i), static_cast<std::ptrdiff_t>(i) + 1}});
      const float alone = logsumexp(row, 1).item();
      BOOST_TEST(alone == all.data()[i]);
      double sum = 0;
      for (std::size_t k = 0; k < n; ++k) sum += std::exp(static_cast<double>(p[i * n + k]));
      const double wanted = std::log(sum);
      if (std::isinf(wanted)) {
        BOOST_TEST(static_cast<double>(alone) == wanted);
      } else {
        BOOST_TEST(std::abs(static_cast<double>(alone) - wanted) <= 4e-7 * (1 + std::abs(wanted)));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_same_for_any_number_of_threads) {
  for (const auto& [name, f] : kFunctions) {
    for (const std::ptrdiff_t axis : {0, 1}) {
      check_threads([f = f, axis](const Tensors& x) { return f(x[0], axis); }, {wave({500, 300})});
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
