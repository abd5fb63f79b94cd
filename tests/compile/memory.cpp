// What a plan says beside what a call takes: PeakMemory counts arrays, entries of the tape and all else that the
// library asks for.

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/message.hpp"
#include "xgrad/compile/memory_plan.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/peak_memory.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/convolution.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/pooling.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/modules/shapes.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/optimizers/sgd.hpp"

using namespace xgrad;

namespace {

// The third call, as what the first calls ask for once is there then.
template <class F, class... A>
void check_plan(const char* what, const F& f, const A&... arguments) {
  const auto forget = [](const auto& a) {
    if constexpr (requires { a.requires_grad(); }) {
      if (a.requires_grad()) std::decay_t<decltype(a)>(a).zero_grad();
    }
  };
  f(arguments...);
  f(arguments...);
  (forget(arguments), ...);
  const MemoryPlan plan = memory_plan(f, arguments...);
  const PeakMemory memory;
  f(arguments...);
  const auto measured = static_cast<double>(memory.bytes());
  const auto planned = static_cast<double>(plan.peak_bytes);
  BOOST_TEST((planned >= 0.9 * measured && planned <= 1.1 * measured),
             what << ": planned " << planned << ", measured " << measured << "\n"
                  << plan);
}

// Gradients are let go at the end, so that each call makes all of them.
template <class Net>
auto training_step(Net& net, Sgd<float>& optimizer) {
  return compile([&](const Tensor<float>& x, const Indices& y) {
    const Tensor<float> loss = cross_entropy(net(x), y);
    loss.backward();
    optimizer.step();
    optimizer.zero_grad();
    return loss;
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(memory_plans)

BOOST_AUTO_TEST_CASE(operations) {
  const auto x = normal<float>({200, 300}), w = normal<float>({300, 400});
  check_plan("a chain", compile([&](const Tensor<float>& a) {
               return sum(softmax(matmul(relu(matmul(a, w)), transpose(w)), 1), 1);
             }),
             x);
  check_plan("a result", compile([&](const Tensor<float>& a) { return matmul(a, w); }), x);
  check_plan("views", compile([&](const Tensor<float>& a) {
               return matmul(reshape(matmul(a, w), {400, 200}), x);
             }),
             x);
}

BOOST_AUTO_TEST_CASE(gradients) {
  const auto x = parameter(normal<double>({500, 600})), w = normal<double>({600, 400});
  check_plan("a gradient", compile([&](const Tensor<double>& a) {
               return grad(sum(square(tanh(matmul(a, w)))), a);
             }),
             x);
  check_plan("formulas", compile([&](const Tensor<double>& a) {
               const auto y = sum(0.5 * a * (1 + tanh(a + 0.04 * a * a * a)));
               y.backward();
               return y;
             }),
             x);
}

BOOST_AUTO_TEST_CASE(training) {
  const auto x = normal<float>({64, 200});
  const Indices y = random_integers({64}, 0, 10);
  Sequential<float> plain{Linear<float>(200, 300), Relu<float>(), Linear<float>(300, 300),
                          Tanh<float>(), Linear<float>(300, 10)};
  Sgd<float> optimizer(plain.parameters());
  check_plan("a perceptron", training_step(plain, optimizer), x, y);
  Sequential<float> deep{Linear<float>(200, 300), BatchNorm<float>(300),   Relu<float>(),
                         Dropout<float>(0.3),     Linear<float>(300, 200), LayerNorm<float>(200),
                         Tanh<float>(),           Linear<float>(200, 10)};
  Sgd<float> of_deep(deep.parameters());
  check_plan("with normalisation", training_step(deep, of_deep), x, y);
}

// Gradients that are used up, of weights some rows at a time.
BOOST_AUTO_TEST_CASE(minimizing) {
  const auto x = normal<float>({64, 200});
  const Indices y = random_integers({64}, 0, 10);
  Sequential<float> net{Linear<float>(200, 800), Relu<float>(), Linear<float>(800, 300),
                        Tanh<float>(), Linear<float>(300, 10)};
  Sgd<float> optimizer(net.parameters());
  const int before = num_threads();
  set_num_threads(1);  // how many rows are there at once depends on when threads come
  check_plan("a perceptron", compile([&](const Tensor<float>& a, const Indices& labels) {
               const Tensor<float> loss = cross_entropy(net(a), labels);
               optimizer.minimize(loss);
               return loss;
             }),
             x, y);
  set_num_threads(before);
}

BOOST_AUTO_TEST_CASE(convolutions) {
  const auto x = normal<float>({8, 3, 32, 32});
  const Indices y = random_integers({8}, 0, 10);
  Sequential<float> net{Conv2d<float>(3, 16, 3),        Relu<float>(), MaxPool2d<float>(2),
                        Conv2d<float>(16, 16, 3),       Relu<float>(), Flatten<float>(),
                        Linear<float>(16 * 13 * 13, 10)};
  Sgd<float> optimizer(net.parameters());
  check_plan("a network", training_step(net, optimizer), x, y);
}

// Values and gradients in one block; the result and the gradients of leaves where they always are.
BOOST_AUTO_TEST_CASE(without_the_tape) {
  const auto x = normal<float>({16, 8});
  Linear<float> net(8, 4);
  const auto step = compile([&](const Tensor<float>& a) {
    const auto loss = mean(square(tanh(net(a))));
    loss.backward();
    net.zero_grad();
    return loss;
  });
  step(x);
  const MemoryPlan plan = memory_plan(step, x);
  BOOST_TEST(plan.without_tape);
  BOOST_TEST(plan.result_bytes == 4u);
  BOOST_TEST(plan.gradient_bytes == 4u * (8 * 4 + 4));
  BOOST_TEST((plan.at_peak.at(0).kind == MemoryUse::Kind::block));
  const std::size_t products_and_tanh = 2 * 4 * 16 * 4;
  BOOST_TEST(plan.at_peak.at(0).bytes >= products_and_tanh);
  BOOST_TEST(plan.peak_bytes >= plan.at_peak.at(0).bytes + plan.gradient_bytes);
}

BOOST_AUTO_TEST_CASE(what_is_there_at_the_peak) {
  const auto x = normal<float>({200, 300}), w = normal<float>({300, 400});
  const auto f = compile([&](const Tensor<float>& a) { return sum(matmul(a, w)); });
  f(x);
  const MemoryPlan plan = memory_plan(f, x);
  BOOST_TEST(to_string(plan) ==
             "peak 320 kB at sum; results 4 bytes, gradients of leaves 0 bytes\n"
             "  320 kB  matmul (200, 400)\n"
             "  4 bytes  sum ()\n");
}

BOOST_AUTO_TEST_CASE(errors) {
  const auto f = compile([](const Tensor<float>& a) { return a * a; });
  test::check_failure<std::invalid_argument>(
      [&] { memory_plan(f, normal<float>({2})); },
      "memory_plan: there is no program for these arguments: call the function with them first");
}

BOOST_AUTO_TEST_CASE(peaks_are_counted) {
  const std::size_t requests = pool_statistics().system_allocations;
  {
    const PeakMemory all;
    {
      const auto a = Tensor<float>::filled({1000}, 1);
      const PeakMemory inner;
      const auto b = Tensor<float>::filled({500}, 1);
      BOOST_TEST((inner.bytes() >= 2000 && inner.bytes() < 3000));
    }
    const auto c = Tensor<float>::filled({100}, 1);
    BOOST_TEST((all.bytes() >= 6000 && all.bytes() < 8000));
  }
  BOOST_TEST(pool_statistics().system_allocations > requests);
}

BOOST_AUTO_TEST_SUITE_END()
