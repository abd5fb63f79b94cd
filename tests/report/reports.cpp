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
       {"Copyright 2010-2026 Mike Bostock", "Observable, Inc.", "Chris Pettitt"})
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
  BOOST_CHECK_THROW(worst_examples(p, Indices{0, 2, 0, 0}), std::invalid_argument);
  BOOST_CHECK_THROW(calibration_bins(p, Indices{0}), std::invalid_argument);
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
