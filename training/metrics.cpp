#include "xgrad/training/metrics.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "xgrad/autograd/trace.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

void check_scores(const char* operation, const Shape& scores) {
  if (scores.rank() != 2 || scores[1] == 0) {
    detail::fail(operation, "scores have shape ", scores, ", not (n, classes)");
  }
}

void check_labels(const char* operation, const Shape& scores, const Indices& labels) {
  check_scores(operation, scores);
  if (labels.dimension() != 1 || labels.size() != scores[0]) {
    detail::fail(operation, "scores ", scores, ", labels ", Shape(labels.shape()));
  }
  for (const std::int64_t label : labels) {
    if (label < 0 || static_cast<std::size_t>(label) >= scores[1]) {
      detail::fail<std::out_of_range>(operation, "label ", label, " of ", scores[1], " classes");
    }
  }
}

template <class T>
bool has_nan(const T* row, std::size_t n) {
  return std::any_of(row, row + n, [](T v) { return v != v; });
}

}  // namespace

template <class T>
Indices predicted_classes(const Tensor<T>& scores) {
  check_scores("predicted_classes", scores.shape());
  detail::read_on_host(scores, "predicted_classes");
  const std::size_t n = scores.shape()[0], classes = scores.shape()[1];
  Indices r(Indices::shape_type{n});
  for (std::size_t i = 0; i < n; ++i) {
    const T* row = scores.data() + i * classes;
    r.data()[i] = has_nan(row, classes) ? -1 : std::max_element(row, row + classes) - row;
  }
  return r;
}

template <class T>
std::size_t count_correct(const Tensor<T>& scores, const Indices& labels, std::size_t k) {
  check_labels("count_correct", scores.shape(), labels);
  detail::read_on_host(scores, "count_correct");
  const std::size_t classes = scores.shape()[1];
  std::size_t correct = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const T* row = scores.data() + i * classes;
    const auto label = static_cast<std::size_t>(labels.data()[i]);
    std::size_t before = 0;
    for (std::size_t c = 0; c < classes; ++c)
      before += row[c] > row[label] || (row[c] == row[label] && c < label);
    correct += before < k && !has_nan(row, classes);
  }
  return correct;
}

template <class T>
void ConfusionMatrix::add(const Tensor<T>& scores, const Indices& labels) {
  check_labels("ConfusionMatrix", scores.shape(), labels);
  const Indices predicted = predicted_classes(scores);
  for (std::size_t i = 0; i < labels.size(); ++i) add(labels.data()[i], predicted.data()[i]);
}

void ConfusionMatrix::add(std::int64_t truth, std::int64_t predicted) {
  const auto classes = static_cast<std::int64_t>(classes_);
  if (truth < 0 || truth >= classes || predicted < -1 || predicted >= classes) {
    detail::fail<std::out_of_range>("ConfusionMatrix", "class ", truth, " predicted as ", predicted,
                                    " of ", classes_, " classes");
  }
  const auto row = static_cast<std::size_t>(truth);
  ++(predicted < 0 ? none_[row] : counts_[row * classes_ + static_cast<std::size_t>(predicted)]);
}

std::size_t ConfusionMatrix::total() const {
  std::size_t n = 0;
  for (const std::size_t c : counts_) n += c;
  for (const std::size_t c : none_) n += c;
  return n;
}

std::size_t ConfusionMatrix::correct() const {
  std::size_t n = 0;
  for (std::size_t i = 0; i < classes_; ++i) n += (*this)(i, i);
  return n;
}

double ConfusionMatrix::accuracy() const {
  const std::size_t n = total();
  if (n == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(correct()) / static_cast<double>(n);
}

std::string ConfusionMatrix::table(const std::vector<std::string>& names) const {
  const auto name = [&](std::size_t i) { return i < names.size() ? names[i] : detail::text(i); };
  const bool some = std::any_of(none_.begin(), none_.end(), [](std::size_t n) { return n > 0; });
  std::size_t most = 0;
  for (const auto* all : {&counts_, &none_}) {
    for (const std::size_t n : *all) most = std::max(most, n);
  }
  std::size_t width = detail::text(most).size();
  if (some) width = std::max(width, std::string("none").size());
  for (std::size_t i = 0; i < classes_; ++i) width = std::max(width, name(i).size());
  const auto cell = [width](const std::string& s) {
    return std::string(width + 2 - std::min(width + 2, s.size()), ' ') + s;
  };
  std::string r = cell("");
  for (std::size_t i = 0; i < classes_; ++i) r += cell(name(i));
  if (some) r += cell("none");
  r += "  recall\n";
  for (std::size_t i = 0; i < classes_; ++i) {
    std::size_t row = 0;
    r += cell(name(i));
    for (std::size_t j = 0; j < classes_; ++j) {
      row += (*this)(i, j);
      r += cell(detail::text((*this)(i, j)));
    }
    row += none_[i];
    if (some) r += cell(detail::text(none_[i]));
    const double recall = static_cast<double>((*this)(i, i)) / static_cast<double>(row);
    r += row == 0 ? "     nan\n" : "  " + detail::fixed(recall, 4) + "\n";
  }
  return r;
}

template Indices predicted_classes(const Tensor<float>&);
template Indices predicted_classes(const Tensor<double>&);
template std::size_t count_correct(const Tensor<float>&, const Indices&, std::size_t);
template std::size_t count_correct(const Tensor<double>&, const Indices&, std::size_t);
template void ConfusionMatrix::add(const Tensor<float>&, const Indices&);
template void ConfusionMatrix::add(const Tensor<double>&, const Indices&);

}  // namespace xgrad
