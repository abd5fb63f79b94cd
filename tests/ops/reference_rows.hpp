#pragma once

// Operations compared with others: value, gradients and second derivatives of each row, from the
// files that the scripts in tests/references write.

#include <functional>
#include <string>
#include <vector>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad::test {

using D = Tensor<double>;
using Tensors = std::vector<D>;

// The inputs of tests/references/torch_rows.py.

/// Numbers in [-1.5, 1.5], no two alike.
D wave(const Shape& shape, int k = 0);
/// Numbers in [0.1, 0.9].
D unit(const Shape& shape, int k = 0);
/// wave, with 0 at every fourth place.
D holes(const Shape& shape, int k = 0);
/// The labels 3, 10, 17 ... modulo `classes`.
Indices labels(const Shape& shape, int classes);

struct Row {
  std::string name;
  Tensors inputs;
  std::function<D(const Tensors&)> function;
  double tolerance = 1e-10;  // of both sides, PyTorch's functions are good to some 1e-14
};

/// Makes the cases <file>/<name of the row>, and one that fails for a reference without a row or a
/// row given twice.
struct RegisterRows {
  RegisterRows(std::string file, std::vector<Row> rows);
};

/// The numbers after `name` in tests/references/<file>.txt.
D reference(const std::string& file, const std::string& name, const Shape& shape);

/// |a - b| <= tolerance max(1, |a|, |b|) for all elements; NaN equals NaN.
void check_close(const D& a, const D& b, double tolerance = 1e-12);

void check_shape(const D& y, const Shape& shape);

/// y has this shape and exactly these numbers.
void is(const D& y, const Array<double>& expected);

}  // namespace xgrad::test
