#pragma once

// Embedding: a learned vector for each of a number of things.

#include "xgrad/kernels/random.hpp"
#include "xgrad/modules/library_module.hpp"

namespace xgrad {

/// y[k] = weight[index[k]].
/// **Shapes** index (s, t, ...) -> (s, t, ..., features), positions in [0, count). Parameter:
/// weight (count, features), initially standard normal. Rows that are not looked up get the
/// gradient 0.
template <class T>
class Embedding : public LibraryModule<Embedding, T> {
 public:
  /// Throws std::invalid_argument for a size of 0.
  Embedding(std::size_t count, std::size_t features, Generator* generator = nullptr);

  /// Throws std::out_of_range for a position that is not in [0, count).
  Tensor<T> operator()(const Indices& index);

  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

  Tensor<T>& weight;
};

}  // namespace xgrad
