// A tensor as a value: where it comes from, whose memory it shows, how handles are copied
// and moved.

#include <array>
#include <limits>
#include <span>

#include "tests/autograd/helpers.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad::test {

BOOST_FIXTURE_TEST_SUITE(tensor, NothingLeft)

BOOST_AUTO_TEST_CASE(from_an_array_without_a_copy) {
  Array<double> a = {{1, 2}, {3, 4}};
  const double* const numbers = a.data();
  const D x(std::move(a));
  BOOST_TEST(x.data() == numbers);
  BOOST_TEST(x.value().data() == numbers);
}

BOOST_AUTO_TEST_CASE(from_an_array_with_a_copy) {
  Array<double> a = {1, 2};
  const D x(a);
  a(0) = 9;
  is(x, {1, 2});
}

BOOST_AUTO_TEST_CASE(from_any_expression) {
  const xt::xarray<float> a = {{1, 2}, {3, 4}};
  is(D(a * 2 + 1), {{3, 5}, {7, 9}});
  is(D(xt::xarray<int, xt::layout_type::column_major>({{1, 2}, {3, 4}})), {{1, 2}, {3, 4}});
  BOOST_TEST(parameter(a).requires_grad());
  static_assert(std::is_same_v<decltype(parameter(a)), Tensor<float>>);
}

BOOST_AUTO_TEST_CASE(from_numbers) {
  is(D(3), 3);
  is(D::from({2, 2}, {1, 2, 3, 4}), {{1, 2}, {3, 4}});
  is(D::from({2}, std::vector<double>{5, 6}), {5, 6});
  is(D::filled({2}, 7), {7, 7});
  check_failure<std::invalid_argument>(
      [] {
        (void)D::from({2, 2}, {1, 2, 3});
      },
      "tensor: 3 values for shape (2, 2)");
}

BOOST_AUTO_TEST_CASE(from_numbers_of_any_type) {
  const std::vector<int> whole = {1, -2, 3, 4};
  is(D::from({2, 2}, whole), {{1, -2}, {3, 4}});
  is(D::from(whole), {1, -2, 3, 4});
  is(D::from(std::span(whole).subspan(1, 2)), {-2, 3});
  is(D::from({3, 1}, std::array<unsigned char, 3>{1, 2, 255}),
     D::from({3, 1}, {1, 2, 255}).value());
  is(D::from(std::vector<bool>{true, false}), {1, 0});
  BOOST_TEST(Tensor<float>::from(std::vector<double>{0.1}).data()[0] == 0.1F);
  check_failure<std::invalid_argument>([&] { (void)D::from({3}, whole); },
                                       "tensor: 4 values for shape (3)");
}

BOOST_AUTO_TEST_CASE(from_two_iterators) {
  const double numbers[] = {1, 2, 3, 4};
  const double* p = numbers;
  const std::vector<float> single = {1.5F, -2};
  is(D::from({2, 2}, {p, p + 4}), {{1, 2}, {3, 4}});
  is(D::from({p + 1, p + 3}), {2, 3});
  is(D::from({2}, {single.begin(), single.end()}), {1.5, -2});
  is(D::from({4}, numbers), {1, 2, 3, 4});
  check_failure<std::invalid_argument>(
      [&] {
        (void)D::from({3}, {p, p + 4});
      },
      "tensor: 4 values for shape (3)");
}

BOOST_AUTO_TEST_CASE(from_lists) {
  is(D::from({1, 2.5, 3}), {1, 2.5, 3});
  is(D::from({{1, 2}, {3, 4}, {5, 6}}), {{1, 2}, {3, 4}, {5, 6}});
  is(D::from({{0}, {1}}), D::from({2, 1}, {0, 1}).value());
  is(D::from({{1, 2}}), D::from({1, 2}, {1, 2}).value());
  is(D::from({{{1}, {2}}, {{3}, {4}}}), D::from({2, 2, 1}, {1, 2, 3, 4}).value());
  BOOST_TEST(to_string(D::from({}).shape()) == "(0)");
  BOOST_TEST(to_string(D::from({{}, {}}).shape()) == "(2, 0)");
  const auto ragged = [](auto make, const char* shapes) {
    check_failure<std::invalid_argument>(
        make, "tensor: the lists are of different shapes: " + std::string(shapes));
  };
  ragged([] { (void)D::from({{1, 2}, {3}}); }, "(2), (1)");
  ragged([] { (void)D::from({{{1}}, {2}}); }, "(1, 1), (1)");
  ragged([] { (void)D::from({{1}, 2}); }, "(1), ()");
}

BOOST_AUTO_TEST_CASE(elements_by_index) {
  const D x = D::from({{1, 2, 3}, {4, 5, 6}});
  BOOST_TEST(x(1, 0) == 4);
  BOOST_TEST(x.item(0, -1) == 3);
  BOOST_TEST(x.item({-1, 1}) == 5);
  BOOST_TEST(D(7).item({}) == 7);
  check_failure<std::invalid_argument>(
      [&] { (void)x(1); }, "item: an index for each axis is needed: x (2, 3), index (1)");
  const auto outside = [&](std::ptrdiff_t i, std::ptrdiff_t k, const char* index) {
    check_failure<std::out_of_range>(
        [&] { (void)x(i, k); }, "item: index out of range: x (2, 3), index " + std::string(index));
  };
  outside(2, 0, "(2, 0)");
  outside(0, -4, "(0, -4)");
}

BOOST_AUTO_TEST_CASE(without_elements) {
  const D x = D::uninitialized({0, 3});
  BOOST_TEST(x.size() == 0U);
  BOOST_TEST(x.value().size() == 0U);
  BOOST_TEST((x + 1.0).size() == 0U);
}

BOOST_AUTO_TEST_CASE(more_than_memory_can_hold) {
  const std::size_t huge = std::numeric_limits<std::size_t>::max() / 2;
  BOOST_CHECK_EXCEPTION(
      (void)D::uninitialized({huge, huge}), std::invalid_argument, [](const auto& e) {
        return std::string(e.what()).ends_with("has more elements than memory can address");
      });
  BOOST_CHECK_THROW((void)D::uninitialized({std::size_t{1} << 58}), std::bad_alloc);
}

BOOST_AUTO_TEST_CASE(sizes_that_wrap_around) {
  const std::size_t half = std::size_t{1} << 32;
  const std::string too_large =
      "tensor: shape (0, 4294967296, 4294967296) has more elements than memory "
      "can address";
  check_failure<std::invalid_argument>([&] { (void)D::uninitialized({0, half, half}); }, too_large);
  check_failure<std::invalid_argument>(
      [&] {
        D::from({half, half}, std::vector<double>{});
      },
      "tensor: shape (4294967296, 4294967296) has more elements than "
      "memory can address");
  BOOST_TEST(D::uninitialized({0, half}).size() == 0U);
}

// What a temporary shows is a copy, which a loop keeps.
BOOST_AUTO_TEST_CASE(of_a_temporary) {
  const D a = leaf({1, 2, 3});
  sum(square(a)).backward();
  std::vector<double> squares, slopes;
  std::vector<std::size_t> sizes;
  for (const double v : square(a).value()) squares.push_back(v);
  for (const double v : D(a).grad()) slopes.push_back(v);
  for (const std::size_t n : square(a).shape()) sizes.push_back(n);
  BOOST_TEST(squares == (std::vector<double>{1, 4, 9}), boost::test_tools::per_element());
  BOOST_TEST(slopes == (std::vector<double>{2, 4, 6}), boost::test_tools::per_element());
  BOOST_TEST(sizes == std::vector<std::size_t>{3}, boost::test_tools::per_element());
  const Array<double>& kept = square(a).value();
  BOOST_TEST(kept(2) == 9);
  const D& parameter = D::filled({2}, 1).requires_grad_();
  BOOST_TEST(parameter.requires_grad());
  static_assert(std::is_same_v<decltype(a.value()), const Array<double>&>);
  static_assert(std::is_same_v<decltype(D(a).value()), Array<double>>);
}

static_assert(std::is_assignable_v<D&, const D&> && std::is_assignable_v<D&, D>);
static_assert(!std::is_assignable_v<D, const D&> && !std::is_assignable_v<const D&, const D&>);

BOOST_AUTO_TEST_CASE(with_expressions_of_xtensor) {
  const D w = leaf({3, 4}), a = D::from({2}, {1, 2});
  const auto y = 2 * a.value() + w;
  static_assert(std::is_same_v<decltype(y), const D>);
  is(y, {5, 8});
  is(w + a.value(), {4, 6});
  is(w - xt::xarray<float>{1, 2}, {2, 2});
  is(1 / (a.value() * 2) * w, {1.5, 1});
  is(a.value() > w, {0, 0});
  is((a.value() < w) && (w <= xt::xarray<int>{3, 3}), {1, 0});
  is(maximum(a.value() * 3, w), {3, 6});
  is(pow(w, a.value()), {3, 16});
  is(where(a.value() > 1, w, 0), {0, 4});
  sum(y * a.value()).backward();
  is(D(w.grad()), {1, 2});
}

BOOST_AUTO_TEST_CASE(sizes) {
  const D x = D::filled({2, 3}, 0);
  BOOST_TEST(x.rank() == 2U);
  BOOST_TEST(x.size() == 6U);
  BOOST_TEST(x.size(0) == 2U);
  BOOST_TEST(x.size(-1) == 3U);
  check_failure<std::out_of_range>([&] { (void)x.size(2); },
                                   "size: axis 2 is out of range [-2, 1]: x (2, 3)");
}

BOOST_AUTO_TEST_CASE(item) {
  BOOST_TEST(D::from({1, 1}, {4}).item() == 4);
  check_failure<std::invalid_argument>(
      [] { (void)D::filled({2}, 1).item(); },
      "item: the tensor has shape (2), not one element; x.item(i, j, ...) is "
      "one of several");
  check_failure<std::invalid_argument>(
      [] { (void)D::filled({0}, 1).item(); },
      "item: the tensor has shape (0), not one element; x.item(i, j, ...) is "
      "one of several");
}

BOOST_AUTO_TEST_CASE(value_shows_the_memory_of_the_tensor) {
  D x = D::from({2, 2}, {1, 2, 3, 4});
  const Array<double>& face = x.value();
  BOOST_TEST(face.data() == x.data());
  x.mutable_data()[3] = 9;
  BOOST_TEST(face(1, 1) == 9);
  BOOST_TEST(&x.value() == &face);
}

BOOST_AUTO_TEST_CASE(a_copy_of_the_value_is_its_own) {
  D x = D::from({2}, {1, 2});
  const Array<double> copy = x.value();
  Array<double> moved = std::move(copy);
  x.mutable_data()[0] = 9;
  BOOST_TEST(moved(0) == 1);
  BOOST_TEST(copy(0) == 1);
}

BOOST_AUTO_TEST_CASE(written_through_a_view) {
  D x = D::from({2, 2}, {1, 2, 3, 4});
  const double* const numbers = x.data();
  x.mutable_value() = x.value() * 2;
  is(x, {{2, 4}, {6, 8}});
  x.mutable_value() += 1;
  is(x, {{3, 5}, {7, 9}});
  x.mutable_value()(1, 0) = 0;
  is(x, {{3, 5}, {0, 9}});
  BOOST_TEST(x.data() == numbers);
}

BOOST_AUTO_TEST_CASE(a_view_refuses_another_size) {
  D x = D::from({2, 2}, {1, 2, 3, 4});
  BOOST_CHECK_THROW(x.mutable_value() = Array<double>({1, 2, 3}), std::exception);
  is(x, {{1, 2}, {3, 4}});
}

BOOST_AUTO_TEST_CASE(handles_show_the_same_tensor) {
  D x = D::from({2}, {1, 2}), y = x;
  BOOST_TEST(x.is_same(y));
  y.set_value({3, 4});
  is(x, {3, 4});
  y = D::from({1}, {5});
  is(x, {3, 4});
  BOOST_TEST(!x.is_same(y));
}

BOOST_AUTO_TEST_CASE(moving_leaves_an_undefined_tensor) {
  D x = D::from({2}, {1, 2});
  D y = std::move(x);
  BOOST_TEST(!x.defined());
  x = std::move(y);
  BOOST_TEST(!y.defined());
  is(x, {1, 2});
}

BOOST_AUTO_TEST_CASE(assignment_to_itself) {
  D x = D::from({2}, {1, 2});
  const D& same = x;
  x = same;
  is(x, {1, 2});
  x = std::move(const_cast<D&>(same));
  is(x, {1, 2});
}

BOOST_AUTO_TEST_CASE(vectors_move_their_tensors) {
  static_assert(std::is_nothrow_move_constructible_v<D>);
  std::vector<D> v;
  for (int i = 0; i < 100; ++i) v.push_back(D(i));
  v.erase(v.begin(), v.begin() + 50);
  v.insert(v.begin(), D(-1));
  BOOST_TEST(v.size() == 51U);
  BOOST_TEST(v[0].item() == -1);
  BOOST_TEST(v[50].item() == 99);
  std::swap(v[0], v[50]);
  BOOST_TEST(v[0].item() == 99);
}

BOOST_AUTO_TEST_CASE(assigned_over_its_own_graph) {
  const D w = leaf({2});
  D x = leaf({3});
  for (int i = 0; i < 3; ++i) x = x * w;
  x.backward();
  is(w.gradient(), {3 * 3 * 4});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
