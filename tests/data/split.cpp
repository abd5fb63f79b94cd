#include "xgrad/data/split.hpp"

#include <algorithm>
#include <map>

#include "tests/serialization/files.hpp"

using namespace xgrad;
using namespace xgrad_test;

namespace {

Indices classes(const std::map<std::int64_t, std::size_t>& counts) {
  std::vector<std::int64_t> all;
  for (const auto& [label, n] : counts) all.insert(all.end(), n, label);
  Indices r(Indices::shape_type{all.size()});
  std::copy(all.begin(), all.end(), r.begin());
  return r;
}

void require_everything_once(const std::vector<Samples>& parts, std::size_t n) {
  Samples all;
  for (const Samples& p : parts) all.insert(all.end(), p.begin(), p.end());
  std::sort(all.begin(), all.end());
  BOOST_TEST_REQUIRE(all.size() == n);
  for (std::size_t i = 0; i < n; ++i) BOOST_TEST_REQUIRE(all[i] == static_cast<std::int64_t>(i));
}

std::size_t count(const Samples& part, const Indices& labels, std::int64_t label) {
  return static_cast<std::size_t>(std::count_if(
      part.begin(), part.end(), [&](std::int64_t s) { return labels.data()[s] == label; }));
}

template <class F>
std::string refusal(const F& f) {
  return message_of<std::invalid_argument>(f);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(split)

BOOST_AUTO_TEST_CASE(random) {
  const auto parts = random_split(101, {0.7, 0.2, 0.1}, 3);
  require_everything_once(parts, 101);
  BOOST_TEST(parts[0].size() == 71U);
  BOOST_TEST(parts[1].size() == 20U);
  BOOST_TEST(!std::is_sorted(parts[0].begin(), parts[0].end()));
  BOOST_CHECK(random_split(101, {0.7, 0.2, 0.1}, 3) == parts);
  BOOST_CHECK(random_split(101, {0.7, 0.2, 0.1}, 4) != parts);
  BOOST_TEST(random_split(0, {0.5, 0.5}).size() == 2U);
}

BOOST_AUTO_TEST_CASE(stratified) {
  const Indices labels = classes({{-1, 100}, {0, 50}, {7, 10}});
  const auto parts = stratified_split(labels, {0.8, 0.2}, 1);
  require_everything_once(parts, 160);
  BOOST_TEST(count(parts[0], labels, -1) == 80U);
  BOOST_TEST(count(parts[0], labels, 0) == 40U);
  BOOST_TEST(count(parts[0], labels, 7) == 8U);
  BOOST_TEST(!std::is_sorted(parts[0].begin(), parts[0].end(), [&](std::int64_t a, std::int64_t b) {
    return labels(a) < labels(b);
  }));
  // Ten classes of 3 each: a third of each class cannot be halved, the whole can.
  std::map<std::int64_t, std::size_t> odd;
  for (std::int64_t c = 0; c < 10; ++c) odd[c] = 3;
  const auto halves = stratified_split(classes(odd), {0.5, 0.5}, 1);
  require_everything_once(halves, 30);
  BOOST_TEST(halves[0].size() == 15U);
}

BOOST_AUTO_TEST_CASE(cross_validation) {
  const auto folds = k_fold(23, 5, 9);
  std::vector<Samples> validation;
  for (const Fold& f : folds) {
    validation.push_back(f.validation);
    BOOST_TEST((f.validation.size() == 4 || f.validation.size() == 5));
    require_everything_once({f.train, f.validation}, 23);
  }
  require_everything_once(validation, 23);
}

BOOST_AUTO_TEST_CASE(stratified_folds) {
  const Indices labels = classes({{0, 31}, {1, 9}, {2, 3}});
  const auto folds = stratified_k_fold(labels, 4, 2);
  BOOST_TEST(folds.size() == 4U);
  for (const Fold& f : folds) {
    require_everything_once({f.train, f.validation}, 43);
    BOOST_TEST((f.validation.size() == 10 || f.validation.size() == 11));
    for (const auto& [label, n] : {std::pair{0, 31U}, {1, 9U}, {2, 3U}}) {
      const std::size_t c = count(f.validation, labels, label);
      BOOST_TEST((c == n / 4 || c == n / 4 + 1));
    }
  }
}

BOOST_AUTO_TEST_CASE(rows_are_taken) {
  Array<double> x(Array<double>::shape_type{3, 2});
  for (std::size_t i = 0; i < 6; ++i) x.data()[i] = static_cast<double>(i);
  const Samples some = {2, 0, 2};
  const Array<double> y = take(x, some);
  BOOST_TEST(elements(y) == (std::vector<double>{4, 5, 0, 1, 4, 5}));
  BOOST_TEST(elements(take(classes({{4, 1}, {5, 1}}), Samples{1})) == std::vector<std::int64_t>{5});
  BOOST_TEST(message_of<std::out_of_range>([&] { take(x, Samples{3}); }) == "take: sample 3 of 3");
}

BOOST_AUTO_TEST_CASE(refusals) {
  BOOST_TEST(refusal([] {
               random_split(4, {0.5, 0.4});
             }) == "random_split: shares (0.5, 0.4) are not positive numbers that add up to 1");
  BOOST_CHECK_THROW(random_split(4, {1.5, -0.5}), std::invalid_argument);
  BOOST_CHECK_THROW(random_split(4, {}), std::invalid_argument);
  BOOST_TEST(refusal([] { k_fold(4, 5); }) == "k_fold: 5 parts of 4 samples");
  BOOST_TEST(refusal([] { k_fold(4, 1); }) == "k_fold: 1 parts of 4 samples");
  BOOST_TEST(refusal([] {
               stratified_k_fold(Indices(Indices::shape_type{2, 2}), 2);
             }) == "stratified_k_fold: labels have shape (2, 2)");
}

BOOST_AUTO_TEST_SUITE_END()
