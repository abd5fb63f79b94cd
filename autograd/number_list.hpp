#pragma once

// NumberList: numbers in braces, in each other, as Tensor::from takes them. Internal.

#include <initializer_list>
#include <type_traits>
#include <vector>

#include "xgrad/autograd/shape.hpp"

namespace xgrad::detail {

template <class T>
class NumberList {
 public:
  template <class V>
  requires(std::is_arithmetic_v<V>) NumberList(V value) : values_{static_cast<T>(value)} {}
  /// Throws std::invalid_argument where the lists are not of one shape.
  NumberList(std::initializer_list<NumberList> lists);

  const Shape& shape() const { return shape_; }
  const std::vector<T>& values() const { return values_; }

 private:
  Shape shape_;
  std::vector<T> values_;
};

extern template class NumberList<float>;
extern template class NumberList<double>;

}  // namespace xgrad::detail
