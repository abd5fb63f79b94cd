#include "xgrad/report/report.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "xgrad/base/errors.hpp"
#include "xgrad/report/assets.hpp"
#include "xgrad/report/markup.hpp"
#include "xgrad/serialization/atomic_file.hpp"
#include "xgrad/training/diagnostics.hpp"

namespace xgrad {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostPoints = 600;        // of a curve
constexpr std::size_t kMostCells = 12000;       // of a picture of layers over steps
constexpr std::size_t kMostClasses = 60;        // of a confusion matrix
constexpr std::size_t kPictureBytes = 1000000;  // of all pictures together

// Five digits are more than a picture shows. What is not finite is null.
Json number(double v, int digits = 5) {
  if (!std::isfinite(v)) return nullptr;
  const std::string text = detail::rounded(v, digits);
  double r = 0;
  std::from_chars(text.data(), text.data() + text.size(), r);
  return r;
}

Json numbers(const std::vector<double>& values) {
  Json r = Json::array();
  for (const double v : values) r.push_back(number(v));
  return r;
}

// The places to keep of a long curve: of each stretch where the least and the largest number are, and
// one that is not finite.
std::vector<std::size_t> places_of(const std::vector<double>& values) {
  std::vector<std::size_t> r;
  const std::size_t n = values.size(), stretches = kMostPoints / 2;
  const std::size_t length = n <= kMostPoints ? 1 : (n + stretches - 1) / stretches;
  for (std::size_t from = 0; from < n; from += length) {
    std::size_t least = from, most = from;
    for (std::size_t i = from; i < std::min(n, from + length); ++i) {
      if (!std::isfinite(values[i])) r.push_back(i);
      if (!std::isfinite(values[i]) && length > 1) break;
      if (!(values[i] >= values[least])) least = i;
      if (!(values[i] <= values[most])) most = i;
    }
    r.push_back(least), r.push_back(most);
  }
  std::sort(r.begin(), r.end());
  r.erase(std::unique(r.begin(), r.end()), r.end());
  return r;
}

Json curve_json(const std::string& name, const std::vector<double>& values, std::size_t first) {
  Json x = Json::array(), y = Json::array();
  for (const std::size_t i : places_of(values)) {
    x.push_back(i + first);
    y.push_back(number(values[i]));
  }
  return {{"name", name}, {"x", x}, {"y", y}};
}

Json history_json(const History& h) {
  Json r = Json::array();
  for (const std::string& name : h.names()) r.push_back(curve_json(name, h.curve(name), 1));
  return r;
}

Json finding_json(const Finding& f) {
  Json r{{"check", f.check},       {"severity", to_string(f.severity)},
         {"title", f.title},       {"measured", f.measured},
         {"expected", f.expected}, {"where", f.where},
         {"remedy", f.remedy}};
  if (f.step != Finding::kNever) r["step"] = f.step;
  if (!f.samples.empty()) r["samples"] = detail::join(f.samples);
  return r;
}

Json diagnosis_json(const Diagnosis& d) {
  Json r{{"findings", Json::array()}, {"passed", d.passed}, {"skipped", Json::array()}};
  for (const Finding& f : d.worst_first()) r["findings"].push_back(finding_json(f));
  for (const Skipped& s : d.skipped)
    r["skipped"].push_back({{"check", s.check}, {"reason", s.reason}});
  return r;
}

// What the curves alone say, for a training that nobody diagnosed.
std::optional<Diagnosis> diagnosis_of(const Report& r) {
  constexpr std::size_t kLeastRows = 5;  // of read_curves
  if (r.diagnosis || r.history.size() < kLeastRows || !r.history.contains("train loss"))
    return r.diagnosis;
  Diagnosis d;
  for (const CurveFinding found : read_curves(r.history)) {
    const std::string text = to_string(found);  // "title: what is seen: remedy"
    const std::size_t first = text.find(": "), last = text.rfind(": ");
    d.findings.push_back({.check = "curves",
                          .severity = Severity::note,
                          .title = text.substr(0, first),
                          .measured = text.substr(first + 2, last - first - 2),
                          .remedy = text.substr(last + 2)});
  }
  d.passed.emplace_back("curves");
  if (!d.findings.empty()) d.passed.clear();
  return d;
}

// Every so many of the watched steps that all rows together stay few.
std::vector<std::size_t> watched_places(const TrainingRecord& record, std::size_t rows) {
  const std::size_t all = record.watched.size();
  const std::size_t room = std::max<std::size_t>(2, kMostCells / std::max<std::size_t>(rows, 1));
  const std::size_t stride = (all + room - 1) / room;
  std::vector<std::size_t> r;
  for (std::size_t i = 0; i < all; i += std::max<std::size_t>(stride, 1)) r.push_back(i);
  if (!r.empty() && r.back() != all - 1) r.push_back(all - 1);
  return r;
}

Json chosen(const std::vector<double>& values, const std::vector<std::size_t>& places) {
  Json r = Json::array();
  for (const std::size_t i : places) r.push_back(i < values.size() ? number(values[i], 4) : Json());
  return r;
}

Json record_json(const TrainingRecord& record) {
  const auto places = watched_places(record, record.layers.size() + record.parameters.size());
  Json r{{"losses", curve_json("loss", record.losses, 0)},
         {"rates", curve_json("learning rate", record.learning_rates, 0)},
         {"steps", Json::array()},
         {"layers", Json::array()},
         {"parameters", Json::array()}};
  for (const std::size_t i : places) r["steps"].push_back(record.watched[i]);
  for (const LayerSeries& l : record.layers) {
    r["layers"].push_back({{"name", l.name},
                           {"operation", l.operation},
                           {"mean", chosen(l.mean, places)},
                           {"variance", chosen(l.variance, places)},
                           {"saturated", chosen(l.saturated, places)},
                           {"dead", chosen(l.dead, places)},
                           {"gradient", chosen(l.gradient_variance, places)}});
  }
  for (const ParameterSeries& p : record.parameters) {
    r["parameters"].push_back({{"name", p.name},
                               {"norm", chosen(p.norm, places)},
                               {"gradient", chosen(p.gradient_norm, places)},
                               {"ratio", chosen(p.update_ratio, places)}});
  }
  return r;
}

Json histogram_json(const Histogram& h) {
  return {{"name", h.name},
          {"low", number(h.low)},
          {"high", number(h.high)},
          {"counts", h.counts},
          {"lost", h.not_finite}};
}

// Pictures as far as there is room for them.
class Pictures {
 public:
  Json operator()(const Picture& p) {
    if (!writes_png()) return missing();
    const std::string text = detail::base64(png(p));
    if (text.size() > room_) return missing();
    room_ -= text.size();
    return {{"src", "data:image/png;base64," + text}, {"width", p.width()}, {"height", p.height()}};
  }
  std::size_t left_out() const { return left_out_; }

 private:
  Json missing() {
    ++left_out_;
    return nullptr;
  }
  std::size_t room_ = kPictureBytes, left_out_ = 0;
};

std::string class_name(const std::vector<std::string>& names, std::size_t i) {
  return i < names.size() ? names[i] : detail::text(i);
}

Json confusion_json(const ConfusionMatrix& m, const std::vector<std::string>& names) {
  const std::size_t n = m.classes();
  Json r{{"names", Json::array()}, {"rows", Json::array()}, {"worst", Json::array()}};
  std::vector<std::tuple<std::size_t, std::size_t, std::size_t>> mistakes;
  for (std::size_t i = 0; i < n; ++i) {
    Json row = Json::array();
    for (std::size_t j = 0; j < n; ++j) {
      row.push_back(m(i, j));
      if (i != j && m(i, j) > 0) mistakes.emplace_back(m(i, j), i, j);
    }
    if (n <= kMostClasses) r["names"].push_back(class_name(names, i));
    if (n <= kMostClasses) r["rows"].push_back(std::move(row));
  }
  std::sort(mistakes.rbegin(), mistakes.rend());
  mistakes.resize(std::min<std::size_t>(mistakes.size(), 12));
  for (const auto& [count, i, j] : mistakes)
    r["worst"].push_back({class_name(names, i), class_name(names, j), count});
  return r;
}

void check(const ReportPlane& p) {
  const PlaneWindow& w = p.window;
  detail::require(w.left < w.right && w.bottom < w.top, "Report", "plane ", detail::quote(p.title),
                  ": a window without an inside");
  detail::require(p.values.size() == p.width * p.height, "Report", "plane ", detail::quote(p.title),
                  ": ", p.values.size(), " values, width ", p.width, ", height ", p.height);
  for (const auto& path : p.paths) {
    detail::require(path.x.size() == path.y.size(), "Report", "plane ", detail::quote(p.title),
                    ": path ", detail::quote(path.name), " has ", path.x.size(), " x, ",
                    path.y.size(), " y");
  }
}

Json plane_json(const ReportPlane& p, Pictures& pictures) {
  check(p);
  Json r{{"title", p.title},
         {"window", {p.window.left, p.window.right, p.window.bottom, p.window.top}},
         {"width", p.width},
         {"height", p.height},
         {"values", numbers(p.values)},
         {"points", Json::array()},
         {"paths", Json::array()}};
  if (p.background) r["background"] = pictures(*p.background);
  for (const auto& q : p.points) r["points"].push_back({number(q.x), number(q.y), q.label});
  for (const auto& q : p.paths)
    r["paths"].push_back({{"name", q.name}, {"x", numbers(q.x)}, {"y", numbers(q.y)}});
  return r;
}

Json graph_json(const TapeGraph& g) {
  Json r{{"entries", Json::array()}, {"edges", Json::array()}, {"left_out", g.left_out}};
  for (const auto& e : g.entries) r["entries"].push_back({e.name, e.shape, e.is_operation});
  for (const auto& [from, to] : g.edges) r["edges"].push_back({from, to});
  return r;
}

void add_samples(Json& j, const Report& r, Pictures& pictures) {
  for (const WorstExample& w : r.worst) {
    j["worst"].push_back({{"truth", w.truth},
                          {"predicted", w.predicted},
                          {"loss", number(w.loss)},
                          {"picture", w.picture ? pictures(*w.picture) : Json()}});
  }
  for (const CaptionedPicture& p : r.pictures) {
    const Json picture = pictures(p.picture);
    if (!picture.is_null()) j["pictures"].push_back({{"caption", p.caption}, {"picture", picture}});
  }
  for (const CalibrationBin& b : r.calibration)
    j["calibration"].push_back({number(b.confidence), number(b.accuracy), b.count});
  for (const ReportPlane& p : r.planes) j["planes"].push_back(plane_json(p, pictures));
}

Json data_of(const Report& r) {
  Json j{{"title", r.title}, {"about", r.about}, {"history", history_json(r.history)}};
  for (const auto& [name, value] : r.headline) j["headline"].push_back({name, number(value)});
  for (const ReportRun& run : r.runs)
    j["runs"].push_back({{"name", run.name}, {"curves", history_json(run.history)}});
  if (const auto d = diagnosis_of(r)) j["diagnosis"] = diagnosis_json(*d);
  if (r.record) j["record"] = record_json(*r.record);
  for (const Histogram& h : r.histograms) j["histograms"].push_back(histogram_json(h));
  if (r.confusion) j["confusion"] = confusion_json(*r.confusion, r.classes);
  if (r.graph) j["graph"] = graph_json(*r.graph);
  Pictures pictures;
  add_samples(j, r, pictures);
  j["pictures_left_out"] = pictures.left_out();
  return j;
}

// What a browser without scripts shows.
std::string plain_findings(const Report& r) {
  std::string s = "<p>The pictures of this report need scripts, which are switched off here.</p>";
  if (const auto d = diagnosis_of(r)) s += "<pre>" + detail::escape_markup(d->text()) + "</pre>";
  return s;
}

std::string script(std::string_view text) { return "<script>" + std::string(text) + "</script>\n"; }

}  // namespace

std::string html(const Report& report) {
  const std::string data = data_of(report).dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string r(detail::assets::head);
  const std::string mark = "@TITLE@";
  r.replace(r.find(mark), mark.size(), detail::escape_markup(report.title));
  r += "<style>\n" + std::string(detail::assets::style) + "</style>\n</head>\n<body>\n";
  r += "<noscript>" + plain_findings(report) + "</noscript>\n<main id=\"report\"></main>\n";
  r += "<script type=\"application/json\" id=\"data\">" + detail::json_in_script(data) +
       "</script>\n";
  r += script(detail::assets::d3) + script(detail::assets::plot) + script(detail::assets::dagre) +
       script(detail::assets::script);
  return r + "<!--\n" + std::string(detail::assets::licences) + "-->\n</body>\n</html>\n";
}

void write_report(const std::string& path, const Report& report) {
  detail::write_file("write_report", path, detail::as_bytes(html(report)));
}

void write_report(const History& history, const Diagnosis& diagnosis, const std::string& path) {
  write_report(path, {.history = history, .diagnosis = diagnosis});
}

}  // namespace xgrad
