// xgrad-report RUN...: the learning curves of several runs side by side, as one HTML file.
//
//   xgrad-report runs/*/curves.csv --output runs.html
//   xgrad-report slow.json fast.json --names slow,fast --title "learning rates"
//
// A run is a file that History::write or the Trainer's option `curves` wrote, as CSV or JSON.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "xgrad/report/curve_file.hpp"
#include "xgrad/report/report.hpp"

namespace {

struct Settings {
  std::vector<std::string> files, names;
  std::string output = "report.html", title = "Runs";
};

void run(const Settings& s) {
  xgrad::Report report{.title = s.title};
  for (std::size_t i = 0; i < s.files.size(); ++i) {
    report.runs.push_back(
        {i < s.names.size() ? s.names[i] : s.files[i], xgrad::read_history(s.files[i])});
  }
  if (report.runs.size() == 1) report.history = std::move(report.runs[0].history);
  if (report.runs.size() == 1) report.runs.clear();
  xgrad::write_report(s.output, report);
  std::printf("report of %zu run%s in %s\n", s.files.size(), s.files.size() == 1 ? "" : "s",
              s.output.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app("The learning curves of several runs side by side, as one HTML file.");
  app.add_option("runs", s.files, "files of curves, CSV or JSON")->required();
  app.add_option("-o,--output", s.output, "file to write")->capture_default_str();
  app.add_option("--names", s.names, "of the runs; without them their files'")->delimiter(',');
  app.add_option("--title", s.title)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    run(s);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "xgrad-report: %s\n", e.what());
    return 1;
  }
}
