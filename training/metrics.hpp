#pragma once

// Figures of merit of predictions.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

/// The class with the highest score of each row; the first one of equals. Shapes: scores (n,
/// classes) -> (n). Throws std::invalid_argument for other shapes.
template <class T>
Indices predicted_classes(const Tensor<T>& scores);

/// How many rows have their label among the `k` highest scores. A row in which the label's score
/// ties with others counts only when fewer than k are higher or equal and come before it. Shapes:
/// scores (n, classes), labels (n). Throws std::invalid_argument for other shapes,
/// std::out_of_range for labels that are no class.
template <class T>
std::size_t count_correct(const Tensor<T>& scores, const Indices& labels, std::size_t k = 1);

/// Counts of (true class, predicted class).
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(std::size_t classes) : classes_(classes), counts_(classes * classes) {}

  template <class T>
  void add(const Tensor<T>& scores, const Indices& labels);
  /// Throws std::out_of_range for something that is no class.
  void add(std::int64_t truth, std::int64_t predicted);

  std::size_t operator()(std::size_t truth, std::size_t predicted) const {
    return counts_[truth * classes_ + predicted];
  }
  std::size_t total() const;
  std::size_t correct() const;
  /// correct / total; NaN for no samples.
  double accuracy() const;
  /// Rows are true classes, columns predicted ones; with the recall of each class in the last
  /// column.
  std::string table(const std::vector<std::string>& names = {}) const;

 private:
  std::size_t classes_;
  std::vector<std::size_t> counts_;
};

}  // namespace xgrad
