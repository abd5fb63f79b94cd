#pragma once

// One row of the proof table: what an operation is, and where it may be proved. Cases are
// generated from it in properties.cpp; a new operation needs a row in one of the table_*.cpp and
// nothing else.

#include <string>
#include <utility>
#include <vector>

#include "reference.hpp"
#include "xgrad/autograd/tensor.hpp"
#include "xgrad/autograd/tensor_function.hpp"

namespace proof {

/// An argument: numbers uniform in [low, high].
struct Argument {
  Shape shape;
  double low = -2;
  double high = 2;
  bool differentiable = true;  ///< false: a constant of the operation, such as a mask
};

enum class Smooth {
  no,
  once,
  twice
};  ///< how often it may be differentiated inside its domain, kinks aside

/// A place where the function has no derivative, and the slope that docs/conventions.md gives it.
struct Kink {
  double at, slope;
};

struct Row {
  std::string name = {};
  std::vector<std::string> functions =
      {};  ///< of the public headers that this row proves; the name when empty
  xgrad::TensorFunction<double> f = {};
  xgrad::TensorFunction<float> f32 = {};
  Formula reference = {};  ///< of the first output
  std::vector<Argument> arguments = {};
  std::vector<Kink> kinks = {};  ///< of the first argument; samples keep away from them
  Smooth smooth = Smooth::twice;
  bool by_element = false;   ///< operands of one shape, whose elements have gradients of their own
  bool elementwise = false;  ///< arguments broadcast, any shape will do, elements don't mix
  bool differentiable = true;  ///< false: a mask or a position, which must not require a gradient
  std::size_t may_be_infinite =
      9;                         ///< how many of the arguments may hold numbers that are not finite
  bool reads_on_host = false;    ///< has results that are no tensors, such as positions
  bool makes_generator = false;  ///< draws from a generator of its own: not to be compiled
  bool zero_gradient = false;    ///< differentiable, with derivative 0 everywhere
  std::vector<std::vector<Shape>> shapes =
      {};  ///< other shapes of the arguments to prove it with, also empty ones
  std::vector<Shape> large =
      {};  ///< shapes large enough for a second thread; empty: made from the first
  double tolerance = 4e-15;  ///< of the value in double, relative to 1 + |value|
};

/// A row for a generic callable on tensors: [](const auto& x) { return tanh(x); }.
template <class F>
Row prove(std::string name, F f, Formula reference, Row options) {
  options.name = std::move(name);
  options.f = xgrad::as_tensor_function<double>(f, "proof");
  options.f32 = xgrad::as_tensor_function<float>(f, "proof");
  options.reference = std::move(reference);
  return options;
}

/// The same with results that are no tensors.
inline Row on_host(Row row) {
  row.reads_on_host = true;
  return row;
}

std::vector<Row> math_rows();
std::vector<Row> arithmetic_rows();
std::vector<Row> activation_rows();
std::vector<Row> reduction_rows();
std::vector<Row> shape_rows();
std::vector<Row> index_rows();
std::vector<Row> linear_algebra_rows();
std::vector<Row> linear_system_rows();
std::vector<Row> product_rows();
std::vector<Row> spectral_rows();
std::vector<Row> recurrent_rows();
std::vector<Row> attention_rows();
std::vector<Row> convolution_rows();
std::vector<Row> image_rows();
std::vector<Row> loss_rows();
std::vector<Row> normalization_rows();
std::vector<Row> regularization_rows();
std::vector<Row> user_rows();

/// All of them.
const std::vector<Row>& table();

/// The functions that a row proves.
std::vector<std::string> functions_of(const Row& row);

}  // namespace proof
