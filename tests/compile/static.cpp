// Programs of small tensors without the tape: losses and gradients of the function as it is, to the last bit.

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <functional>
#include <thread>
#include <tuple>

#include "passes.hpp"
#include "tests/autograd/helpers.hpp"
#include "tests/message.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/compile/compile.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/sgd.hpp"

using namespace xgrad;
using namespace xgrad::test;

namespace {

template <class T>
std::vector<Case<T>> products() {
  using X = const List<T>&;
  return {
      {"linear", {{3, 5}, {4, 5}, {4}}, [](X x) { return linear(x[0], x[1], x[2]); }},
      {"linear of one row", {{1, 5}, {4, 5}, {4}}, [](X x) { return linear(x[0], x[1], x[2]); }},
      {"linear of batches", {{2, 3, 5}, {4, 5}}, [](X x) { return linear(x[0], x[1]); }},
      {"matmul", {{3, 5}, {5, 4}}, [](X x) { return matmul(x[0], x[1]); }},
      {"matmul a^T b",
       {{5, 3}, {5, 4}},
       [](X x) {
         return matmul(x[0], x[1], {true, false});
       }},
      {"matmul a b^T",
       {{3, 5}, {4, 5}},
       [](X x) {
         return matmul(x[0], x[1], {false, true});
       }},
      {"matmul a^T b^T",
       {{5, 3}, {4, 5}},
       [](X x) {
         return matmul(x[0], x[1], {true, true});
       }},
      {"matmul of batches", {{2, 3, 5}, {2, 5, 4}}, [](X x) { return matmul(x[0], x[1]); }},
      {"a matrix with itself",
       {{4, 5}},
       [](X x) {
         return matmul(x[0], x[0], {false, true});
       }},
      {"a square with itself", {{4, 4}}, [](X x) { return matmul(x[0], x[0]); }},
  };
}

template <class T>
std::vector<Case<T>> movements() {
  using X = const List<T>&;
  return {
      {"slice", {{4, 6}}, [](X x) { return slice(x[0], 1, 1, 4) * slice(x[0], 1, 2, 5); }},
      {"slice with steps",
       {{7}},
       [](X x) {
         return slice(x[0], 0, Slice{{}, {}, -2});
       }},
      {"select", {{4, 6}}, [](X x) { return select(x[0], 0, 2) + select(x[0], 0, -1); }},
      {"split", {{3, 8}}, [](X x) { return split(x[0], 4, 1)[1] * split(x[0], 4, 1)[3]; }},
      {"permute",
       {{2, 3, 4}},
       [](X x) {
         return permute(x[0], {2, 0, 1}) * T(2);
       }},
      {"flip", {{2, 5}}, [](X x) { return flip(x[0], {1}) * x[0]; }},
      {"pad",
       {{2, 3}},
       [](X x) {
         return pad(x[0], {{1, 0}, {2, 1}}, T(0.5));
       }},
      {"concat",
       {{2, 3}, {2, 1}},
       [](X x) {
         return concat({x[0], x[1], x[0]}, 1);
       }},
      {"stack",
       {{2, 3}, {2, 3}},
       [](X x) {
         return stack({x[0], x[1], x[1]}, 1);
       }},
      {"reshape",
       {{2, 6}},
       [](X x) {
         return reshape(x[0], {3, 4}) * reshape(x[0], {3, 4});
       }},
      {"sum", {{3, 4, 2}}, [](X x) { return sum(x[0], {1}) * mean(x[0], {1}); }},
      {"mean of all", {{3, 5}}, [](X x) { return mean(tanh(x[0])); }},
      {"kept axes", {{3, 5}}, [](X x) { return sin(x[0]) - mean(x[0], {0}, {.keep_dims = true}); }},
      {"broadcast_to",
       {{1, 3}, {4, 3}},
       [](X x) {
         return broadcast_to(x[0], {4, 3}) * x[1];
       }},
  };
}

template <class T>
std::vector<Case<T>> formulas() {
  using X = const List<T>&;
  return {
      {"bias", {{3, 4}, {4}}, [](X x) { return tanh(tanh(x[0]) + x[1]); }},
      {"bias of one row", {{1, 4}, {4}}, [](X x) { return tanh(tanh(x[0]) + x[1]); }},
      {"less a bias", {{3, 4}, {4}}, [](X x) { return tanh(tanh(x[0]) - x[1]); }},
      {"a bias less", {{3, 4}, {4}}, [](X x) { return x[1] - tanh(x[0]); }},
      {"a factor", {{3, 5}, {}}, [](X x) { return x[1] * sin(x[0]) / (square(x[1]) + T(1)); }},
      {"rows times", {{1, 5}, {5}}, [](X x) { return sin(x[0]) * x[1]; }},
      {"twice in a sum", {{5}}, [](X x) { return x[0] + x[0]; }},
      {"twice in a difference", {{5}, {5}}, [](X x) { return (x[0] - x[0]) * x[1] + x[0]; }},
      {"twice in a product", {{5}}, [](X x) { return x[0] * x[0] * sin(x[0]); }},
      {"three operands", {{5}, {5}}, [](X x) { return where(x[0] > T(0), x[0], x[1]) * x[0]; }},
      {"kinks", {{6}}, [](X x) { return relu(x[0]) + abs(x[0]) * maximum(x[0], T(0)); }},
      {"a negative sum", {{4}, {4}}, [](X x) { return -(x[0] + x[1]) - exp(x[0]); }},
  };
}

// Formulas and no end, of three sizes: as many clusters as it takes.
template <class T>
Tensor<T> chain(const List<T>& x) {
  Tensor<T> y = x[2];
  for (int i = 0; i < 60; ++i) y = tanh(x[0] * y + x[1]);
  return y;
}

template <class T>
Tensor<T> lstm_of_formulas(const List<T>& x) {
  Tensor<T> h = Tensor<T>::filled({2, 3}, 0), c = h;
  for (int t = 0; t < 4; ++t) {
    const Tensor<T> z = matmul(x[0], x[1]) + matmul(h, x[2]) + x[3];
    const List<T> part = split(z, 4, 1);
    c = sigmoid(part[1]) * c + sigmoid(part[0]) * tanh(part[2]);
    h = sigmoid(part[3]) * tanh(c);
  }
  return h;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(without_the_tape)

BOOST_AUTO_TEST_CASE_TEMPLATE(of_products, T, Floats) { run(products<T>()); }
BOOST_AUTO_TEST_CASE_TEMPLATE(of_movements, T, Floats) { run(movements<T>()); }
BOOST_AUTO_TEST_CASE_TEMPLATE(of_formulas, T, Floats) { run(formulas<T>()); }

BOOST_AUTO_TEST_CASE_TEMPLATE(of_long_chains, T, Floats) {
  for (const std::size_t n : std::vector<std::size_t>{1, 16, 33, 100})
    same_passes<T>("chain", {{n}, {n}, {n}}, chain<T>);
  same_passes<T>("chain of numbers", {{}, {}, {}}, chain<T>);
  same_passes<T>("lstm", {{2, 5}, {5, 12}, {3, 12}, {12}}, lstm_of_formulas<T>);
}

// 0 wins over an infinite slope.
BOOST_AUTO_TEST_CASE(of_infinite_slopes) {
  const auto f = [](const List<double>& x) {
    const D zero = x[0] - x[0];
    return sum(sqrt(zero) * zero + x[1] * sqrt(relu(x[0])) * 0.0);
  };
  same_passes<double>("slopes", {{5}, {5}}, f);
}

BOOST_AUTO_TEST_CASE(gradients_that_are_asked_for) {
  const auto f = [](const D& x, const D& w) {
    const D h = tanh(matmul(x, w)), y = h * h;
    List<double> r = grad<double>({y}, {w, h, x}, {}, {D::filled(y.shape(), 0.5)});
    r.push_back(y.detach());
    return r;
  };
  const auto compiled = compile(f);
  const List<double> p = parameters<double>({{3, 4}, {4, 2}});
  for (int i = 0; i < 3; ++i) require_same(f(p[0], p[1]), compiled(p[0], p[1]), "grad");
  BOOST_TEST(compiled.statistics().without_tape == 2);
  BOOST_TEST(!p[0].gradient().defined());
}

BOOST_AUTO_TEST_CASE(without_gradients) {
  const List<double> p = parameters<double>({{3, 4}, {4, 2}});
  const auto f = [&] { return tanh(matmul(p[0], p[1])) + 1.0; };
  const auto compiled = compile(f);
  const NoGrad guard;
  for (int i = 0; i < 3; ++i) require_same<double>({f()}, {compiled()}, "forward");
  BOOST_TEST(compiled.statistics().without_tape == 2);
}

// Weights move between calls; what the step reads after the optimizer is new.
BOOST_AUTO_TEST_CASE(whole_steps) {
  const auto train = [](bool compiles) {
    Generator generator(3);
    auto net = Sequential<float>(Linear<float>(2, 5, {.generator = &generator}), Tanh<float>(),
                                 Linear<float>(5, 1, {.generator = &generator}));
    Adam<float> optimizer(net.parameters(), {.learning_rate = 0.05});
    const auto x = normal<float>({7, 2}, 0, 1, generator),
               y = normal<float>({7, 1}, 0, 1, generator);
    const auto step = [&](const Tensor<float>& in, const Tensor<float>& out) {
      optimizer.zero_grad();
      const Tensor<float> loss = mean(square(net(in) - out));
      loss.backward();
      optimizer.step();
      return std::vector{loss, sum(square(net.parameters()[0].tensor.detach()))};
    };
    const auto compiled = compile(step);
    List<float> r;
    for (int i = 0; i < 6; ++i) {
      for (const auto& t : compiles ? compiled(x, y) : step(x, y)) r.push_back(t.detach());
    }
    for (const auto& p : net.parameters()) r.push_back(p.tensor.detach());
    if (compiles) BOOST_TEST(compiled.statistics().without_tape == 5);
    return r;
  };
  require_same(train(false), train(true), "steps");
}

// What its loss is cannot be differentiated once more.
BOOST_AUTO_TEST_CASE(a_loss_whose_graph_is_gone) {
  const List<double> p = parameters<double>({{3}});
  const auto compiled = compile([&] {
    const D loss = sum(p[0] * p[0]);
    loss.backward();
    return loss;
  });
  compiled();
  const D loss = compiled();
  BOOST_TEST(compiled.statistics().without_tape == 1);
  BOOST_TEST(loss.requires_grad());
  BOOST_CHECK_EXCEPTION(loss.backward(), std::logic_error, [](const std::exception& e) {
    return std::string(e.what()).find("was released by an earlier backward pass") !=
           std::string::npos;
  });
}

// These take the steps that record.
BOOST_AUTO_TEST_CASE(what_needs_the_tape) {
  const List<double> p = parameters<double>({{3}, {3}});
  const auto step = [&] {
    const D loss = sum(p[0] * sin(p[1]));
    loss.backward();
    return loss;
  };
  const auto compiled = compile(step);
  const auto runs_without = [&] {
    const std::size_t before = compiled.statistics().without_tape;
    compiled();
    return compiled.statistics().without_tape - before == 1;
  };
  compiled();
  BOOST_TEST(runs_without());
  int seen = 0;
  const std::size_t hook = D(p[0]).register_hook([&](const D& g) {
    ++seen;
    return g;
  });
  BOOST_TEST(!runs_without());
  BOOST_TEST(seen == 1);
  D(p[0]).remove_hook(hook);
  BOOST_TEST(runs_without());
  {
    const detail::OperationLog<double> log;
    BOOST_TEST(!runs_without());
    BOOST_TEST(log.operations().size() == 3);
  }
  bool elsewhere = true;
  std::thread([&] { elsewhere = runs_without(); }).join();
  BOOST_TEST(!elsewhere);  // the leaves are not its own
}

// An argument that is no leaf, and one that is.
BOOST_AUTO_TEST_CASE(arguments) {
  const List<double> p = parameters<double>({{3}, {3}});
  const auto step = [](const D& x) {
    const D loss = sum(x * sin(x));
    loss.backward();
    return loss;
  };
  const auto compiled = compile(step);
  for (int i = 0; i < 3; ++i) {
    step(p[0] * 2.0);
    compiled(p[1] * 2.0);
    D(p[1]).zero_grad();
    D(p[0]).zero_grad();
    step(p[0]);
    D other = p[0].detach().clone();
    compiled(parameter(other));
  }
  const D a = parameter(p[0].detach().clone()), b = parameter(p[0].detach().clone());
  step(a * 2.0);
  compiled(b * 2.0);
  BOOST_TEST(same_bits(a.gradient(), b.gradient()));
  step(a);
  compiled(b);
  BOOST_TEST(same_bits(a.gradient(), b.gradient()));
}

// What shares the memory of a parameter shows what the optimizer wrote, and a view the numbers of what it shows.
BOOST_AUTO_TEST_CASE(shared_memory) {
  const auto train = [](bool compiles) {
    const D p = parameters<double>({{3}})[0];
    Sgd<double> optimizer({{"p", p}}, {.learning_rate = 0.1});
    const auto step = [&] {
      optimizer.zero_grad();
      const D alias = p.detach(), view = reshape(alias, {3, 1}), before = sin(view) + 1.0;
      sum(p * p).backward();
      optimizer.step();
      return List<double>{before, sin(alias) + 1.0, sin(view) + 1.0};
    };
    const auto compiled = compile(step);
    List<double> r;
    for (int i = 0; i < 3; ++i) {
      for (const D& t : compiles ? compiled() : step()) r.push_back(t);
    }
    if (compiles) BOOST_TEST(compiled.statistics().without_tape == 2);
    return r;
  };
  require_same(train(false), train(true), "shared");
  const auto views = compile([](const D& x) {
    const D y = tanh(x) * 2.0;
    return List<double>{y, reshape(y, {3, 1}), reshape(y, {1, 3}) + 1.0};
  });
  const D x = D::from({3}, {1, 2, 3});
  for (int i = 0; i < 2; ++i) {
    const List<double> y = views(x);
    BOOST_TEST(y[0].data() == y[1].data());
  }
  BOOST_TEST(views.statistics().without_tape == 1);
}

// The argument is not used any more where the loss, whose graph ends at it, is made.
BOOST_AUTO_TEST_CASE(a_loss_that_outlives_its_argument) {
  const auto f = [](const D& x) {
    const D h = tanh(x), apart = h.detach(), loss = sum(h * h);
    return List<double>{loss, apart, grad<double>({loss}, {h})[0]};
  };
  const auto compiled = compile(f);
  for (int i = 0; i < 3; ++i) {
    const D x = parameter(D::from({3}, {1.0 + i, 2, 3}));
    require_same(f(x), compiled(x), "results");
  }
  BOOST_TEST(compiled.statistics().without_tape == 2);
}

// One leaf has a gradient, the other one has none.
BOOST_AUTO_TEST_CASE(some_gradients_are_there) {
  const List<double> p = parameters<double>({{3}, {5}}), q = parameters<double>({{3}, {5}});
  const auto step = [](const List<double>& x) {
    const D loss = sum(exp(x[0])) * sum(sin(x[1]));
    loss.backward();
    return loss;
  };
  const auto compiled = compile([&] { return step(q); });
  step(p);
  compiled();
  D(p[0]).zero_grad();
  D(q[0]).zero_grad();
  step(p);
  compiled();
  require_same(gradients(p), gradients(q), "gradients");
  BOOST_TEST(compiled.statistics().without_tape == 1);
}

BOOST_AUTO_TEST_CASE(in_several_threads) {
  const auto f = [](const D& x) { return grad<double>({sum(tanh(x * x) * sin(x))}, {x})[0]; };
  const auto compiled = compile(f);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  compiled(parameter(D::filled({40}, 0.1)));
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const D x = parameter(D::filled({40}, 0.1 * t + 0.01 * i));
        wrong += !same_bits(f(x), compiled(x));
      }
    });
  }
  for (auto& t : threads) t.join();
  BOOST_TEST(wrong == 0);
  BOOST_TEST(compiled.statistics().without_tape == 200);
}

BOOST_AUTO_TEST_SUITE_END()
