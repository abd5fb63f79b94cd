// Operations that say what they do on arrays, in programs without the tape.

#include "passes.hpp"
#include "tests/message.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/softmax.hpp"
#include "xgrad/optimizers/adam.hpp"

using namespace xgrad;
using namespace xgrad::test;

namespace {

template <class T>
std::vector<Case<T>> rows() {
  using X = const List<T>&;
  return {
      {"softmax", {{3, 4}}, [](X x) { return softmax(x[0], 1) * softmax(x[0], 0); }},
      {"softmax twice", {{3, 4}}, [](X x) { return softmax(softmax(x[0], 0) * T(3), -1); }},
      {"log_softmax", {{2, 5}}, [](X x) { return log_softmax(x[0] * T(4), -1) + x[0]; }},
      {"log_softmax of columns", {{5, 2, 3}}, [](X x) { return log_softmax(tanh(x[0]), 1); }},
  };
}

// The labels are the function's own: those of the first call.
template <class T>
std::vector<Case<T>> class_losses() {
  using X = const List<T>&;
  const Indices l = indices({4}, {0, 2, 1, 2}), gaps = indices({4}, {0, -100, 1, 2});
  const Indices images = indices({2, 3}, {0, 1, 2, 3, 2, 0});
  const Tensor<T> weight = Tensor<T>::from({3}, {1, 0.5, 3});
  return {
      {"cross_entropy", {{4, 3}}, [=](X x) { return cross_entropy(x[0], l) * T(2); }},
      {"of one sample", {{3}}, [](X x) { return cross_entropy(x[0], indices({}, {1})) * T(2); }},
      {"of a layer", {{4, 2}, {2, 3}}, [=](X x) { return cross_entropy(matmul(x[0], x[1]), l); }},
      {"twice", {{4, 3}}, [=](X x) { return cross_entropy(x[0], l) * cross_entropy(x[0], gaps); }},
      {"sum",
       {{4, 3}},
       [=](X x) { return cross_entropy(x[0] * T(30), l, {.reduction = Reduction::sum}); }},
      {"none",
       {{4, 3}},
       [=](X x) { return cross_entropy(x[0], gaps, {.reduction = Reduction::none}); }},
      {"weights",
       {{4, 3}},
       [=](X x) { return cross_entropy(x[0], gaps, {.weight = weight}) + mean(x[0]); }},
      {"of images", {{2, 4, 3}}, [=](X x) { return cross_entropy(sin(x[0]), images); }},
      {"batchmean of images",
       {{2, 4, 3}},
       [=](X x) { return cross_entropy(exp(x[0]), images, {.reduction = Reduction::batchmean}); }},
      {"nll", {{4, 3}}, [=](X x) { return nll_loss(log_softmax(x[0], 1), gaps) + sum(x[0]); }},
      {"nll of a leaf",
       {{4, 3}},
       [=](X x) { return nll_loss(x[0], l, {.weight = weight, .reduction = Reduction::none}); }},
  };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(on_arrays)

BOOST_AUTO_TEST_CASE_TEMPLATE(of_rows, T, Floats) { run(rows<T>()); }
BOOST_AUTO_TEST_CASE_TEMPLATE(of_classes, T, Floats) { run(class_losses<T>()); }

// No sample counts: NaN.
BOOST_AUTO_TEST_CASE(of_no_samples) {
  const Indices none = indices({2}, {-100, -100});
  same_passes<double>("none", {{2, 3}},
                      [&](const auto& x) { return cross_entropy(x[0] * 2.0, none); });
}

// A classifier, with new labels and numbers in each step.
BOOST_AUTO_TEST_CASE_TEMPLATE(classifiers, T, Floats) {
  const auto train = [](bool compiles, std::size_t batch) {
    Generator generator(3);
    auto net = Sequential<T>(Linear<T>(4, 9, {.generator = &generator}), Gelu<T>(),
                             Linear<T>(9, 5, {.generator = &generator}));
    Adam<T> optimizer(net.parameters(), {.learning_rate = 0.05});
    const auto step = [&](const Tensor<T>& x, const Indices& labels) {
      optimizer.zero_grad();
      const Tensor<T> loss = cross_entropy(net(x), labels);
      loss.backward();
      optimizer.step();
      return loss;
    };
    const auto compiled = compile(step);
    List<T> r;
    for (int i = 0; i < 8; ++i) {
      const Tensor<T> x = normal<T>({batch, 4}, 0, 1, generator);
      const Indices labels = random_integers({batch}, 0, 4, generator);
      r.push_back((compiles ? compiled(x, labels) : step(x, labels)).detach());
    }
    for (const auto& p : net.parameters()) r.push_back(p.tensor.detach());
    if (compiles) BOOST_TEST(compiled.statistics().without_tape == 7);
    return r;
  };
  for (const std::size_t batch : std::vector<std::size_t>{1, 8, 32})
    require_same(train(false, batch), train(true, batch), "steps");
}

// Labels are looked at in each call, and a call that fails leaves nothing behind.
BOOST_AUTO_TEST_CASE(wrong_labels) {
  const List<double> p = parameters<double>({{2, 3}});
  const auto compiled = compile([&](const Indices& labels) {
    Tensor<double>(p[0]).zero_grad();
    const auto loss = cross_entropy(p[0] * 2.0, labels);
    loss.backward();
    return loss;
  });
  for (int i = 0; i < 2; ++i) compiled(indices({2}, {0, 1}));
  check_failure<std::out_of_range>(
      [&] {
        compiled(indices({2}, {0, 3}));
      },
      "cross_entropy: label 3 at position 1 is not in [0, 3)");
  compiled(indices({2}, {2, 1}));
  BOOST_TEST(compiled.statistics().without_tape == 2);
  const List<double> q = parameters<double>({{2, 3}});
  cross_entropy(q[0] * 2.0, indices({2}, {2, 1})).backward();
  require_same(gradients(p), gradients(q), "after an error");
}

BOOST_AUTO_TEST_SUITE_END()
