#pragma once

// NumPy's files: npy, one array, and npz, a zip archive of npy files.
//
//     write_npy("x.npy", x);                                            // numpy.load("x.npy")
//     const Array<double> y = read_npy("y.npy").to<double>();           // numpy.save("y.npy", y)
//     const Archive weights = read_npz("weights.npz");
//     const Array<float> w = weights.get<float>("w");
//
// Read: headers of version 1, 2 and 3, bool, integers and floating point of 8 to 64 bits in either
// byte order, C and Fortran order, at most 8 axes. Refused: structured, complex, text and object
// arrays (objects are pickles, which run code). In archives: stored and deflated entries, every
// checksum verified; no encryption, no zip64. Nothing is allocated on a header's word.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "xgrad/serialization/archive.hpp"
#include "xgrad/serialization/stored_array.hpp"

namespace xgrad {

/// One array. Throws FileError when the file cannot be read, is damaged, or has bytes behind
/// its data.
StoredArray read_npy(const std::string& path);

/// The same from memory; `name` stands for the path in messages.
StoredArray parse_npy(std::span<const std::byte> bytes, std::string_view name);

/// Writes one array, replacing an old file in one step. Throws FileError when that cannot be done
/// and std::invalid_argument for bfloat16, which NumPy does not have.
void write_npy(const std::string& path, const StoredArray& array);
template <class T>
void write_npy(const std::string& path, const Array<T>& array) {
  write_npy(path, StoredArray::from(array));
}

/// Every array of an archive, named as `numpy.load(path).files`, in the file's order. Throws
/// FileError as read_npy does, and for entries that are no arrays, overlap, or have the same name.
Archive read_npz(const std::string& path);

/// The same from memory; `name` stands for the path in messages.
Archive parse_npz(std::span<const std::byte> bytes, std::string_view name);

struct NpzOptions {
  bool compress = false;  ///< deflate the arrays, as numpy.savez_compressed
};

/// Writes an archive without its metadata, replacing an old file in one step; the same bytes for
/// the same content. Throws FileError also beyond what a zip archive holds, 4 GiB or 65534 arrays,
/// and std::invalid_argument for bfloat16.
void write_npz(const std::string& path, const Archive& archive, const NpzOptions& options = {});

}  // namespace xgrad
