#pragma once

// Writing safetensors files whose arrays need not be in memory, all of them at once or at all. Not an
// interface for users.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "xgrad/serialization/archive.hpp"
#include "xgrad/serialization/bytes.hpp"

namespace xgrad::detail {

/// Takes bytes as they come.
using ByteSink = std::function<void(BytesView)>;

/// Gives all of them, in pieces.
using ByteSource = std::function<void(const ByteSink& sink)>;

/// An array whose bytes are asked for when its turn to be written comes.
struct ArraySource {
  std::string name;
  DType dtype;
  Shape shape;
  ByteSource bytes;

  /// How many there are.
  std::size_t size() const { return item_size(dtype) * shape.elements(); }
};

/// Those of an archive, which must outlive them. Throws as StoredArray::check.
std::vector<ArraySource> sources_of(const Archive& archive);

/// See write_safetensors and format_safetensors, which write an archive; the order of what is asked
/// for is that of the file. Throws std::logic_error where a source gives other than size() bytes.
void write_safetensors(const std::string& path, const std::vector<ArraySource>& sources,
                       const std::map<std::string, std::string>& metadata,
                       const std::string& previous = {});
Bytes format_safetensors(const std::vector<ArraySource>& sources,
                         const std::map<std::string, std::string>& metadata);

}  // namespace xgrad::detail
