#pragma once

// How checkpoints become files, array by array: what of an optimizer's state lies with other processes is
// fetched when its turn comes. Internal.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "xgrad/optimizers/spread_state.hpp"
#include "xgrad/serialization/bytes.hpp"
#include "xgrad/training/checkpoint.hpp"

namespace xgrad::detail {

/// Over names, types, shapes, numbers and texts of a checkpoint, by name: a file may keep its arrays in
/// another order.
class Checksum {
 public:
  void add(const void* data, std::size_t bytes);
  void add(std::string_view text);
  /// Bytes of which that is the checksum.
  void add(std::uint32_t checksum, std::size_t bytes);
  std::uint32_t value() const { return static_cast<std::uint32_t>(value_); }
  std::string text() const;

 private:
  unsigned long value_ = 0;
};

inline constexpr const char* kCheckpointChecksum = "xgrad checksum";
inline constexpr const char* kCheckpointFormat = "xgrad checkpoint";
inline constexpr const char* kCheckpointVersion = "1";

/// Checkpoint::of with that state of an optimizer.
template <class T>
Checkpoint<T> checkpoint_of(const Module<T>& module, OptimizerState<T> optimizer,
                            const LoaderState& loader);

/// State that lies in pieces with several ranks, on the first of them.
template <class T>
struct SpreadPart {
  std::vector<SpreadArray> arrays;
  typename SpreadState<T>::Read read;
};

/// save_checkpoint for a checkpoint without the arrays that are spread; the bytes are those of a checkpoint
/// that has them.
template <class T>
void write_checkpoint(const std::string& path, const Checkpoint<T>& checkpoint,
                      const SpreadPart<T>& spread);
template <class T>
Bytes checkpoint_bytes(const Checkpoint<T>& checkpoint);

/// Arrays of spread state that were read whole, by their names, and how ranks get theirs of them.
template <class T>
class SpreadTensors {
 public:
  SpreadTensors() = default;
  /// Those in `state` that `spread` has; they are taken out of it. Throws as check_spread().
  SpreadTensors(OptimizerState<T>& state, const SpreadState<T>& spread);
  typename SpreadState<T>::ReadPart reader() const;

 private:
  StateTensors<T> tensors_;
};

extern template class SpreadTensors<float>;
extern template class SpreadTensors<double>;

}  // namespace xgrad::detail
