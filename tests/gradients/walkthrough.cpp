// The pieces of code in docs/gradient_check.md: they compile, do what is said, and are the ones
// that stand there.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cctype>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "xgrad/gradient_check/boost.hpp"
#include "xgrad/gradient_check/check.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/gradient_check.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/regularization.hpp"

using namespace xgrad;

namespace {

std::string read(const std::string& path) {
  std::ifstream file(XGRAD_SOURCE_DIR + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string without_space(std::string text) {
  std::erase_if(text, [](unsigned char c) { return std::isspace(c) != 0; });
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(walkthrough)

BOOST_AUTO_TEST_CASE(functions) {
  Generator generator(4);
  const Tensor<double> x = normal<double>({3, 3}, 0, 1, generator);
  const Tensor<double> w = normal<double>({3, 2}, 0, 1, generator);

  const GradientReport report =
      check_gradients([](const auto& a, const auto& b) { return sum(tanh(matmul(a, b))); }, {x, w},
                      {.names = {"x", "w"}});
  if (!report.passed()) std::cerr << report.table();
  BOOST_TEST(report.passed());

  const GradientReport dead = check_gradients([](const auto& t) { return relu(t - 100.0); }, {x},
                                              {.meant = {.zero_gradient = true}});
  BOOST_TEST(dead.passed());

  XGRAD_CHECK_GRADIENTS([](const auto& a, const auto& b) { return a * exp(b); }, {x, x});

  const auto [ok, text] = gradients_agree([](const auto& t) { return sum(square(t)); }, {x});
  BOOST_TEST(ok, text);
}

BOOST_AUTO_TEST_CASE(models) {
  manual_seed(4);
  Sequential<double> net{Linear<double>(6, 5), Relu<double>(), Linear<double>(5, 3)};
  const Tensor<double> batch = normal<double>({3, 6});
  const Indices labels{0, 2, 1};

  const RegularizedReport terms = check_regularized_gradients(
      net, [&](const auto& y) { return cross_entropy(y, labels); },
      [&] { return l2_penalty(net.parameters(), 1e-2); }, batch);
  if (!terms.passed()) std::cerr << terms.table();
  BOOST_TEST(terms.passed(), terms.table());

  const GradientReport whole = check_gradients(
      net, [&](const auto& y) { return cross_entropy(y, labels); }, batch, {.samples = 20});
  BOOST_TEST(whole.passed(), whole.table());
}

BOOST_AUTO_TEST_CASE(is_what_stands_in_the_documentation) {
  const std::string document = read("/docs/gradient_check.md");
  const std::string here = without_space(read("/tests/gradients/walkthrough.cpp"));
  std::size_t blocks = 0;
  for (std::size_t at = 0; (at = document.find("```cpp\n", at)) != std::string::npos; ++blocks) {
    const std::size_t begin = at + 7, end = document.find("```", begin);
    const std::string block = document.substr(begin, end - begin);
    BOOST_TEST(here.find(without_space(block)) != std::string::npos, block);
    at = end;
  }
  BOOST_TEST(blocks == 6);
}

BOOST_AUTO_TEST_SUITE_END()
