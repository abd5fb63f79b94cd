// The table of a model.

#include "xgrad/modules/summary.hpp"

#include "tests/modules/helpers.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/embedding.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/sequential.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;

struct Net : Module<float> {
  Linear<float>& fc1 = add<Linear<float>>("fc1", 784, 256);
  BatchNorm<float>& bn = add<BatchNorm<float>>("bn", 256);
  Sequential<float>& head =
      add<Sequential<float>>("head", Dropout<float>(), Linear<float>(256, 10));
  Linear<float>& spare = add<Linear<float>>("spare", 2, 2);
  Tensor<float> forward(const Tensor<float>& x) override { return head(bn(fc1(x))); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(summaries)

BOOST_AUTO_TEST_CASE(a_table_of_layers) {
  Net net;
  net.spare.requires_grad_(false);
  net.bn.eval();
  const auto draws = default_generator().state();
  BOOST_TEST(summary(net, Shape{1, 784}) ==
             "layer                 output       parameters     memory\n"
             "Net                   (1, 10)               -        0 B\n"
             "  fc1 (Linear)        (1, 256)        200,960   786.0 KB\n"
             "  bn (BatchNorm)      (1, 256)            512     5.0 KB\n"
             "  head (Sequential)   (1, 10)               -        0 B\n"
             "    0 (Dropout)       (1, 256)              -        0 B\n"
             "    1 (Linear)        (1, 10)           2,570    10.1 KB\n"
             "  spare (Linear)      not called            6       24 B\n"
             "total                                 204,048   801.1 KB\n"
             "204,042 learned, 6 frozen\n");
  BOOST_TEST((default_generator().state() == draws));
  BOOST_TEST(net.is_training());
  BOOST_TEST(!net.bn.is_training());
  BOOST_TEST(net.head.is_training());
  BOOST_TEST(net.bn.num_batches_tracked.item() == 0);
}

BOOST_AUTO_TEST_CASE(shared_parameters_count_once) {
  Sequential<double> net{Linear<double>(3, 3), Linear<double>(3, 3)};
  static_cast<Linear<double>&>(net[1]).weight = static_cast<Linear<double>&>(net[0]).weight;
  const std::string table = summary(net, standard_normal({2, 3}));
  BOOST_TEST(table.find("15 learned, 0 frozen") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(models_of_other_inputs) {
  Embedding<double> net(5, 3);
  const std::string table = summary<double>(net, [&] { net(Indices{1, 2}); });
  BOOST_TEST(table.find("Embedding   (2, 3)           15") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(leaves_no_hooks_behind_an_error) {
  Net net;
  const auto before = detail::live_nodes();
  BOOST_CHECK_THROW(summary(net, Shape{1, 3}), std::invalid_argument);
  BOOST_TEST(net.is_training());
  BOOST_TEST(detail::live_nodes() == before);
}

BOOST_AUTO_TEST_SUITE_END()
