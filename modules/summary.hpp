#pragma once

// summary: what a model consists of, as a table.
//
//   std::cout << summary(net, Shape{1, 784});
//
//   layer            output    parameters     memory
//   Net              (1, 10)            -        0 B
//     fc1 (Linear)   (1, 256)     200,960   786.0 KB
//     fc2 (Linear)   (1, 10)        2,570    10.1 KB
//   total                         203,530   796.1 KB
//   203,530 learned, 0 frozen

#include <functional>
#include <string>

#include "xgrad/modules/module.hpp"

namespace xgrad {

/// The table for an example input: a line for each module, indented below its parent, with the
/// shape of its (last) output, the number of its own parameters, and the bytes of its own
/// parameters, buffers and output. What is shared counts where it occurs first. Runs the model
/// once, in evaluation mode and without recording; modes, hooks and the default generator are left
/// as they are.
template <class T>
std::string summary(Module<T>& net, const Tensor<T>& example);
/// The same for an input of zeros.
template <class T>
std::string summary(Module<T>& net, const Shape& example);
/// The same for modules of other inputs: `run` calls the model.
template <class T>
std::string summary(Module<T>& net, const std::function<void()>& run);

}  // namespace xgrad
