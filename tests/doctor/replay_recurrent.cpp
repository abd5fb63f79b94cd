// The step of an LSTM, whose three operations one kernel computes, each run again by itself.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>

#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/doctor/monitor.hpp"
#include "xgrad/modules/recurrent_cells.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/recurrent.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"
#include "xgrad/optimizers/sgd.hpp"

using namespace xgrad;

namespace {

template <class T>
using Tensors = std::vector<Tensor<T>>;

template <class T>
bool same_bits(const Tensor<T>& a, const Tensor<T>& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <class T>
double distance(const Tensor<T>& a, const Tensor<T>& b) {
  return static_cast<double>(max(abs(a - b)).item());
}

template <class T>
Tensor<T> numbers(const Shape& shape, std::uint64_t seed) {
  Generator generator(seed);
  return uniform<T>(shape, -2, 2, generator);
}

// Of n rows of 3 numbers and d units: x, h, c, both weights, the bias if there is one.
template <class T>
Tensors<T> arguments(std::size_t n, std::size_t d, bool bias, std::uint64_t seed) {
  Tensors<T> r;
  for (const Shape& s : {Shape{n, 3}, {n, d}, {n, d}, {4 * d, 3}, {4 * d, d}})
    r.push_back(parameter(numbers<T>(s, seed++)));
  if (bias) r.push_back(parameter(numbers<T>({4 * d}, seed)));
  return r;
}

template <class T>
LstmState<T> cell(const Tensors<T>& v) {
  return lstm_cell(v[0], {v[1], v[2]}, v[3], v[4], v.size() > 5 ? v[5] : Tensor<T>());
}

// What the three operations are, in others.
template <class T>
Tensor<T> formula(std::size_t operation, const Tensors<T>& in) {
  if (operation == 0) {
    const Tensor<T> z = matmul(in[0], transpose(in[2])) + matmul(in[1], transpose(in[3]));
    return in.size() > 4 ? z + in[4] : z;
  }
  const auto z = split(in[0], 4, 1);
  if (operation == 1) return sigmoid(z[1]) * in[1] + sigmoid(z[0]) * tanh(z[2]);
  return sigmoid(z[3]) * tanh(in[1]);
}

template <class T>
Tensors<T> others(const Tensors<T>& operands) {
  Tensors<T> r;
  for (const auto& x : operands) r.push_back(parameter(numbers<T>(x.shape(), 50 + r.size())));
  return r;
}

template <class T>
void check_operation(const detail::LoggedOperation<T>& logged, std::size_t k) {
  const OperationReplay<T> replay(logged, "here", Tensor<T>());
  BOOST_TEST_REQUIRE(replay.can_forward());
  BOOST_TEST(same_bits(replay.forward(), logged.output));
  const Tensors<T> other = others(replay.operands());
  const Tensor<T> y = replay.forward(other), expected = formula(k, other);
  const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
  BOOST_TEST(distance(y, expected) < 32 * eps);  // sums of up to 37 products of numbers below 2
  // It is recorded, with the operation's own rule.
  const Tensor<T> seed = numbers<T>(y.shape(), 7);
  const Tensors<T> slopes = grad<T>({y}, other, {}, {seed}),
                   of_formula = grad<T>({expected}, other, {}, {seed});
  for (std::size_t i = 0; i < other.size(); ++i)
    BOOST_TEST(distance(slopes[i], of_formula[i]) < 256 * eps);
}

template <class T>
void check_step(std::size_t d, bool bias) {
  detail::OperationLog<T> log;
  const auto next = cell(arguments<T>(5, d, bias, 1));
  BOOST_TEST_REQUIRE(log.operations().size() == 3u);
  const auto logged = log.operations();
  const char* const names[] = {"lstm_gates", "lstm_cell", "lstm_output"};
  for (std::size_t k = 0; k < 3; ++k) {
    BOOST_TEST_CONTEXT(names[k]) {
      BOOST_TEST(std::string(logged[k].rule->name) == names[k]);
      check_operation(logged[k], k);
    }
  }
}

// Two numbers a step, of a size that weights make up for.
constexpr double kLarge = 1e200;
struct Net : Module<double> {
  LstmCell<double>& cell = add<LstmCell<double>>("cell", 2, 3);
  Net() { cell.weight_ih.set_value(Tensor<double>::filled({12, 2}, 1 / kLarge).value()); }
  Tensor<double> forward(const Tensor<double>& x) override {  // (5, n, 2) -> (n, 3)
    LstmState<double> s;
    for (std::ptrdiff_t t = 0; t < 5; ++t) s = cell(select(x, 0, t), s);
    return s.h;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(replay_recurrent)

// With and without what remains of packs.
BOOST_AUTO_TEST_CASE(steps_run_again_operation_by_operation) {
  for (const std::size_t d : {1U, 3U, 8U, 16U, 33U}) {
    for (const bool bias : {false, true}) {
      BOOST_TEST_CONTEXT("d " << d << ", bias " << bias) {
        check_step<float>(d, bias);
        check_step<double>(d, bias);
      }
    }
  }
}

// Only the third step has such numbers: the weights' gradient of 1e300 times 1e200 is infinite there, where loss, values and
// all other gradients are finite.
BOOST_AUTO_TEST_CASE(the_step_that_overflows_is_named_and_run_again) {
  Net net;
  Sgd<double> optimizer(net.parameters(), {.learning_rate = 0.1});
  Monitor<double> monitor(net, optimizer, {.trace = true});
  Tensor<double> x = numbers<double>({5, 4, 2}, 1);
  std::fill_n(x.mutable_data() + 2 * 4 * 2, 4 * 2, kLarge);
  const Tensor<double> loss = 1e300 * sum(net(x));
  BOOST_TEST(std::isfinite(loss.item()));
  monitor.before_backward(loss);
  loss.backward();
  monitor.before_step();
  const Diagnosis d = monitor.diagnosis();
  const auto found = std::find_if(d.findings.begin(), d.findings.end(),
                                  [](const Finding& f) { return f.check == "not-finite"; });
  BOOST_TEST_REQUIRE((found != d.findings.end()));
  BOOST_TEST(found->where == "cell");
  const auto replay = monitor.replay();
  BOOST_TEST_REQUIRE(replay.has_value());
  BOOST_TEST(replay->operation() == "lstm_gates");
  BOOST_TEST(replay->operands().at(0).data()[0] == kLarge);
  BOOST_TEST(same_bits(replay->forward(), replay->output()));
  BOOST_TEST(std::isinf(max(abs(replay->backward().at(2))).item()));
  BOOST_TEST(std::isfinite(max(abs(replay->gradient())).item()));
  // Alone with other operands: the same step of numbers near 1.
  auto better = replay->operands();
  better[0] = parameter((better[0] / kLarge).value());
  better[2] = parameter((better[2] * kLarge).value());
  const Tensor<double> y = replay->forward(better);
  BOOST_TEST(distance(y, replay->output()) < 1e-15);
  BOOST_TEST(
      std::isfinite(max(abs(grad<double>({y}, {better[2]}, {}, {replay->gradient()})[0])).item()));
}

// Operands of shapes that do not belong to each other are refused, not written behind.
BOOST_AUTO_TEST_CASE(operands_of_other_shapes) {
  detail::OperationLog<double> log;
  const auto x = numbers<double>({4, 2}, 1), h = numbers<double>({4, 3}, 2),
             w = numbers<double>({12, 2}, 3), u = numbers<double>({12, 3}, 4);
  const LstmState<double> next = lstm_cell(parameter(x), {h, h}, parameter(w), parameter(u));
  const auto refuses = [&](const Tensor<double>& y, std::vector<Tensor<double>> operands) {
    const auto* const logged = log.find(y.node());
    BOOST_TEST_REQUIRE(logged != nullptr);
    BOOST_CHECK_THROW(logged->again(operands), std::invalid_argument);
  };
  const auto wide = numbers<double>({8, 2}, 5), z = numbers<double>({4, 12}, 6),
             short_c = numbers<double>({2, 3}, 7);
  refuses(next.c, {z, short_c});
  refuses(next.h, {z, short_c});
  for (const auto& o : log.operations()) {
    if (o.operands.size() >= 4) BOOST_CHECK_THROW(o.again({wide, h, w, u}), std::invalid_argument);
  }
}

BOOST_AUTO_TEST_SUITE_END()
