#include "xgrad/serialization/stored_array.hpp"

#include <cmath>
#include <limits>

#include "tests/serialization/files.hpp"
#include "xgrad/serialization/bytes.hpp"

using namespace xgrad;
using namespace xgrad_test;

namespace {

template <class S>
StoredArray store(DType dtype, const std::vector<S>& values) {
  StoredArray r{dtype, {values.size()}, {}};
  for (const S v : values) detail::append_little(r.bytes, v);
  return r;
}

template <class T>
std::string refusal(const StoredArray& a) {
  return message_of<std::invalid_argument>([&] { a.to<T>(); });
}

const double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

BOOST_AUTO_TEST_SUITE(stored_array)

BOOST_AUTO_TEST_CASE(names_and_sizes) {
  const std::vector<std::pair<std::string, std::size_t>> table = {
      {"bool", 1},    {"uint8", 1},    {"int8", 1},   {"uint16", 2}, {"int16", 2},
      {"float16", 2}, {"bfloat16", 2}, {"uint32", 4}, {"int32", 4},  {"float32", 4},
      {"uint64", 8},  {"int64", 8},    {"float64", 8}};
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto dtype = static_cast<DType>(i);
    BOOST_TEST(to_string(dtype) == table[i].first);
    BOOST_TEST(item_size(dtype) == table[i].second);
    BOOST_TEST(is_floating(dtype) == (table[i].first.find("float") != std::string::npos));
  }
}

BOOST_AUTO_TEST_CASE(arrays_come_back) {
  const auto f = make_array<float>({2, 3}, {0, 1, -2.5F, 3, 4e30F, 1e-40F});
  const auto d = make_array<double>({1, 1, 2}, {0.1, -1e300});
  const auto i = make_array<std::int64_t>({2}, {-5, std::numeric_limits<std::int64_t>::max()});
  BOOST_TEST(elements(StoredArray::from(f).to<float>()) == elements(f));
  BOOST_TEST(elements(StoredArray::from(d).to<double>()) == elements(d));
  BOOST_TEST(elements(StoredArray::from(i).to<std::int64_t>()) == elements(i));
  BOOST_CHECK(StoredArray::from(d).shape == Shape({1, 1, 2}));
  BOOST_CHECK(StoredArray::from(d).dtype == DType::float64);
}

BOOST_AUTO_TEST_CASE(scalars_and_empty_arrays_come_back) {
  const auto scalar = make_array<float>({}, {7});
  const auto empty = make_array<float>({0, 3}, {});
  BOOST_CHECK(Shape(StoredArray::from(scalar).to<float>().shape()) == Shape{});
  BOOST_CHECK(Shape(StoredArray::from(empty).to<float>().shape()) == Shape({0, 3}));
}

// IEEE 754-2008, table of binary16: 1, -2, largest, smallest normal, smallest
// subnormal, infinities.
BOOST_AUTO_TEST_CASE(half_precision) {
  const auto a = store<std::uint16_t>(
      DType::float16, {0x3C00, 0xC000, 0x7BFF, 0x0400, 0x0001, 0x7C00, 0xFC00, 0x3555});
  const std::vector<double> wanted = {1,       -2,        65504,      0x1p-14,
                                      0x1p-24, kInfinity, -kInfinity, 0.333251953125};
  BOOST_TEST(elements(a.to<double>()) == wanted);
  BOOST_TEST(std::isnan(store<std::uint16_t>(DType::float16, {0x7E00}).to<float>().data()[0]));
  BOOST_TEST(std::signbit(store<std::uint16_t>(DType::float16, {0x8000}).to<float>().data()[0]));
}

BOOST_AUTO_TEST_CASE(brain_floats) {
  const auto a = store<std::uint16_t>(DType::bfloat16, {0x3F80, 0xC020, 0x7F80, 0x0001});
  const std::vector<double> wanted = {1, -2.5, kInfinity, 0x1p-133};
  BOOST_TEST(elements(a.to<double>()) == wanted);
}

BOOST_AUTO_TEST_CASE(integers_become_the_nearest_float) {
  const auto a = store<std::int64_t>(DType::int64, {16777217, -3});
  BOOST_TEST(elements(a.to<float>()) == (std::vector<float>{16777216, -3}));
  BOOST_TEST(elements(a.to<double>()) == (std::vector<double>{16777217, -3}));
}

BOOST_AUTO_TEST_CASE(truth_is_one) {
  const auto a = store<std::uint8_t>(DType::boolean, {0, 1, 2, 255});
  BOOST_TEST(elements(a.to<std::int64_t>()) == (std::vector<std::int64_t>{0, 1, 1, 1}));
}

BOOST_AUTO_TEST_CASE(floating_point_is_no_index) {
  BOOST_TEST(refusal<std::int64_t>(store<float>(DType::float32, {1})) ==
             "StoredArray: float32 is not an integer type");
  BOOST_TEST(refusal<std::int64_t>(store<std::uint16_t>(DType::float16, {0})) ==
             "StoredArray: float16 is not an integer type");
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  BOOST_TEST(refusal<float>(store<double>(DType::float64, {0, 1e39})) ==
             "StoredArray: element 1 of type float64 is too large for float32");
  BOOST_TEST(
      refusal<std::int64_t>(store<std::uint64_t>(DType::uint64, {std::uint64_t{1} << 63U})) ==
      "StoredArray: element 0 of type uint64 is too large for int64");
}

BOOST_AUTO_TEST_CASE(infinities_and_nan_stay) {
  const auto r = store<double>(DType::float64, {kInfinity, -kInfinity, NAN}).to<float>();
  BOOST_TEST(std::isinf(r.data()[0]));
  BOOST_TEST(r.data()[1] < 0);
  BOOST_TEST(std::isnan(r.data()[2]));
}

BOOST_AUTO_TEST_CASE(parts_must_agree) {
  StoredArray a = store<float>(DType::float32, {1, 2});
  a.shape = {3};
  BOOST_TEST(refusal<float>(a) == "StoredArray: 8 bytes for float32 of shape (3)");
  a.shape = {std::size_t{1} << 62U, 8};
  BOOST_TEST(refusal<float>(a) ==
             "StoredArray: 8 bytes for float32 of shape (4611686018427387904, 8)");
}

BOOST_AUTO_TEST_CASE(products_do_not_overflow) {
  using detail::product;
  const std::vector<std::size_t> none = {std::size_t{1} << 40U, 0, std::size_t{1} << 40U};
  const std::vector<std::size_t> zero = {5, 0}, some = {5, 3}, large = {std::size_t{1} << 62U};
  BOOST_CHECK(product(4, none) == std::nullopt);
  BOOST_CHECK(product(4, zero) == 0U);
  BOOST_CHECK(product(4, some) == 60U);
  BOOST_CHECK(product(4, {}) == 4U);
  BOOST_CHECK(product(2, large) == std::nullopt);
  BOOST_CHECK(product(1, large) == large[0]);
}

BOOST_AUTO_TEST_SUITE_END()
