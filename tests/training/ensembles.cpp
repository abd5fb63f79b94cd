// Models combined, asked for predictions, and taken apart.

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/serialization/files.hpp"
#include "xgrad/data/loader.hpp"
#include "xgrad/data/scaling.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/optimizers/sgd.hpp"
#include "xgrad/training/ensemble.hpp"
#include "xgrad/training/predict.hpp"
#include "xgrad/training/task.hpp"
#include "xgrad/training/transfer.hpp"

using namespace xgrad;
using xgrad_test::message_of;
using xgrad_test::same;

BOOST_AUTO_TEST_SUITE(ensembles)

namespace {
Tensor<double> scores(const std::vector<double>& p) {
  std::vector<double> s;
  for (const double v : p) s.push_back(std::log(v) + 3);  // softmax does not see a shift
  return Tensor<double>::from({p.size() / 3, 3}, s);
}
}  // namespace

// Probabilities of three members for two samples: the mean and the votes disagree on the first,
// and on the second every class has one vote.
BOOST_AUTO_TEST_CASE(combinations) {
  const std::vector<Tensor<double>> members{scores({0.9, 0.1, 0.0001, 0.5, 0.3, 0.2}),
                                            scores({0.4, 0.6, 0.0001, 0.2, 0.7, 0.1}),
                                            scores({0.4, 0.6, 0.0001, 0.3, 0.3, 0.4})};
  const auto mean = combine(members);
  BOOST_TEST(std::exp(mean.data()[3]) == 1.0 / 3, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(std::exp(mean.data()[4]) == 1.3 / 3, boost::test_tools::tolerance(1e-12));
  BOOST_TEST((predicted_classes(mean) == Indices{0, 1}));
  const auto votes = combine(members, Combination::votes);
  BOOST_TEST((predicted_classes(votes) == Indices{1, 1}));
  BOOST_TEST(std::exp(votes.data()[1]) == 2.0 / 3, boost::test_tools::tolerance(1e-3));
  BOOST_TEST(votes.data()[2] == -std::numeric_limits<double>::infinity());
  const auto outputs = combine(members, Combination::outputs);
  BOOST_TEST(
      outputs.data()[0] == (members[0].data()[0] + members[1].data()[0] + members[2].data()[0]) / 3,
      boost::test_tools::tolerance(1e-14));
  BOOST_CHECK_THROW(combine<double>({}), std::invalid_argument);
  BOOST_CHECK_THROW(combine<double>({scores({0.1, 0.2, 0.7}), members[0]}), std::invalid_argument);
}

// softmax of the second class is exp(-200), which no float holds; its logarithm is -200.
BOOST_AUTO_TEST_CASE(small_probabilities_keep_their_logarithm) {
  const auto one = Tensor<float>::from({1, 2}, {200, 0}),
             two = Tensor<float>::from({1, 2}, {150, 0});
  const auto inf = std::numeric_limits<float>::infinity();
  const auto mean = combine<float>({one, two});
  BOOST_TEST(mean.data()[1] == -150 - std::log(2.0F), boost::test_tools::tolerance(1e-6F));
  BOOST_TEST(combine<float>({one, one}).data()[1] == -200, boost::test_tools::tolerance(1e-6F));
  const auto never = Tensor<float>::from({1, 2}, {0, -inf});
  BOOST_TEST(combine<float>({never, never}).data()[1] == -inf);
}

BOOST_AUTO_TEST_CASE(snapshots_are_copies_in_evaluation_mode) {
  manual_seed(4);
  Sequential<float> net{Linear<float>(2, 3), Dropout<float>(0.5)};
  Ensemble<float> e(Combination::outputs);
  BOOST_CHECK_THROW(e(normal<float>({1, 2})), std::logic_error);
  const auto x = normal<float>({4, 2});
  e.add_snapshot(net);
  net.eval();
  const auto first = net(x).clone();
  for (auto& p : net.parameters()) {
    Tensor<float> t = p.tensor;
    std::fill_n(t.mutable_data(), t.size(), 0.0F);
  }
  BOOST_TEST(same(e(x), first));
  e.add_snapshot(net).add(Linear<float>(2, 3));
  BOOST_TEST(e.size() == 3U);
  BOOST_TEST(!e[0].is_training());
  BOOST_TEST(e(x).shape() == (Shape{4, 3}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(predictions)

BOOST_AUTO_TEST_CASE(in_batches_without_recording_in_evaluation_mode) {
  manual_seed(8);
  Sequential<float> net{Linear<float>(3, 4), BatchNorm<float>(4), Dropout<float>(0.5),
                        Linear<float>(4, 2)};
  net(normal<float>({9, 3}));
  net[1].eval();  // kept so while the rest trains
  const Tensor<float> x = normal<float>({7, 3});
  const Array<float> all = predict(net, x.value());
  const Array<float> single = predict(net, x.value(), {.batch_size = 1});
  BOOST_TEST(net.is_training());
  BOOST_TEST(!net[1].is_training());
  BOOST_TEST(net[2].is_training());
  net.eval();
  const Tensor<float> wanted = net(x);
  BOOST_TEST(same(Tensor<float>(all), wanted.detach()));
  for (std::size_t i = 0; i < 14; ++i)
    BOOST_TEST(single.data()[i] == all.data()[i], boost::test_tools::tolerance(1e-5F));
  BOOST_TEST(predict(net, Array<float>::from_shape({0, 3})).shape(1) == 2U);
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               predict(net, x.value(), {.batch_size = 0});
             }) == "predict: batch_size is 0");
}

BOOST_AUTO_TEST_CASE(as_probabilities) {
  Sequential<double> net{Linear<double>(2, 2)};
  const auto set = [&](const std::string& name, const std::vector<double>& v) {
    Tensor<double> t = net.at(name);
    std::copy(v.begin(), v.end(), t.mutable_data());
  };
  set("0.weight", {1, 0, 0, 1});
  set("0.bias", {0, 0});
  const auto x = xgrad_test::make_array<double>({2, 2}, {std::log(3), 0, 0, std::log(4)});
  const Array<double> p = predict_proba(net, x);
  BOOST_TEST(xgrad_test::elements(p) == (std::vector<double>{.75, .25, .2, .8}),
             boost::test_tools::tolerance(1e-14) << boost::test_tools::per_element());
  net.append(Softmax<double>());
  BOOST_TEST(xgrad_test::elements(predict_proba(net, x)) == xgrad_test::elements(p),
             boost::test_tools::tolerance(1e-14) << boost::test_tools::per_element());
  Ensemble<double> e;
  e.add(Linear<double>(2, 2)).add(Linear<double>(2, 2));
  const Array<double> mixed = predict_proba(e, x);
  const Array<double> a = predict_proba(e[0], x), b = predict_proba(e[1], x);
  for (std::size_t i = 0; i < 4; ++i)
    BOOST_TEST(mixed.data()[i] == (a.data()[i] + b.data()[i]) / 2,
               boost::test_tools::tolerance(1e-14));
  Linear<double> one(2, 1);
  BOOST_TEST(message_of<std::invalid_argument>([&] { predict_proba(one, x); }) ==
             "predict_proba: outputs have shape (2, 1), not (n, classes) with 2 at least");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(transfer)

BOOST_AUTO_TEST_CASE(frozen_body_new_head_and_separate_rates) {
  manual_seed(6);
  const Sequential<float> source{Linear<float>(4, 8), Relu<float>(), Linear<float>(8, 5)};
  Sequential<float> net = first_layers(source, 2);
  BOOST_TEST(same(net.at("0.weight"), source.at("0.weight")));
  BOOST_TEST(!net.at("0.weight").is_same(source.at("0.weight")));
  BOOST_CHECK_THROW(first_layers(source, 4), std::invalid_argument);
  const auto body = net.parameters();
  freeze(body);
  net.append(Linear<float>(8, 2));
  Sgd<float> sgd(net[2].parameters(), {.learning_rate = 0.1});
  const auto x = normal<float>({6, 4});
  const auto step = [&] {
    sgd.zero_grad();
    cross_entropy(net(x), Indices{0, 1, 0, 1, 1, 0}).backward();
    sgd.step();
  };
  const auto head = net.at("2.weight").clone();
  step();
  BOOST_TEST(same(net.at("0.weight"), source.at("0.weight")));
  BOOST_TEST(!same(net.at("2.weight"), head));
  unfreeze(body);
  sgd.add_group(body, {.learning_rate = 1e-3});
  step();
  BOOST_TEST(!same(net.at("0.weight"), source.at("0.weight")));
  BOOST_TEST(sgd.learning_rate(1) == 1e-3);
}

BOOST_AUTO_TEST_SUITE_END()
