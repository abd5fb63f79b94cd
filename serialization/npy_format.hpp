#pragma once

// The npy format in memory, shared by npy and npz files; not an interface for users.

#include "xgrad/serialization/bytes.hpp"
#include "xgrad/serialization/stored_array.hpp"

namespace xgrad::detail {

StoredArray decode_npy(const Origin& from, BytesView bytes);

/// Throws std::invalid_argument for a type NumPy does not have.
Bytes encode_npy(const StoredArray& array);

}  // namespace xgrad::detail
