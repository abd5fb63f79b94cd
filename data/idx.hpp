#pragma once

// IDX: the files of MNIST and its relatives (Fashion-MNIST, KMNIST, EMNIST, QMNIST). Plain or
// gzipped, which is seen by content and not by name. Reads and writes; downloads nothing.
//
//     const ImageData train = load_idx("mnist", Split::train);  // (60000, 28, 28), (60000)
//     const ImageData test = load_idx("qmnist", Split::test, {.prefix = "qmnist-"});
//
// The format, by Y. LeCun (yann.lecun.com/exdb/mnist): two zero bytes, one byte element type, one
// byte number of axes, each size as big-endian uint32, then the elements, row-major and big-endian.
// Nothing is allocated on a header's word: files that are truncated, too long, or something else
// than asked for are refused with the values at fault; a file that is no IDX file, with what it is.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "xgrad/data/images.hpp"
#include "xgrad/serialization/stored_array.hpp"

namespace xgrad {

/// The two parts of a data set.
enum class Split {
  train,  ///< files named `train-...`
  test,   ///< files named `t10k-...`, or `test-...`
};

struct IdxOptions {
  bool raw = false;  ///< pixels as stored, 0 to 255, instead of divided by 255
  /// What load_idx puts before the names: "qmnist-", "emnist-letters-" (whose images are stored
  /// transposed, as those of all EMNIST).
  std::string prefix = {};
};

/// Images and labels of one split: reads `train-images-idx3-ubyte` and `train-labels-idx1-ubyte` in
/// `directory`, or `t10k-...` or `test-...` for the test split, each with or without `.gz`. Labels
/// may also be a `train-labels-idx2-int`, as QMNIST's are.
///
/// **Shapes** images (n, height, width), labels (n). **Throws** FileError when a file is missing or
/// damaged, and when there are not as many labels as images.
ImageData load_idx(const std::string& directory, Split split, const IdxOptions& options = {});

/// An image file, magic number 2051: (n, height, width).
Array<float> read_idx_images(const std::string& path, const IdxOptions& options = {});

/// A label file: (n). Magic number 2049 or another integer type with one axis, or QMNIST's int32
/// (n, 8), the first of whose columns is the class; read_idx gives all of them.
Indices read_idx_labels(const std::string& path);

/// Any IDX file, with its own element type: uint8, int8, int16, int32, float32 or float64, at most
/// 8 axes. `read_idx(path).to<float>()` is an Array.
StoredArray read_idx(const std::string& path);

/// The same from memory; `name` stands for the path in messages.
StoredArray parse_idx(std::span<const std::byte> bytes, std::string_view name);

/// Writes images (n, height, width) in [0, 1] as bytes, rounded to the nearest of 256 levels. A
/// name that ends in `.gz` is written gzipped; an old file is replaced in one step.
///
/// **Throws** std::invalid_argument for another number of axes and for values outside [0, 1],
/// FileError when the file cannot be written.
void write_idx_images(const std::string& path, const Array<float>& images);

/// Writes labels (n), each 0 to 255; otherwise as write_idx_images.
void write_idx_labels(const std::string& path, const Indices& labels);

/// Writes any array with an element type that IDX has; otherwise as write_idx_images.
void write_idx(const std::string& path, const StoredArray& array);

}  // namespace xgrad
