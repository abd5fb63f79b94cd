#pragma once

// StoredArray: an array as a file holds it (element type, shape, bytes), and its conversion to and
// from Array. What npy, npz, safetensors and IDX have in common.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "xgrad/autograd/array.hpp"

namespace xgrad {

/// Element types of files. Array itself knows float32, float64 and int64.
enum class DType : std::uint8_t {
  boolean,
  uint8,
  int8,
  uint16,
  int16,
  float16,
  bfloat16,
  uint32,
  int32,
  float32,
  uint64,
  int64,
  float64,
};

/// NumPy's name: "float32"; "bool" for boolean.
std::string_view to_string(DType dtype);

/// Bytes of one element: 1, 2, 4 or 8.
std::size_t item_size(DType dtype);

/// True for the four types with a fraction.
bool is_floating(DType dtype);

/// An array as a file holds it. An aggregate, to be filled by hand or by `from`.
struct StoredArray {
  DType dtype = DType::float32;  ///< how the numbers are stored
  Shape shape = {};
  std::vector<std::byte> bytes =
      {};  ///< row-major, little-endian, `item_size(dtype)` for each element

  /// Exactly the array's elements, as float32, float64 or int64.
  template <class T>
  static StoredArray from(const Array<T>& array);

  /// Throws std::invalid_argument when the bytes are not as many as type and shape say. Everything
  /// that takes a StoredArray checks.
  void check() const;

  /// The elements as `T`: float, double or std::int64_t.
  ///
  /// Integers and floating point become the nearest floating-point number; bool becomes 0 or 1.
  /// **Throws** std::invalid_argument when floating point is wanted as std::int64_t, and when a
  /// finite number is too large for `T`.
  template <class T>
  Array<T> to() const;
};

}  // namespace xgrad
