// Metrics, progress lines, and durations.

#include "xgrad/training/metrics.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <sstream>

#include "tests/message.hpp"
#include "xgrad/training/ensemble.hpp"
#include "xgrad/training/progress.hpp"

using namespace xgrad;

BOOST_AUTO_TEST_SUITE(metrics)

BOOST_AUTO_TEST_CASE(accuracy_and_top_k) {
  const auto scores =
      Tensor<float>::from({3, 3}, {0.1F, 0.7F, 0.2F, 0.5F, 0.1F, 0.4F, 0.3F, 0.3F, 0.4F});
  const Indices labels{1, 2, 1};
  BOOST_TEST(count_correct(scores, labels) == 1u);
  BOOST_TEST(count_correct(scores, labels, 2) ==
             2u);  // the third row's label comes after the equal one before it
  BOOST_TEST(count_correct(scores, labels, 3) == 3u);
  BOOST_TEST((predicted_classes(scores) == Indices{1, 0, 2}));
}

BOOST_AUTO_TEST_CASE(confusion) {
  ConfusionMatrix c(2);
  c.add(0, 0);
  c.add(0, 1);
  c.add(1, 1);
  c.add(1, 1);
  BOOST_TEST(c(0, 1) == 1u);
  BOOST_TEST(c.total() == 4u);
  BOOST_TEST(c.accuracy() == 0.75);
  BOOST_TEST(c.table({"no", "yes"}) ==
             "        no  yes  recall\n"
             "   no    1    1  0.5000\n"
             "  yes    0    2  1.0000\n");
  BOOST_TEST(std::isnan(ConfusionMatrix(3).accuracy()));
}

// A row with a NaN predicts nothing, wherever it is asked.
BOOST_AUTO_TEST_CASE(scores_that_are_nan) {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  const auto scores = Tensor<float>::from({4, 2}, {kNaN, kNaN, 1, kNaN, kNaN, 1, 1, 0});
  const Indices labels{0, 0, 1, 0};
  BOOST_TEST((predicted_classes(scores) == Indices{-1, -1, -1, 0}));
  BOOST_TEST(count_correct(scores, labels) == 1u);
  BOOST_TEST(count_correct(scores, labels, 2) == 1u);
  ConfusionMatrix c(2);
  c.add(scores, labels);
  BOOST_TEST(c(0, 0) == 1u);
  BOOST_TEST(c.without_prediction(0) == 2u);
  BOOST_TEST(c.without_prediction(1) == 1u);
  BOOST_TEST(c.accuracy() == 0.25);
  BOOST_TEST(c.table() ==
             "           0     1  none  recall\n"
             "     0     1     0     2  0.3333\n"
             "     1     0     0     1  0.0000\n");
  BOOST_CHECK_THROW(c.add(0, -2), std::out_of_range);
  const auto sound = Tensor<float>::from({4, 2}, {1, 0, 1, 0, 1, 0, 1, 0});
  for (const Combination how :
       {Combination::probabilities, Combination::votes, Combination::outputs}) {
    BOOST_TEST(
        (predicted_classes(combine<float>({sound, scores, sound}, how)) == Indices{-1, -1, -1, 0}));
  }
}

BOOST_AUTO_TEST_CASE(errors) {
  const auto scores = Tensor<float>::filled({2, 3}, 0);
  test::check_failure<std::out_of_range>(
      [&] {
        count_correct(scores, Indices{0, 3});
      },
      "count_correct: label 3 of 3 classes");
  test::check_failure<std::invalid_argument>([&] { count_correct(scores, Indices{0}); },
                                             "count_correct: scores (2, 3), labels (1)");
}

BOOST_AUTO_TEST_CASE(plain_lines_without_a_terminal) {
  std::ostringstream out;
  Progress p(out, "epoch 1/2", 10, false);
  p.update(5, "loss 1");
  BOOST_TEST(out.str().empty());
  p.finish("loss 0.5");
  BOOST_TEST(out.str() == "epoch 1/2  loss 0.5  0 s\n");
}

// Whatever the terminal's width, a line stays one line, and the bar gives way first.
BOOST_AUTO_TEST_CASE(lines_fit_the_terminal) {
  for (const std::size_t columns : {20U, 60U, 70U, 200U}) {
    std::ostringstream out;
    Progress p(out, "epoch 10/10", 500, true, columns);
    p.update(0, "");
    usleep(110000);  // redrawn at most ten times a second
    p.update(250, "loss 0.1234  accuracy 0.9876");
    const std::string line = out.str().substr(1);
    BOOST_TEST(out.str()[0] == '\r');
    BOOST_TEST(line.size() < columns);
    BOOST_TEST((line.find(" s left") != std::string::npos) == (columns >= 60));
    BOOST_TEST((line.find("[=") != std::string::npos) == (columns >= 70));
    BOOST_TEST((line.find("[============            ]") != std::string::npos) == (columns == 200));
    p.finish("loss 0.1");
    BOOST_TEST(out.str().ends_with("\repoch 10/10  loss 0.1  0 s\n"));
  }
}

// What was done before a resumption took no time, which must not make the rest look short.
BOOST_AUTO_TEST_CASE(time_left_of_a_resumed_stage) {
  std::ostringstream out;
  Progress p(out, "epoch 1/1", 1101, true, 80);
  p.update(1000, "");
  usleep(110000);
  p.update(1001, "");
  BOOST_TEST(out.str().find("s left") != std::string::npos);
  BOOST_TEST(out.str().find(" 0 s left") == std::string::npos);  // but about 11
}

BOOST_AUTO_TEST_CASE(durations) {
  BOOST_TEST(format_duration(0.2) == "0 s");
  BOOST_TEST(format_duration(59.4) == "59 s");
  BOOST_TEST(format_duration(185) == "3:05");
  BOOST_TEST(format_duration(7387) == "2:03:07");
}

BOOST_AUTO_TEST_SUITE_END()
