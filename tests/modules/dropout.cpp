// Dropout, AlphaDropout, GaussianNoise, and the operations under them.

#include "xgrad/modules/dropout.hpp"

#include <set>

#include "tests/modules/helpers.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/regularization.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;

const auto invalid = [](const auto& f) { return message_of<std::invalid_argument>(f); };

Tensor<double> ones(std::size_t n) { return Tensor<double>::filled({n}, 1); }

}  // namespace

BOOST_AUTO_TEST_SUITE(dropout_modules)

BOOST_AUTO_TEST_CASE(drops_with_probability_p_and_keeps_the_expectation) {
  constexpr std::size_t kNumbers = 200000;
  for (const double p : {0.1, 0.5, 0.8}) {
    manual_seed(1);
    Dropout<double> module(p);
    const Tensor<double> y = module(ones(kNumbers));
    const auto all = numbers(y);
    const std::set<double> values(all.begin(), all.end());
    BOOST_TEST((values == std::set<double>{0, 1 / (1 - p)}));
    const double deviation = std::sqrt(p / (1 - p) / kNumbers);
    BOOST_TEST(std::abs(moments(y).first - 1) < 5 * deviation);
  }
}

BOOST_AUTO_TEST_CASE(evaluation_and_p_0_are_the_identity) {
  const Tensor<double> x = ones(8);
  Dropout<double> module(0.5), never(0);
  module.eval();
  const auto draws = default_generator().state();
  BOOST_TEST(module(x).is_same(x));
  BOOST_TEST(never(x).is_same(x));
  BOOST_TEST((default_generator().state() == draws));
}

BOOST_AUTO_TEST_CASE(p_1_gives_zeros) {
  const Tensor<double> x = parameter(standard_normal({8}));
  const Tensor<double> y = Dropout<double>(1)(x);
  sum(y).backward();
  for (std::size_t i = 0; i < 8; ++i) {
    BOOST_TEST(y.data()[i] == 0);
    BOOST_TEST(x.grad().data()[i] == 0);
    BOOST_TEST(AlphaDropout<double>(1)(x).data()[i] == 0);
  }
}

BOOST_AUTO_TEST_CASE(every_forward_draws_anew_and_a_seed_repeats) {
  Dropout<double> module;
  manual_seed(5);
  const auto first = numbers(module(ones(64))), second = numbers(module(ones(64)));
  BOOST_TEST((first != second));
  manual_seed(5);
  BOOST_TEST(numbers(module(ones(64))) == first, boost::test_tools::per_element());
  BOOST_TEST(numbers(module(ones(64))) == second, boost::test_tools::per_element());
  manual_seed(5);
  Dropout<float> in_float;
  const auto floats = numbers(in_float(Tensor<float>::filled({64}, 1)));
  for (std::size_t i = 0; i < 64; ++i) BOOST_TEST(double(floats[i]) == first[i]);
}

BOOST_AUTO_TEST_CASE(the_mask_does_not_change_between_forward_and_backward) {
  Dropout<double> module(0.4);
  const Tensor<double> x = parameter(ones(512));
  const Tensor<double> y = module(x);
  module(x);  // another draw between
  sum(y).backward();
  BOOST_TEST(numbers(parameter(x.gradient())) == numbers(y), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_generator_of_its_own_leaves_the_default_one_alone) {
  Generator generator(9);
  Dropout<double> module(0.5, &generator);
  const auto draws = default_generator().state();
  const auto first = numbers(module(ones(64)));
  BOOST_TEST((default_generator().state() == draws));
  generator.seed(9);
  BOOST_TEST(numbers(module(ones(64))) == first, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(masks_do_not_depend_on_the_number_of_threads) {
  const int threads = num_threads();
  Dropout<float> module;
  std::vector<std::vector<float>> masks;
  for (const int n : {1, 2, 3}) {
    set_num_threads(n);
    manual_seed(5);
    masks.push_back(numbers(module(Tensor<float>::filled({300001}, 1))));
  }
  set_num_threads(threads);
  BOOST_TEST((masks[0] == masks[1]));
  BOOST_TEST((masks[0] == masks[2]));
}

BOOST_AUTO_TEST_CASE(gradients_in_both_modes) {
  const Tensor<double> x = standard_normal({6, 5});
  Dropout<double> dropout_module(0.3);
  AlphaDropout<double> alpha(0.3);
  GaussianNoise<double> noise(0.3);
  for (Module<double>* module :
       std::initializer_list<Module<double>*>{&dropout_module, &alpha, &noise}) {
    check_both_orders(*module, x);
    module->eval();
    check_both_orders(*module, x);
  }
}

BOOST_AUTO_TEST_CASE(alpha_dropout_keeps_mean_and_variance) {
  const Tensor<double> x = selu(standard_normal({200000}));
  const auto [mean_before, variance_before] = moments(x);
  for (const double p : {0.05, 0.5}) {
    const auto [mean, variance] = moments(AlphaDropout<double>(p)(x));
    BOOST_TEST(std::abs(mean - mean_before) < 0.02);
    BOOST_TEST(std::abs(variance - variance_before) < 0.03);
  }
  AlphaDropout<double> module;
  module.eval();
  BOOST_TEST(module(x).is_same(x));
}

// Every output is a x + b or a alpha + b.
BOOST_AUTO_TEST_CASE(alpha_dropout_is_its_formula) {
  constexpr double p = 0.25, alpha = -1.7580993408473766;
  const double a = 1 / std::sqrt(0.75 + 0.25 * 0.75 * alpha * alpha), b = -a * p * alpha;
  const Tensor<double> x = standard_normal({1000});
  const Tensor<double> y = alpha_dropout(x, p);
  int dropped = 0;
  for (std::size_t i = 0; i < 1000; ++i) {
    const bool kept = std::abs(y.data()[i] - (a * x.data()[i] + b)) < 1e-14;
    if (!kept) BOOST_TEST(std::abs(y.data()[i] - (a * alpha + b)) < 1e-14);
    dropped += !kept;
  }
  BOOST_TEST(dropped > 180);
  BOOST_TEST(dropped < 320);
}

BOOST_AUTO_TEST_CASE(noise_has_its_deviation) {
  const Tensor<double> x = Tensor<double>::filled({100000}, 3);
  GaussianNoise<double> module(0.5);
  const auto [mean, variance] = moments(module(x));
  BOOST_TEST(std::abs(mean - 3) < 0.01);
  BOOST_TEST(std::abs(variance - 0.25) < 0.01);
  manual_seed(8);
  const auto noisy = numbers(module(x));
  manual_seed(8);
  BOOST_TEST(noisy == numbers(x + normal<double>({100000}, 0, 0.5)),
             boost::test_tools::per_element());
  module.eval();
  BOOST_TEST(module(x).is_same(x));
  BOOST_TEST(GaussianNoise<double>(0)(x).is_same(x));
}

BOOST_AUTO_TEST_CASE(errors) {
  BOOST_TEST(invalid([] { Dropout<double> m(1.5); }) == "Dropout: p is not in [0, 1]: 1.5");
  BOOST_TEST(invalid([] { Dropout<double> m(std::nan("")); }) ==
             "Dropout: p is not in [0, 1]: nan");
  BOOST_TEST(invalid([] { AlphaDropout<double> m(-0.1); }) ==
             "AlphaDropout: p is not in [0, 1]: -0.1");
  BOOST_TEST(invalid([] { GaussianNoise<double> m(-1); }) ==
             "GaussianNoise: deviation is not in [0, inf): -1");
  BOOST_TEST(invalid([] { dropout(ones(3), 2); }) == "dropout: p is not in [0, 1]: 2");
  BOOST_TEST(invalid([] { alpha_dropout(ones(3), 2); }) == "alpha_dropout: p is not in [0, 1]: 2");
}

BOOST_AUTO_TEST_CASE(masks_are_freed) {
  const auto before = detail::live_nodes();
  {
    const Tensor<double> x = parameter(ones(16));
    sum(Dropout<double>()(x)).backward();
    AlphaDropout<double>()(x);
  }
  BOOST_TEST(detail::live_nodes() == before);
}

BOOST_AUTO_TEST_SUITE_END()
