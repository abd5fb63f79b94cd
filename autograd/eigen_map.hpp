#pragma once

// Tensors seen by Eigen and made of its matrices. Not part of xgrad/xgrad.hpp, and empty where Eigen
// (Debian: libeigen3-dev) is not installed.
//
//   const auto w = as_eigen(net.at("fc.weight"));           // shows the tensor's memory: no copy
//   Tensor<double> x = from_eigen(w.transpose() * solution);  // any expression of Eigen
//
// What Eigen computes is not recorded: its results are constants.

#if __has_include(<Eigen/Core>)

#include <Eigen/Core>
#include <type_traits>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad {

/// Rows one after the other, as tensors lie in memory.
template <class T>
using EigenMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

namespace detail {
inline std::pair<Eigen::Index, Eigen::Index> eigen_sizes(const Shape& s) {
  require(s.rank() <= 2, "as_eigen", "a matrix has two axes: x ", s);
  const auto size = [&](std::size_t i) {
    return i < s.rank() ? static_cast<Eigen::Index>(s[i]) : Eigen::Index{1};
  };
  return {size(0), size(1)};
}
}  // namespace detail

/// The numbers of a tensor of at most two axes, for reading; a vector is a column. Valid as long as a
/// handle to the tensor. Throws std::invalid_argument for more axes.
template <class T>
Eigen::Map<const EigenMatrix<T>> as_eigen(const Tensor<T>& x) {
  const auto [rows, columns] = detail::eigen_sizes(x.shape());
  return {x.data(), rows, columns};
}
template <class T>
void as_eigen(Tensor<T>&&) = delete;  // its numbers go with it

/// The same for writing, under the rules of Tensor::mutable_value.
template <class T>
Eigen::Map<EigenMatrix<T>> mutable_eigen(Tensor<T>& x) {
  const auto [rows, columns] = detail::eigen_sizes(x.shape());
  return {x.mutable_data(), rows, columns};
}

/// A constant with the numbers of a matrix, array or expression of Eigen: (rows, columns), or (n) for
/// what is a vector by its type.
template <class E>
auto from_eigen(const Eigen::DenseBase<E>& expression) {
  using V = typename E::Scalar;
  using T = std::conditional_t<std::is_same_v<V, float>, float, double>;
  const auto rows = static_cast<std::size_t>(expression.rows()),
             columns = static_cast<std::size_t>(expression.cols());
  Tensor<T> x = Tensor<T>::uninitialized(E::IsVectorAtCompileTime ? Shape{rows * columns}
                                                                  : Shape{rows, columns});
  Eigen::Map<Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
      x.node()->data, expression.rows(), expression.cols()) =
      expression.derived().array().template cast<T>();
  return x;
}

}  // namespace xgrad

#endif
