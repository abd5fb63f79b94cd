#pragma once

// The header of a safetensors file; not an interface for users.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "xgrad/autograd/shape.hpp"
#include "xgrad/serialization/bytes.hpp"
#include "xgrad/serialization/stored_array.hpp"

namespace xgrad::detail {

/// What the header says of a tensor, unchecked but for its form.
struct TensorInfo {
  std::string name;
  std::string dtype = {};
  Shape shape = {};
  std::uint64_t begin = 0, end = 0;  ///< of its data, from the end of the header
};

/// The tensors by the place of their data; metadata go to `metadata`. Throws FileError for what is
/// not JSON of the format's form, and for names and keys that occur twice.
std::vector<TensorInfo> parse_safetensors_header(const Origin& from, BytesView header,
                                                 std::map<std::string, std::string>& metadata);

/// The format's names of types: "F32"; none for one that is not read.
std::optional<DType> safetensors_type(std::string_view name);
std::string_view safetensors_name(DType dtype);

}  // namespace xgrad::detail
