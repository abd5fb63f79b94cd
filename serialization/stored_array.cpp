#include "xgrad/serialization/stored_array.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include "xgrad/base/errors.hpp"
#include "xgrad/serialization/bytes.hpp"

namespace xgrad {
namespace {

using detail::load_little;

// IEEE 754 half precision: 1 bit sign, 5 exponent, 10 fraction.
struct Half {
  std::uint16_t bits;
  explicit operator float() const {
    const int exponent = (bits >> 10) & 31;
    const int fraction = bits & 1023;
    float magnitude = std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
    if (exponent == 0) magnitude = std::ldexp(static_cast<float>(fraction), -24);
    if (exponent == 31)
      magnitude = fraction == 0 ? std::numeric_limits<float>::infinity()
                                : std::numeric_limits<float>::quiet_NaN();
    return (bits & 0x8000) != 0 ? -magnitude : magnitude;
  }
};

// The upper half of a float.
struct Brain {
  std::uint16_t bits;
  explicit operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16U); }
};

struct Boolean {
  std::uint8_t bits;
  explicit operator std::uint8_t() const { return bits != 0 ? 1 : 0; }
};

// Calls f with a value of the type in which the elements are stored.
template <class F>
auto visit(DType dtype, const F& f) {
  switch (dtype) {
    case DType::boolean:
      return f(Boolean{});
    case DType::uint8:
      return f(std::uint8_t{});
    case DType::int8:
      return f(std::int8_t{});
    case DType::uint16:
      return f(std::uint16_t{});
    case DType::int16:
      return f(std::int16_t{});
    case DType::float16:
      return f(Half{});
    case DType::bfloat16:
      return f(Brain{});
    case DType::uint32:
      return f(std::uint32_t{});
    case DType::int32:
      return f(std::int32_t{});
    case DType::float32:
      return f(float{});
    case DType::uint64:
      return f(std::uint64_t{});
    case DType::int64:
      return f(std::int64_t{});
    case DType::float64:
      return f(double{});
  }
  detail::fail("StoredArray", "no such DType: ", static_cast<int>(dtype));
}

// The arithmetic type a stored type stands for.
auto arithmetic(Half x) { return static_cast<float>(x); }
auto arithmetic(Brain x) { return static_cast<float>(x); }
auto arithmetic(Boolean x) { return static_cast<std::uint8_t>(x); }
template <class S>
S arithmetic(S x) {
  return x;
}

template <class T, class S>
bool fits(S x) {
  if constexpr (std::is_integral_v<T>) {
    return std::in_range<T>(x);
  } else if constexpr (std::is_floating_point_v<S>) {
    return !(std::isfinite(x) && std::abs(x) > static_cast<S>(std::numeric_limits<T>::max()));
  } else {
    return true;
  }
}

template <class T>
constexpr DType kDType = std::is_same_v<T, float>    ? DType::float32
                         : std::is_same_v<T, double> ? DType::float64
                                                     : DType::int64;

[[noreturn]] void refuse(DType dtype, std::size_t i, DType wanted) {
  detail::fail("StoredArray", "element ", i, " of type ", dtype, " is too large for ", wanted);
}

template <class T, class S>
void convert(const StoredArray& from, T* to, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const auto x = arithmetic(load_little<S>(from.bytes.data() + i * sizeof(S)));
    if (!fits<T>(x)) refuse(from.dtype, i, kDType<T>);
    to[i] = static_cast<T>(x);
  }
}

}  // namespace

std::string_view to_string(DType dtype) {
  constexpr std::array<std::string_view, 13> kNames = {
      "bool",   "uint8", "int8",    "uint16", "int16", "float16", "bfloat16",
      "uint32", "int32", "float32", "uint64", "int64", "float64"};
  return kNames.at(static_cast<std::size_t>(dtype));
}

std::size_t item_size(DType dtype) {
  return visit(dtype, [](auto x) { return sizeof(x); });
}

bool is_floating(DType dtype) {
  return visit(dtype, [](auto x) { return std::is_floating_point_v<decltype(arithmetic(x))>; });
}

template <class T>
StoredArray StoredArray::from(const Array<T>& array) {
  const auto* first = reinterpret_cast<const std::byte*>(array.data());
  return {kDType<T>, Shape(array.shape()), {first, first + array.size() * sizeof(T)}};
}

void StoredArray::check() const {
  const auto wanted = detail::product(item_size(dtype), {shape.begin(), shape.size()});
  if (wanted == bytes.size()) return;
  detail::fail("StoredArray", bytes.size(), " bytes for ", dtype, " of shape ", shape);
}

template <class T>
Array<T> StoredArray::to() const {
  check();
  if (std::is_integral_v<T> && is_floating(dtype)) {
    detail::fail("StoredArray", dtype, " is not an integer type");
  }
  auto r = Array<T>::from_shape(shape);
  visit(dtype, [&](auto stored) {
    using S = decltype(stored);
    if constexpr (!(std::is_integral_v<T> &&
                    std::is_floating_point_v<decltype(arithmetic(stored))>)) {
      convert<T, S>(*this, r.data(), r.size());
    }
  });
  return r;
}

template StoredArray StoredArray::from(const Array<float>&);
template StoredArray StoredArray::from(const Array<double>&);
template StoredArray StoredArray::from(const Array<std::int64_t>&);
template Array<float> StoredArray::to() const;
template Array<double> StoredArray::to() const;
template Array<std::int64_t> StoredArray::to() const;

}  // namespace xgrad
