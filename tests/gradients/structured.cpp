// Gradients by symmetric matrices and triangles.

#include "xgrad/gradient_check/structured.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/message.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/cholesky.hpp"
#include "xgrad/ops/function.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/solve.hpp"

using namespace xgrad;

namespace {

using D = Tensor<double>;
using Tensors = std::vector<D>;

D definite() { return D::from({3, 3}, {4, 1, -0.5, 1, 3, 0.25, -0.5, 0.25, 2}); }
D batch() { return D::from({2, 2, 2}, {2, 0.5, 0.5, 1, 3, -1, -1, 2.5}); }
D right() { return D::from({3, 2}, {1, -2, 0.5, 1.5, 2, -1}); }

template <class F>
void check_passes(const F& f, const Tensors& inputs, const std::vector<Structure>& structures) {
  for (const int order : {1, 2}) {
    const auto r =
        check_structured_gradients(f, inputs, structures, {.jacobian = true, .order = order});
    BOOST_TEST(r.passed(), r.table());
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(structured)

BOOST_AUTO_TEST_CASE(symmetric_matrices) {
  const auto factor = [](const D& a) { return cholesky(a); };
  const auto upper = [](const D& a) { return cholesky(a, {.upper = true}); };
  for (const D& a : {definite(), batch()}) {
    check_passes(factor, {a}, {Structure::symmetric});
    check_passes(upper, {a}, {Structure::symmetric});
    check_passes([](const D& x) { return logdet(x); }, {a}, {Structure::symmetric});
  }
  check_passes([](const D& a, const D& b) { return solve(a, b, {.spd = true}); },
               {definite(), right()}, {Structure::symmetric});
  // Element by element what is not read has a gradient and no effect.
  BOOST_TEST(!check_gradients(factor, {definite()}).passed());
}

BOOST_AUTO_TEST_CASE(triangles) {
  check_passes([](const D& a, const D& b) { return triangular_solve(a, b); }, {definite(), right()},
               {Structure::lower});
  check_passes([](const D& a, const D& b) { return triangular_solve(a, b, {.upper = true}); },
               {definite(), right()}, {Structure::upper});
  check_passes([](const D& b, const D& l) { return cholesky_solve(l, b); }, {right(), definite()},
               {Structure::any, Structure::lower});
}

BOOST_AUTO_TEST_CASE(the_report_counts_what_is_free) {
  const auto f = [](const D& a, const D& b) { return sum(a * a) + sum(b); };
  const auto r = check_structured_gradients(f, {batch(), right()}, {Structure::symmetric},
                                            {.names = {"a", "b"}});
  BOOST_TEST(r.passed(), r.table());
  BOOST_TEST(r.inputs[0].checked == 6u);
  BOOST_TEST(r.inputs[1].checked == 6u);
  BOOST_TEST(r.elements[1].analytic == 2.0);  // of 0.5 on both sides: twice 2 * 0.5
}

// Its gradient counts elements of the lower triangle once, where they stand for two.
BOOST_AUTO_TEST_CASE(a_wrong_gradient_is_found) {
  const auto wrong = [](const D& a) {
    return custom_function<double>(
        "wrong", {a}, [](const Tensors& in) { return sum(in[0] * in[0]); },
        [](const Tensors& in, const D&, const D& gy) { return Tensors{gy * in[0]}; });
  };
  BOOST_TEST(!check_structured_gradients(wrong, {definite()}, {Structure::symmetric}).passed());
  BOOST_TEST(!check_structured_gradients(wrong, {definite()}, {Structure::lower}).passed());
}

BOOST_AUTO_TEST_CASE(what_does_not_have_its_structure) {
  const auto f = [](const D& a) { return sum(a); };
  xgrad::test::check_failure<std::invalid_argument>(
      [&] { check_structured_gradients(f, {right()}, {Structure::lower}); },
      "check_structured_gradients: an input with a structure is not square: (3, 2)");
  xgrad::test::check_failure<std::invalid_argument>(
      [&] {
        check_structured_gradients(f, {D::from({2, 2}, {1, 2, 3, 4})}, {Structure::symmetric});
      },
      "check_structured_gradients: an input is not symmetric: 3 and 2, (2, 2)");
}

BOOST_AUTO_TEST_SUITE_END()
