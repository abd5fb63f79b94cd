#include "xgrad/data/mixing.hpp"

#include <cmath>
#include <set>

#include "tests/serialization/files.hpp"

using namespace xgrad;
using namespace xgrad_test;

namespace {

// Image i is i everywhere, of class i.
LabeledBatch<double> numbered(std::size_t n, const Shape& image = {4, 5}) {
  Shape shape = image.with(0, n);
  Tensor<double> x = Tensor<double>::filled(shape, 0);
  Indices labels(Indices::shape_type{n});
  for (std::size_t i = 0; i < x.size(); ++i) {
    x.mutable_data()[i] = static_cast<double>(i / image.elements());
  }
  for (std::size_t i = 0; i < n; ++i) labels(i) = static_cast<std::int64_t>(i);
  return {x, labels};
}

// The share of the own image by pixels, and that by targets; each target adds up to 1.
void check_shares(const TargetBatch<double>& mixed, std::size_t n) {
  const Array<double>&x = mixed.inputs.value(), &t = mixed.targets.value();
  const std::size_t size = x.size() / n;
  for (std::size_t i = 0; i < n; ++i) {
    double pixels = 0, classes = 0, sum = 0;
    for (std::size_t j = 0; j < size; ++j) pixels += x.data()[i * size + j];
    for (std::size_t c = 0; c < n; ++c) {
      classes += t(i, c) * static_cast<double>(c);
      sum += t(i, c);
    }
    BOOST_TEST(std::abs(sum - 1) < 1e-12);
    // Linear in both: the mean pixel is the mean class.
    BOOST_TEST(std::abs(pixels / static_cast<double>(size) - classes) < 1e-12);
  }
}

template <class E, class F>
std::string refusal(const F& f) {
  return message_of<E>(f);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mixing)

BOOST_AUTO_TEST_CASE(probabilities_of_labels) {
  const auto batch = with_probabilities(numbered(3), 4);
  BOOST_TEST(
      elements(batch.targets.value()) == (std::vector<double>{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}),
      boost::test_tools::per_element());
  BOOST_TEST(refusal<std::out_of_range>([] { with_probabilities(numbered(3), 2); }) ==
             "with_probabilities: label 2 of 2 classes");
}

BOOST_AUTO_TEST_CASE(inputs_and_targets_alike) {
  Generator g(1);
  for (int k = 0; k < 20; ++k) {
    check_shares(mixup(numbered(6), 6, {.alpha = 1}, g), 6);
    check_shares(cutmix(numbered(6), 6, {.alpha = 1}, g), 6);
    check_shares(cutmix(numbered(6, {3, 4, 5}), 6, {.alpha = 0.5}, g), 6);
  }
}

BOOST_AUTO_TEST_CASE(boxes) {
  Generator g(2);
  const auto batch = numbered(5, {2, 6, 6});
  const auto mixed = cutmix(batch, 5, {.alpha = 1}, g).inputs.value();
  for (std::size_t i = 0; i < 5; ++i) {
    std::set<double> seen;
    for (std::size_t y = 0; y < 6; ++y) {
      for (std::size_t x = 0; x < 6; ++x) {
        BOOST_TEST(mixed(i, 0, y, x) == mixed(i, 1, y, x));
        seen.insert(mixed(i, 0, y, x));
      }
    }
    BOOST_TEST(seen.size() <= 2U);
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_mixed) {
  Generator g(3);
  const auto batch = numbered(4);
  BOOST_CHECK(mixup(batch, 4, {.alpha = 0}, g).inputs.value() == batch.inputs.value());
  BOOST_CHECK(cutmix(batch, 4, {.alpha = 0}, g).inputs.value() == batch.inputs.value());
}

BOOST_AUTO_TEST_CASE(repeats_from_a_generator_state) {
  Generator g(4);
  mixup(numbered(4), 4, {}, g);
  Generator h(g.state());
  BOOST_CHECK(mixup(numbered(4), 4, {}, g).inputs.value() ==
              mixup(numbered(4), 4, {}, h).inputs.value());
}

// Mean 1/2 and variance 1 / (4 (2 alpha + 1)).
BOOST_AUTO_TEST_CASE(beta) {
  for (const double alpha : {0.1, 0.4, 1.0, 5.0}) {
    const int n = 20000;
    double sum = 0, squares = 0, fourth = 0;
    for (int i = 0; i < n; ++i) {
      const double v = detail::symmetric_beta(alpha, {9, static_cast<std::uint64_t>(i)});
      BOOST_TEST_REQUIRE((v >= 0 && v <= 1));
      sum += v - 0.5;
      squares += (v - 0.5) * (v - 0.5);
      fourth += std::pow(v - 0.5, 4);
    }
    const double variance = 1 / (4 * (2 * alpha + 1));
    const double spread = std::sqrt(fourth / n - variance * variance);
    BOOST_TEST(std::abs(sum / n) < 5 * std::sqrt(variance / n));
    BOOST_TEST(std::abs(squares / n - variance) < 5 * spread / std::sqrt(n));
  }
}

BOOST_AUTO_TEST_CASE(refusals) {
  BOOST_TEST(refusal<std::invalid_argument>([] { mixup(numbered(2), 2, {.alpha = -1}); }) ==
             "mixup: alpha is not in [0, inf): -1");
  BOOST_TEST(refusal<std::invalid_argument>([] { cutmix(numbered(2, {5}), 2); }) ==
             "cutmix: not images: (2, 5)");
}

BOOST_AUTO_TEST_SUITE_END()
