#pragma once

// LiveReport: a report in the browser that renews itself while a training runs. The component live.
//
//   LiveReport live;
//   std::cerr << "the training is at " << live.address() << "\n";   // http://127.0.0.1:40137/
//   for (std::size_t epoch = 0; epoch < epochs; ++epoch) {
//     ...
//     report.history.add(figures);
//     report.record = monitor.record();
//     live.show(report);
//   }
//   write_report("run.html", report);
//
// It listens on the loopback interface alone: other machines do not reach it (ssh -L does for its owner),
// and it answers nobody who calls it by another name than 127.0.0.1 or localhost, as a page of the
// network would that a browser has open. It only tells; nothing that it is sent changes anything.

#include <memory>
#include <string>

#include "xgrad/report/report.hpp"

namespace xgrad {

/// Where it is served, and how often pages look for something new.
struct LiveReportOptions {
  int port = 0;        ///< 0: one that is free
  double seconds = 2;  ///< a page that is open asks as often for news, in (0, 3600]
};

/// A server of one report, the newest.
class LiveReport {
 public:
  /// Serves from now on, in a thread of its own. Throws std::runtime_error where it cannot listen, as on
  /// a port that is taken; std::invalid_argument for options beyond their range.
  explicit LiveReport(const LiveReportOptions& options = {});
  /// Ends serving. Pages that are open keep what they show.
  ~LiveReport();
  LiveReport(const LiveReport&) = delete;
  LiveReport& operator=(const LiveReport&) = delete;

  std::string address() const;  ///< "http://127.0.0.1:40137/"
  /// What is shown from now on. Costs a copy: the page is made when somebody asks for it. From any
  /// thread.
  void show(Report report);

 private:
  struct State;
  std::unique_ptr<State> s_;
};

}  // namespace xgrad
