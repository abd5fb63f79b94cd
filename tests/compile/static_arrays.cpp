// Operations that say what they do on arrays, in programs without the tape.

#include <limits>

#include "passes.hpp"
#include "tests/message.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/attention.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/attention.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/normalization.hpp"
#include "xgrad/ops/recurrent.hpp"
#include "xgrad/ops/regularization.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/softmax.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/sgd.hpp"

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

template <class T>
std::vector<Case<T>> reductions() {
  using X = const List<T>&;
  return {
      {"max", {{3, 4}}, [](X x) { return max(x[0], {1}) * max(tanh(x[0])); }},
      {"min, axes kept", {{2, 3}}, [](X x) { return min(x[0], 0, {.keep_dims = true}) * x[0]; }},
      {"ties", {{5}}, [](X x) { return max(x[0] - x[0]) * sum(x[0]); }},
      {"logsumexp", {{3, 4}}, [](X x) { return logsumexp(x[0] * T(9), 0) + logsumexp(x[0]); }},
      {"cumsum", {{3, 4}}, [](X x) { return cumsum(cumsum(x[0], 0), 1) * x[0]; }},
      {"prod", {{3, 4}}, [](X x) { return prod(x[0], 1) * prod(sin(x[0])); }},
      {"prod with a 0", {{4}}, [](X x) { return prod(x[0] * (x[0] - x[0])) + sum(x[0]); }},
      {"var", {{3, 4}}, [](X x) { return var(x[0], 1) * var(x[0] + T(1000)); }},
      {"stddev", {{3, 4}}, [](X x) { return stddev(x[0], 0) * stddev(exp(x[0])); }},
      {"norm", {{3, 4}}, [](X x) { return norm(x[0], 2, 1) * norm(x[0] * T(2)); }},
      {"norms out of range",
       {{3, 4}},
       [](X x) {
         const T tiny = std::numeric_limits<T>::min();
         return norm(x[0] * tiny, 2, 0) + norm(x[0] / tiny, 2, 0) * tiny + norm(x[0] - x[0], 2, 0);
       }},
      {"deviations out of range",
       {{3, 4}},
       [](X x) {
         const T tiny = std::numeric_limits<T>::min();
         return (stddev(x[0] * tiny, 0) / tiny + stddev(x[0] / tiny, 0) * tiny) * T(2);
       }},
      {"dot", {{5}, {5}}, [](X x) { return dot(x[0], x[1]) * dot(x[0] * x[0], x[1]); }},
  };
}

template <class T>
std::vector<Case<T>> lookups() {
  using X = const List<T>&;
  const Indices rows = indices({2, 2}, {3, 0, -1, 0}),
                of_each = indices({4, 2}, {0, 1, -1, 1, 2, 2, 0, 0});
  return {
      {"rows", {{4, 3}}, [=](X x) { return index_select(x[0], 0, rows) * T(2); }},
      {"rows of a layer",
       {{4, 3}},
       [=](X x) { return index_select(tanh(x[0]), 0, rows) * sum(x[0]); }},
      {"columns",
       {{2, 4, 3}},
       [=](X x) { return index_select(x[0], 1, rows) * index_select(x[0], 1, rows); }},
      {"gather",
       {{4, 3}},
       [=](X x) { return gather(x[0], 1, of_each) * gather(sin(x[0]), 1, of_each); }},
      {"a large table", {{3000, 2}}, [=](X x) { return index_select(x[0], 0, rows) * T(2); }},
  };
}

template <class T>
std::vector<Case<T>> normalizations() {
  using X = const List<T>&;
  return {
      {"layer_norm",
       {{3, 4}, {4}, {4}},
       [](X x) { return layer_norm(x[0], {4}, x[1], x[2]) * x[0]; }},
      {"layer_norm of a layer",
       {{3, 2}, {2, 4}, {4}},
       [](X x) { return layer_norm(matmul(x[0], x[1]), {4}, x[2]); }},
      {"layer_norm twice",
       {{3, 4}, {4}},
       [](X x) { return layer_norm(layer_norm(x[0], {4}, x[1], x[1] * T(2)), {4}, x[1]); }},
      {"rms_norm", {{3, 4}, {4}}, [](X x) { return rms_norm(x[0], {4}, x[1]) * T(2); }},
      {"group_norm",
       {{2, 4, 3}, {4}, {4}},
       [](X x) { return group_norm(x[0] * T(2), 2, x[1], x[2]); }},
      {"batch_norm", {{5, 3}, {3}, {3}}, [](X x) { return batch_norm(x[0] * T(2), x[1], x[2]); }},
  };
}

template <class T>
Tensor<T> lstm_steps(const List<T>& x, std::size_t steps) {
  LstmState<T> state{x[1], tanh(x[1])};
  for (std::size_t t = 0; t < steps; ++t)
    state = lstm_cell<T>(x[0], state, x[2], x[3], x.size() > 4 ? x[4] : Tensor<T>(), {});
  return state.h * state.c + sum(state.c);
}

template <class T>
Tensor<T> gru_steps(const List<T>& x, std::size_t steps) {
  Tensor<T> h = x[1];
  for (std::size_t t = 0; t < steps; ++t) h = gru_cell(x[0], h, x[2], x[3], x[4], x[5]);
  return h * h;
}

template <class T>
Tensor<T> rnn_steps(const List<T>& x, Nonlinearity f) {
  Tensor<T> h = x[1];
  for (int t = 0; t < 3; ++t) h = rnn_cell(x[0], h, x[2], x[3], x[4], x[4] * T(2), f);
  return h * h;
}

template <class T>
std::vector<Case<T>> cells() {
  using X = const List<T>&;
  return {
      {"gated", {{3, 4}, {3, 2}, {6, 4}, {6, 2}, {6}, {6}}, [](X x) { return gru_steps(x, 3); }},
      {"gated, one row",
       {{1, 4}, {1, 5}, {15, 4}, {15, 5}, {15}, {15}},
       [](X x) { return gru_steps(x, 2); }},
      {"gated without biases",
       {{3, 4}, {3, 2}, {6, 4}, {6, 2}},
       [](X x) { return gru_cell<T>(x[0], x[1], x[2], x[3], {}, {}) * T(2); }},
      {"plain",
       {{3, 4}, {3, 2}, {2, 4}, {2, 2}, {2}},
       [](X x) { return rnn_steps(x, Nonlinearity::tanh); }},
      {"plain with relu",
       {{3, 4}, {3, 2}, {2, 4}, {2, 2}, {2}},
       [](X x) { return rnn_steps(x, Nonlinearity::relu); }},
      {"a step", {{3, 4}, {3, 2}, {8, 4}, {8, 2}, {8}}, [](X x) { return lstm_steps(x, 1); }},
      {"steps", {{3, 4}, {3, 2}, {8, 4}, {8, 2}, {8}}, [](X x) { return lstm_steps(x, 4); }},
      {"of one row",
       {{1, 4}, {1, 7}, {28, 4}, {28, 7}, {28}},
       [](X x) { return lstm_steps(x, 3); }},
      {"without bias", {{3, 4}, {3, 2}, {8, 4}, {8, 2}}, [](X x) { return lstm_steps(x, 2); }},
      {"h alone",
       {{3, 4}, {3, 2}, {8, 4}, {8, 2}, {8}},
       [](X x) {
         return lstm_cell<T>(x[0], {x[1], x[1] * T(2)}, x[2], x[3], x[4], {}).h * T(2);
       }},
  };
}

template <class T>
std::vector<Case<T>> attentions() {
  using X = const List<T>&;
  const auto attend = [](X x, const AttentionOptions<T>& o) {
    return scaled_dot_product_attention(x[0], x[1], x[2], o);
  };
  const std::vector<Shape> shapes = {{2, 3, 4}, {2, 5, 4}, {2, 5, 2}};
  return {
      {"attention", shapes, [=](X x) { return attend(x, {}) * T(2); }},
      {"causal", shapes, [=](X x) { return attend(x, {.causal = true}) + mean(x[0]); }},
      {"of one head",
       {{3, 4}, {5, 4}, {5, 2}},
       [=](X x) { return attend(x, {.scale = 0.3}) * T(2); }},
      {"not finite", shapes,
       [=](X x) {
         return attend({x[0] / (x[0] - x[0]), x[1], x[2]}, {});
       }},
      {"a gradient that is not", shapes, [=](X x) { return attend(x, {.causal = true}) / T(0); }},
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

BOOST_AUTO_TEST_CASE_TEMPLATE(of_reductions, T, Floats) { run(reductions<T>()); }
BOOST_AUTO_TEST_CASE_TEMPLATE(of_lookups, T, Floats) { run(lookups<T>()); }
BOOST_AUTO_TEST_CASE_TEMPLATE(of_normalizations, T, Floats) { run(normalizations<T>()); }

BOOST_AUTO_TEST_CASE_TEMPLATE(of_cells, T, Floats) { run(cells<T>()); }

BOOST_AUTO_TEST_CASE_TEMPLATE(of_attention, T, Floats) { run(attentions<T>()); }

// A tiny transformer's layer.
BOOST_AUTO_TEST_CASE(of_heads) {
  const auto train = [](bool compiles) {
    Generator generator(3);
    default_generator().seed(3);
    MultiheadAttention<float> net(6, 2);
    Adam<float> optimizer(net.parameters(), {.learning_rate = 0.05});
    const auto step = [&](const Tensor<float>& x) {
      optimizer.zero_grad();
      const Tensor<float> loss = mean(square(net(x)));
      loss.backward();
      optimizer.step();
      return loss;
    };
    const auto compiled = compile(step);
    List<float> r;
    for (int i = 0; i < 4; ++i) {
      const auto x = normal<float>({2, 3, 6}, 0, 1, generator);
      r.push_back((compiles ? compiled(x) : step(x)).detach());
    }
    for (const auto& p : net.parameters()) r.push_back(p.tensor.detach());
    if (compiles) BOOST_TEST(compiled.statistics().without_tape == 3);
    return r;
  };
  require_same(train(false), train(true), "steps");
}

// Positions are looked at in each call.
BOOST_AUTO_TEST_CASE(new_positions) {
  const List<double> p = parameters<double>({{5, 2}}), q = parameters<double>({{5, 2}});
  const auto step = [](const List<double>& x, const Indices& at) {
    const auto loss = sum(square(index_select(x[0], 0, at)));
    loss.backward();
    return loss;
  };
  const auto compiled = compile([&](const Indices& at) { return step(q, at); });
  for (const std::int64_t i : {0, 4, -1, 2, -5}) {
    const Indices at = indices({3}, {i, 1, i});
    require_same<double>({step(p, at)}, {compiled(at)}, "loss");
    require_same(gradients(p), gradients(q), "gradients");
  }
  BOOST_TEST(compiled.statistics().without_tape == 4);
  check_failure<std::out_of_range>(
      [&] {
        compiled(indices({3}, {0, 5, 0}));
      },
      "index_select: index out of range: index(1) is 5, n 5");
}

// Where squares leave the range it is another operation: such a call is made with the tape, from the beginning.
BOOST_AUTO_TEST_CASE(numbers_out_of_the_ordinary) {
  const auto train = [](bool compiles) {
    const List<double> p = parameters<double>({{2, 4}, {4}});
    Sgd<double> optimizer({{"p", p[0]}, {"w", p[1]}}, {.learning_rate = 0.1, .momentum = 0.9});
    const auto step = [&](const Tensor<double>& scale) {
      optimizer.zero_grad();
      const auto loss = sum(exp(layer_norm(p[0] * scale, {4}, p[1], {}, {.eps = 0})));
      loss.backward();
      optimizer.step();
      return loss;
    };
    const auto compiled = compile(step);
    List<double> r;
    std::vector<std::size_t> without;
    for (const double scale : {1.0, 2.0, 1e-200, 3.0, 1e200, 1.0}) {
      r.push_back(
          (compiles ? compiled(Tensor<double>(scale)) : step(Tensor<double>(scale))).detach());
      without.push_back(compiled.statistics().without_tape);
    }
    if (compiles)
      BOOST_TEST(without == (std::vector<std::size_t>{0, 1, 1, 2, 2, 3}),
                 boost::test_tools::per_element());
    r.insert(r.end(), {p[0].detach(), p[1].detach(), p[0].gradient(), p[1].gradient()});
    return r;
  };
  require_same(train(false), train(true), "steps");
}

// Where random numbers were drawn before, it would be too late.
BOOST_AUTO_TEST_CASE(no_second_beginning) {
  const auto train = [](bool compiles) {
    Generator generator(7);
    const List<double> p = parameters<double>({{2, 4}});
    const auto step = [&] {
      const auto loss = sum(exp(layer_norm(dropout(p[0], 0.5, generator), {4})));
      loss.backward();
      return loss;
    };
    const auto compiled = compile(step);
    List<double> r;
    for (int i = 0; i < 4; ++i) r.push_back((compiles ? compiled() : step()).detach());
    if (compiles) BOOST_TEST(compiled.statistics().without_tape == 0);
    r.push_back(p[0].gradient());
    return r;
  };
  require_same(train(false), train(true), "steps");
}

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
