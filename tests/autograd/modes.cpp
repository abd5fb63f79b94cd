// What is recorded and what is not: NoGrad, EnableGrad, detach, freezing.

#include <stdexcept>
#include <thread>

#include "tests/autograd/helpers.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad::test {

BOOST_FIXTURE_TEST_SUITE(modes, NothingLeft)

BOOST_AUTO_TEST_CASE(nothing_is_recorded_inside_no_grad) {
  const D x = leaf({1, 2});
  {
    const NoGrad guard;
    const D y = x * x;
    BOOST_TEST(!y.requires_grad());
    BOOST_TEST(y.is_leaf());
  }
  BOOST_TEST((x * x).requires_grad());
}

BOOST_AUTO_TEST_CASE(scopes_nest) {
  BOOST_TEST(is_recording());
  {
    const NoGrad off;
    BOOST_TEST(!is_recording());
    {
      const EnableGrad on;
      BOOST_TEST(is_recording());
      {
        const NoGrad off_again;
        BOOST_TEST(!is_recording());
      }
      BOOST_TEST(is_recording());
    }
    BOOST_TEST(!is_recording());
  }
  BOOST_TEST(is_recording());
}

BOOST_AUTO_TEST_CASE(an_exception_ends_the_scope) {
  try {
    const NoGrad guard;
    throw std::runtime_error("inside");
  } catch (const std::runtime_error&) {
  }
  BOOST_TEST(is_recording());
}

BOOST_AUTO_TEST_CASE(the_switch_belongs_to_the_thread) {
  const NoGrad guard;
  bool other = false;
  std::thread([&] { other = is_recording(); }).join();
  BOOST_TEST(other);
  BOOST_TEST(!is_recording());
}

BOOST_AUTO_TEST_CASE(backward_works_inside_no_grad) {
  const D x = leaf({3}), y = sum(x * x);
  const NoGrad guard;
  const D g = grad(y, x, {.create_graph = true});
  BOOST_TEST(g.requires_grad());
  y.backward();
  is(x.gradient(), {6});
}

BOOST_AUTO_TEST_CASE(operations_know_their_names) {
  const D x = leaf({1});
  BOOST_TEST(x.operation() == "leaf");
  BOOST_TEST((x * x).operation() == "multiply");
  BOOST_TEST(x.is_leaf());
  BOOST_TEST(!(x * x).is_leaf());
  BOOST_TEST((x * x).detach().is_leaf());
}

BOOST_AUTO_TEST_CASE(detach_stops_the_gradient) {
  const D x = leaf({2, 3});
  sum(x * x.detach()).backward();
  is(x.gradient(), {2, 3});
  BOOST_TEST(!x.detach().requires_grad());
  BOOST_TEST((x * x).detach().operation() == "leaf");
}

BOOST_AUTO_TEST_CASE(detach_shares_memory) {
  D x = leaf({2, 3}), y = x.detach();
  BOOST_TEST(y.data() == x.data());
  x.set_value({7, 8});
  is(y, {7, 8});
  const D a = x * x;
  BOOST_TEST(a.detach().data() == a.data());
  BOOST_TEST(a.detach().detach().data() == a.data());
  BOOST_TEST(&a.value() == &a.value());
}

BOOST_AUTO_TEST_CASE(what_was_detached_outlives_its_tensor) {
  D kept;
  {
    const D x = leaf({2, 3}), y = x * x;
    const Array<double>& face = y.value();
    kept = y.detach();
    BOOST_TEST(face.data() == kept.data());
    sum(y).backward();
    is(x.gradient(), {4, 6});
  }
  is(kept, {4, 9});
}

BOOST_AUTO_TEST_CASE(clone_copies) {
  D x = leaf({2, 3}), y = x.clone();
  BOOST_TEST(y.data() != x.data());
  BOOST_TEST(!y.requires_grad());
}

BOOST_AUTO_TEST_CASE(freezing) {
  D x = leaf({2}), w = leaf({3});
  w.requires_grad_(false);
  sum(x * w).backward();
  is(x.gradient(), {3});
  BOOST_TEST(!w.has_grad());
  w.requires_grad_();
  sum(x * w).backward();
  is(w.gradient(), {2});
}

// What was recorded before keeps its way back.
BOOST_AUTO_TEST_CASE(freezing_is_for_what_follows) {
  D x = leaf({3});
  const D y = sum(x * x);
  x.requires_grad_(false);
  y.backward();
  is(x.gradient(), {6});
}

BOOST_AUTO_TEST_CASE(results_cannot_be_changed) {
  const D x = leaf({2});
  D y = x * x;
  const std::string rest =
      ": the tensor is a result of the recorded operation \"multiply\"; only leaves and constants "
      "can be changed";
  check_failure<std::logic_error>([&] { y.requires_grad_(false); }, "requires_grad_" + rest);
  check_failure<std::logic_error>([&] { y.mutable_value() = 1.0; }, "mutable_value" + rest);
  check_failure<std::logic_error>([&] { y.set_value({1}); }, "set_value" + rest);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
