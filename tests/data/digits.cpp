#include "xgrad/data/digits.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "tests/serialization/files.hpp"
#include "xgrad/data/digit_shapes.hpp"
#include "xgrad/kernels/parallel.hpp"

using namespace xgrad;
using namespace xgrad_test;

namespace {

constexpr std::size_t kPixels = 28 * 28;

std::vector<float> image(const ImageData& data, std::size_t i) {
  return {data.images.data() + i * kPixels, data.images.data() + (i + 1) * kPixels};
}

double squared_distance(const std::vector<float>& a, const std::vector<double>& b) {
  double r = 0;
  for (std::size_t i = 0; i < a.size(); ++i) r += (a[i] - b[i]) * (a[i] - b[i]);
  return r;
}

// The mean image of each digit.
std::vector<std::vector<double>> means(const ImageData& data) {
  std::vector<std::vector<double>> r(10, std::vector<double>(kPixels));
  std::vector<double> count(10);
  for (std::size_t i = 0; i < data.labels.size(); ++i) {
    const auto digit = static_cast<std::size_t>(data.labels(i));
    const auto pixels = image(data, i);
    for (std::size_t k = 0; k < kPixels; ++k) r[digit][k] += pixels[k];
    ++count[digit];
  }
  for (std::size_t d = 0; d < 10; ++d) {
    for (double& x : r[d]) x /= count[d];
  }
  return r;
}

// How often the nearest mean has the right label.
double nearest_mean_accuracy(const ImageData& train, const ImageData& test) {
  const auto m = means(train);
  double right = 0;
  for (std::size_t i = 0; i < test.labels.size(); ++i) {
    std::vector<double> d;
    for (const auto& mean : m) d.push_back(squared_distance(image(test, i), mean));
    right += (std::min_element(d.begin(), d.end()) - d.begin()) == test.labels(i) ? 1 : 0;
  }
  return right / static_cast<double>(test.labels.size());
}

std::string refusal(const DigitOptions& options) {
  return message_of<std::invalid_argument>([&] { draw_digits(1, 0, options); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(digits)

BOOST_AUTO_TEST_CASE(shapes_and_levels) {
  const ImageData data = draw_digits(30, 1);
  BOOST_CHECK(Shape(data.images.shape()) == Shape({30, 28, 28}));
  BOOST_CHECK(Shape(data.labels.shape()) == Shape({30}));
  for (const float x : elements(data.images)) {
    BOOST_REQUIRE(x >= 0 && x <= 1);
    BOOST_REQUIRE(std::abs(255 * x - std::round(255 * x)) < 1e-4);
  }
  BOOST_TEST(draw_digits(0, 1).images.size() == 0U);
}

BOOST_AUTO_TEST_CASE(every_ten_hold_each_digit_once) {
  const auto labels = elements(draw_digits(1000, 7).labels);
  std::set<std::vector<std::int64_t>> orders;
  for (auto ten = labels.begin(); ten != labels.end(); ten += 10) {
    std::vector<std::int64_t> order(ten, ten + 10);
    orders.insert(order);
    std::sort(order.begin(), order.end());
    BOOST_TEST(order == (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  }
  BOOST_TEST(orders.size() == 100U);
}

BOOST_AUTO_TEST_CASE(an_image_depends_on_seed_and_index_alone) {
  const ImageData all = draw_digits(600, 3), some = draw_digits(20, 3, {.first = 290});
  const int threads = num_threads();
  set_num_threads(1);
  const ImageData again = draw_digits(600, 3);
  set_num_threads(threads);
  BOOST_CHECK(elements(again.images) == elements(all.images));
  for (std::size_t i = 0; i < 20; ++i) {
    BOOST_CHECK(image(some, i) == image(all, 290 + i));
    BOOST_TEST(some.labels(i) == all.labels(290 + i));
  }
}

BOOST_AUTO_TEST_CASE(seeds_and_indices_differ) {
  const ImageData a = draw_digits(200, 1), b = draw_digits(200, 2);
  std::set<std::vector<float>> different;
  for (std::size_t i = 0; i < 200; ++i) {
    different.insert(image(a, i));
    different.insert(image(b, i));
  }
  BOOST_TEST(different.size() == 400U);
  BOOST_CHECK(elements(a.labels) != elements(b.labels));
}

BOOST_AUTO_TEST_CASE(without_distortion_and_noise_there_are_the_shapes_alone) {
  const ImageData data = draw_digits(2000, 1, {.distortion = 0, .noise = 0});
  std::vector<double> ink(10);
  for (std::size_t i = 0; i < 2000; ++i) {
    const auto pixels = image(data, i);
    BOOST_REQUIRE(pixels[0] == 0);
    BOOST_REQUIRE(*std::max_element(pixels.begin(), pixels.end()) == 1);
    for (const float x : pixels) ink[static_cast<std::size_t>(data.labels(i))] += x / 200;
  }
  BOOST_TEST((std::min_element(ink.begin(), ink.end()) - ink.begin()) ==
             1);  // a line has the least ink
}

BOOST_AUTO_TEST_CASE(digits_stay_in_the_picture) {
  const ImageData data = draw_digits(2000, 5, {.noise = 0});
  double border = 0, all = 0;
  for (std::size_t i = 0; i < 2000; ++i) {
    const auto p = image(data, i);
    for (std::size_t k = 0; k < kPixels; ++k) {
      const bool outside = k / 28 == 0 || k / 28 == 27 || k % 28 == 0 || k % 28 == 27;
      border += outside ? p[k] : 0;
      all += p[k];
    }
  }
  BOOST_TEST(border / all < 0.02);
  BOOST_TEST(all / (2000.0 * kPixels) > 0.10);
  BOOST_TEST(all / (2000.0 * kPixels) < 0.18);
}

BOOST_AUTO_TEST_CASE(noise_has_its_deviation) {
  const ImageData clean = draw_digits(100, 1, {.noise = 0}),
                  noisy = draw_digits(100, 1, {.noise = 0.1F});
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < clean.images.size(); ++i) {
    const float a = clean.images.data()[i], b = noisy.images.data()[i];
    if (a < 0.35F || a > 0.65F) continue;  // where noise is not cut
    sum += (b - a) * (b - a);
    ++count;
  }
  BOOST_TEST(count > 1000);
  BOOST_TEST(std::sqrt(sum / count) == 0.1, boost::test_tools::tolerance(0.05));
}

// Neither child's play nor guesswork: MNIST gives 0.82 here.
BOOST_AUTO_TEST_CASE(nearest_means_get_about_as_far_as_on_mnist) {
  const double accuracy =
      nearest_mean_accuracy(draw_digits(5000, 1), draw_digits(1000, 1, {.first = 5000}));
  BOOST_TEST(accuracy > 0.65);
  BOOST_TEST(accuracy < 0.90);
}

BOOST_AUTO_TEST_CASE(options_are_checked) {
  BOOST_TEST(refusal({.distortion = -1}) == "draw_digits: distortion is not in [0, 4]: -1");
  BOOST_TEST(refusal({.noise = std::numeric_limits<float>::quiet_NaN()}) ==
             "draw_digits: noise is not in [0, 1]: nan");
}

BOOST_AUTO_TEST_CASE(extreme_options_draw_something) {
  for (const float x : elements(draw_digits(50, 1, {.distortion = 4, .noise = 1}).images)) {
    BOOST_REQUIRE(x >= 0 && x <= 1);
  }
}

BOOST_AUTO_TEST_CASE(strokes_name_points_that_there_are) {
  for (std::int64_t digit = 0; digit < 10; ++digit) {
    for (const detail::DigitShape& shape : detail::digit_shapes(digit)) {
      std::set<char> used(shape.strokes.begin(), shape.strokes.end());
      used.erase(' ');
      BOOST_TEST(used.size() == shape.points.size(), digit << " " << shape.strokes);
      BOOST_TEST(*used.rbegin() - 'a' == static_cast<int>(shape.points.size()) - 1);
      BOOST_TEST(shape.points.size() <= 16U);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
