#include "xgrad/report/panels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <unordered_map>

#include "xgrad/autograd/node.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/training/metrics.hpp"

namespace xgrad {
namespace {

template <class T>
void check_probabilities(const char* operation, const Tensor<T>& p, const Indices& labels) {
  detail::require(p.shape().rank() == 2 && labels.dimension() == 1 && labels.size() == p.size(0),
                  operation, "no probabilities (n, classes) and labels (n): ", p.shape(), ", ",
                  Shape(labels.shape()));
  const auto is_class = [&](std::int64_t v) {
    return v >= 0 && static_cast<std::size_t>(v) < p.size(1);
  };
  for (const std::int64_t v : labels)
    detail::require(is_class(v), operation, "label ", v, " is none of ", p.size(1), " classes");
}

std::string class_name(const std::vector<std::string>& names, std::int64_t i) {
  if (i < 0) return "none";
  const auto at = static_cast<std::size_t>(i);
  return at < names.size() ? names[at] : detail::text(i);
}

// Edges and entries of the tape, the output first.
template <class T>
class Walk {
 public:
  Walk(const NamedTensors<T>& parameters, std::size_t most) : most_(most) {
    for (const auto& p : parameters) names_.emplace(p.tensor.node(), p.name);
  }

  TapeGraph run(const Tensor<T>& output) {
    reach(output.node());
    for (std::size_t next = 0; next < nodes_.size(); ++next) follow(next);
    return std::move(graph_);
  }

 private:
  using Node = detail::Node<T>;

  std::optional<std::size_t> reach(const Node* n) {
    const auto known = places_.find(n);
    if (known != places_.end()) return known->second;
    const bool operation = n->rule != nullptr;
    if (operation && operations_ == most_) {
      ++graph_.left_out;
      places_.emplace(n, std::nullopt);
      return std::nullopt;
    }
    operations_ += operation ? 1 : 0;
    places_.emplace(n, nodes_.size());
    nodes_.push_back(n);
    graph_.entries.push_back({name_of(*n), to_string(n->shape), operation});
    return nodes_.size() - 1;
  }

  void follow(std::size_t to) {
    const Node* n = nodes_[to];
    for (std::uint32_t i = 0; n->rule != nullptr && i < n->edge_count; ++i) {
      if (n->edges[i].node == nullptr || !n->edges[i].needs_grad) continue;
      if (const auto from = reach(n->edges[i].node)) graph_.edges.emplace_back(*from, to);
    }
  }

  std::string name_of(const Node& n) const {
    if (n.rule != nullptr) return n.rule->name;
    const auto it = names_.find(&n);
    return it == names_.end() ? "leaf" : it->second;
  }

  std::size_t most_, operations_ = 0;
  std::unordered_map<const Node*, std::string> names_;
  std::unordered_map<const Node*, std::optional<std::size_t>> places_;
  std::vector<const Node*> nodes_;
  TapeGraph graph_;
};

}  // namespace

template <class T>
Histogram histogram(std::string name, const Tensor<T>& numbers, std::size_t bins) {
  detail::require(bins > 0, "histogram", "there are no bins");
  double low = std::numeric_limits<double>::infinity(), high = -low;
  const std::span<const T> all(numbers.data(), numbers.size());
  for (const T v : all) {
    if (!std::isfinite(v)) continue;
    low = std::min(low, static_cast<double>(v)), high = std::max(high, static_cast<double>(v));
  }
  if (!(low <= high)) low = high = 0;
  Histogram r{std::move(name), low, high, std::vector<std::size_t>(bins), 0};
  // Halves, since the difference of the ends may be too large a number.
  const double width = high / 2 - low / 2;
  for (const T v : all) {
    if (!std::isfinite(v)) {
      ++r.not_finite;
      continue;
    }
    const double part = width > 0 ? (static_cast<double>(v) / 2 - low / 2) / width : 0;
    const auto at = static_cast<std::size_t>(part * static_cast<double>(bins));
    ++r.counts[std::min(at, bins - 1)];
  }
  return r;
}

template <class T>
std::vector<CalibrationBin> calibration_bins(const Tensor<T>& p, const Indices& labels,
                                             std::size_t bins) {
  check_probabilities("calibration_bins", p, labels);
  detail::require(bins > 0, "calibration_bins", "there are no bins");
  std::vector<CalibrationBin> all(bins, {0, 0, 0}), r;
  const Indices predicted = predicted_classes(p);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (predicted.data()[i] < 0) continue;
    const auto k = static_cast<std::size_t>(predicted.data()[i]);
    const auto confidence = static_cast<double>(p.data()[i * p.size(1) + k]);
    const double place = std::clamp(confidence * static_cast<double>(bins), 0.0, 1e6);
    CalibrationBin& b = all[std::min(static_cast<std::size_t>(place), bins - 1)];
    b.confidence += confidence;
    b.accuracy += predicted.data()[i] == labels.data()[i] ? 1 : 0;
    ++b.count;
  }
  for (const CalibrationBin& b : all) {
    const auto n = static_cast<double>(b.count);
    if (b.count > 0) r.push_back({b.confidence / n, b.accuracy / n, b.count});
  }
  return r;
}

template <class T>
std::vector<WorstExample> worst_examples(const Tensor<T>& p, const Indices& labels,
                                         const Tensor<T>& images,
                                         const std::vector<std::string>& classes,
                                         std::size_t most) {
  check_probabilities("worst_examples", p, labels);
  detail::require(!images.defined() || images.size(0) == labels.size(), "worst_examples",
                  labels.size(), " labels do not fit the images");
  const Indices predicted = predicted_classes(p);
  std::vector<std::pair<double, std::size_t>> wrong;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (predicted.data()[i] == labels.data()[i]) continue;
    const auto truth = static_cast<std::size_t>(labels.data()[i]);
    const double loss = -std::log(static_cast<double>(p.data()[i * p.size(1) + truth]));
    wrong.emplace_back(std::isnan(loss) ? -std::numeric_limits<double>::infinity() : -loss, i);
  }
  std::sort(wrong.begin(), wrong.end());
  wrong.resize(std::min(most, wrong.size()));
  std::vector<WorstExample> r;
  for (const auto& [loss, i] : wrong) {
    r.push_back({class_name(classes, labels.data()[i]), class_name(classes, predicted.data()[i]),
                 -loss, std::nullopt});
    if (!images.defined()) continue;
    const Shape one = images.shape().without(0);
    Tensor<T> image = Tensor<T>::uninitialized(one);
    std::copy_n(images.data() + i * one.elements(), one.elements(), image.mutable_data());
    r.back().picture = picture_of(image, {Shades::grey, 0, 0});
  }
  return r;
}

ReportPlane surface(std::string title, const std::function<double(double x, double y)>& f,
                    const PlaneWindow& w, std::size_t side) {
  detail::require(side > 1 && w.left < w.right && w.bottom < w.top, "surface",
                  "a window without an inside, or fewer than 2 places to a side: ", side);
  ReportPlane r{.title = std::move(title), .window = w, .width = side, .height = side};
  const auto last = static_cast<double>(side - 1);
  for (std::size_t i = 0; i < side * side; ++i) {
    r.values.push_back(f(w.left + static_cast<double>(i % side) / last * (w.right - w.left),
                         w.bottom + static_cast<double>(i / side) / last * (w.top - w.bottom)));
  }
  return r;
}

template <class T>
TapeGraph tape_graph(const Tensor<T>& output, const NamedTensors<T>& parameters, std::size_t most) {
  return Walk<T>(parameters, most).run(output);
}

#define XGRAD_INSTANTIATE(T)                                                                       \
  template Histogram histogram(std::string, const Tensor<T>&, std::size_t);                        \
  template std::vector<CalibrationBin> calibration_bins(const Tensor<T>&, const Indices&,          \
                                                        std::size_t);                              \
  template std::vector<WorstExample> worst_examples(const Tensor<T>&, const Indices&,              \
                                                    const Tensor<T>&,                              \
                                                    const std::vector<std::string>&, std::size_t); \
  template TapeGraph tape_graph(const Tensor<T>&, const NamedTensors<T>&, std::size_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
