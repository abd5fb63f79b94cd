#include <array>
#include <atomic>
#include <cmath>
#include <future>
#include <stdexcept>
#include <thread>

#include "tests/autograd/helpers.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad::test {
namespace {

constexpr int kThreads = 4;

// f(0) ... f(3) at once; an exception arrives here.
template <class F>
void in_threads(const F& f) {
  std::vector<std::future<void>> running;
  for (int i = 0; i < kThreads; ++i) running.push_back(std::async(std::launch::async, f, i));
  for (std::future<void>& r : running) r.get();
}

D loss(const D& w, double x) { return sum(tanh(w * x) * w + exp(w * 0.1)); }

}  // namespace

BOOST_FIXTURE_TEST_SUITE(threads, NothingLeft)

BOOST_AUTO_TEST_CASE(a_graph_for_each_with_shared_parameters) {
  const D w = leaf({0.5, -1, 2});
  std::array<D, kThreads> gradients;
  in_threads([&](int i) {
    for (int step = 0; step < 200; ++step)
      gradients[static_cast<std::size_t>(i)] = grad(loss(w, i + 1.0), w);
  });
  for (int i = 0; i < kThreads; ++i) {
    is(gradients[static_cast<std::size_t>(i)], grad(loss(w, i + 1.0), w).value());
  }
  BOOST_TEST(!w.has_grad());
}

BOOST_AUTO_TEST_CASE(second_derivatives_with_shared_parameters) {
  const D w = leaf({0.5, -1, 2});
  std::array<D, kThreads> seconds;
  const auto second = [&](int i) {
    return grad(sum(grad(loss(w, i + 1.0), w, {.create_graph = true})), w);
  };
  in_threads([&](int i) { seconds[static_cast<std::size_t>(i)] = second(i); });
  for (int i = 0; i < kThreads; ++i) is(seconds[static_cast<std::size_t>(i)], second(i).value());
}

BOOST_AUTO_TEST_CASE(parameters_of_each_its_own) {
  in_threads([](int i) {
    D w = parameter(D::filled({3}, i));
    for (int step = 0; step < 100; ++step) {
      w.zero_grad();
      sum(w * w).backward();
    }
    if (w.grad()(0) != 2 * i) throw std::logic_error("wrong");
  });
}

BOOST_AUTO_TEST_CASE(recorded_in_one_walked_in_another) {
  const D x = leaf({1, 2});
  D y;
  std::thread([&] { y = sum(exp(x) * x); }).join();
  const D z = y * y;  // recorded later than y, whatever the threads count
  z.backward();
  const D again = leaf({1, 2}), same = sum(exp(again) * again);
  (same * same).backward();
  is(x.gradient(), again.grad());
}

BOOST_AUTO_TEST_CASE(the_last_handle_in_another_thread) {
  const D x = leaf({1, 2});
  D y = sum(exp(x));
  std::thread([z = std::move(y)]() mutable { z = D(); }).join();
  BOOST_TEST(!y.defined());
}

BOOST_AUTO_TEST_CASE(looked_at_and_detached_at_once) {
  const D x = leaf({1, 2}), y = exp(x);
  in_threads([&](int) {
    for (int step = 0; step < 200; ++step) {
      const D z = y.detach();
      if (z.value()(0) != y.value()(0)) throw std::logic_error("wrong");
    }
  });
  sum(y).backward();
  is(x.gradient(), y.value());
}

// Each pass keeps its gradients to itself.
BOOST_AUTO_TEST_CASE(passes_over_a_graph_that_is_shared) {
  const D w = leaf({0.5, -1, 2}), shared = exp(w) * w;
  std::array<D, kThreads> gradients;
  const auto one = [&](int i) {
    return grad(sum(shared * (i + 1.0) + exp(shared)), w, {.retain_graph = true});
  };
  in_threads([&](int i) {
    for (int step = 0; step < 300; ++step) gradients[static_cast<std::size_t>(i)] = one(i);
  });
  for (int i = 0; i < kThreads; ++i) is(gradients[static_cast<std::size_t>(i)], one(i).value());
  sum(shared).backward();
  BOOST_TEST(w.has_grad());
}

// What another pass still needs stays; what is gone is refused.
BOOST_AUTO_TEST_CASE(passes_over_a_shared_graph_that_release_it) {
  for (int round = 0; round < 50; ++round) {
    const D w = leaf({2}), shared = exp(w) * w;
    const double expected = 3 * std::exp(2.0);
    std::atomic<int> right{0}, refused{0};
    in_threads([&](int i) {
      try {
        const D g = grad(sum(shared * (i + 1.0)), w);
        right += std::abs(g.item() / (i + 1.0) - expected) < 1e-12;
      } catch (const std::logic_error&) {
        ++refused;
      }
    });
    BOOST_TEST(right + refused == kThreads);
    BOOST_TEST(right >= 1);
  }
}

BOOST_AUTO_TEST_CASE(into_one_leaf_at_once) {
  constexpr std::size_t kSize = 3000;
  constexpr int kSteps = 100;
  D w = parameter(D::filled({kSize}, 1));
  w.register_hook([](const D&) { return D(); });
  D v = parameter(D::filled({kSize}, 1));
  in_threads([&](int) {
    for (int step = 0; step < kSteps; ++step) sum(w * 2.0 + v * w).backward();
  });
  BOOST_TEST(w.grad()(0) == 3 * kThreads * kSteps);
  BOOST_TEST(w.grad()(kSize - 1) == 3 * kThreads * kSteps);
  BOOST_TEST(v.grad()(kSize / 2) == kThreads * kSteps);
}

// The thread that made the leaf adds to it in place, until others come.
BOOST_AUTO_TEST_CASE(into_a_leaf_of_a_thread_that_goes_on) {
  constexpr std::size_t kSize = 3000;
  for (int round = 0; round < 10; ++round) {
    D w = parameter(D::filled({kSize}, 1));
    const auto steps = [&w] {
      for (int step = 0; step < 50; ++step) sum(w * w + w).backward();
    };
    std::thread other(steps);
    steps();
    other.join();
    BOOST_TEST(w.grad()(1) == 300);
    BOOST_TEST(w.grad()(kSize - 1) == 300);
  }
}

BOOST_AUTO_TEST_CASE(handles_copied_and_dropped_at_once) {
  const D x = leaf({1, 2});
  for (int round = 0; round < 20; ++round) {
    D y = exp(x);
    const auto copies = [&y] {
      for (int step = 0; step < 2000; ++step) {
        const D a = y, b = a, c = b;
        if (!c.is_same(y)) throw std::logic_error("wrong");
      }
    };
    std::thread other(copies);
    copies();
    other.join();
    BOOST_TEST(y.node()->strong.load() == 1);
    BOOST_TEST(y.node()->weak.load() == 1);
  }
}

// Also what is freed after the thread's cache is gone.
BOOST_AUTO_TEST_CASE(memory_of_threads_that_ended_is_counted) {
  const D x = leaf({1, 2}), y = sum(exp(x)), seed = 2.0;
  const std::size_t before = pool_statistics().in_use;
  for (int i = 0; i < 3; ++i)
    std::thread([&] { (void)grad<double>({y}, {x}, {.retain_graph = true}, {seed}); }).join();
  BOOST_TEST(pool_statistics().in_use == before);
}

BOOST_AUTO_TEST_CASE(made_in_threads_that_ended) {
  const D x = leaf({1, 2});
  std::vector<D> made(kThreads);
  in_threads([&](int i) { made[static_cast<std::size_t>(i)] = exp(x * (i + 1.0)); });
  D y = made[0];
  for (int i = 1; i < kThreads; ++i) y = y + made[static_cast<std::size_t>(i)];
  sum(y).backward();
  BOOST_TEST(x.has_grad());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
