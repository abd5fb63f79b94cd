// Checks of whole models.

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/drop_connect.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/gradient_check.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/function.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/regularization.hpp"

using namespace xgrad;

namespace {

using D = Tensor<double>;
using Tensors = std::vector<D>;

// An encoder whose second layer has the gradient of one weight wrong by a millionth.
struct Encoder : Module<double> {
  Linear<double>& fc1 = add<Linear<double>>("fc1", 6, 5);
  Linear<double>& fc2 = add<Linear<double>>("fc2", 5, 4);
  double error = 0;

  D forward(const D& x) override {
    const double e = error;
    const D w = custom_function<double>(
        "identity", {fc2.weight}, [](const Tensors& in) { return in[0] * 1.0; },
        [e](const Tensors&, const D&, const D& gy) {
          D g = gy.clone();
          g.mutable_data()[3 * 5 + 2] *= 1 + e;
          return Tensors{g};
        });
    return linear(tanh(fc1(x)), w, fc2.bias);
  }
};

struct Net : Module<double> {
  Encoder& encoder = add<Encoder>("encoder");
  D forward(const D& x) override { return encoder(x); }
};

const auto kLoss = [](const auto& y) { return mean(square(y)); };

D input(const Shape& shape) {
  Generator generator(5);
  return normal<double>(shape, 0, 1, generator);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(models)

BOOST_AUTO_TEST_CASE(a_wrong_element_is_named_by_its_path) {
  manual_seed(2);
  Net net;
  BOOST_TEST(check_gradients(net, kLoss, input({3, 6})).passed());
  net.encoder.error = 1e-6;
  const auto r = check_gradients(net, kLoss, input({3, 6}));
  BOOST_TEST(r.count(Verdict::fail) == 1);
  BOOST_TEST(r.name_of(r.worst_first()[0]) == "encoder.fc2.weight[3, 2]");
  BOOST_TEST(r.table().find("fail     encoder.fc2.weight[3, 2]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(some_coordinates_of_every_parameter) {
  manual_seed(2);
  Sequential<double> net{Linear<double>(40, 30), Relu<double>(), Linear<double>(30, 10)};
  const auto r = check_gradients(net,
                                 [](const auto& y) {
                                   return cross_entropy(y, Indices{3, 1, 7});
                                 },
                                 input({3, 40}), {.samples = 12});
  BOOST_TEST(r.passed(), r.table());
  BOOST_REQUIRE(r.inputs.size() == 5U);
  for (const CheckedInput& in : r.inputs)
    BOOST_TEST(in.checked == std::min<std::size_t>(12, in.shape.elements()), in.name);
  BOOST_TEST(r.table().find("0.weight (30, 40): 12 of 1200 coordinates") != std::string::npos);
}

// The cost of a check is that of its evaluations, some 20 for each coordinate.
BOOST_AUTO_TEST_CASE(a_large_model_takes_few_evaluations) {
  manual_seed(2);
  Sequential<double> net{Linear<double>(784, 128), Relu<double>(), Linear<double>(128, 10)};
  const auto r = check_gradients(net,
                                 [](const auto& y) {
                                   return cross_entropy(y, Indices{3, 1, 7});
                                 },
                                 input({3, 784}), {.samples = 20});
  BOOST_TEST(r.passed(), r.table());
  BOOST_TEST(r.elements.size() == 90);
  BOOST_TEST(r.evaluations < 40 * r.elements.size());
}

BOOST_AUTO_TEST_CASE(masks_and_noise_are_the_same_at_every_evaluation) {
  manual_seed(2);
  Generator own(9);
  Sequential<double> net{Linear<double>(6, 8),
                         Dropout<double>(0.5),
                         Tanh<double>(),
                         GaussianNoise<double>(0.1),
                         DropConnect<double>(8, 4, {.p = 0.3}),
                         Dropout<double>(0.25, &own)};
  const auto with = check_gradients(net, kLoss, input({5, 6}), {.generators = {&own}});
  BOOST_TEST(with.passed(), with.table());
  BOOST_TEST((own.state() == Generator(9).state()));
  const auto without = check_gradients(net, kLoss, input({5, 6}));
  BOOST_TEST(without.has(Problem::nondeterministic));
}

BOOST_AUTO_TEST_CASE(batch_statistics_are_left_as_they_were) {
  manual_seed(2);
  Sequential<double> net{Linear<double>(6, 4), BatchNorm<double>(4)};
  std::vector<D> before;
  for (const NamedTensor<double>& b : net.buffers()) before.push_back(b.tensor.clone());
  const auto r = check_gradients(
      net, [](const auto& y) { return mean(exp(y)); }, input({5, 6}),
      {.meant = {.zero_gradient = true}});  // a bias in front of a batch normalisation has none
  BOOST_TEST(r.passed(), r.table());
  for (std::size_t i = 0; i < before.size(); ++i) {
    const D now = net.buffers()[i].tensor;
    BOOST_TEST(std::equal(now.data(), now.data() + now.size(), before[i].data()));
  }
}

BOOST_AUTO_TEST_CASE(data_and_penalty_are_checked_apart) {
  manual_seed(2);
  Net net;
  net.encoder.error = 1e-3;
  const auto small_loss = [](const auto& y) { return 1e-6 * mean(square(y)); };
  const auto r = check_regularized_gradients(
      net, small_loss, [&] { return l2_penalty(net.parameters(), 1.0); }, input({3, 6}));
  BOOST_TEST(!r.passed());
  BOOST_TEST(r.penalty.passed(), r.penalty.table());
  BOOST_TEST(r.data.count(Verdict::fail) == 1);
  BOOST_TEST(r.sum.has(Problem::penalty_dominates));
  BOOST_TEST(r.table().find("encoder.fc2.weight: the gradient of the penalty is ") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
