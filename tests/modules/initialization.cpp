// Initial numbers: their moments, their structure, and what they do to a signal through 20 layers.

#include "xgrad/modules/initialization.hpp"

#include <algorithm>
#include <numbers>

#include "tests/modules/helpers.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;

// The deviation of the sample variance of n numbers with this kurtosis, relative to the variance.
double spread(std::size_t n, double kurtosis) {
  return std::sqrt((kurtosis - 1) / static_cast<double>(n));
}
constexpr double kNormal = 3, kUniform = 1.8;  // kurtosis

Tensor<double> weight(const Shape& shape) { return Tensor<double>::filled(shape, 99); }

template <class Fill>
void check_distribution(const Shape& shape, double deviation, double kurtosis, const Fill& fill) {
  const Tensor<double> w = weight(shape);
  Generator generator(7);
  fill(w, &generator);
  const auto [mean, var] = moments(w);
  const auto n = static_cast<double>(w.size());
  BOOST_TEST(std::abs(mean) < 5 * deviation / std::sqrt(n));
  const double expected = deviation * deviation;
  BOOST_TEST(std::abs(var / expected - 1) < 5 * spread(w.size(), kurtosis));
  if (kurtosis != kUniform) return;
  const auto all = numbers(w);
  const double bound = std::sqrt(3.0) * deviation;
  BOOST_TEST(*std::max_element(all.begin(), all.end()) < bound);
  BOOST_TEST(*std::max_element(all.begin(), all.end()) > 0.99 * bound);
  BOOST_TEST(*std::min_element(all.begin(), all.end()) >= -bound);
}

// 1 / sqrt(E[f(z)^2]) by the trapezoidal rule, which is exact here.
double gain_by_quadrature(const std::function<Tensor<double>(const Tensor<double>&)>& f) {
  constexpr int kPoints = 200001;
  std::vector<double> z(kPoints);
  for (int i = 0; i < kPoints; ++i) z[std::size_t(i)] = -10 + 20.0 * i / (kPoints - 1);
  const auto y = numbers(f(Tensor<double>::from({z.size()}, z)));
  double square = 0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    square += y[i] * y[i] * std::exp(-z[i] * z[i] / 2) / std::sqrt(2 * std::numbers::pi) * 1e-4;
  }
  return 1 / std::sqrt(square);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(initialization)

BOOST_AUTO_TEST_CASE(constants) {
  const Tensor<double> w = weight({2, 3});
  zeros_(w);
  BOOST_TEST(numbers(w) == (std::vector<double>(6, 0.0)), boost::test_tools::per_element());
  ones_(w);
  BOOST_TEST(numbers(w) == (std::vector<double>(6, 1.0)), boost::test_tools::per_element());
  constant_(w, 2.5);
  BOOST_TEST(numbers(w) == (std::vector<double>(6, 2.5)), boost::test_tools::per_element());
  identity_(w);
  const std::vector<double> wide = {1, 0, 0, 0, 1, 0};
  BOOST_TEST(numbers(w) == wide, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(plain_distributions) {
  check_distribution({300, 200}, 0.01, kNormal,
                     [](auto& w, auto* g) { normal_(w, {.generator = g}); });
  check_distribution({300, 200}, 0.5, kNormal,
                     [](auto& w, auto* g) { normal_(w, {.deviation = 0.5, .generator = g}); });
  check_distribution({300, 200}, 2 / std::sqrt(3.0), kUniform,
                     [](auto& w, auto* g) { uniform_(w, {.low = -2, .high = 2, .generator = g}); });
}

BOOST_AUTO_TEST_CASE(truncated_normal) {
  // Variance of a standard normal cut at +-2: 1 - 4 phi(2) / (2 Phi(2) - 1).
  check_distribution({300, 200}, 0.5 * std::sqrt(0.77374130), kNormal, [](auto& w, auto* g) {
    truncated_normal_(w, {.deviation = 0.5, .generator = g});
    for (const double v : numbers(w)) BOOST_REQUIRE(std::abs(v) <= 1);
  });
  const Tensor<double> tail = weight({1000});
  truncated_normal_(tail, {.mean = 1, .deviation = 2, .low = 8, .high = 9});
  // Mean of the tail of a standard normal beyond 8: phi(8) / Phi(-8) = 8.12137.
  BOOST_TEST(moments(tail).first == 1 + 2 * 8.12137, boost::test_tools::tolerance(0.005));
  for (const double v : numbers(tail)) BOOST_REQUIRE((v >= 17 && v <= 19));
  // Where the distribution function is 1 to the last digit: (phi(12) - phi(13)) / (Phi(-12) -
  // Phi(-13)) = 12.082211.
  truncated_normal_(tail, {.deviation = 1, .low = 12, .high = 13});
  BOOST_TEST(moments(tail).first == 12.082211, boost::test_tools::tolerance(0.001));
  BOOST_TEST(variance(tail) > 0);
  // Cuts that are not symmetric: (phi(-1) - phi(3)) / (Phi(3) - Phi(-1)) = 0.282786.
  const Tensor<double> skew = weight({100000});
  truncated_normal_(skew, {.deviation = 1, .low = -1, .high = 3});
  BOOST_TEST(moments(skew).first == 0.282786, boost::test_tools::tolerance(0.03));
}

// The distribution function of the numbers is the uniform number they were drawn from.
BOOST_AUTO_TEST_CASE(truncated_normal_inverts_exactly) {
  const auto distribution = [](double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); };
  Generator generator(5);
  const Tensor<double> w = weight({1000});
  truncated_normal_(w, {.deviation = 1, .low = -3, .high = 2, .generator = &generator});
  generator.seed(5);
  const Tensor<double> u = uniform<double>({1000}, distribution(-3), distribution(2), generator);
  for (std::size_t i = 0; i < 1000; ++i) {
    BOOST_TEST(distribution(w.data()[i]) == u.data()[i], boost::test_tools::tolerance(1e-13));
  }
}

BOOST_AUTO_TEST_CASE(fans_of_weights) {
  BOOST_TEST(fans({10, 20}).in == 20U);
  BOOST_TEST(fans({10, 20}).out == 10U);
  BOOST_TEST(fans({10, 20, 3, 5}).in == 300U);
  BOOST_TEST(fans({10, 20, 3, 5}).out == 150U);
  BOOST_TEST(message_of<std::invalid_argument>([] { fans({10}); }) ==
             "fans: a weight has two axes or more: w (10)");
}

BOOST_AUTO_TEST_CASE(variances_by_fan) {
  const Shape matrix = {300, 200}, kernel = {60, 40, 3, 5};
  const double xavier = std::sqrt(2.0 / 500), kernel_xavier = std::sqrt(2.0 / (600 + 900));
  check_distribution(matrix, xavier, kNormal,
                     [](auto& w, auto* g) { xavier_normal_(w, {.generator = g}); });
  check_distribution(matrix, 3 * xavier, kUniform,
                     [](auto& w, auto* g) { xavier_uniform_(w, {.gain = 3, .generator = g}); });
  check_distribution(kernel, kernel_xavier, kUniform,
                     [](auto& w, auto* g) { xavier_uniform_(w, {.generator = g}); });
  check_distribution(matrix, std::sqrt(1.0 / 200), kNormal,
                     [](auto& w, auto* g) { lecun_normal_(w, {.generator = g}); });
  check_distribution(matrix, std::sqrt(1.0 / 200), kUniform,
                     [](auto& w, auto* g) { lecun_uniform_(w, {.generator = g}); });
  check_distribution(matrix, std::sqrt(2.0 / 200), kNormal,
                     [](auto& w, auto* g) { he_normal_(w, {.generator = g}); });
  check_distribution({2000, 1}, std::sqrt(2.0), kNormal,
                     [](auto& w, auto* g) { he_normal_(w, {.generator = g}); });
  he_normal_(weight({3, 0}));  // nothing to fill, and no error
  check_distribution(matrix, std::sqrt(2.0 / 300), kUniform,
                     [](auto& w, auto* g) { he_uniform_(w, {.fan = Fan::out, .generator = g}); });
  check_distribution(kernel, std::sqrt(2 / 1.25 / 600), kNormal, [](auto& w, auto* g) {
    he_normal_(w, {.activation = Activation::leaky_relu, .slope = 0.5, .generator = g});
  });
}

BOOST_AUTO_TEST_CASE(gains_keep_the_second_moment) {
  const auto close = boost::test_tools::tolerance(1e-8);
  using X = const Tensor<double>&;
  BOOST_TEST(gain(Activation::relu) == gain_by_quadrature([](X x) { return relu(x); }), close);
  BOOST_TEST(gain(Activation::leaky_relu, 0.3) ==
                 gain_by_quadrature([](X x) { return leaky_relu(x, 0.3); }),
             close);
  BOOST_TEST(gain(Activation::elu) == gain_by_quadrature([](X x) { return elu(x); }), close);
  BOOST_TEST(gain(Activation::selu) == gain_by_quadrature([](X x) { return selu(x); }), close);
  BOOST_TEST(gain(Activation::gelu) == gain_by_quadrature([](X x) { return gelu(x); }), close);
  BOOST_TEST(gain(Activation::silu) == gain_by_quadrature([](X x) { return silu(x); }), close);
  BOOST_TEST(gain(Activation::mish) == gain_by_quadrature([](X x) { return mish(x); }), close);
  BOOST_TEST(gain(Activation::softplus) == gain_by_quadrature([](X x) { return softplus(x); }),
             close);
  BOOST_TEST(gain(Activation::identity) == 1);
  BOOST_TEST(gain(Activation::sigmoid) == 1);
  BOOST_TEST(gain(Activation::tanh) == 5.0 / 3);
}

BOOST_AUTO_TEST_CASE(orthogonal) {
  for (const Shape& shape : {Shape{5, 5}, Shape{3, 7}, Shape{7, 3}, Shape{4, 2, 3}, Shape{1, 1}}) {
    const Tensor<double> w = weight(shape);
    orthogonal_(w, {.gain = 2});
    const std::size_t rows = shape[0], columns = w.size() / rows;
    const Tensor<double> m = Tensor<double>::from({rows, columns}, numbers(w));
    const bool tall = rows > columns;
    const Tensor<double> product = matmul(m, m, {.transpose_a = tall, .transpose_b = !tall});
    const std::size_t n = std::min(rows, columns);
    for (std::size_t i = 0; i < n * n; ++i) {
      BOOST_TEST(std::abs(product.data()[i] - (i % (n + 1) == 0 ? 4 : 0)) < 1e-13);
    }
  }
}

// The mean of each number of a rotation is 0 and its variance 1 / n, signs included.
BOOST_AUTO_TEST_CASE(orthogonal_is_uniform) {
  constexpr int kDraws = 4000;
  std::vector<double> sum(9), square(9);
  Generator generator(5);
  for (int k = 0; k < kDraws; ++k) {
    const Tensor<double> w = weight({3, 3});
    orthogonal_(w, {.generator = &generator});
    for (std::size_t i = 0; i < 9; ++i) {
      sum[i] += w.data()[i] / kDraws;
      square[i] += w.data()[i] * w.data()[i] / kDraws;
    }
  }
  for (std::size_t i = 0; i < 9; ++i) {
    BOOST_TEST(std::abs(sum[i]) < 5 * std::sqrt(1.0 / 3 / kDraws));
    BOOST_TEST(std::abs(square[i] - 1.0 / 3) < 5 * std::sqrt(4.0 / 45 / kDraws));
  }
}

BOOST_AUTO_TEST_CASE(sparse) {
  const Tensor<double> w = weight({50, 40});
  sparse_(w, {.sparsity = 0.9, .deviation = 2});
  std::vector<int> kept_of_column(40);
  for (std::size_t i = 0; i < 50; ++i) {
    int kept = 0;
    for (std::size_t j = 0; j < 40; ++j) {
      const bool here = w.data()[i * 40 + j] != 0;
      kept += here;
      kept_of_column[j] += here;
    }
    BOOST_TEST(kept == 4);
  }
  BOOST_TEST(*std::max_element(kept_of_column.begin(), kept_of_column.end()) <
             15);  // of 5 expected
  BOOST_TEST(variance(w) == 0.1 * 4, boost::test_tools::tolerance(0.5));
}

BOOST_AUTO_TEST_CASE(generators_repeat) {
  const Tensor<double> a = weight({4, 5}), b = weight({4, 5});
  Generator generator(1);
  he_normal_(a, {.generator = &generator});
  generator.seed(1);
  he_normal_(b, {.generator = &generator});
  BOOST_TEST(numbers(a) == numbers(b), boost::test_tools::per_element());
  manual_seed(11);
  he_normal_(a);
  he_normal_(b);
  BOOST_TEST(a.data()[0] != b.data()[0]);
  manual_seed(11);
  he_normal_(b);
  BOOST_TEST(numbers(a) == numbers(b), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(parameters_are_written_in_place) {
  const Tensor<float> w = parameter(Tensor<float>::filled({3, 3}, 5));
  xavier_uniform_(w);
  BOOST_TEST(w.data()[4] != 5);
  BOOST_TEST(w.requires_grad());
}

BOOST_AUTO_TEST_CASE(errors_come_before_anything_is_written) {
  const Tensor<double> w = weight({4}), m = weight({4, 4});
  const auto text = [](const auto& f) { return message_of<std::invalid_argument>(f); };
  BOOST_TEST(text([&] { he_normal_(w); }) == "fans: a weight has two axes or more: w (4)");
  BOOST_TEST(text([&] { identity_(w); }) == "identity_: w is no matrix: w (4)");
  BOOST_TEST(text([&] { sparse_(w); }) == "sparse_: w is no matrix: w (4)");
  BOOST_TEST(text([&] { orthogonal_(w); }) == "orthogonal_: w has two axes or more: w (4)");
  BOOST_TEST(text([&] { xavier_uniform_(m, {.gain = 0}); }) ==
             "xavier_uniform_: gain is not in (0, inf): 0");
  BOOST_TEST(text([&] { lecun_normal_(m, {.gain = -1}); }) ==
             "lecun_normal_: gain is not in (0, inf): -1");
  BOOST_TEST(text([&] { normal_(w, {.deviation = -1}); }) ==
             "normal_: deviation is not in [0, inf]: -1");
  BOOST_TEST(text([&] { uniform_(w, {.low = 1, .high = 0}); }) ==
             "uniform_: not an interval: low 1, high 0");
  BOOST_TEST(text([&] { truncated_normal_(w, {.low = 2, .high = 2}); }) ==
             "truncated_normal_: not an interval with room for numbers: low 2, high 2");
  BOOST_TEST(text([&] { sparse_(m, {.sparsity = 1.5}); }) ==
             "sparse_: sparsity is not in [0, 1]: 1.5");
  BOOST_TEST(numbers(m) == (std::vector<double>(16, 99.0)), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

// --- The signal through 20 layers ---

namespace {

constexpr std::size_t kLayers = 20, kWidth = 256, kBatch = 256;

// Variance of the activations of each layer, and of the gradient with respect to them when the
// gradient at the top is standard normal.
struct Signal {
  std::vector<double> activation, gradient;
};

template <class Fill, class F>
Signal through_layers(const Fill& fill, const F& f) {
  Generator generator(2);
  const GeneratorScope scope(generator);
  std::vector<Tensor<double>> h = {parameter(normal<double>({kBatch, kWidth}))};
  for (std::size_t i = 0; i < kLayers; ++i) {
    const Tensor<double> w = weight({kWidth, kWidth});
    fill(w);
    h.push_back(f(linear(h.back(), w)));
    h.back().retain_grad();
  }
  h.back().backward(normal<double>({kBatch, kWidth}));
  Signal signal;
  for (const Tensor<double>& layer : h) {
    signal.activation.push_back(variance(layer));
    signal.gradient.push_back(variance(layer.gradient()));
  }
  return signal;
}

double range_of(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return *high / *low;
}

const auto kTanh = [](const Tensor<double>& x) { return tanh(x); };
const auto kRelu = [](const Tensor<double>& x) { return relu(x); };

}  // namespace

BOOST_AUTO_TEST_SUITE(signal_through_20_layers)

// Xavier's numbers keep the variance as far as tanh is linear: it falls like 1 / depth, to 0.024,
// and the gradient's by a factor of 30.
BOOST_AUTO_TEST_CASE(tanh_with_xavier_stays) {
  const Signal s = through_layers([](auto& w) { xavier_normal_(w); }, kTanh);
  BOOST_TEST(s.activation.back() > 0.015);
  BOOST_TEST(s.activation.back() < 0.1);
  BOOST_TEST(range_of(s.gradient) < 50);
}

// With tanh's gain the variance finds a level and stays there.
BOOST_AUTO_TEST_CASE(tanh_with_xavier_and_gain_finds_a_level) {
  const Signal s =
      through_layers([](auto& w) { xavier_normal_(w, {.gain = gain(Activation::tanh)}); }, kTanh);
  const std::vector<double> later(s.activation.begin() + 5, s.activation.end());
  BOOST_TEST(range_of(later) < 1.3);
}

BOOST_AUTO_TEST_CASE(relu_with_he_stays) {
  const Signal s = through_layers([](auto& w) { he_normal_(w); }, kRelu);
  const std::vector<double> hidden(s.activation.begin() + 1, s.activation.end());
  BOOST_TEST(range_of(hidden) < 3);
  BOOST_TEST(range_of(s.gradient) < 3);
}

BOOST_AUTO_TEST_CASE(relu_with_uniform_he_stays) {
  const Signal s = through_layers([](auto& w) { he_uniform_(w); }, kRelu);
  const std::vector<double> hidden(s.activation.begin() + 1, s.activation.end());
  BOOST_TEST(range_of(hidden) < 3);
}

// Half of the signal is lost in every layer: 2^-20 = 1e-6.
BOOST_AUTO_TEST_CASE(relu_with_xavier_halves_in_every_layer) {
  const Signal s = through_layers([](auto& w) { xavier_normal_(w); }, kRelu);
  BOOST_TEST(s.activation.back() < 3e-6);
  BOOST_TEST(s.activation.back() > 1e-8);
}

// Every layer multiplies the variance by 256 * 0.01^2 = 0.0256, with relu by half of that.
BOOST_AUTO_TEST_CASE(normal_0_01_collapses) {
  const Signal with_tanh = through_layers([](auto& w) { normal_(w); }, kTanh);
  BOOST_TEST(with_tanh.activation.back() < 1e-30);
  BOOST_TEST(with_tanh.gradient.front() < 1e-30);
  const Signal with_relu = through_layers([](auto& w) { normal_(w); }, kRelu);
  BOOST_TEST(with_relu.activation.back() < 1e-36);
  BOOST_TEST(with_relu.gradient.front() < 1e-36);
}

// Twice He's deviation quadruples the variance in every layer, of the gradient too: 4^20 = 1e12.
BOOST_AUTO_TEST_CASE(large_weights_explode_with_relu) {
  const Signal s = through_layers(
      [](auto& w) { normal_(w, {.deviation = 2 * std::sqrt(2.0 / kWidth)}); }, kRelu);
  BOOST_TEST(s.activation.back() > 1e11);
  BOOST_TEST(s.gradient.front() > 1e11);
}

// Weights that are too large saturate tanh instead: the gradient is gone although the signal
// is not.
BOOST_AUTO_TEST_CASE(large_weights_saturate_tanh) {
  const Signal s = through_layers([](auto& w) { normal_(w, {.deviation = 1}); }, kTanh);
  BOOST_TEST(s.activation.back() > 0.9);
  const double slope = 1 - s.activation.back();
  BOOST_TEST(slope < 0.1);
}

BOOST_AUTO_TEST_CASE(selu_with_lecun_normalises_itself) {
  const Signal s = through_layers([](auto& w) { lecun_normal_(w); },
                                  [](const Tensor<double>& x) { return selu(x); });
  for (const double v : s.activation) BOOST_TEST((v > 0.7 && v < 1.3));
}

BOOST_AUTO_TEST_CASE(orthogonal_keeps_a_linear_signal_exactly) {
  const Signal s = through_layers([](auto& w) { orthogonal_(w); },
                                  [](const Tensor<double>& x) { return x * 1.0; });
  BOOST_TEST(range_of(s.activation) < 1.001);
  BOOST_TEST(range_of(s.gradient) < 1.001);
}

BOOST_AUTO_TEST_SUITE_END()
