#pragma once

// Tensors, arrays and shapes as text, in NumPy's layout.
//
//   std::cout << x;   tensor([[1. , 2.5],
//                             [3. , 4. ]], shape=(2, 2), dtype=float64, requires_grad=true)
//
// A tensor that came out of an operation says which: operation=matmul. An array is written as
// NumPy writes one: array([1., 2.], dtype=float32).

#include <iosfwd>
#include <string>

#include "xgrad/autograd/array.hpp"

namespace xgrad {

template <class T>
class Tensor;

/// NumPy's options of the same meaning.
struct PrintOptions {
  int precision = 8;             ///< at most so many decimals; fewer where fewer say the same
  std::size_t threshold = 1000;  ///< with more elements than that, only the edges are written
  std::size_t edge_items = 3;    ///< how many at each end of an axis; at least 1
  std::size_t line_width = 75;   ///< lines are broken there
};

/// As above.
template <class T>
std::string to_string(const Tensor<T>& t, const PrintOptions& options = {});
/// Writes to_string(t).
template <class T>
std::ostream& operator<<(std::ostream& out, const Tensor<T>& t);

/// The numbers as NumPy writes them.
std::string to_string(const Array<float>& a, const PrintOptions& options = {});
std::string to_string(const Array<double>& a, const PrintOptions& options = {});
std::string to_string(const Indices& a, const PrintOptions& options = {});
/// Writes to_string(a).
std::ostream& operator<<(std::ostream& out, const Array<float>& a);
std::ostream& operator<<(std::ostream& out, const Array<double>& a);
std::ostream& operator<<(std::ostream& out, const Indices& a);

/// "(2, 3)".
std::ostream& operator<<(std::ostream& out, const Shape& shape);

}  // namespace xgrad
