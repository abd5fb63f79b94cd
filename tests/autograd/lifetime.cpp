// How long nodes and numbers live.

#include <pthread.h>

#include "tests/autograd/helpers.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad::test {
namespace {

constexpr std::size_t kMany = std::size_t{1} << 16;  // numbers
constexpr auto kBytes = static_cast<std::int64_t>(kMany * sizeof(double));

std::int64_t in_use() { return static_cast<std::int64_t>(pool_statistics().in_use); }

D large_leaf() { return parameter(D::filled({kMany}, 0.5)); }

// How many large arrays there are more than before, give or take small blocks.
void check_arrays(std::int64_t before, std::int64_t arrays) {
  const std::int64_t more = in_use() - before;
  BOOST_TEST(more >= arrays * kBytes);
  BOOST_TEST(more < arrays * kBytes + kBytes / 2);
}

void run_with_small_stack(void (*f)()) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  BOOST_TEST_REQUIRE(pthread_attr_setstacksize(&attributes, 256 << 10) == 0);
  pthread_t thread;
  const auto run = [](void* function) -> void* {
    reinterpret_cast<void (*)()>(function)();
    return nullptr;
  };
  BOOST_TEST_REQUIRE(pthread_create(&thread, &attributes, run, reinterpret_cast<void*>(f)) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

constexpr int kLong = 1'000'000;

D long_chain(const D& x) {
  D y = x;
  for (int i = 0; i < kLong; ++i) y = y + 1.0;
  return y;
}

double gradient_of_long_chain = 0;

void walk_long_chain() {
  const D x = leaf({1});
  long_chain(x).backward();
  gradient_of_long_chain = x.grad()(0);
}

void drop_long_chain() {
  const D x = leaf({1});
  (void)long_chain(x);
}

// A chain in the gradient as well.
void differentiate_long_chain_twice() {
  const D x = leaf({1});
  D y = x;
  for (int i = 0; i < kLong / 10; ++i) y = square(y) * 0.5;
  const D g = grad(sum(y), x, {.create_graph = true});
  (void)grad(sum(g), x);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lifetime, NothingLeft)

BOOST_AUTO_TEST_CASE(backward_through_a_million_operations) {
  gradient_of_long_chain = 0;
  run_with_small_stack(&walk_long_chain);
  BOOST_TEST(gradient_of_long_chain == 1);
}

BOOST_AUTO_TEST_CASE(a_million_operations_dropped) { run_with_small_stack(&drop_long_chain); }

BOOST_AUTO_TEST_CASE(second_derivative_of_a_long_chain) {
  run_with_small_stack(&differentiate_long_chain_twice);
}

BOOST_AUTO_TEST_CASE(a_graph_that_nobody_holds_is_gone) {
  const D x = leaf({1});
  const std::int64_t before = detail::live_nodes();
  {
    const D y = sum(exp(x * x));
    BOOST_TEST(detail::live_nodes() == before + 3);
  }
  BOOST_TEST(detail::live_nodes() == before);
}

// y = sqrt(x + 1) needs y for its gradient, not x + 1.
BOOST_AUTO_TEST_CASE(numbers_that_no_rule_needs_are_gone) {
  const D x = large_leaf();
  const std::int64_t before = in_use();
  const D y = sqrt(x + 1.0);
  check_arrays(before, 1);
}

BOOST_AUTO_TEST_CASE(numbers_that_a_rule_needs_stay) {
  const D x = large_leaf();
  const std::int64_t before = in_use();
  const D y = sum(square(x + 1.0));
  check_arrays(before, 1);
}

BOOST_AUTO_TEST_CASE(memory_is_released_as_the_walk_passes) {
  const D x = large_leaf();
  const std::int64_t before = in_use();
  std::int64_t middle = 0;
  D y = x;
  for (int i = 0; i < 40; ++i) {
    y = sqrt(y);
    if (i != 19) continue;
    y.register_hook([&](const D&) {
      middle = in_use() - before;
      return D();
    });
  }
  D z = sum(y);
  y = D();
  check_arrays(before, 40);
  z.backward();
  BOOST_TEST(middle >= 20 * kBytes);
  BOOST_TEST(middle <= 23 * kBytes);  // and gradients on their way
  check_arrays(before, 1);            // the gradient of x
}

BOOST_AUTO_TEST_CASE(the_tape_is_released_as_the_walk_passes) {
  const D x = leaf({1});
  const std::int64_t before = detail::live_nodes();
  D y = x;
  for (int i = 0; i < 100; ++i) y = sqrt(y);
  const D z = sum(y);
  z.backward();
  y = D();
  BOOST_TEST(detail::live_nodes() == before + 2);  // z, and the gradient of x
}

BOOST_AUTO_TEST_CASE(a_retained_graph_keeps_its_memory) {
  const D x = large_leaf();
  const std::int64_t before = in_use();
  const D z = sum(sqrt(sqrt(x)));
  z.backward({.retain_graph = true});
  check_arrays(before, 3);
  z.backward();
  check_arrays(before, 1);
}

// As in backpropagation through time without a backward pass, or when losses are collected
// in evaluation.
BOOST_AUTO_TEST_CASE(detached_tensors_do_not_keep_the_graph) {
  const D w = parameter(D::filled({3, 3}, 0.1));
  const std::int64_t before = detail::live_nodes();
  D h = D::filled({1, 3}, 1);
  std::vector<D> kept;
  for (int i = 0; i < 100; ++i) {
    h = sqrt(matmul(h, w)).detach();
    kept.push_back(sum(matmul(h, w)).detach());
  }
  BOOST_TEST(detail::live_nodes() <= before + 2 + 2 * 100);
}

BOOST_AUTO_TEST_CASE(unrecorded_views_do_not_keep_the_graph) {
  const D w = leaf({1, 2});
  const std::int64_t before = detail::live_nodes();
  D view;
  {
    const D y = exp(w * w);
    const NoGrad guard;
    view = reshape(y, {2, 1});
  }
  BOOST_TEST(detail::live_nodes() <= before + 2);
}

BOOST_AUTO_TEST_CASE(detached_and_recorded_views_of_one_tensor) {
  const D x = leaf({1, 2});
  const D y = x * x, view = reshape(y, {2, 1}), apart = view.detach(), again = reshape(y, {1, 2});
  BOOST_TEST(apart.data() == y.data());
  BOOST_TEST(again.data() == y.data());
  (sum(view * view) + sum(again)).backward();  // x^4 + x^2
  is(x.gradient(), {6, 36});
}

BOOST_AUTO_TEST_CASE(moved_from_tensors_hold_nothing) {
  const std::int64_t before = detail::live_nodes();
  D a = D::from({1}, {1}), b = D::from({1}, {2});
  a = std::move(b);
  BOOST_TEST(detail::live_nodes() == before + 1);
  BOOST_TEST(!b.defined());
  is(a, {2});
}

// A recorded gradient in its leaf is a circle: it holds the graph, and the graph the leaf.
BOOST_AUTO_TEST_CASE(zero_grad_opens_the_circle_of_create_graph) {
  D x = leaf({1, 2});
  sum(x * x * x).backward({.create_graph = true});
  x.zero_grad();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
