#pragma once

// A training to look at: findings, curves, layers, mistakes, as one HTML file that needs no network.
//
//   write_report(history, diagnosis, "run.html");
//
//   Report r{.title = "digits", .history = history, .diagnosis = diagnosis, .record = monitor.record()};
//   r.confusion = confusion_matrix(net, test, 10);
//   r.pictures.push_back({"first layer", tile(filter_pictures(net.at("0.weight")), {.scale = 2})});
//   write_report("run.html", r);
//
// Everything is optional: what is not given is not shown. Names may be any text. The file is below 2 MB:
// curves are thinned to what can be seen (the least and the largest number of a stretch stay), and pictures beyond
// 1 MB are left out, which the report says. Its scripts are Observable Plot and D3 (ISC licence) and dagre (MIT
// licence); their licences, and those of their parts, are in it. A browser that runs no scripts shows the findings and says so.

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/doctor/finding.hpp"
#include "xgrad/doctor/record.hpp"
#include "xgrad/report/panels.hpp"
#include "xgrad/report/picture.hpp"
#include "xgrad/training/history.hpp"
#include "xgrad/training/metrics.hpp"

namespace xgrad {

/// Learning curves with a name, to be laid beside those of other runs.
struct ReportRun {
  std::string name;
  History history;
};

struct Report {
  std::string title = "Training";
  std::string about = {};  ///< a sentence or two below the title
  Figures headline = {};   ///< the figures that matter: {"test accuracy", 0.98}
  History history = {};  ///< "train loss" and "validation loss" share a picture, and so their like
  /// More of them: each figure's curves in one picture, and a table.
  std::vector<ReportRun> runs = {};
  std::optional<Diagnosis> diagnosis = {};  ///< none: what read_curves says of the history
  std::optional<TrainingRecord> record = {};
  std::vector<Histogram> histograms = {};  ///< of parameters, gradients, activations
  std::vector<CaptionedPicture> pictures = {};
  std::optional<ConfusionMatrix> confusion = {};
  std::vector<std::string> classes = {};         ///< their names; missing ones are numbers
  std::vector<CalibrationBin> calibration = {};  ///< of calibration_bins
  std::vector<WorstExample> worst = {};          ///< of worst_examples
  std::vector<ReportPlane> planes = {};          ///< surfaces and decision boundaries
  std::optional<TapeGraph> graph = {};           ///< the tape behind a tensor
};

/// The file's content. Throws std::invalid_argument for a ReportPlane whose values or points do not fit.
std::string html(const Report& report);

/// Replaces an old file in one step. Throws also FileError.
void write_report(const std::string& path, const Report& report);
void write_report(const History& history, const Diagnosis& diagnosis, const std::string& path);

}  // namespace xgrad
