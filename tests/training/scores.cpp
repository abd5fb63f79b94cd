// Figures of merit against NumPy and SciPy: tests/references/scores.py.

#include "xgrad/training/scores.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>

using namespace xgrad;

namespace {

using Numbers = std::vector<double>;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

const Numbers& reference(const std::string& name) {
  static const auto all = [] {
    std::map<std::string, Numbers> r;
    std::ifstream file(XGRAD_SOURCE_DIR "/tests/references/scores.txt");
    for (std::string line; std::getline(file, line);) {
      const std::size_t colon = line.find(':');
      std::istringstream numbers(line.substr(colon + 1));
      for (double v = 0; numbers >> v;) r[line.substr(0, colon)].push_back(v);
    }
    return r;
  }();
  return all.at(name);
}

void check(const Numbers& found, const std::string& name) {
  const Numbers& wanted = reference(name);
  BOOST_REQUIRE_EQUAL(found.size(), wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    BOOST_TEST(std::abs(found[i] - wanted[i]) < 1e-12, name << " " << i << ": " << found[i]);
  }
}

Tensor<double> tensor(const std::string& name, std::size_t columns) {
  const Numbers& v = reference(name);
  return Tensor<double>::from({v.size() / columns, columns}, v);
}

Indices labels() {
  const Numbers& v = reference("labels");
  Indices r(Indices::shape_type{v.size()});
  for (std::size_t i = 0; i < v.size(); ++i) r.data()[i] = static_cast<std::int64_t>(v[i]);
  return r;
}

std::vector<bool> positive() {
  std::vector<bool> r;
  for (const double v : reference("positive")) r.push_back(v == 1);
  return r;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(scores)

BOOST_AUTO_TEST_CASE(of_classes) {
  ConfusionMatrix confusion(4);
  confusion.add(tensor("p", 4), labels());
  const ClassScores s = class_scores(confusion);
  check(s.precision, "precision");
  check(s.recall, "recall");
  check(s.f1, "f1");
  check({s.macro.precision, s.macro.recall, s.macro.f1}, "macro");
  check({s.micro.precision, s.micro.recall, s.micro.f1}, "micro");
  check({s.weighted.precision, s.weighted.recall, s.weighted.f1}, "weighted");
  BOOST_TEST(s.support[3] == 0u);
}

BOOST_AUTO_TEST_CASE(of_absent_classes) {
  ConfusionMatrix confusion(3);  // class 2 neither occurs nor is predicted
  confusion.add(0, 0);
  confusion.add(1, 0);
  confusion.add(0, -1);  // nothing predicted: missed, and nobody's
  const ClassScores s = class_scores(confusion);
  BOOST_TEST(s.precision == (Numbers{0.5, 0, 0}), boost::test_tools::per_element());
  BOOST_TEST(s.recall == (Numbers{0.5, 0, 0}), boost::test_tools::per_element());
  BOOST_TEST(s.macro.f1 == 0.25);
  BOOST_TEST(s.micro.precision == 0.5);
  BOOST_TEST(s.micro.recall == 1.0 / 3);
  BOOST_TEST(std::isnan(class_scores(ConfusionMatrix(2)).macro.f1));
  BOOST_TEST(std::isnan(class_scores(ConfusionMatrix(2)).micro.f1));
}

BOOST_AUTO_TEST_CASE(of_thresholds) {
  const RocCurve roc = roc_curve(reference("scores"), positive());
  BOOST_TEST(std::isinf(roc.thresholds[0]));
  const auto rest = [](const Numbers& v) { return Numbers(v.begin() + 1, v.end()); };
  check(rest(roc.thresholds), "thresholds");
  check(rest(roc.true_positive_rate), "true positive rate");
  check(rest(roc.false_positive_rate), "false positive rate");
  check({roc.area()}, "roc area");
  const PrecisionRecallCurve curve = precision_recall_curve(reference("scores"), positive());
  check(curve.precision, "precision curve");
  check(curve.recall, "true positive rate");
  check({curve.area()}, "average precision");
  const std::vector<bool> none(30, false);
  BOOST_TEST(std::isnan(roc_curve(reference("scores"), none).area()));
  BOOST_TEST(precision_recall_curve(reference("scores"), none).area() == 0);
  const Numbers all_equal(30, 0.5);
  BOOST_TEST(roc_curve(all_equal, positive()).area() == 0.5);
  BOOST_CHECK_THROW(roc_curve(Numbers{kNaN}, {true}), std::invalid_argument);
  const OneAgainstOthers one = one_against_others(tensor("p", 4), labels(), 1);
  BOOST_TEST(one.scores[2] == reference("p")[4 * 2 + 1]);
  BOOST_TEST(one.positive[2] == (reference("labels")[2] == 1));
}

BOOST_AUTO_TEST_CASE(of_probabilities) {
  const Tensor<double> p = tensor("p", 4);
  check({log_loss(p, labels())}, "log loss");
  check({brier_score(p, labels())}, "brier");
  const Calibration c = calibration(p, labels(), 5);
  check(Numbers(c.count.begin(), c.count.end()), "bin counts");
  check({c.expected_error()}, "calibration error");
  check({c.largest_error()}, "largest calibration error");
  const auto certain = Tensor<double>::from({1, 2}, {1, 0});
  BOOST_TEST(log_loss(certain, Indices{1}) == -std::log(std::numeric_limits<double>::epsilon()));
  BOOST_TEST(calibration(certain, Indices{0}, 3).count[2] == 1u);
  BOOST_CHECK_THROW(log_loss(Tensor<double>::from({1, 2}, {1, 1}), Indices{0}),
                    std::invalid_argument);
  BOOST_CHECK_THROW(log_loss(certain, Indices{2}), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(of_regression) {
  const Tensor<double> y = tensor("predictions", 3), t = tensor("targets", 3);
  check({mean_absolute_error(y, t)}, "mae");
  check({mean_squared_error(y, t)}, "mse");
  check({r_squared(y, t)}, "r2");
  BOOST_TEST(r_squared(Tensor<double>::filled({3, 1}, 2), Tensor<double>::filled({3, 1}, 2)) == 1);
  BOOST_CHECK_THROW(mean_absolute_error(y, Tensor<double>::filled({9}, 0)), std::invalid_argument);
}

// Of a mean the interval is nearly that of the normal distribution; 4000 resamples settle its ends
// to about 0.03 standard errors.
BOOST_AUTO_TEST_CASE(of_resamples) {
  const Numbers& x = reference("scores");
  const auto mean = [&](std::span<const std::size_t> rows) {
    double sum = 0;
    for (const std::size_t i : rows) sum += x[i];
    return sum / static_cast<double>(rows.size());
  };
  const BootstrapInterval i = bootstrap(x.size(), mean, {.resamples = 4000});
  double squares = 0;
  for (const double v : x) squares += (v - i.value) * (v - i.value);
  const double error = std::sqrt(squares) / static_cast<double>(x.size());
  BOOST_TEST(std::abs(i.standard_error / error - 1) < 0.05);
  BOOST_TEST(std::abs(i.low - (i.value - 1.96 * error)) < 0.15 * error);
  BOOST_TEST(std::abs(i.high - (i.value + 1.96 * error)) < 0.15 * error);
  BOOST_TEST(bootstrap(x.size(), mean, {.resamples = 4000}).low == i.low);
  BOOST_TEST(bootstrap(x.size(), mean, {.resamples = 4000, .seed = 1}).low != i.low);
  BOOST_CHECK_THROW(bootstrap(0, mean), std::invalid_argument);
  const auto sometimes = [&](std::span<const std::size_t> rows) { return rows[0] == 0 ? kNaN : 1; };
  BOOST_TEST(bootstrap(3, sometimes).low == 1);
}

BOOST_AUTO_TEST_SUITE_END()
