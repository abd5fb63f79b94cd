#pragma once

// OptimizerState: what optimizers, schedulers and weight averages save. Names begin with the name
// of the class ("Adam/..."), so that several of them can share one container.

#include <map>
#include <string>

#include "xgrad/autograd/parameters.hpp"

namespace xgrad {

/// Numbers by name; counts are exact up to 2^53.
using StateNumbers = std::map<std::string, double>;

/// Everything beside the weights that a run needs to go on bit for bit.
template <class T>
struct OptimizerState {
  NamedTensors<T> tensors;  ///< copies: "Adam/fc1.weight/first_moment"
  StateNumbers numbers;     ///< "Adam/fc1.weight/steps", "Adam/group 0/learning_rate"

  /// Adds what another one saved: `state.add(scheduler.state_dict())`.
  void add(const StateNumbers& more) { numbers.insert(more.begin(), more.end()); }
  void add(const OptimizerState& more) {
    tensors.insert(tensors.end(), more.tensors.begin(), more.tensors.end());
    add(more.numbers);
  }
};

namespace detail {

using StateShapes = std::map<std::string, Shape>;
template <class T>
using StateTensors = std::map<std::string, Tensor<T>>;

/// The entries whose names begin with `type_name` and a slash, without it.
StateNumbers own_numbers(const StateNumbers& all, const std::string& type_name);
template <class T>
StateTensors<T> own_tensors(const NamedTensors<T>& all, const std::string& type_name);

/// The same names with `type_name` and a slash before them.
StateNumbers with_prefix(const StateNumbers& numbers, const std::string& type_name);

/// Throws one std::invalid_argument "load_state_dict: type_name: missing: ...; unexpected: ...;
/// wrong shape: ..." unless the names of `numbers` are those of `known`, and names and shapes of
/// `tensors` those of `shapes`.
void check_state(const std::string& type_name, const StateNumbers& known,
                 const StateNumbers& numbers);
template <class T>
void check_state(const std::string& type_name, const StateNumbers& known,
                 const StateNumbers& numbers, const StateShapes& shapes,
                 const StateTensors<T>& tensors);
void check_state(const std::string& type_name, const StateNumbers& known,
                 const StateNumbers& numbers, const StateShapes& shapes, const StateShapes& given);

}  // namespace detail
}  // namespace xgrad
