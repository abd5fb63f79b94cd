#pragma once

// The independent side of the proof table: arrays in extended precision, and operations on them as
// plain loops.

#include <cstddef>
#include <functional>
#include <vector>

#include "xgrad/autograd/tensor.hpp"

namespace proof {

using xgrad::Shape;
using Number = long double;
using Index = std::vector<std::size_t>;

struct Reference {
  Shape shape;
  std::vector<Number> values;

  Reference() = default;
  explicit Reference(const Shape& s) : shape(s), values(s.elements(), 0) {}
  template <class T>
  explicit Reference(const xgrad::Tensor<T>& t)
      : shape(t.shape()), values(t.data(), t.data() + t.size()) {}

  /// The element at an index of as many entries as axes, or of more: the first ones are left out,
  /// and an axis of size 1 repeats (broadcasting).
  Number at(const Index& index) const { return values[position(index)]; }
  Number& at(const Index& index) { return values[position(index)]; }
  std::size_t rank() const { return shape.rank(); }

 private:
  std::size_t position(const Index& index) const;
};

using References = std::vector<Reference>;
/// What an operation computes, from its inputs.
using Formula = std::function<Reference(const References&)>;

/// Calls visit(index) for every index of a shape, in row-major order.
void for_each_index(const Shape& shape, const std::function<void(const Index&)>& visit);

/// An array of `shape` with the value of f(index) everywhere.
Reference generate(const Shape& shape, const std::function<Number(const Index&)>& f);

// Formulas

/// f of the elements of broadcast inputs.
Formula elementwise(Number (*f)(Number));
Formula elementwise(Number (*f)(Number, Number));
Formula elementwise(Number (*f)(Number, Number, Number));

/// f of the elements along the given axes (all for {}), which disappear or stay with size 1.
Formula reduce(std::function<Number(const std::vector<Number>&)> f,
               std::vector<std::size_t> axes = {}, bool keep_dims = false);
/// Each line along an axis is replaced by f(line).
Formula along(std::function<std::vector<Number>(const std::vector<Number>&)> f, std::size_t axis);
/// An array whose element at an index is input 0 at source(index).
Formula rearrange(std::function<Shape(const Shape&)> shape,
                  std::function<Index(const Index&, const Shape&)> source);

/// (..., m, k), (..., k, n) -> (..., m, n), with vectors as in xgrad::matmul.
Reference matrix_product(Reference a, Reference b);
Reference transposed(const Reference& a);

// Numbers
Number add_up(const std::vector<Number>& v);
Number average(const std::vector<Number>& v);
Number log_sum_exp(const std::vector<Number>& v);
std::vector<Number> soft_max(const std::vector<Number>& v);
/// NaN everywhere when one number is infinite.
std::vector<Number> log_soft_max(const std::vector<Number>& v);
/// (v - mean) / sqrt(biased variance + eps).
std::vector<Number> standardize(const std::vector<Number>& v, Number eps);

}  // namespace proof
