#pragma once

// The state of a model as an archive, and back:
//
//   save_state("net.safetensors", net.state_dict());
//   net.load_state_dict(load_state<float>("net.safetensors"));

#include <string>

#include "xgrad/autograd/parameters.hpp"
#include "xgrad/serialization/archive.hpp"

namespace xgrad {

/// The tensors' numbers under their names. Throws std::invalid_argument for a name that
/// occurs twice.
template <class T>
Archive to_archive(const NamedTensors<T>& state);

/// Every floating-point array of an archive as a constant tensor, in the archive's order, and every
/// single number of another type, such as PyTorch's num_batches_tracked; other arrays are left
/// out. Throws FileError for a number too large for T.
template <class T>
NamedTensors<T> from_archive(const Archive& archive);

/// Writes a safetensors file in one step: an interrupted call leaves the old file.
/// Throws FileError.
template <class T>
void save_state(const std::string& path, const NamedTensors<T>& state);

/// Reads a safetensors or npz file, told apart by the ending `.npz`. Throws FileError.
template <class T>
NamedTensors<T> load_state(const std::string& path);

}  // namespace xgrad
