// Arrays and tensors pass between sources whatever flags these are compiled with.

#include <boost/test/unit_test.hpp>
#include <utility>

#include "tests/compiler_flags/with_flags.hpp"
#include "xgrad/ops/arithmetic.hpp"

#ifdef XTENSOR_USE_XSIMD
#error "this source is to be compiled without XTENSOR_USE_XSIMD"
#endif

using namespace xgrad;

namespace {

template <class T>
void require_same(const Layout& theirs) {
  const Layout ours = layout_of<T>();
  BOOST_TEST(ours.name == theirs.name);
  BOOST_TEST(ours.size == theirs.size);
  BOOST_TEST(ours.alignment == theirs.alignment);
}

// Long enough for the widest registers, and no multiple of them.
template <class T>
Array<T> sequence() {
  return xt::reshape_view(xt::arange<T>(T(111)), {3, 37});
}

}  // namespace

BOOST_AUTO_TEST_CASE(types_are_the_same) {
  require_same<Array<float>>(with_flags::array_layout());
  require_same<ArrayView<double>>(with_flags::view_layout());
  require_same<Indices>(with_flags::indices_layout());
  require_same<Tensor<double>>(with_flags::tensor_layout());
}

BOOST_AUTO_TEST_CASE(arrays_go_across_and_back) {
  const Array<double> x = sequence<double>();
  BOOST_TEST(bool(with_flags::twice(x) == x + x));

  Array<float> y = sequence<float>();
  with_flags::add_one(y);
  BOOST_TEST(y(2, 36) == 111.0F);

  const float* memory = y.data();
  const Array<float> z = with_flags::swallow(std::move(y));
  BOOST_TEST(z.data() == memory);

  const Indices labels{1, 2, 3};
  BOOST_TEST(bool(with_flags::successor(labels) == Indices{2, 3, 4}));
}

BOOST_AUTO_TEST_CASE(views_write_through) {
  Tensor<double> x(sequence<double>());
  with_flags::fill(x.mutable_value(), 5.0);
  BOOST_TEST(x.value()(2, 36) == 5.0);
}

BOOST_AUTO_TEST_CASE(one_tape_for_both) {
  for (const auto& cube : {with_flags::cube_by_operations, with_flags::cube_by_map}) {
    const Tensor<double> x = parameter(sequence<double>());
    const Tensor<double> y = cube(x) * 2.0;
    y.backward(Tensor<double>::filled(y.shape(), 1.0));
    const Array<double>& v = x.value();
    BOOST_TEST(bool(y.value() == 2.0 * v * v * v));
    BOOST_TEST(xt::amax(xt::abs(x.grad() - 6.0 * v * v))() <= 1e-9);
  }
}
