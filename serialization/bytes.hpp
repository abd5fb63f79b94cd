#pragma once

// Bytes of files: numbers in either byte order, products of sizes that do not overflow, whole
// files. Used by the readers and writers; not an interface for users.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "xgrad/serialization/error.hpp"

namespace xgrad::detail {

using Bytes = std::vector<std::byte>;
using BytesView = std::span<const std::byte>;

static_assert(std::endian::native == std::endian::little);

/// The number at `p`, least significant byte first, at any alignment.
template <class T>
T load_little(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

/// The number at `p`, most significant byte first, at any alignment.
template <class T>
T load_big(const std::byte* p) {
  std::array<std::byte, sizeof(T)> reversed;
  std::reverse_copy(p, p + sizeof(T), reversed.begin());
  return load_little<T>(reversed.data());
}

template <class T>
void append_little(Bytes& bytes, T value) {
  const std::size_t end = bytes.size();
  bytes.resize(end + sizeof(T));
  std::memcpy(&bytes[end], &value, sizeof(T));
}

template <class T>
void append_big(Bytes& bytes, T value) {
  append_little(bytes, value);
  std::reverse(bytes.end() - static_cast<std::ptrdiff_t>(sizeof(T)), bytes.end());
}

inline void append(Bytes& bytes, BytesView more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

/// Turns the byte order of every item of `item` bytes around.
void swap_bytes(std::span<std::byte> bytes, std::size_t item);

inline std::string_view as_text(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline BytesView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// `first` times all `sizes`, 0 when one of them is 0. None when that, or the product of those that
/// are not 0 (which strides are made of), exceeds what can be addressed.
std::optional<std::size_t> product(std::size_t first, std::span<const std::size_t> sizes);

/// The whole file. Throws FileError for what cannot be opened or read, and for what is neither a
/// regular file nor a pipe.
Bytes read_file(std::string_view reader, const std::string& path);

}  // namespace xgrad::detail
