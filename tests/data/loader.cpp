// Data sets, samplers, and the loader: order, resumption, prefetching, errors.

#include "xgrad/data/loader.hpp"

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <numeric>
#include <set>
#include <thread>
#include <type_traits>

#include "tests/message.hpp"

using namespace xgrad;

namespace {

// Sample i is (i, 10 i) with label i % 3.
LabeledDataset<float> numbers(std::size_t n) {
  Array<float> x(Array<float>::shape_type{n, 2});
  Indices y(Indices::shape_type{n});
  for (std::size_t i = 0; i < n; ++i) {
    x(i, 0) = static_cast<float>(i);
    x(i, 1) = static_cast<float>(10 * i);
    y(i) = static_cast<std::int64_t>(i % 3);
  }
  return {std::move(x), std::move(y)};
}

// What a loader or a view refers to has to outlive it: none is made of a temporary.
template <class View, class... Args>
constexpr bool from_temporary = std::is_constructible_v<View, LabeledDataset<float>, Args...>;
static_assert(!from_temporary<DataLoader<LabeledDataset<float>>, LoaderOptions>);
static_assert(!from_temporary<Subset<LabeledDataset<float>>, std::vector<std::int64_t>>);
static_assert(!from_temporary<Transformed<LabeledDataset<float>>,
                              std::function<LabeledBatch<float>(LabeledBatch<float>)>>);

template <class Loader>
std::vector<int> epoch(Loader& loader) {
  std::vector<int> seen;
  for (const auto& [x, y] : loader) {
    for (std::size_t i = 0; i < y.size(); ++i) {
      BOOST_TEST_REQUIRE(x.value()(i, 1) == 10 * x.value()(i, 0));
      BOOST_TEST_REQUIRE(y(i) == static_cast<std::int64_t>(x.value()(i, 0)) % 3);
      seen.push_back(static_cast<int>(x.value()(i, 0)));
    }
  }
  return seen;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(loader)

BOOST_AUTO_TEST_CASE(in_order) {
  const auto data = numbers(10);
  DataLoader all(data, {.batch_size = 4});
  std::vector<int> expected(10);
  std::iota(expected.begin(), expected.end(), 0);
  BOOST_TEST(epoch(all) == expected, boost::test_tools::per_element());
  BOOST_TEST(all.size() == 3u);
  DataLoader one(data, {.batch_size = std::numeric_limits<std::size_t>::max()});
  BOOST_TEST(one.size() == 1U);
  const auto first = *one.begin();
  BOOST_TEST(first.labels.size() == data.size());
  DataLoader none(data, {.batch_size = SIZE_MAX, .drop_last = true});
  BOOST_TEST(none.size() == 0U);
  DataLoader whole(data, {.batch_size = 4, .drop_last = true});
  BOOST_TEST(epoch(whole).size() == 8u);
}

BOOST_AUTO_TEST_CASE(shuffled_by_seed_and_epoch) {
  const auto data = numbers(100);
  DataLoader a(data, {.batch_size = 7, .shuffle = true, .seed = 5}),
      b(data, {.batch_size = 9, .shuffle = true, .seed = 5});
  const auto first = epoch(a), second = epoch(a);
  BOOST_TEST(first == epoch(b), boost::test_tools::per_element());
  BOOST_TEST((first != second));
  BOOST_TEST(std::set<int>(second.begin(), second.end()).size() == 100u);
}

BOOST_AUTO_TEST_CASE(resumes_in_the_middle_of_an_epoch) {
  const auto data = numbers(50);
  for (const std::size_t prefetch : {0U, 3U}) {
    DataLoader a(data, {.batch_size = 8, .shuffle = true, .seed = 1, .prefetch = prefetch});
    epoch(a);
    LoaderState at;
    std::vector<int> rest;
    for (const auto& [x, y] : a) {
      if (a.state().batch > 3) rest.insert(rest.end(), x.value().begin(), x.value().end());
      if (a.state().batch == 3) at = a.state();
    }
    DataLoader b(data, {.batch_size = 8, .shuffle = true, .prefetch = prefetch});
    b.set_state(at);
    std::vector<int> again;
    for (const auto& [x, y] : b) again.insert(again.end(), x.value().begin(), x.value().end());
    BOOST_TEST(rest == again, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(prefetching_changes_nothing) {
  const auto data = numbers(1000);
  DataLoader a(data, {.batch_size = 13, .shuffle = true, .seed = 2}),
      b(data, {.batch_size = 13, .shuffle = true, .seed = 2, .prefetch = 2});
  for (int e = 0; e < 3; ++e) BOOST_TEST(epoch(a) == epoch(b), boost::test_tools::per_element());
  for ([[maybe_unused]] const auto& batch : b) break;  // leaving early must not hang
}

// As many batches wait as were asked for, however slowly they are used.
BOOST_AUTO_TEST_CASE(prefetching_is_bounded) {
  const auto data = numbers(20);
  std::atomic<std::size_t> made{0};
  const Transformed counted(data, [&](LabeledBatch<float> b) {
    ++made;
    return b;
  });
  DataLoader loader(counted, {.batch_size = 1, .prefetch = 3});
  std::size_t used = 0;
  for ([[maybe_unused]] const auto& batch : loader) {
    const std::size_t most = std::min<std::size_t>(20, ++used + 3);
    while (made < most) std::this_thread::yield();
    if (used < 4) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    BOOST_TEST_REQUIRE(made == most);
  }
}

BOOST_AUTO_TEST_CASE(few_samples) {
  const auto none = numbers(0), three = numbers(3);
  for (const std::size_t prefetch : {0U, 2U}) {
    DataLoader a(none, {.batch_size = 4, .shuffle = true, .prefetch = prefetch});
    BOOST_TEST(epoch(a).empty());
    BOOST_TEST(a.state().epoch == 1U);
    DataLoader b(three, {.batch_size = 4, .prefetch = prefetch});
    BOOST_TEST(epoch(b).size() == 3U);
    DataLoader c(three, {.batch_size = 4, .drop_last = true, .prefetch = prefetch});
    BOOST_TEST(epoch(c).empty());
  }
}

BOOST_AUTO_TEST_CASE(every_sampler_resumes) {
  const auto data = numbers(10);
  for (const Sampler& sampler :
       {sequential_sampler(), random_sampler(),
        weighted_sampler({1, 2, 0, 4, 5, 6, 7, 8, 9, 0}, 17), stratified_sampler(data.labels())}) {
    const LoaderOptions options{.batch_size = 3, .seed = 9, .sampler = sampler};
    DataLoader whole(data, options);
    const auto first = epoch(whole), second = epoch(whole);
    DataLoader a(data, options), b(data, options);
    epoch(a);
    for ([[maybe_unused]] const auto& batch : a) {
      if (a.state().batch == 2) break;
    }
    b.set_state(a.state());
    const std::vector<int> rest(second.begin() + 6, second.end());
    BOOST_TEST(epoch(b) == rest, boost::test_tools::per_element());
  }
}

// Batches made ahead belong to the position that was left.
BOOST_AUTO_TEST_CASE(another_position_in_the_middle_of_a_loop) {
  const auto data = numbers(40);
  DataLoader plain(data, {.batch_size = 4, .shuffle = true, .seed = 2}),
      ahead(data, {.batch_size = 4, .shuffle = true, .seed = 2, .prefetch = 3});
  auto a = plain.begin(), b = ahead.begin();
  const auto require_same = [&] {
    BOOST_TEST_REQUIRE(((*a).inputs.value() == (*b).inputs.value()));
    BOOST_TEST_REQUIRE((plain.state() == ahead.state()));
  };
  require_same();
  for (const LoaderState position : {LoaderState{9, 4, 7}, LoaderState{2, 0, 3}}) {
    plain.set_state(position);
    ahead.set_state(position);
    for (std::size_t left = 10 - position.batch; left > 0; --left) {
      ++a, ++b;
      require_same();
    }
  }
  BOOST_CHECK_THROW(ahead.set_state({9, 4, 11}), std::invalid_argument);
  ++a, ++b;
  BOOST_TEST((a == std::default_sentinel && b == std::default_sentinel));
  BOOST_TEST(epoch(plain) == epoch(ahead), boost::test_tools::per_element());
}

// Each batch is of one epoch's order, whatever happens to the loader while its thread is at work.
BOOST_AUTO_TEST_CASE(left_and_begun_again) {
  const auto data = numbers(64);
  DataLoader a(data, {.batch_size = 4, .shuffle = true, .seed = 6}),
      b(data, {.batch_size = 4, .shuffle = true, .seed = 6, .prefetch = 4});
  for (std::uint64_t e = 0; e < 50; ++e) {
    for ([[maybe_unused]] const auto& batch : b) {
      if (b.state().batch > e % 5) break;
    }
    if (e % 2 == 0) b.set_state({6, e, 0});
    a.set_state(b.state());
    for (auto x = a.begin(), y = b.begin(); b.state().batch < 10; ++x, ++y) {
      BOOST_TEST_REQUIRE(((*x).inputs.value() == (*y).inputs.value()));
    }
  }
}

BOOST_AUTO_TEST_CASE(an_error_in_the_thread_comes_out) {
  const auto data = numbers(20);
  const Transformed broken(data, [](LabeledBatch<float> b) -> LabeledBatch<float> {
    if (b.labels(0) == 1) throw std::runtime_error("no such sample");
    return b;
  });
  DataLoader a(broken, {.batch_size = 2, .prefetch = 2});
  test::check_failure<std::runtime_error>(
      [&] {
        for ([[maybe_unused]] const auto& b : a) {
        }
      },
      "no such sample");
}

BOOST_AUTO_TEST_CASE(weighted) {
  const auto data = numbers(4);
  DataLoader a(data, {.batch_size = 100, .sampler = weighted_sampler({1, 0, 3, 0}, 4000)});
  const auto seen = epoch(a);
  BOOST_TEST(seen.size() == 4000u);
  const auto twos = static_cast<double>(std::count(seen.begin(), seen.end(), 2));
  BOOST_TEST(std::count(seen.begin(), seen.end(), 1) + std::count(seen.begin(), seen.end(), 3) ==
             0);
  BOOST_TEST(std::abs(twos / 4000 - 0.75) < 5 * std::sqrt(0.75 * 0.25 / 4000));
}

BOOST_AUTO_TEST_CASE(stratified) {
  const auto data = numbers(300);
  DataLoader a(data, {.batch_size = 30, .seed = 3, .sampler = stratified_sampler(data.labels())});
  std::size_t total = 0;
  for (const auto& [x, y] : a) {
    for (std::int64_t c = 0; c < 3; ++c) {
      const auto n = std::count(y.begin(), y.end(), c);
      BOOST_TEST((n >= 8 && n <= 12));
    }
    total += y.size();
  }
  BOOST_TEST(total == 300u);
}

BOOST_AUTO_TEST_CASE(subsets_and_targets) {
  const auto data = numbers(10);
  const Subset some(data, {7, 2, 5});
  DataLoader a(some, {.batch_size = 2});
  BOOST_TEST(epoch(a) == (std::vector<int>{7, 2, 5}), boost::test_tools::per_element());
  const TargetDataset<double> pairs(Array<double>{{1.0, 2.0}, {3.0, 4.0}},
                                    Array<double>{{5.0, 7.0}, {6.0, 8.0}});
  const std::int64_t second = 1;
  BOOST_TEST(pairs.get({&second, 1}).targets.value()(0, 0) == 6);
}

BOOST_AUTO_TEST_CASE(errors) {
  const auto data = numbers(10);
  test::check_failure<std::invalid_argument>([&] { DataLoader(data, {.batch_size = 0}); },
                                             "DataLoader: batch_size is 0");
  test::check_failure<std::out_of_range>([&] { Subset(data, {10}); }, "Subset: sample 10 of 10");
  test::check_failure<std::invalid_argument>(
      [] {
        weighted_sampler({1, -2});
      },
      "weighted_sampler: weight 1 is -2");
  test::check_failure<std::invalid_argument>(
      [] {
        weighted_sampler({0, 0});
      },
      "weighted_sampler: the weights of 2 samples are all 0");
  test::check_failure<std::invalid_argument>(
      [] {
        LabeledDataset<float>(Array<float>(Array<float>::shape_type{3, 2}),
                              Indices(Indices::shape_type{2}));
      },
      "LabeledDataset: the numbers of samples differ: inputs (3, 2), (2)");
  DataLoader a(data, {.batch_size = 4});
  test::check_failure<std::invalid_argument>(
      [&] {
        a.set_state({0, 0, 4});
      },
      "DataLoader: batch 4 of 3");
  BOOST_TEST((a.state() == LoaderState{}));
}

BOOST_AUTO_TEST_SUITE_END()
