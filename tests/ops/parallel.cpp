#include "xgrad/kernels/parallel.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/message.hpp"
#include "tests/ops/threads.hpp"
#include "xgrad/ops/linalg.hpp"

// OpenMP's, which belong to the program.
extern "C" int omp_get_max_threads();
extern "C" void omp_set_num_threads(int);

namespace xgrad::test {
namespace {

// Whether each of 0, 1, 2, ... pieces is done once, and a loop inside a piece by who does
// the piece.
bool each_piece_once() {
  std::atomic<bool> strangers = false;
  for (std::size_t n = 0; n < 200; ++n) {
    std::vector<int> times(n, 0);
    kernels::parallel_for(n, [&](std::size_t i) {
      const auto self = std::this_thread::get_id();
      kernels::parallel_for(3, [&](std::size_t k) {
        if (k == 1) ++times[i];
        if (n > 1 && std::this_thread::get_id() != self) strangers = true;
      });
    });
    if (times != std::vector<int>(n, 1)) return false;
  }
  return !strangers;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(parallel)

BOOST_AUTO_TEST_CASE(pieces) {
  for (const int threads : {1, 2, 3, 9}) {
    const Threads scope(threads);
    BOOST_TEST(each_piece_once(), threads << " threads");
  }
}

// From whichever thread does the piece; the team goes on afterwards.
BOOST_AUTO_TEST_CASE(pieces_that_throw) {
  for (const int threads : {1, 2, 3}) {
    const Threads scope(threads);
    for (const std::size_t bad : {0UL, 7UL, 63UL}) {
      const auto run = [&] {
        kernels::parallel_for(64, [&](std::size_t i) {
          if (i == bad) throw std::length_error("piece " + std::to_string(i));
          std::this_thread::yield();
        });
      };
      BOOST_TEST(message_of<std::length_error>(run) == "piece " + std::to_string(bad));
    }
    BOOST_CHECK_THROW(kernels::parallel_for(64, [](std::size_t) { throw std::bad_alloc(); }),
                      std::bad_alloc);
    BOOST_TEST(each_piece_once(), threads << " threads");
  }
}

BOOST_AUTO_TEST_CASE(several_callers) {
  const Threads scope(3);
  std::vector<int> right(4, 0);
  std::vector<std::thread> callers;
  for (int& r : right) {
    callers.emplace_back([&r] {
      r = 1;
      for (int k = 0; k < 20; ++k) r = each_piece_once() ? r : 0;
    });
  }
  for (std::thread& t : callers) t.join();
  BOOST_TEST(right == std::vector<int>(4, 1), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(after_a_fork) {
  const Threads scope(2);
  BOOST_TEST(each_piece_once());
  const pid_t child = fork();
  if (child == 0) _exit(each_piece_once() ? 0 : 1);
  int status = -1;
  BOOST_TEST_REQUIRE(waitpid(child, &status, 0) == child);
  BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(products_leave_the_programs_threads_alone) {
  const int before = omp_get_max_threads();
  omp_set_num_threads(3);
  matmul(wave({150, 150}), wave({150, 150}));
  BOOST_TEST(omp_get_max_threads() == 3);
  omp_set_num_threads(before);
}

BOOST_AUTO_TEST_CASE(products_of_any_shape) {
  // Above and below what is cut, along rows and along columns; the gradients side by side.
  for (const Shape& s : {Shape{128, 256, 256}, Shape{300, 97, 131}, Shape{97, 300, 131},
                         Shape{100, 1000, 70}, Shape{1000, 100, 70}, Shape{250, 250, 400}}) {
    for (int flags = 0; flags < 4; ++flags) {
      const MatmulOptions o{.transpose_a = flags % 2 != 0, .transpose_b = flags / 2 != 0};
      const D a = wave(o.transpose_a ? Shape{s[2], s[0]} : Shape{s[0], s[2]}, 1);
      const D b = wave(o.transpose_b ? Shape{s[1], s[2]} : Shape{s[2], s[1]}, 2);
      check_threads([&](const Tensors& x) { return matmul(x[0], x[1], o); }, {a, b});
    }
  }
}

BOOST_AUTO_TEST_CASE(linear_layers_of_any_shape) {
  for (const auto& [n, in, out] :
       {std::array<std::size_t, 3>{128, 256, 256}, {500, 70, 130}, {40, 300, 500}, {64, 90, 700}}) {
    check_threads([](const Tensors& x) { return linear(x[0], x[1], x[2]); },
                  {wave({n, in}, 1), wave({out, in}, 2), wave({out}, 3)});
  }
  check_threads([](const Tensors& x) { return linear(x[0], x[0]); }, {wave({200, 200})});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
