// Learning curves, early stopping, and the figures of regression.

#include "xgrad/training/history.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "tests/message.hpp"
#include "tests/serialization/files.hpp"
#include "xgrad/training/early_stopping.hpp"
#include "xgrad/training/task.hpp"

using namespace xgrad;

BOOST_AUTO_TEST_SUITE(history)

BOOST_AUTO_TEST_CASE(curves) {
  History h;
  h.add({{"train loss", 0.1}, {"a,b", 1e-300}});
  h.add({{"train loss", 1.0 / 3}, {"accuracy", 1}});
  h.add({{"accuracy", std::nan("")}, {"train loss", std::numeric_limits<double>::infinity()}});
  BOOST_TEST(h.size() == 3U);
  BOOST_TEST(h.csv() ==
             "epoch,train loss,\"a,b\",accuracy\n1,0.1,1e-300,\n2,0.3333333333333333,,1\n3,,,\n");
  BOOST_TEST(h.json() ==
             "{\"epoch\":[1,2,3],\"train loss\":[0.1,0.3333333333333333,null],"
             "\"a,b\":[1e-300,null,null],\"accuracy\":[null,1.0,null]}");
  BOOST_TEST(h.curve("train loss")[1] == 1.0 / 3);
  BOOST_TEST(std::isnan(h.curve("accuracy")[0]));
  BOOST_TEST((h.row(1) == Figures{{"train loss", 1.0 / 3}, {"accuracy", 1}}));
  BOOST_TEST(History::from_json(h.json()).csv() == h.csv());
}

BOOST_AUTO_TEST_CASE(errors) {
  History h;
  BOOST_CHECK_THROW(h.last("loss"), std::out_of_range);
  h.add({{"loss", 1}});
  test::check_failure<std::out_of_range>([&] { h.curve("los"); },
                                         "History: there is no figure \"los\" among: loss");
  BOOST_CHECK_THROW(h.row(1), std::out_of_range);
  BOOST_CHECK_THROW(h.add({{"loss", 1}, {"loss", 2}}), std::invalid_argument);
  BOOST_CHECK_THROW(h.add({{"", 1}}), std::invalid_argument);
  BOOST_CHECK_THROW(h.add({{"epoch", 1}}), std::invalid_argument);
  BOOST_TEST(h.size() == 1U);
  for (const char* text : {"", "{}", "[1]", "{\"epoch\":[1],\"loss\":[]}",
                           "{\"epoch\":[1],\"loss\":[\"a\"]}", "{\"epoch\":[1],\"loss\":1}"}) {
    BOOST_CHECK_THROW(History::from_json(text), std::invalid_argument);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(early_stopping)

BOOST_AUTO_TEST_CASE(patience_delta_and_the_best) {
  auto w = Tensor<double>::from({2}, {0, 0});
  EarlyStopping<double> s({{"w", w}}, {.patience = 2, .min_delta = 0.1});
  BOOST_CHECK_THROW(s.restore_best(), std::logic_error);
  BOOST_CHECK_THROW(s.best_index(), std::logic_error);
  const std::vector<double> metrics{std::nan(""), 5, 4, 3.95, 3.85, 3.8};
  const std::vector<bool> stop{false, false, false, false, false, false};
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    w.mutable_data()[0] = static_cast<double>(i);
    BOOST_TEST(s.observe(metrics[i]) == stop[i]);
  }
  BOOST_TEST(s.observe(std::nan("")));
  BOOST_TEST(s.best() == 3.85);
  BOOST_TEST(s.best_index() == 4U);
  s.restore_best();
  BOOST_TEST(w.data()[0] == 4.0);
}

BOOST_AUTO_TEST_CASE(figures_know_their_direction) {
  const auto best = [](const std::string& name, std::optional<bool> maximize = {}) {
    EarlyStopping<double> s({}, {.maximize = maximize, .monitor = name});
    for (const double v : {2.0, 3.0, 1.0}) s.observe({{"other", 9 - v}, {name, v}});
    return s.best();
  };
  for (const char* name : {"accuracy", "validation accuracy", "train top-5 accuracy", "r2"})
    BOOST_TEST(best(name) == 3);
  for (const char* name : {"loss", "validation loss", "train rmse", "mae"})
    BOOST_TEST(best(name) == 1);
  BOOST_TEST(best("f1", true) == 3);
  BOOST_TEST(xgrad_test::message_of<std::invalid_argument>([&] { best("f1"); }) ==
             "EarlyStopping: whether larger values of \"f1\" are better is not known: "
             "Metric::better or maximize says it");
  BOOST_TEST(xgrad_test::message_of<std::invalid_argument>([&] { best("accuracy", false); }) ==
             "EarlyStopping: larger values of \"accuracy\" are better, maximize is false");
  EarlyStopping<double> s({}, {.monitor = "loss"});
  BOOST_TEST(xgrad_test::message_of<std::invalid_argument>([&] {
               s.observe({{"accuracy", 0.5}});
             }) == "EarlyStopping: there is no figure \"loss\": accuracy 0.5000");
}

BOOST_AUTO_TEST_CASE(state_goes_on) {
  auto w = Tensor<double>::from({1}, {7});
  EarlyStopping<double> a({{"w", w}}, {.patience = 2, .maximize = true});
  a.observe(1);
  a.observe(0);
  const auto state = a.state_dict();
  w.mutable_data()[0] = 8;
  EarlyStopping<double> b({{"w", w}}, {.patience = 2, .maximize = true});
  b.load_state_dict(state);
  BOOST_TEST(b.observe(1.0));
  b.restore_best();
  BOOST_TEST(w.data()[0] == 7.0);
  EarlyStopping<double> other({{"v", w}}, {.patience = 2});
  BOOST_CHECK_THROW(other.load_state_dict(state), std::invalid_argument);
  BOOST_CHECK_THROW(EarlyStopping<double>({}, {.patience = 0}), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(regression_figures)

namespace {
double figure(const Metric<double, TargetBatch<double>>& metric,
              const std::vector<TargetBatch<double>>& batches,
              const std::vector<Tensor<double>>& predictions) {
  std::vector<double> sums;
  for (std::size_t i = 0; i < batches.size(); ++i) metric.add(sums, predictions[i], batches[i]);
  return metric.value(sums);
}
}  // namespace

// The examples of scikit-learn's documentation of r2_score, mean_squared_error
// and mean_absolute_error.
BOOST_AUTO_TEST_CASE(published_examples) {
  const std::vector<TargetBatch<double>> t{{{}, Tensor<double>::from({3, 1}, {3, -0.5, 2})},
                                           {{}, Tensor<double>::from({1, 1}, {7})}};
  const std::vector<Tensor<double>> p{Tensor<double>::from({3, 1}, {2.5, 0, 2}),
                                      Tensor<double>::from({1, 1}, {8})};
  BOOST_TEST(figure(r_squared<double>(), t, p) == 0.9486081370449679,
             boost::test_tools::tolerance(1e-14));
  BOOST_TEST(figure(rmse<double>(), t, p) == 0.6123724356957945,
             boost::test_tools::tolerance(1e-14));
  BOOST_TEST(figure(mae<double>(), t, p) == 0.5, boost::test_tools::tolerance(1e-14));
  const TargetBatch<double> two{{}, Tensor<double>::from({3, 2}, {0.5, 1, -1, 1, 7, -6})};
  const auto q = Tensor<double>::from({3, 2}, {0, 2, -1, 2, 8, -5});
  BOOST_TEST(figure(r_squared<double>(), {two}, {q}) == 0.9368005266622779,
             boost::test_tools::tolerance(1e-14));
  BOOST_CHECK_THROW(figure(rmse<double>(), {two}, {p[0]}), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
