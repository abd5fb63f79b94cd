#pragma once

// A program as data: what a compiled function does, to look at, to print, and to write elsewhere.
//
//   std::cout << f.graph(x);              // operations in the order in which they run
//   std::ofstream("f.dot") << to_dot(f.graph(x));

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

#include "xgrad/autograd/shape.hpp"

namespace xgrad {

/// A tensor in a program.
struct GraphValue {
  /// Where it comes from: an argument of the function; a tensor that the function holds, read anew at
  /// each call, such as a parameter; numbers that are the same for good; an operation.
  enum class Kind { argument, held, constant, result } kind = Kind::result;
  Shape shape;
  std::size_t number_bytes = 4;  ///< of one of its numbers: 4 float, 8 double
  bool requires_grad = false;    ///< whether gradients flow through it

  std::size_t bytes() const { return shape.elements() * number_bytes; }  ///< of all its numbers
};

/// A step of a program.
struct GraphOperation {
  std::string name;                  ///< "matmul"; "fused" for several in one pass over memory
  std::vector<std::size_t> inputs;   ///< places in Graph::values
  std::vector<std::size_t> outputs;  ///< likewise; none for a change of state
  std::string module;                ///< the path of the module that it ran in; empty for none
  std::vector<std::string> parts;    ///< of a fused one: what it consists of, in order
  bool changes_state = false;        ///< an optimizer's step, running statistics, a pass back

  /// Floating-point operations, where a rule of thumb is known: 2 n m k for a product of matrices, one
  /// for each number of a result and part otherwise; and bytes that are read and written.
  double operations = 0;
  std::size_t bytes = 0;
};

/// What a compiled function does.
struct Graph {
  std::vector<GraphValue> values;          ///< all tensors of the program
  std::vector<GraphOperation> operations;  ///< its steps, in order
  std::vector<std::size_t> arguments;      ///< places in `values`
  std::vector<std::size_t> results;        ///< likewise
};

/// One operation a line, with shapes, module, bytes and cost:
///   %3 (32, 256) = linear(%0 (32, 784), %1 (256, 784), %2 (256))    in fc1    1.3e+07 operations, 936 kB
std::string to_string(const Graph& graph);
std::ostream& operator<<(std::ostream& out, const Graph& graph);

/// The same in Graphviz' language: `dot -Tsvg f.dot`.
std::string to_dot(const Graph& graph);

namespace detail {
/// "1.02e+03 bytes", "12.5 kB", "3.2 MB"
std::string bytes_text(std::size_t bytes);
}  // namespace detail

}  // namespace xgrad
