#pragma once

// What a Report shows besides curves and findings: plain data, and functions that make them of tensors.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "xgrad/autograd/parameters.hpp"
#include "xgrad/autograd/tensor.hpp"
#include "xgrad/report/picture.hpp"

namespace xgrad {

/// A picture with words below it.
struct CaptionedPicture {
  std::string caption;  ///< below it
  Picture picture;      ///< of any size
};

/// Counts in bins of one width from `low` to `high`.
struct Histogram {
  std::string name;  ///< its title
  double low, high;
  std::vector<std::size_t> counts;  ///< of each bin
  std::size_t not_finite = 0;       ///< NaN and infinities, in no bin
};

/// From the least to the largest finite number. Throws std::invalid_argument for no bins.
template <class T>
Histogram histogram(std::string name, const Tensor<T>& numbers, std::size_t bins = 40);

/// Predictions of about one confidence.
struct CalibrationBin {
  double confidence;  ///< the mean of the largest probability
  double accuracy;    ///< the share that is right
  std::size_t count;  ///< predictions in the bin
};

/// Ten bins of the largest probability, empty ones left out.
/// **Shapes** probabilities (n, classes), labels (n). **Throws** std::invalid_argument for others.
/// **Source** Guo et al. 2017, section 2.
template <class T>
std::vector<CalibrationBin> calibration_bins(const Tensor<T>& probabilities, const Indices& labels,
                                             std::size_t bins = 10);

/// A sample that the model gets wrong.
struct WorstExample {
  std::string truth, predicted;         ///< names of classes
  double loss;                          ///< of this sample
  std::optional<Picture> picture = {};  ///< of its input, if that is an image
};

/// The samples with the largest -log of their label's probability among those predicted wrongly, the worst
/// first. `images`, (n, h, w) or (n, c, h, w), may be undefined.
/// **Throws** std::invalid_argument for shapes that do not fit.
template <class T>
std::vector<WorstExample> worst_examples(const Tensor<T>& probabilities, const Indices& labels,
                                         const Tensor<T>& images = {},
                                         const std::vector<std::string>& classes = {},
                                         std::size_t most = 24);

/// Something in two dimensions: a surface with the paths of optimizers, or what a model says with the
/// points it learned from.
struct ReportPlane {
  std::string title;                       ///< above it
  PlaneWindow window = {};                 ///< what part of the plane it shows
  std::optional<Picture> background = {};  ///< of the window, as decision_picture draws it
  std::size_t width = 0, height = 0;       ///< of `values`
  std::vector<double> values = {};         ///< a surface, row after row from the bottom
  /// A sample.
  struct Point {
    double x, y;        ///< where
    std::size_t label;  ///< its class
  };
  std::vector<Point> points = {};
  /// Where an optimizer went.
  struct Path {
    std::string name;          ///< of the optimizer
    std::vector<double> x, y;  ///< of each step
  };
  std::vector<Path> paths = {};
};

/// The surface f over a window, for paths to lie on.
ReportPlane surface(std::string title, const std::function<double(double x, double y)>& f,
                    const PlaneWindow& window, std::size_t side = 80);

/// The tape behind a tensor.
struct TapeGraph {
  /// An operation, or a leaf.
  struct Entry {
    std::string name;   ///< of the operation, or of the parameter
    std::string shape;  ///< "(128, 10)"
    bool is_operation;  ///< else a parameter or another leaf
  };
  std::vector<Entry> entries;                              ///< in the order of recording
  std::vector<std::pair<std::size_t, std::size_t>> edges;  ///< from an input to what uses it
  std::size_t left_out = 0;                                ///< earlier entries beyond the limit
};

/// The operations that lead to `output`, before a backward pass lets go of them, and the leaves with gradients that they
/// read, with the names of `parameters`. At most `most` operations, the last ones.
template <class T>
TapeGraph tape_graph(const Tensor<T>& output, const NamedTensors<T>& parameters = {},
                     std::size_t most = 120);

}  // namespace xgrad
