// Averages of the weights: exponential and Polyak's.

#include "xgrad/optimizers/averaging.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/optimizers/problems.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/optimizers/sgd.hpp"

namespace xgrad::test {
namespace {

using T = double;
using boost::test_tools::tolerance;

void set(Tensor<T> w, T value) { *w.mutable_data() = value; }

BOOST_AUTO_TEST_SUITE(averaging)

BOOST_AUTO_TEST_CASE(ema_is_its_recursion) {
  const Tensor<T> w = leaf<T>({1}, {0});
  Ema<T> average({{"w", w}}, {.decay = 0.9});
  double expected = 0;
  for (int t = 0; t < 20; ++t) {
    set(w, std::sin(t));
    average.update();
    expected = t == 0 ? std::sin(t) : 0.9 * expected + 0.1 * std::sin(t);
    BOOST_TEST(average.averages()[0].tensor.item() == expected, tolerance(1e-14));
  }
  BOOST_TEST(average.updates() == 20U);
}

BOOST_AUTO_TEST_CASE(ema_warms_up) {
  const Tensor<T> w = leaf<T>({1}, {0});
  Ema<T> average({{"w", w}}, {.decay = 0.5, .warm_up = true});
  double expected = 0;
  for (int t = 0; t < 20; ++t) {
    set(w, t);
    average.update();
    const double decay = std::min(0.5, (1.0 + t) / (10.0 + t));
    expected = t == 0 ? t : decay * expected + (1 - decay) * t;
    BOOST_TEST(average.averages()[0].tensor.item() == expected, tolerance(1e-14));
  }
}

BOOST_AUTO_TEST_CASE(polyak_is_the_mean) {
  const Tensor<T> w = leaf<T>({1}, {0});
  PolyakAverage<T> average({{"w", w}});
  double sum = 0;
  for (int t = 0; t < 20; ++t) {
    set(w, t * t);
    average.update();
    sum += t * t;
    BOOST_TEST(average.averages()[0].tensor.item() == sum / (t + 1), tolerance(1e-14));
  }
}

BOOST_AUTO_TEST_CASE(swapped_in_and_out) {
  Tensor<T> w = leaf<T>({2}, {1, 2});
  PolyakAverage<T> average({{"w", w}});
  average.update();
  w.set_value(Tensor<T>::from({2}, {3, 6}).value());
  average.update();
  {
    const AveragedWeights use(average);
    BOOST_TEST(average.is_swapped());
    BOOST_TEST(w.data()[0] == 2.0);
    BOOST_TEST(w.data()[1] == 4.0);
    BOOST_TEST(message_of<std::logic_error>([&] { average.update(); }) ==
               "PolyakAverage: update() while swapped: the weights are the average");
  }
  BOOST_TEST(w.data()[0] == 3.0);
  BOOST_TEST(w.data()[1] == 6.0);
  BOOST_TEST(!average.is_swapped());
}

// A graph recorded before the swap is found stale.
BOOST_AUTO_TEST_CASE(swap_is_a_write) {
  const Tensor<T> w = leaf<T>({1}, {2});
  Ema<T> average({{"w", w}});
  average.update();
  const Tensor<T> loss = sum(w * w);
  average.swap();
  BOOST_CHECK_THROW(loss.backward(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_averaged) {
  BOOST_TEST(message_of<std::invalid_argument>([&] { Ema<T> average({}); }) == "Ema: no tensors");
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               Ema<T> average(NamedTensors<T>{{"w", {}}});
             }) == "Ema: tensor \"w\" is undefined");
  const Tensor<T> w = leaf<T>({1}, {2});
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               Ema<T> average({{"w", w}}, {.decay = 1});
             }) == "Ema: decay is not in [0, 1): 1");
  Ema<T> average({{"w", w}});
  BOOST_TEST(message_of<std::logic_error>([&] { average.swap(); }) ==
             "Ema: swap() before the first update()");
}

BOOST_AUTO_TEST_CASE(tied_tensors_are_averaged_once) {
  const Tensor<T> w = leaf<T>({1}, {2});
  Ema<T> average({{"a", w}, {"b", w}});
  average.update();
  BOOST_TEST(average.averages().size() == 1U);
  set(w, 5);
  average.swap();
  BOOST_TEST(w.item() == 2.0);
}

BOOST_AUTO_TEST_CASE(saved_and_restored) {
  const Tensor<T> w = leaf<T>({2}, {1, 2}), v = leaf<T>({2}, {0, 0});
  PolyakAverage<T> a({{"w", w}}), b({{"w", v}});
  b.load_state_dict(a.state_dict());  // before the first update
  a.update();
  b.load_state_dict(a.state_dict());  // after the first
  BOOST_TEST(b.averages()[0].tensor.data()[0] == 1.0);
  set(w, 7);
  a.update();
  b.load_state_dict(a.state_dict());
  for (const auto& [tensor, average] : {std::pair{w, &a}, std::pair{v, &b}}) {
    set(tensor, 4);
    average->update();
  }
  BOOST_TEST(a.averages()[0].tensor.data()[0] == b.averages()[0].tensor.data()[0]);
  BOOST_TEST(a.averages()[0].tensor.data()[0] == 4.0);

  Ema<T> other({{"w", leaf<T>({3}, {1, 2, 3})}});
  BOOST_TEST(message_of<std::invalid_argument>([&] { other.load_state_dict(a.state_dict()); }) ==
             "load_state_dict: Ema: missing: swapped, updates");
  PolyakAverage<T> misshapen({{"w", leaf<T>({3}, {1, 2, 3})}});
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               misshapen.load_state_dict(a.state_dict());
             }) == "load_state_dict: PolyakAverage: wrong shape: w (3) given (2)");
}

// What averaging is for: at a constant rate the iterates scatter about the minimum, their mean
// does not.
BOOST_AUTO_TEST_CASE(average_is_nearer_the_minimum_than_the_last_iterate) {
  Generator generator(3);
  Tensor<T> w = leaf<T>({64}, std::vector<double>(64, 0.0));
  Sgd<T> optimizer({w}, {.learning_rate = 0.5});
  PolyakAverage<T> average({{"w", w}});
  for (int t = 0; t < 400; ++t) {
    optimizer.step([&] { return sum(0.5 * square(w) + w * normal<T>({64}, 0, 1, generator)); });
    if (t >= 100) average.update();
  }
  const auto distance = [&] { return sum(square(w)).item(); };
  const T last = distance();
  const AveragedWeights use(average);
  BOOST_TEST(distance() < last / 20);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xgrad::test
