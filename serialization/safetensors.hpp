#pragma once

// safetensors: named tensors with text metadata, the format of the model hubs; read and written.
//
//     Archive model = read_safetensors("model.safetensors");
//     const Array<float> w = model.get<float>("fc1.weight");
//
// The format (github.com/huggingface/safetensors): the header's length as little-endian uint64, the
// header (JSON: name -> dtype, shape, data_offsets; "__metadata__" -> text by key), then the data,
// little-endian and row-major. Types read and written: BOOL, U8 to U64, I8 to I64, F16, BF16, F32,
// F64; the 8-bit and smaller floating types are refused. At most 8 axes.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "xgrad/serialization/archive.hpp"

namespace xgrad {

/// All tensors, in the order of their data, and the metadata.
///
/// **Throws** FileError when the file cannot be read, is truncated or too long, when its header is
/// not what the format says, names a tensor twice, or gives data that overlap, leave holes or
/// disagree with dtype and shape. Nothing is allocated on the header's word.
Archive read_safetensors(const std::string& path);

/// The same from memory; `name` stands for the path in messages.
Archive parse_safetensors(std::span<const std::byte> bytes, std::string_view name);

/// What write_safetensors writes, in memory. Throws std::invalid_argument as it does.
std::vector<std::byte> format_safetensors(const Archive& archive);

/// Writes arrays and metadata, replacing an old file in one step: after a crash there is the old
/// file or the new one. Data are ordered by the size of their elements, largest first, so that each
/// tensor is aligned. With `previous` the old file is kept under that name.
///
/// **Throws** FileError when the file cannot be written, std::invalid_argument for a name that is
/// not UTF-8 or is "__metadata__".
void write_safetensors(const std::string& path, const Archive& archive,
                       const std::string& previous = {});

}  // namespace xgrad
