#pragma once

// Transfer learning: a model that was trained for one thing as the beginning of another.
//
//   Sequential<float> net = first_layers(pretrained, pretrained.size() - 1);  // without its head
//   freeze(net.parameters());
//   net.append(Linear<float>(128, 3));                                        // a new one
//   Adam<float> optimizer(net[6].parameters(), {.learning_rate = 1e-3});
//   ...                                                                       // train the head
//   unfreeze(net.parameters());
//   optimizer.add_group(body, {.learning_rate = 1e-5});                       // then all, slowly
//
// Weights come from load_model, or by name from load_state with a NameMap. A frozen parameter keeps
// its value whatever the optimizer; the running statistics of a BatchNorm are no parameters: a
// frozen one is put into evaluation mode, for instance in TrainerOptions::on_epoch_begin.

#include <cstddef>

#include "xgrad/autograd/parameters.hpp"
#include "xgrad/modules/sequential.hpp"

namespace xgrad {

/// Parameters that get no gradients; their gradients are removed. With filter_parameters
/// (optimizers/decay.hpp) some by name.
template <class T>
void freeze(const NamedTensors<T>& parameters);
template <class T>
void unfreeze(const NamedTensors<T>& parameters);

/// A network of copies of the first `count` modules, under their names; the original stays as it
/// is. Throws std::invalid_argument for a count above net.size(), std::logic_error for a module
/// that cannot be cloned.
template <class T>
Sequential<T> first_layers(const Sequential<T>& net, std::size_t count);

}  // namespace xgrad
