// Random numbers: known answers of the generator, moments, repetition, and independence of threads.

#include "xgrad/ops/random.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <set>

#include "tests/message.hpp"
#include "xgrad/kernels/parallel.hpp"

using namespace xgrad;

namespace {

struct Moments {
  double mean = 0, variance = 0;
};

template <class T>
Moments moments(const Tensor<T>& x) {
  Moments m;
  const auto n = static_cast<double>(x.size());
  for (const T v : x.value()) m.mean += static_cast<double>(v) / n;
  for (const T v : x.value())
    m.variance += (static_cast<double>(v) - m.mean) * (static_cast<double>(v) - m.mean) / n;
  return m;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(random_numbers)

// kat_vectors of Random123: philox4x32 with 10 rounds, counter and key 0, gives 6627e8d5 e169c58d
// bc57ac4c 9b00dbd8.
BOOST_AUTO_TEST_CASE(known_answer) {
  float x[4];
  kernels::fill_uniform(x, 4, 0.0F, 1.0F, {0, 0});
  const std::uint32_t words[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  for (int i = 0; i < 4; ++i) BOOST_TEST(x[i] == static_cast<float>(words[i] >> 8) * 0x1p-24F);
}

// The mean of n draws deviates from the expectation by less than 5 standard errors; seeds
// are fixed.
BOOST_AUTO_TEST_CASE(moments_of_the_distributions) {
  Generator g(3);
  const std::size_t n = 1 << 18;
  const double error = 5 / std::sqrt(static_cast<double>(n));
  const Moments u = moments(uniform<double>({n}, -1, 3, g));
  BOOST_TEST(std::abs(u.mean - 1) < error * std::sqrt(16.0 / 12));
  BOOST_TEST(std::abs(u.variance - 16.0 / 12) < error * 2);
  const Moments z = moments(normal<float>({n}, 2, 3, g));
  BOOST_TEST(std::abs(z.mean - 2) < error * 3);
  BOOST_TEST(std::abs(z.variance - 9) < error * 9 * std::sqrt(2.0));
  const Moments m = moments(bernoulli<float>({n}, 0.3, g));
  BOOST_TEST(std::abs(m.mean - 0.3) < error * std::sqrt(0.21));
}

BOOST_AUTO_TEST_CASE(limits) {
  Generator g(1);
  const auto u = uniform<float>({100000}, 0, 1, g);
  for (const float v : u.value()) BOOST_TEST_REQUIRE((v >= 0 && v < 1));
  const auto none = bernoulli<double>({1000}, 0, g), all = bernoulli<double>({1000}, 1, g);
  for (const double v : none.value()) BOOST_TEST_REQUIRE(v == 0);
  for (const double v : all.value()) BOOST_TEST_REQUIRE(v == 1);
}

BOOST_AUTO_TEST_CASE(repeats_for_a_seed) {
  manual_seed(42);
  const auto a = normal<double>({17}), b = normal<double>({17});
  manual_seed(42);
  const auto c = normal<double>({17});
  BOOST_TEST((a.value() == c.value()));
  BOOST_TEST((a.value() != b.value()));
  const Generator::State at = default_generator().state();
  const auto d = uniform<float>({5});
  default_generator().set_state(at);
  BOOST_TEST((uniform<float>({5}).value() == d.value()));
}

BOOST_AUTO_TEST_CASE(masks_are_the_same_in_both_types) {
  Generator f(9), d(9);
  const auto a = bernoulli<float>({1001}, 0.4, f);
  const auto b = bernoulli<double>({1001}, 0.4, d);
  for (std::size_t i = 0; i < a.size(); ++i)
    BOOST_TEST_REQUIRE(static_cast<double>(a.data()[i]) == b.data()[i]);
}

BOOST_AUTO_TEST_CASE(threads_do_not_change_the_numbers) {
  const int before = num_threads();
  std::vector<Tensor<float>> drawn;
  for (const int threads : {1, 2, 3}) {
    set_num_threads(threads);
    Generator g(5);
    drawn.push_back(normal<float>({300001}, 0, 1, g));
  }
  set_num_threads(before);
  BOOST_TEST((drawn[0].value() == drawn[1].value()));
  BOOST_TEST((drawn[0].value() == drawn[2].value()));
}

BOOST_AUTO_TEST_CASE(integers_and_permutations) {
  Generator g(2);
  std::set<std::int64_t> seen;
  for (const std::int64_t v : random_integers({2000}, -3, 4, g)) seen.insert(v);
  BOOST_TEST(seen.size() == 7u);
  BOOST_TEST(*seen.begin() == -3);
  BOOST_TEST(*seen.rbegin() == 3);
  Indices p = random_permutation(1000, g);
  BOOST_TEST(!std::is_sorted(p.begin(), p.end()));
  std::sort(p.begin(), p.end());
  for (std::size_t i = 0; i < p.size(); ++i)
    BOOST_TEST_REQUIRE(p(i) == static_cast<std::int64_t>(i));
  BOOST_TEST(random_permutation(0, g).size() == 0u);
}

BOOST_AUTO_TEST_CASE(errors) {
  test::check_failure<std::invalid_argument>([] { uniform<double>({2}, 1, 0); },
                                             "uniform: not an interval: low 1, high 0");
  test::check_failure<std::invalid_argument>([] { normal<double>({2}, 0, -1); },
                                             "normal: deviation is not in [0, inf]: -1");
  test::check_failure<std::invalid_argument>([] { bernoulli<double>({2}, 1.5); },
                                             "bernoulli: probability is not in [0, 1]: 1.5");
  test::check_failure<std::invalid_argument>([] { random_integers({2}, 3, 3); },
                                             "random_integers: empty range: low 3, high 3");
}

BOOST_AUTO_TEST_SUITE_END()
