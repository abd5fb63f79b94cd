// Array and the pool under it.

#include "xgrad/autograd/array.hpp"

#include <cstdint>
#include <thread>

#include "tests/autograd/helpers.hpp"
#include "xgrad/kernels/pool.hpp"

namespace xgrad::test {
namespace {

// Pooling as asked for, and back as it was for the tests of this build.
class Pooling {
 public:
  explicit Pooling(bool on) : before_(pools()) { set_pooling(on); }
  ~Pooling() { set_pooling(before_); }
  Pooling(const Pooling&) = delete;
  Pooling& operator=(const Pooling&) = delete;

 private:
  // A block that was given back is handed out again.
  static bool pools() {
    detail::pool_free(detail::pool_allocate(5000), 5000);
    const std::uint64_t before = pool_statistics().system_allocations;
    detail::pool_free(detail::pool_allocate(5000), 5000);
    return pool_statistics().system_allocations == before;
  }
  bool before_;
};

class Cap {
 public:
  explicit Cap(std::size_t bytes) { set_pool_cap(bytes); }
  ~Cap() { set_pool_cap(std::size_t{2} << 30); }
  Cap(const Cap&) = delete;
  Cap& operator=(const Cap&) = delete;
};

constexpr std::size_t kSmall = 1000, kLarge = std::size_t{3} << 20;

void use(std::size_t bytes) { detail::pool_free(detail::pool_allocate(bytes), bytes); }

}  // namespace

BOOST_AUTO_TEST_SUITE(array)

BOOST_AUTO_TEST_CASE(is_an_xtensor_container) {
  Array<double> a = {{1, 2}, {3, 4}};
  const Array<double> row = {10, 20}, b = a * 2 + row;
  BOOST_TEST((b == Array<double>{{12, 24}, {16, 28}}));
  a.resize({3});
  a.fill(7);
  BOOST_TEST((a == Array<double>{7, 7, 7}));
}

BOOST_AUTO_TEST_CASE(is_aligned) {
  for (const std::size_t n : {1U, 3U, 17U, 1000U, 100000U}) {
    const Array<float> a = Array<float>::from_shape({n});
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0U);
  }
}

BOOST_AUTO_TEST_CASE(moves_without_a_copy) {
  Array<float> a = {1, 2, 3};
  const float* const numbers = a.data();
  const Array<float> b = std::move(a);
  BOOST_TEST(b.data() == numbers);
}

BOOST_AUTO_TEST_CASE(positions_and_labels) {
  const Indices i = {{3, 1}, {0, 2}};
  static_assert(std::is_same_v<Indices::value_type, std::int64_t>);
  BOOST_TEST(i(1, 1) == 2);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pool)

BOOST_AUTO_TEST_CASE(counts_what_is_in_use) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, kSmall, kLarge}) {
    const PoolStatistics before = pool_statistics();
    void* p = detail::pool_allocate(bytes);
    const PoolStatistics during = pool_statistics();
    detail::pool_free(p, bytes);
    const PoolStatistics after = pool_statistics();
    BOOST_TEST(p != nullptr);
    BOOST_TEST(during.in_use - before.in_use >= bytes);
    BOOST_TEST(during.in_use - before.in_use <= bytes + bytes / 4 + 64);
    BOOST_TEST(after.in_use == before.in_use);
    BOOST_TEST(after.requests == before.requests + 1);
  }
}

BOOST_AUTO_TEST_CASE(takes_nothing_from_the_system_twice) {
  const Pooling pooling(true);
  for (const std::size_t bytes : {kSmall, kLarge}) {
    use(bytes);
    const std::uint64_t before = pool_statistics().system_allocations;
    for (int i = 0; i < 10; ++i) use(bytes);
    BOOST_TEST(pool_statistics().system_allocations == before);
  }
}

BOOST_AUTO_TEST_CASE(switched_off_it_asks_the_system) {
  const Pooling pooling(false);
  const PoolStatistics before = pool_statistics();
  for (int i = 0; i < 10; ++i) use(kSmall);
  const PoolStatistics after = pool_statistics();
  BOOST_TEST(after.system_allocations == before.system_allocations + 10);
  BOOST_TEST(after.cached == before.cached);
}

BOOST_AUTO_TEST_CASE(switched_while_blocks_are_alive) {
  const Pooling pooling(true);
  const std::size_t before = pool_statistics().in_use;
  void* const pooled = detail::pool_allocate(kSmall);
  set_pooling(false);
  void* const plain = detail::pool_allocate(kSmall);
  detail::pool_free(pooled, kSmall);
  set_pooling(true);
  detail::pool_free(plain, kSmall);
  BOOST_TEST(pool_statistics().in_use == before);
}

BOOST_AUTO_TEST_CASE(blocks_freed_by_another_thread) {
  const Pooling pooling(true);
  const std::size_t before = pool_statistics().in_use;
  for (const std::size_t bytes : {kSmall, kLarge}) {
    void* p = nullptr;
    std::thread([&] { p = detail::pool_allocate(bytes); }).join();
    BOOST_TEST(pool_statistics().in_use > before);
    detail::pool_free(p, bytes);
    p = detail::pool_allocate(bytes);
    std::thread([&] { detail::pool_free(p, bytes); }).join();
  }
  BOOST_TEST(pool_statistics().in_use == before);
}

BOOST_AUTO_TEST_CASE(the_cap_bounds_what_is_kept) {
  const Pooling pooling(true);
  trim_pool();
  const std::size_t before = pool_statistics().cached;
  {
    const Cap cap(kLarge / 2);
    use(kLarge);
    BOOST_TEST(pool_statistics().cached == before);
  }
  use(kLarge);
  BOOST_TEST(pool_statistics().cached >= before + kLarge);
  trim_pool();
  BOOST_TEST(pool_statistics().cached == before);
}

BOOST_AUTO_TEST_CASE(a_thread_that_ends_keeps_to_the_cap) {
  const Pooling pooling(true);
  trim_pool();
  const std::size_t before = pool_statistics().cached;
  const Cap cap(std::size_t{1} << 20);
  std::thread([] {
    std::vector<void*> blocks;
    for (int i = 0; i < 5000; ++i) blocks.push_back(detail::pool_allocate(kSmall));
    for (void* p : blocks) detail::pool_free(p, kSmall);
  }).join();
  BOOST_TEST(pool_statistics().cached <= before + (std::size_t{1} << 20));
  trim_pool();
}

BOOST_AUTO_TEST_CASE(too_much) {
  BOOST_CHECK_THROW((void)detail::pool_allocate(std::size_t{1} << 62), std::bad_alloc);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
