#include <array>
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

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
