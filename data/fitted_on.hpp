#pragma once

// FittedOn: what statistics were learned from, so that a program can tell whether they were learned
// from data that they must not know.

#include <cstdint>
#include <string>
#include <vector>

#include "xgrad/autograd/array.hpp"

namespace xgrad {

/// The name, number and shape of the samples, and the smallest hashes among them, each once: a
/// random choice of samples that is the same for everybody.
struct FittedOn {
  static constexpr std::size_t kHashes = 1024;  ///< kept at most

  std::string name;                        ///< "train"
  std::size_t samples = 0;                 ///< how many there were; 0: nothing was fitted
  Shape sample;                            ///< shape of one
  std::vector<std::uint64_t> hashes = {};  ///< ascending

  /// Of x (n, ...).
  template <class T>
  static FittedOn of(const Array<T>& x, std::string name);

  /// The share of the samples of x (n, ...) that are among those fitted: exact up to kHashes
  /// different samples, beyond that an estimate from those of x that the choice holds or would
  /// hold. NaN when there is none of these.
  template <class T>
  double share_of(const Array<T>& x) const;
};

}  // namespace xgrad
