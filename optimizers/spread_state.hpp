#pragma once

// SpreadState: what an optimizer has to offer whose state lies in pieces with several processes (ranks), so
// that it is written and read array by array, and no rank ever has it whole. The component mpi has one,
// ShardedOptimizer; a Trainer asks for it. Nothing here sends anything.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "xgrad/autograd/shape.hpp"
#include "xgrad/optimizers/state.hpp"

namespace xgrad {

/// An array of the state, whole.
struct SpreadArray {
  std::string name;  ///< as in state_dict(): "Adam/fc1.weight/first_moment"
  Shape shape;       ///< of the parameter
  /// zlib's crc32 of its bytes.
  std::uint32_t checksum = 0;
};

template <class T>
class SpreadState {
 public:
  /// Takes numbers of an array, which come in pieces, in their order.
  using Sink = std::function<void(std::span<const T>)>;

  virtual ~SpreadState() = default;

  /// What the names of its state begin with: "Adam".
  virtual const std::string& spread_name() const = 0;
  /// The numbers of state_dict(), and its arrays in their order. The second is collective.
  virtual StateNumbers spread_numbers() const = 0;
  virtual std::vector<SpreadArray> spread_arrays() const = 0;

  /// Calls `f` on rank 0, with a function that gives an array's numbers, one of spread_arrays();
  /// meanwhile the other ranks send them. A piece at a time is in memory. What `f` throws there is
  /// thrown there. Collective.
  using Read = std::function<void(std::size_t array, const Sink& sink)>;
  virtual void with_spread_arrays(const std::function<void(const Read&)>& f) const = 0;

  /// Writes numbers of an array from the one at `first` on into `to`.
  using ReadPart =
      std::function<void(const std::string& array, std::size_t first, std::span<T> to)>;
  /// Throws std::invalid_argument as load_state_dict() for a state with those numbers and arrays. Not
  /// collective.
  virtual void check_spread(const StateNumbers& numbers,
                            const detail::StateShapes& arrays) const = 0;
  /// Continues where that state was taken, which has to be one that check_spread() lets pass. Rank 0
  /// reads for all. What `read` throws is thrown on rank 0, std::runtime_error elsewhere, and nothing is
  /// changed. Collective.
  virtual void load_spread(const StateNumbers& numbers, const ReadPart& read) = 0;

  /// What this rank has, and back.
  virtual OptimizerState<T> own_state() const = 0;
  virtual void restore_own(const OptimizerState<T>& state) = 0;
};

}  // namespace xgrad
