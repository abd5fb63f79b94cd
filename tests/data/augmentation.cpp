// Changes of images: geometry against tests/references/augmentation.py, what each kind may do, and
// that the result depends on seed, epoch and sample only.

#include "xgrad/data/augmentation.hpp"

#include <algorithm>
#include <numbers>
#include <set>

#include "tests/data/references.hpp"
#include "tests/serialization/files.hpp"
#include "xgrad/data/image_changes.hpp"
#include "xgrad/data/loader.hpp"

using namespace xgrad;
using namespace xgrad_test;

namespace {

// Pixel i is i + 1; channels one after the other.
Array<double> ramp(const Shape& shape) {
  Array<double> x(Array<double>::shape_type(shape.begin(), shape.end()));
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<double>(i + 1);
  return x;
}

// The image after the change, for one sample of seed 1.
std::vector<double> changed(const Augmentation& a, const Shape& shape, std::uint64_t sample = 0) {
  Array<double> x = ramp(shape);
  Draws draws(1, 0, sample);
  a.apply(Image<double>{x.data(), shape[0], shape[1], shape[2]}, draws);
  return elements(x);
}

std::size_t differing(const std::vector<double>& x) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < x.size(); ++i) n += x[i] == static_cast<double>(i + 1) ? 0 : 1;
  return n;
}

template <class T>
void check_geometry() {
  const Rows rows = read_rows("augmentation.txt");
  constexpr double d = std::numbers::pi / 180;
  const std::pair<const char*, detail::AffineMap> cases[] = {
      {"rotated", detail::affine_map(30 * d, 1, 0, 0, 0)},
      {"scaled", detail::affine_map(0, 1.4, 0, 0, 0)},
      {"sheared", detail::affine_map(0, 1, 20 * d, 0, 0)},
      {"shifted", detail::affine_map(0, 1, 0, 1.25, -0.5)},
      {"all", detail::affine_map(-70 * d, 0.8, -15 * d, -0.75, 1.5)}};
  for (const auto& [name, map] : cases) {
    Array<T> x = shaped<T>({2, 5, 7}, rows.at("image"));
    detail::resample(Image<T>{x.data(), 2, 5, 7}, map, 0.5);
    BOOST_TEST_CONTEXT(name) check_close(x, rows.at(name), sizeof(T) == 4 ? 1e-6 : 1e-12);
  }
}

LabeledDataset<float> images(std::size_t n) {
  Array<float> x(Array<float>::shape_type{n, 6, 6});
  kernels::fill_uniform(x.data(), x.size(), 0.0F, 1.0F, {8, 0});
  return {std::move(x), Indices(Indices::shape_type{n}, 0)};
}

Augmentation everything() {
  return sequence({Flip{.vertical = 0.5}, sometimes(0.7, Affine{.degrees = 20, .shift = 1}),
                   one_of({Crop{.padding = 1}, Noise{}, Contrast{}}), Cutout{.size = 2}});
}

template <class Loader>
std::vector<float> pixels(Loader& loader) {
  std::vector<float> r;
  for (const auto& [x, y] : loader) r.insert(r.end(), x.value().begin(), x.value().end());
  return r;
}

template <class F>
std::string refusal(const F& f) {
  return message_of<std::invalid_argument>(f);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(augmentation)

BOOST_AUTO_TEST_CASE(geometry) {
  check_geometry<float>();
  check_geometry<double>();
}

BOOST_AUTO_TEST_CASE(flips) {
  BOOST_TEST(changed(Flip{.horizontal = 1}, {2, 2, 3}) ==
                 (std::vector<double>{3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10}),
             boost::test_tools::per_element());
  BOOST_TEST(changed(Flip{.horizontal = 0, .vertical = 1}, {1, 3, 2}) ==
                 (std::vector<double>{5, 6, 3, 4, 1, 2}),
             boost::test_tools::per_element());
  BOOST_TEST(differing(changed(Flip{.horizontal = 0}, {1, 3, 2})) == 0U);
}

// Every crop is a shift by whole pixels, and all 9 of them occur.
BOOST_AUTO_TEST_CASE(crops) {
  std::set<std::vector<double>> seen, wanted;
  for (int down = -1; down <= 1; ++down) {
    for (int right = -1; right <= 1; ++right) {
      std::vector<double> x;
      for (int i = 0; i < 18; ++i) {
        const int y = i / 3 % 3 - down, z = i % 3 - right;
        const bool inside = y >= 0 && y < 3 && z >= 0 && z < 3;
        x.push_back(inside ? i / 9 * 9 + y * 3 + z + 1 : -1);
      }
      wanted.insert(x);
    }
  }
  for (std::uint64_t s = 0; s < 200; ++s) {
    seen.insert(changed(Crop{.padding = 1, .fill = -1}, {2, 3, 3}, s));
  }
  BOOST_CHECK(seen == wanted);
}

BOOST_AUTO_TEST_CASE(brightness_and_contrast) {
  double most = 0;
  for (std::uint64_t s = 0; s < 100; ++s) {
    const auto x = changed(Brightness{0.5}, {1, 2, 2}, s), y = changed(Contrast{0.5}, {1, 2, 2}, s);
    most = std::max(most, std::abs(x[0] - 1));
    for (std::size_t i = 0; i < 4; ++i) {
      BOOST_TEST(std::abs((x[i] - x[0]) - static_cast<double>(i)) < 1e-12);
      const double f = (y[3] - y[0]) / 3;
      BOOST_TEST((f >= 0.5 && f <= 1.5));
      BOOST_TEST(std::abs(y[i] - (2.5 + f * (static_cast<double>(i) - 1.5))) < 1e-12);
    }
  }
  BOOST_TEST((most > 0.4 && most <= 0.5));
  BOOST_TEST(differing(changed(Clip{0, 100}, {1, 4, 4})) == 0U);
  BOOST_TEST(changed(Clip{2, 3}, {1, 2, 2}) == (std::vector<double>{2, 2, 3, 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(noise) {
  const auto x = changed(Noise{0.1}, {1, 100, 100});
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double e = x[i] - static_cast<double>(i + 1);
    sum += e;
    squares += e * e;
  }
  BOOST_TEST(std::abs(sum / 1e4) < 5 * 0.1 / 100);
  BOOST_TEST(std::abs(squares / 1e4 / 0.01 - 1) < 5 * std::sqrt(2.0) / 100);
}

BOOST_AUTO_TEST_CASE(covered_parts) {
  std::set<std::size_t> cutouts;
  double share = 0;
  for (std::uint64_t s = 0; s < 300; ++s) {
    cutouts.insert(differing(changed(Cutout{.size = 4}, {1, 8, 8}, s)));
    const auto x = changed(Erase{}, {2, 20, 20}, s);
    const std::size_t n = differing(x);
    BOOST_TEST_REQUIRE(n % 2 == 0);
    share += static_cast<double>(n) / 800 / 300;
  }
  BOOST_TEST(*cutouts.begin() == 4U);         // at a corner
  BOOST_TEST(*cutouts.rbegin() == 16U);       // whole
  BOOST_TEST((share > 0.12 && share < 0.2));  // 0.175, less what did not fit in
  BOOST_TEST(differing(changed(Erase{.least = 0.2, .noise = true}, {1, 20, 20})) > 60U);
}

BOOST_AUTO_TEST_CASE(probabilities) {
  std::size_t some = 0, first = 0;
  for (std::uint64_t s = 0; s < 1000; ++s) {
    some += differing(changed(sometimes(0.3, Flip{.horizontal = 1}), {1, 1, 2}, s)) / 2;
    first +=
        differing(changed(one_of({Flip{.horizontal = 1}, sequence(std::vector<Augmentation>{})}),
                          {1, 1, 2}, s)) /
        2;
  }
  BOOST_TEST((some > 230 && some < 370));  // five standard deviations
  BOOST_TEST((first > 420 && first < 580));
}

BOOST_AUTO_TEST_CASE(by_seed_epoch_and_sample) {
  const auto data = images(40);
  const Augmented changing(data, everything(), 5), other(data, everything(), 6);
  const std::vector<std::int64_t> all = {0, 1, 2, 3}, one = {2};
  const auto x = changing.get_in_epoch(all, 3).inputs, y = changing.get_in_epoch(one, 3).inputs;
  BOOST_TEST(std::equal(y.data(), y.data() + 36, x.data() + 2 * 36));
  BOOST_CHECK(changing.get_in_epoch(all, 3).inputs.value() == x.value());
  BOOST_CHECK(changing.get_in_epoch(all, 4).inputs.value() != x.value());
  BOOST_CHECK(other.get_in_epoch(all, 3).inputs.value() != x.value());

  // The same in batches of another size, by another thread, of a part of the data, and resumed.
  DataLoader a(changing, {.batch_size = 7}), b(changing, {.batch_size = 10, .prefetch = 3});
  const auto first = pixels(a), second = pixels(a);
  BOOST_CHECK(first != second);
  BOOST_CHECK(pixels(b) == first);
  BOOST_CHECK(pixels(b) == second);
  DataLoader c(changing, {.batch_size = 10, .prefetch = 2});
  c.set_state({0, 1, 2});
  BOOST_CHECK(pixels(c) == std::vector<float>(second.begin() + 20 * 36, second.end()));
  const Subset part(changing, {30, 31});
  DataLoader d(part, {.batch_size = 2});
  BOOST_CHECK(pixels(d) == std::vector<float>(first.begin() + 30 * 36, first.begin() + 32 * 36));
}

BOOST_AUTO_TEST_CASE(the_same_in_float_and_double) {
  Array<float> x = shaped<float>({1, 4, 4}, elements(ramp({1, 4, 4})));
  Draws draws(1, 0, 0);
  everything().apply(Image<float>{x.data(), 1, 4, 4}, draws);
  check_close(x, changed(everything(), {1, 4, 4}), 1e-5);
}

BOOST_AUTO_TEST_CASE(refusals) {
  BOOST_TEST(refusal([] { sequence({Affine{.scale = 1}}); }) == "Affine: scale is out of range: 1");
  BOOST_TEST(refusal([] { sometimes(1.5, Flip{}); }) ==
             "sometimes: probability is not in [0, 1]: 1.5");
  BOOST_TEST(refusal([] { one_of({}); }) == "one_of: nothing to choose from");
  BOOST_CHECK_THROW(Augmentation(Erase{.least = 0}), std::invalid_argument);
  BOOST_CHECK_THROW(Augmentation(Flip{.horizontal = -1}), std::invalid_argument);
  BOOST_CHECK_THROW(Augmentation(Brightness{INFINITY}), std::invalid_argument);
  BOOST_CHECK_THROW(Augmentation(Contrast{-1}), std::invalid_argument);
  BOOST_CHECK_THROW(Augmentation(Noise{NAN}), std::invalid_argument);
  const LabeledDataset<float> rows(Array<float>(Array<float>::shape_type{2, 3}),
                                   Indices(Indices::shape_type{2}));
  const std::vector<std::int64_t> both = {0, 1};
  BOOST_TEST(refusal([&] { Augmented(rows, Flip{}).get(both); }) ==
             "augment: not images: (2, 3) for 2 samples");
}

BOOST_AUTO_TEST_SUITE_END()
