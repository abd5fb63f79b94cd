// The HTML file of a real training: what is in it, that names are harmless, and that it stays small. The browser's test
// (tests/report/browser) opens the file that the last case leaves.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/message.hpp"
#include "tests/serialization/files.hpp"
#include "xgrad/data/digits.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/softmax.hpp"
#include "xgrad/optimizers/sgd.hpp"
#include "xgrad/report/markup.hpp"
#include "xgrad/report/report.hpp"

using namespace xgrad;
using nlohmann::json;

namespace {

constexpr const char* kEvil = "</script><script>alert(1)</script><!-- \xFF \"'&";

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

// What the page's script reads.
json data_of(const std::string& page) {
  const std::string begin = "<script type=\"application/json\" id=\"data\">";
  const std::size_t from = page.find(begin) + begin.size();
  return json::parse(page.substr(from, page.find("</script>", from) - from));
}

// A perceptron on drawn digits, by hand, with everything written down.
Report train() {
  manual_seed(3);
  const ImageData drawn = draw_digits(300, 5);
  const Tensor<float> images(drawn.images);
  Sequential<float> net;
  const Tensor<float> flat = reshape(images, {300, images.size(1) * images.size(2)});
  net.append(Linear<float>(flat.size(1), 24)).append(Relu<float>()).append(Linear<float>(24, 10));
  Sgd<float> sgd(net.parameters(), {.learning_rate = 0.2, .momentum = 0.9});
  Report r{.title = "digits", .about = "A perceptron on 300 drawn digits."};
  TrainingRecord& record = r.record.emplace();
  for (const auto& p : net.parameters()) record.parameters.push_back({p.name, {}, {}, {}});
  for (std::size_t step = 0; step < 40; ++step) {
    sgd.zero_grad();
    const Tensor<float> loss = cross_entropy(net(flat), drawn.labels);
    if (step == 0) r.graph = tape_graph(loss, net.parameters());
    loss.backward();
    sgd.step();
    record.losses.push_back(loss.item());
    record.learning_rates.push_back(0.2);
    record.watched.push_back(step);
    for (std::size_t i = 0; i < record.parameters.size(); ++i) {
      record.parameters[i].update_ratio.push_back(0.003 / static_cast<double>(i + step + 1));
      record.parameters[i].gradient_norm.push_back(1.0 / static_cast<double>(step + 1));
    }
    if (step % 4 == 3) {
      r.history.add({{"train loss", loss.item()},
                     {"validation loss", loss.item() * 1.2 + 0.05},
                     {"learning rate", 0.2}});
    }
  }
  for (std::size_t i = 0; i < 9; ++i) {
    LayerSeries layer;
    layer.name = "layer " + std::to_string(i);
    for (std::size_t step = 0; step < 40; ++step) {
      layer.variance.push_back(std::pow(10.0, -2.5 * static_cast<double>(i)));
      layer.gradient_variance.push_back(0.005 + 0.0006 * static_cast<double>(i));
      layer.dead.push_back(i % 3 == 0 ? 0.5 : std::nan(""));
    }
    record.layers.push_back(layer);
  }
  const Tensor<float> p = softmax(net(flat).detach(), 1);
  r.confusion.emplace(10).add(p, drawn.labels);
  r.calibration = calibration_bins(p, drawn.labels);
  r.worst = worst_examples(p, drawn.labels, images);
  r.histograms.push_back(histogram("0.weight", net.at("0.weight")));
  if (writes_png())
    r.pictures.push_back({"first layer", tile(filter_pictures(net.at("0.weight")), {.scale = 2})});
  r.headline = {{"accuracy", r.confusion->accuracy()}};
  r.planes.push_back(surface(
      "Rosenbrock's valley",
      [](double x, double y) { return (1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x); },
      {-1.5, 1.5, -0.5, 1.5}, 40));
  r.planes[0].paths = {{"sgd", {-1, -0.8, 0, 0.5, 1}, {1, 0.6, 0, 0.3, 1}}};
  r.diagnosis.emplace();
  r.diagnosis->findings.push_back({.check = "update-ratio",
                                   .severity = Severity::warning,
                                   .title = "the updates are large",
                                   .measured = "0.02",
                                   .expected = "about 0.001",
                                   .where = "0.weight",
                                   .remedy = "a lower learning rate"});
  r.diagnosis->findings.push_back({.check = "dead-units",
                                   .severity = Severity::error,
                                   .title = "half of the units are dead",
                                   .where = "1"});
  r.diagnosis->passed = {"zero-grad", "initial-loss"};
  r.runs = {{"slow", r.history}, {"fast", r.history}};
  return r;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reports)

BOOST_AUTO_TEST_CASE(empty) {
  const std::string page = html({});
  BOOST_TEST(page.starts_with("<!doctype html>"));
  BOOST_TEST(page.ends_with("</html>\n"));
  const json data = data_of(page);
  BOOST_TEST(data["history"].empty());
  for (const char* part : {"diagnosis", "record", "confusion", "graph", "runs", "planes", "worst"})
    BOOST_TEST(!data.contains(part), part);
}

// The only tags are those of the page itself.
BOOST_AUTO_TEST_CASE(names_are_harmless) {
  Report r = {.title = kEvil, .about = kEvil, .headline = {{kEvil, 1}}, .classes = {kEvil}};
  r.history.add({{kEvil, 1}});
  r.diagnosis = Diagnosis{.findings = {{.check = kEvil, .title = kEvil, .where = kEvil}}};
  TrainingRecord& record = r.record.emplace();
  record.watched = {0};
  record.layers.emplace_back().name = kEvil;
  record.parameters.emplace_back().name = kEvil;
  r.confusion.emplace(2).add(0, 1);
  r.planes = {{.title = kEvil, .paths = {{kEvil, {1}, {2}}}}};
  r.graph = TapeGraph{.entries = {{kEvil, "()", true}}, .edges = {}};
  const std::string page = html(r), plain = html({});
  BOOST_TEST(count(page, "<script") == count(plain, "<script"));
  BOOST_TEST(count(page, "</script") == count(plain, "</script"));
  BOOST_TEST(count(page, "<!--") == count(plain, "<!--"));
  BOOST_TEST(count(page, "alert(1)") > 10U);
  const std::string seen = data_of(page)["record"]["parameters"][0]["name"];
  BOOST_TEST(seen ==
             std::string(kEvil).replace(std::string(kEvil).find('\xFF'), 1, "\xEF\xBF\xBD"));
}

// Nothing is fetched: no address but the names of XML's spaces and what the licences and scripts say of
// themselves.
BOOST_AUTO_TEST_CASE(self_contained) {
  const std::string page = html({});
  for (const char* part : {"src=\"http", "href=\"http", "@import", "sourceMappingURL", "url(http"})
    BOOST_TEST(page.find(part) == std::string::npos, part);
  BOOST_TEST(page.find("default-src 'none'") != std::string::npos);
  for (const char* licence :
       {"Copyright 2010-2026 Mike Bostock", "Observable, Inc.", "Chris Pettitt", "Robert Penner",
        "Charles Karney", "Cynthia Brewer", "Mapbox", "unencumbered", "Mikola Lysenko"})
    BOOST_TEST(page.find(licence) != std::string::npos, licence);
}

BOOST_AUTO_TEST_CASE(numbers) {
  Report r;
  for (const double v : {0.1234567, std::nan(""), 1e300}) r.history.add({{"train loss", v}});
  r.headline = {{"accuracy", 0.98765}};
  const json data = data_of(html(r));
  BOOST_TEST(data["history"][0]["y"].dump() == "[0.12346,null,1e+300]");
  BOOST_TEST(data["history"][0]["x"].dump() == "[1,2,3]");
  BOOST_TEST(data["headline"].dump() == "[[\"accuracy\",0.98765]]");
}

// Without a diagnosis, that of the curves: the validation loss rose while the training loss fell.
BOOST_AUTO_TEST_CASE(findings_of_curves) {
  Report r;
  for (const double v : {1.0, 0.5, 0.3, 0.2, 0.1, 0.05}) {
    r.history.add({{"train loss", v}, {"validation loss", v > 0.25 ? v + 0.1 : 1.5 - v}});
    if (r.history.size() < 5) BOOST_TEST(!data_of(html(r)).contains("diagnosis"));
  }
  bool found = false;
  const json data = data_of(html(r));
  for (const auto& f : data["diagnosis"]["findings"]) {
    found = found || (f["title"] == "overfitting" &&
                      f["measured"] == "the validation loss rises while the training loss falls" &&
                      f["remedy"] == "regularise, get more data, stop earlier");
  }
  BOOST_TEST(found);
  r.diagnosis.emplace();
  BOOST_TEST(data_of(html(r))["diagnosis"]["findings"].empty());
}

// A million steps stay a picture, with their peak and the loss that was no number.
BOOST_AUTO_TEST_CASE(long_runs) {
  Report r;
  TrainingRecord& record = r.record.emplace();
  record.losses.assign(1000000, 1);
  record.losses[123456] = 77;
  record.losses[765432] = std::nan("");
  for (std::size_t i = 0; i < 5000; ++i) record.watched.push_back(i * 200);
  LayerSeries layer;
  layer.variance.assign(5000, 1.2345678);
  record.layers.assign(150, layer);
  const std::string page = html(r);
  BOOST_TEST(page.size() < 2000000U);
  const json losses = data_of(page)["record"]["losses"];
  const std::vector<double> x = losses["x"];
  const auto at = [&](double step) { return std::find(x.begin(), x.end(), step) - x.begin(); };
  BOOST_TEST(losses["y"].at(static_cast<std::size_t>(at(123456))) == 77);
  BOOST_TEST(losses["y"].at(static_cast<std::size_t>(at(765432))).is_null());
  const json steps = data_of(page)["record"]["steps"];
  BOOST_TEST(steps.front() == 0);
  BOOST_TEST(steps.back() == 4999 * 200);
}

BOOST_AUTO_TEST_CASE(pictures_beyond_the_limit) {
  if (!writes_png()) return;
  Picture noise(700, 700);
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < 700 * 700; ++i) {
    state = state * 1664525 + 1013904223;
    noise.at(i / 700, i % 700) = {static_cast<unsigned char>(state >> 24U),
                                  static_cast<unsigned char>(state >> 16U), 0};
  }
  Report r;
  for (int i = 0; i < 3; ++i) r.pictures.push_back({"noise", noise});
  const std::string page = html(r);
  BOOST_TEST(page.size() < 2000000U);
  BOOST_TEST(data_of(page)["pictures_left_out"] ==
             3 - data_of(page).value("pictures", json::array()).size());
}

BOOST_AUTO_TEST_CASE(planes_are_checked) {
  Report r;
  r.planes = {{.title = "p", .width = 2, .height = 2, .values = {1}}};
  test::check_failure<std::invalid_argument>([&] { html(r); },
                                             "Report: plane \"p\": 1 values, width 2, height 2");
  r.planes = {{.title = "p", .paths = {{"a", {1, 2}, {1}}}}};
  test::check_failure<std::invalid_argument>([&] { html(r); },
                                             "Report: plane \"p\": path \"a\" has 2 x, 1 y");
}

BOOST_AUTO_TEST_CASE(histograms) {
  const double inf = std::numeric_limits<double>::infinity();
  const Histogram h =
      histogram("x", Tensor<double>(xt::xarray<double>{0, 0.9, 1, 2, inf, -inf}), 2);
  BOOST_TEST(h.low == 0);
  BOOST_TEST(h.high == 2);
  BOOST_TEST((h.counts == std::vector<std::size_t>{2, 2}));
  BOOST_TEST(h.not_finite == 2U);
  const double most = std::numeric_limits<double>::max();
  BOOST_TEST((histogram("x", Tensor<double>(xt::xarray<double>{-most, 0, most}), 3).counts ==
              std::vector<std::size_t>{1, 1, 1}));
  BOOST_TEST((histogram("x", Tensor<double>(xt::xarray<double>{5, 5}), 3).counts ==
              std::vector<std::size_t>{2, 0, 0}));
}

BOOST_AUTO_TEST_CASE(calibration_and_mistakes) {
  const Tensor<double> p(xt::xarray<double>{{0.9, 0.1}, {0.94, 0.06}, {0.4, 0.6}, {0.5, 0.5}});
  const Indices labels{0, 1, 0, 0};
  const auto bins = calibration_bins(p, labels, 10);
  BOOST_REQUIRE(bins.size() == 3U);
  BOOST_TEST(bins[0].confidence == 0.5);
  BOOST_TEST(bins[0].accuracy == 1);
  BOOST_TEST(bins[2].confidence == 0.92, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(bins[2].accuracy == 0.5);
  BOOST_TEST(bins[2].count == 2U);
  const auto worst = worst_examples(p, labels, {}, {"cat"});
  BOOST_REQUIRE(worst.size() == 2U);
  BOOST_TEST(worst[0].truth == "1");
  BOOST_TEST(worst[0].predicted == "cat");
  BOOST_TEST(worst[0].loss == -std::log(0.06));
  BOOST_TEST(worst_examples(p, labels, {}, {}, 1).size() == 1U);
  const Tensor<double> images(xt::xarray<double>{{{0, 1}}, {{0, 2}}, {{3, 0}}, {{0, 4}}});
  const auto seen = worst_examples(p, labels, images);  // of samples 1 and 2
  BOOST_TEST((seen[0].picture->at(0, 0) == Color{0, 0, 0}));
  BOOST_TEST((seen[1].picture->at(0, 0) == Color{255, 255, 255}));
  BOOST_CHECK_THROW(worst_examples(p, Indices{0, 2, 0, 0}), std::invalid_argument);
  BOOST_CHECK_THROW(calibration_bins(p, Indices{0}), std::invalid_argument);
}

// --- What each part of the page is drawn from: numbers that all differ, in the places where report.js looks. ---

BOOST_AUTO_TEST_CASE(steps_layers_and_parameters) {
  Report r;
  r.record = TrainingRecord{.losses = {3, 2, 1},
                            .learning_rates = {0.5, 0.25, 0.125},
                            .watched = {0, 2},
                            .layers = {{"fc", "linear", {1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10}}},
                            .parameters = {{"w", {11, 12}, {13, 14}, {15, 16}}}};
  BOOST_TEST(data_of(html(r))["record"] == json::parse(R"({
    "losses": {"name": "loss", "x": [0, 1, 2], "y": [3, 2, 1]},
    "rates": {"name": "learning rate", "x": [0, 1, 2], "y": [0.5, 0.25, 0.125]},
    "steps": [0, 2],
    "layers": [{"name": "fc", "operation": "linear", "mean": [1, 2], "variance": [3, 4],
                "saturated": [5, 6], "dead": [7, 8], "gradient": [9, 10]}],
    "parameters": [{"name": "w", "norm": [11, 12], "gradient": [13, 14], "ratio": [15, 16]}]})"));
}

BOOST_AUTO_TEST_CASE(findings_in_full) {
  Report r;
  r.diagnosis = Diagnosis{.findings = {{.check = "c",
                                        .severity = Severity::note,
                                        .title = "t",
                                        .measured = "m",
                                        .expected = "e",
                                        .where = "w",
                                        .remedy = "r",
                                        .step = 7,
                                        .samples = {3, 4}},
                                       {.check = "d", .severity = Severity::error}},
                          .passed = {"p"},
                          .skipped = {{"s", "why"}}};
  const std::string page = html(r);
  BOOST_TEST(data_of(page)["diagnosis"] == json::parse(R"({
    "findings": [
      {"check": "d", "severity": "error", "title": "", "measured": "", "expected": "", "where": "", "remedy": ""},
      {"check": "c", "severity": "note", "title": "t", "measured": "m", "expected": "e", "where": "w",
       "remedy": "r", "step": 7, "samples": "3, 4"}],
    "passed": ["p"], "skipped": [{"check": "s", "reason": "why"}]})"));
  const std::size_t from = page.find("<noscript>"), to = page.find("</noscript>");
  BOOST_TEST(page.substr(from, to - from).find(detail::escape_markup(r.diagnosis->text())) !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(confusion_and_its_worst) {
  Report r{.classes = {"cat", "dog"}};
  ConfusionMatrix& m = r.confusion.emplace(3);
  for (int i = 0; i < 4; ++i) m.add(0, 2);
  m.add(1, 1), m.add(2, 0), m.add(2, 0);
  BOOST_TEST(data_of(html(r))["confusion"] == json::parse(R"({
    "names": ["cat", "dog", "2"], "rows": [[0, 0, 4], [0, 1, 0], [2, 0, 0]],
    "worst": [["cat", "2", 4], ["2", "cat", 2]]})"));
  r.confusion.emplace(61).add(60, 3);  // too many for a table that is read
  BOOST_TEST(data_of(html(r))["confusion"] ==
             json::parse(R"({"names": [], "rows": [], "worst": [["60", "3", 1]]})"));
}

BOOST_AUTO_TEST_CASE(planes_graphs_and_runs) {
  Report r;
  r.planes = {{.title = "p",
               .window = {-1, 2, -3, 4},
               .width = 2,
               .height = 1,
               .values = {5, 6},
               .points = {{7, 8, 1}},
               .paths = {{"sgd", {9}, {10}}}}};
  r.graph = TapeGraph{
      .entries = {{"sum", "()", true}, {"w", "(2)", false}}, .edges = {{1, 0}}, .left_out = 3};
  r.runs = {{"slow", {}}};
  r.runs[0].history.add({{"train loss", 0.5}});
  const json data = data_of(html(r));
  BOOST_TEST(data["planes"] == json::parse(R"([{
    "title": "p", "window": [-1, 2, -3, 4], "width": 2, "height": 1, "values": [5, 6],
    "points": [[7, 8, 1]], "paths": [{"name": "sgd", "x": [9], "y": [10]}]}])"));
  BOOST_TEST(data["graph"] == json::parse(R"json({
    "entries": [["sum", "()", true], ["w", "(2)", false]], "edges": [[1, 0]], "left_out": 3
})json"));
  BOOST_TEST(
      data["runs"] ==
      json::parse(
          R"([{"name": "slow", "curves": [{"name": "train loss", "x": [1], "y": [0.5]}]}])"));
}

// From the bottom to the top, row after row.
BOOST_AUTO_TEST_CASE(surfaces) {
  const ReportPlane p = surface(
      "s", [](double x, double y) { return 10 * x + y; }, {0, 1, 2, 4}, 3);
  BOOST_TEST(p.values == (std::vector<double>{2, 7, 12, 3, 8, 13, 4, 9, 14}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(samples) {
  Picture red(1, 1, {255, 0, 0}), blue(2, 1, {0, 0, 255});
  Report r;
  r.calibration = {{0.75, 0.5, 4}};
  r.histograms = {{"w", -1, 2, {3, 4}, 5}};
  r.worst = {{"cat", "dog", 2.5, std::nullopt}};
  if (writes_png()) {
    r.worst[0].picture = red;
    r.pictures = {{"blue", blue}};
    r.planes = {{.title = "p", .background = red}};
  }
  const json data = data_of(html(r));
  const auto picture = [](const Picture& p) {
    return json{{"src", "data:image/png;base64," + detail::base64(png(p))},
                {"width", p.width()},
                {"height", p.height()}};
  };
  BOOST_TEST(data["calibration"] == json::parse("[[0.75, 0.5, 4]]"));
  BOOST_TEST(
      data["histograms"] ==
      json::parse(R"([{"name": "w", "low": -1.0, "high": 2.0, "counts": [3, 4], "lost": 5}])"));
  BOOST_TEST(data["worst"] == json({{{"truth", "cat"},
                                     {"predicted", "dog"},
                                     {"loss", 2.5},
                                     {"picture", writes_png() ? picture(red) : json()}}}));
  if (!writes_png()) return;
  BOOST_TEST(data["pictures"] == json({{{"caption", "blue"}, {"picture", picture(blue)}}}));
  BOOST_TEST(data["planes"][0]["background"] == picture(red));
}

BOOST_AUTO_TEST_CASE(tape) {
  const Tensor<double> w = parameter(Tensor<double>(xt::xarray<double>{1, 2}));
  const Tensor<double> y = sum(w * w + 1.0);
  const TapeGraph g = tape_graph(y, {{"w", w}});
  std::size_t operations = 0;
  for (const auto& e : g.entries) operations += e.is_operation ? 1 : 0;
  BOOST_TEST(g.entries[0].name == "sum");
  BOOST_TEST(g.entries[0].shape == "()");
  BOOST_TEST(g.entries.back().name == "w");
  BOOST_TEST(!g.entries.back().is_operation);
  BOOST_TEST(g.edges.size() >= operations);
  for (const auto& [from, to] : g.edges) {
    BOOST_TEST(from > to);  // earlier entries are behind later ones
    BOOST_TEST(g.entries[to].is_operation);
  }
  BOOST_TEST(tape_graph(y, {}, 1).left_out == 1U);
}

BOOST_AUTO_TEST_CASE(of_a_training) {
  const Report r = train();
  write_report("report.html", r);
  const std::string page = xgrad_test::slurp("report.html");
  BOOST_TEST(page == html(r));
  BOOST_TEST(page.size() < 2000000U);
  const json data = data_of(page);
  BOOST_TEST(data["diagnosis"]["findings"][0]["severity"] == "error");  // the worst first
  BOOST_TEST(data["confusion"]["rows"].size() == 10U);
  BOOST_TEST(data["graph"]["entries"].size() > 5U);
}

BOOST_AUTO_TEST_SUITE_END()
