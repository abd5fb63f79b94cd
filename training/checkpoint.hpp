#pragma once

// Checkpoints: everything a training run needs to go on bit for bit as if it had not
// been interrupted.
//
//   save_checkpoint("run.ckpt", Checkpoint<float>::of(net, optimizer, loader));
//   restore(load_latest_checkpoint<float>("run.ckpt"), net, optimizer, loader);
//
// A file is a safetensors file with a checksum over everything in it. It is replaced in one step,
// and the one before is kept as "run.ckpt.previous": killed at any moment, also while writing, a
// run loses at most the work since the last one.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "xgrad/data/loader.hpp"
#include "xgrad/kernels/random.hpp"
#include "xgrad/modules/module.hpp"
#include "xgrad/optimizers/optimizer.hpp"
#include "xgrad/serialization/archive.hpp"

namespace xgrad {

template <class T>
struct Checkpoint {
  NamedTensors<T> model;  ///< parameters and buffers
  OptimizerState<T> optimizer;
  Generator::State generator;  ///< of the default generator
  LoaderState loader;
  std::map<std::string, double> numbers;    ///< the caller's own: best loss, schedules, counters
  std::map<std::string, std::string> text;  ///< the caller's own: settings, for a look at the file

  /// Copies the present state, so that training may go on while it is written.
  template <class Loader>
  static Checkpoint of(const Module<T>& module, const Optimizer<T>& optimizer,
                       const Loader& loader) {
    return of(module, optimizer, loader.state());
  }
  static Checkpoint of(const Module<T>& module, const Optimizer<T>& optimizer,
                       const LoaderState& loader = {});
};

/// Throws FileError when the file cannot be written; the old one is then still there.
template <class T>
void save_checkpoint(const std::string& path, const Checkpoint<T>& checkpoint);

/// Throws FileError naming the file when it is missing or damaged: truncated, changed by a bit, or
/// no checkpoint.
template <class T>
Checkpoint<T> load_checkpoint(const std::string& path);

/// The same from memory; `name` stands for the path in messages.
template <class T>
Checkpoint<T> parse_checkpoint(std::span<const std::byte> bytes, std::string_view name);

/// What save_checkpoint writes, in memory.
template <class T>
std::vector<std::byte> format_checkpoint(const Checkpoint<T>& checkpoint);

/// The checkpoint at `path`, or when it is missing or damaged the one before; what was wrong with
/// `path` is then in `problem`. Throws FileError, about `path`, when neither can be read.
template <class T>
Checkpoint<T> load_latest_checkpoint(const std::string& path, std::string* problem = nullptr);

/// True when there is something for load_latest_checkpoint to try.
bool checkpoint_exists(const std::string& path);

/// Puts a checkpoint's state back. Everything is checked before anything is changed, as
/// load_state_dict says.
template <class T>
void restore(const Checkpoint<T>& checkpoint, Module<T>& module, Optimizer<T>& optimizer);
template <class T, class Loader>
void restore(const Checkpoint<T>& checkpoint, Module<T>& module, Optimizer<T>& optimizer,
             Loader& loader) {
  restore(checkpoint, module, optimizer);
  loader.set_state(checkpoint.loader);
}

namespace detail {

/// What an archive holds as a checkpoint, whatever its checksum. Throws FileError for what does
/// not fit.
template <class T>
Checkpoint<T> unpack_checkpoint(const Archive& archive, std::string_view path);

}  // namespace detail
}  // namespace xgrad
