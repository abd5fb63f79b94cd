#pragma once

// Sequences of different length, step by step without gaps: the longest first, so that those that
// go on at a step are the first ones. Internal.

#include <cstddef>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/ops/recurrent.hpp"

namespace xgrad::detail {

/// How the rows (steps, n) of sequences lie in memory. `rows[t]` of them, those that have a step t,
/// begin at `begin[t]`; rows falls.
struct Steps {
  std::vector<std::size_t> rows, begin;
  std::size_t n = 0, total = 0;

  Steps(std::size_t count, std::size_t sequences);
  explicit Steps(const std::vector<std::size_t>& falling_lengths);
  std::size_t count() const { return rows.size(); }
  /// 0 behind the last one.
  std::size_t rows_at(std::size_t t) const { return t < rows.size() ? rows[t] : 0; }
  /// Where the last row of sequence j is, for lengths other than all.
  std::size_t last(std::size_t j) const;
};

/// Throws std::invalid_argument for lengths that are not in [1, steps], one for each sequence.
class Packing {
 public:
  Packing(const char* operation, std::size_t steps, std::size_t n, const SequenceOptions& options);

  const Steps& steps() const { return steps_; }
  /// x (steps, n, in) -> (total, in), in the order in which they are gone through.
  template <class T>
  Tensor<T> pack(const Tensor<T>& x) const;
  /// y (total, d) -> (steps, n, d), 0 behind the end of a sequence.
  template <class T>
  Tensor<T> unpack(const Tensor<T>& y) const;
  /// A state (n, d) in the order of the packed sequences, and back.
  template <class T>
  Tensor<T> sorted(const Tensor<T>& state) const;
  template <class T>
  Tensor<T> unsorted(const Tensor<T>& state) const;
  /// The rows of y (total, d) at the end of each sequence, (n, d), in the order of x.
  template <class T>
  Tensor<T> last(const Tensor<T>& y) const;

 private:
  bool plain_;                             // as they are in memory
  std::size_t count_;                      // steps of x
  std::vector<std::size_t> order_, rank_;  // of the packed sequence; of the sequence of x
  std::vector<std::size_t> lengths_;
  bool reverse_;
  Steps steps_;
};

/// h of the step before, (total, d): rows of h0 (n, d), then those of y (total, d).
template <class T>
Tensor<T> previous_rows(const Steps& steps, const T* h0, const T* y, std::size_t d);

}  // namespace xgrad::detail
