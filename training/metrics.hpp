#pragma once

// Figures of merit of predictions.
//
// A row of scores in which one is NaN predicts nothing, here and in an Ensemble: predicted_classes
// gives -1, and it is never correct. (argmax, which must give a position, gives that of the NaN.)

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

/// The class with the highest score of each row; the first one of equals; -1 for a row with a NaN.
/// Shapes: scores (n, classes) -> (n). Throws std::invalid_argument for other shapes.
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
  /// Empty, for labels 0 to classes - 1.
  explicit ConfusionMatrix(std::size_t classes)
      : classes_(classes),
        counts_(detail::checked_product("ConfusionMatrix", classes, classes)),
        none_(classes) {}

  /// Adds a batch: scores (n, classes), whose largest is the prediction, and labels (n).
  template <class T>
  void add(const Tensor<T>& scores, const Indices& labels);
  /// -1 as prediction: none. Throws std::out_of_range for something else that is no class.
  void add(std::int64_t truth, std::int64_t predicted);

  /// How often.
  std::size_t operator()(std::size_t truth, std::size_t predicted) const {
    return counts_[truth * classes_ + predicted];
  }
  /// Samples of a class for which nothing was predicted, since a score was NaN.
  std::size_t without_prediction(std::size_t truth) const { return none_[truth]; }
  std::size_t classes() const { return classes_; }  ///< number of them
  std::size_t total() const;                        ///< these included
  std::size_t correct() const;
  /// correct / total; NaN for no samples.
  double accuracy() const;
  /// Rows are true classes, columns predicted ones, and "none" where there are samples without a
  /// prediction; with the recall of each class in the last column.
  std::string table(const std::vector<std::string>& names = {}) const;

 private:
  std::size_t classes_;
  std::vector<std::size_t> counts_, none_;
};

}  // namespace xgrad
