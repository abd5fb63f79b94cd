// compile: results, gradients and changes of state of the function as it is, to the last bit.

#include "xgrad/compile/compile.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>

#include "tests/autograd/helpers.hpp"
#include "tests/message.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/compile/fusion_group.hpp"
#include "xgrad/kernels/isa.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/clipping.hpp"
#include "xgrad/optimizers/sgd.hpp"

using namespace xgrad;
using namespace xgrad::test;

namespace {

template <class T = double>
Tensor<T> numbers(const Shape& shape, std::uint64_t seed) {
  Generator generator(seed);
  return parameter(normal<T>(shape, 0, 1, generator));
}

template <class T>
std::vector<T> list(const Tensor<T>& x) {
  return {x.data(), x.data() + x.size()};
}

template <class T>
void same(const Tensor<T>& a, const Tensor<T>& b) {
  BOOST_TEST(to_string(a.shape()) == to_string(b.shape()));
  BOOST_TEST(list(a) == list(b), boost::test_tools::per_element());
}

// Derivatives of second order are added up in another order.
void about_the_same(const auto& a, const auto& b) {
  BOOST_TEST(to_string(a.shape()) == to_string(b.shape()));
  for (std::size_t i = 0; i < a.size(); ++i)
    BOOST_TEST(a.data()[i] == b.data()[i],
               boost::test_tools::tolerance(sizeof(a.data()[i]) == 4 ? 1e-4 : 1e-12));
}

auto says(std::string text) {
  return [text = std::move(text)](const std::exception& e) {
    BOOST_TEST_INFO(e.what());
    BOOST_TEST(std::string(e.what()).find(text) != std::string::npos);
    return std::string(e.what()).find(text) != std::string::npos;
  };
}

// Value, gradients, and gradients of gradients of f and of g, a function that is f compiled.
template <class T, class F, class G>
void same_derivatives(const F& f, const G& g, const std::vector<Tensor<T>>& x) {
  struct Derivatives {
    Tensor<T> y;
    std::vector<Tensor<T>> first, second;
  };
  const auto derivatives = [&](const auto& h) {
    Derivatives d{h(x), {}, {}};
    Generator generator(9);
    const Tensor<T> seed = normal<T>(d.y.shape(), 0, 1, generator);
    d.first = grad<T>({d.y}, x, {.retain_graph = true, .allow_unused = true}, {seed});
    Tensor<T> total(0);
    for (const auto& g1 : grad<T>({d.y}, x, {.create_graph = true, .allow_unused = true}, {seed}))
      if (g1.defined()) total = total + sum(square(g1));
    if (total.requires_grad()) d.second = grad<T>({total}, x, {.allow_unused = true});
    return d;
  };
  const Derivatives a = derivatives(f), b = derivatives(g);
  same(a.y, b.y);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (a.first[i].defined()) same(a.first[i], b.first[i]);
    BOOST_TEST(a.first[i].defined() == b.first[i].defined());
  }
  BOOST_REQUIRE_EQUAL(a.second.size(), b.second.size());
  for (std::size_t i = 0; i < a.second.size(); ++i)
    if (a.second[i].defined()) about_the_same(a.second[i], b.second[i]);
}

// f on the numbers of several seeds, compiled once.
template <class T = double, class F>
CompileStatistics same_as_compiled(const F& f, const std::vector<Shape>& shapes) {
  const auto compiled = compile(f);
  for (std::uint64_t round = 0; round < 3; ++round) {
    std::vector<Tensor<T>> x;
    for (std::size_t i = 0; i < shapes.size(); ++i)
      x.push_back(numbers<T>(shapes[i], 10 * round + i));
    same_derivatives<T>(f, compiled, x);
  }
  const CompileStatistics s = compiled.statistics();
  BOOST_TEST(s.recorded == 1);
  BOOST_TEST(s.run == 2);
  BOOST_TEST(s.why_called == "");
  return s;
}

using List = std::vector<Tensor<double>>;

// Small arrays, fused nevertheless.
struct Fused : NothingLeft {
  detail::FuseAlways always;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(compiled_functions, Fused)

BOOST_AUTO_TEST_CASE(formulas) {
  same_as_compiled([](const List& x) { return tanh(x[0] * x[1] + x[0]) * 2; }, {{5, 7}, {5, 7}});
  same_as_compiled([](const List& x) { return exp(x[0]) / (1 + exp(-x[0] * x[1])); }, {{40}, {40}});
  same_as_compiled<float>(
      [](const std::vector<Tensor<float>>& x) {
        const auto u = 0.7978845608F * (x[0] + 0.044715F * x[0] * x[0] * x[0]);
        return 0.5F * x[0] * (1 + tanh(u));
      },
      {{1000}});
}
BOOST_AUTO_TEST_CASE(broadcast_operands) {
  same_as_compiled([](const List& x) { return square(x[0] - x[1]) * sigmoid(x[0] + x[2]); },
                   {{4, 6}, {6}, {4, 1}});
  const D scale = D::from({2, 3, 4});
  same_as_compiled([&](const List& x) { return relu(x[0] * scale) + square(x[0]); }, {{5, 3}});
}
BOOST_AUTO_TEST_CASE(a_value_used_in_and_outside_of_a_group) {
  same_as_compiled(
      [](const List& x) {
        const D u = tanh(x[0] * 3);
        const D v = u * u + x[1];
        return sum(v * exp(u), 0) + sum(x[0] * v, 0);
      },
      {{6, 5}, {6, 5}});
}
BOOST_AUTO_TEST_CASE(the_same_tensor_twice) {
  const auto f = [](const List& x) { return sigmoid(x[0] * x[1]) + x[0] * x[1] * x[1]; };
  const auto compiled = compile(f);
  const D a = numbers({8}, 1), b = numbers({8}, 2);
  const auto call = [&](const List& x) { return compiled(x); };
  same_derivatives<double>(f, call, {a, b});
  same_derivatives<double>(f, call, {a, a});
  same_derivatives<double>(f, call, {b, a});
  BOOST_TEST(compiled.statistics().recorded == 1);
}
BOOST_AUTO_TEST_CASE(products_and_reductions) {
  same_as_compiled(
      [](const List& x) { return sum(tanh(matmul(x[0], x[1]) * 0.5) * 2, 1) + mean(x[0]); },
      {{4, 3}, {3, 5}});
}
BOOST_AUTO_TEST_CASE(a_tensor_that_the_function_holds) {
  const D w = numbers({5}, 3);
  const auto f = [&](const D& x) { return exp(x * w) * w; };
  const auto compiled = compile(f);
  for (int i = 0; i < 3; ++i) {
    const D x = numbers({5}, 20 + static_cast<std::uint64_t>(i));
    same(f(x), compiled(x));
    D leaf = w;
    leaf.zero_grad();
    sum(f(x)).backward();
    const D expected = w.gradient().clone();
    leaf.zero_grad();
    sum(compiled(x)).backward();
    same(expected, w.gradient());
    leaf.mutable_data()[2] += 1;  // numbers are read anew
  }
  BOOST_TEST(compiled.statistics().run == 5);
  D leaf = w;
  leaf.zero_grad();
}
BOOST_AUTO_TEST_CASE(another_tensor_in_its_place) {
  D w = numbers({5}, 3);
  const auto compiled = compile([&](const D& x) { return x * w + 1; });
  const D x = numbers({5}, 4);
  same(compiled(x), x * w + 1);
  w = numbers({5}, 5);
  same(compiled(x), x * w + 1);
  BOOST_TEST(compiled.statistics().recorded == 2);
}
BOOST_AUTO_TEST_CASE(another_tensor_in_the_place_of_one_in_several_programs) {
  D w = numbers({1}, 3);
  const auto f = [&](const D& x) { return x * w + 1; };
  const auto compiled = compile(f);
  const auto too = compile([&](const D& v) { return exp(w) * v; });
  const D x = numbers({5}, 4), y = numbers({6}, 5);
  for (int i = 0; i < 3; ++i) {
    same(compiled(x), f(x));
    same(compiled(y), f(y));
    same(too(x), exp(w) * x);
    w = numbers({1}, 6 + static_cast<std::uint64_t>(i));
  }
}
// Descent by hand: the last step's graph still holds the tensor that was replaced.
BOOST_AUTO_TEST_CASE(another_tensor_in_its_place_in_each_step) {
  D w = numbers({5}, 3);
  const D x = numbers({5}, 4);
  const auto f = [&](const D& at) { return sum(square(at * w - 1)); };
  const auto compiled = compile(f);
  D loss;
  for (int i = 0; i < 4; ++i) {
    loss = compiled(x);
    same(loss, f(x));
    w = parameter(w - 0.1 * grad(loss, w, {.retain_graph = true}));
  }
  BOOST_TEST(compiled.statistics().recorded == 4);
  BOOST_TEST(compiled.statistics().programs == 1);  // those of replaced tensors are gone
}
BOOST_AUTO_TEST_CASE(a_state_to_begin_with) {
  const D start = numbers({4}, 1);
  const auto f = [&](const D& x) {
    D y = start;
    for (int i = 0; i < 3; ++i) y = tanh(y * x + 1);
    return y;
  };
  List expected;
  for (std::uint64_t i = 0; i < 3; ++i) expected.push_back(f(numbers({4}, i)));
  const auto compiled = compile(f);
  for (std::uint64_t i = 0; i < 3; ++i) same(compiled(numbers({4}, i)), expected[i]);
  BOOST_TEST(compiled.statistics().recorded == 1);
}
BOOST_AUTO_TEST_CASE(an_argument_that_it_holds_as_well) {
  const D w = numbers({3}, 1), x = numbers({3}, 2);
  const auto f = [&](const D& v) { return v * exp(w); };
  const auto compiled = compile(f);
  same(compiled(w), f(w));
  same(compiled(x), f(x));
}
BOOST_AUTO_TEST_CASE(results_of_all_kinds) {
  const auto f = [](const D& a, const std::vector<D>& b) {
    return std::tuple{a + b[0], std::vector<D>{b[1] * a, a}, std::pair{D(3), exp(a)}};
  };
  const auto compiled = compile(f);
  for (std::uint64_t i = 0; i < 2; ++i) {
    const D a = numbers({3}, i), b = numbers({3}, 7 + i), c = numbers({3}, 9 + i);
    const auto [s, l, p] = compiled(a, std::vector<D>{b, c});
    same(s, a + b);
    same(l[0], c * a);
    same(l[1], a);
    same(p.second, exp(a));
    BOOST_TEST(p.first.item() == 3);
    D changed = p.first;
    changed.mutable_data()[0] = 4;  // not the program's
  }
  BOOST_TEST(compiled.statistics().run == 1);
  BOOST_CHECK(sum(std::get<1>(compiled(D(1), std::vector<D>{D(2), D(3)}))[0]).item() == 3);
  BOOST_TEST(compiled.statistics().recorded == 2);
}
BOOST_AUTO_TEST_CASE(both_types) {
  const auto f = [](const Tensor<float>& x, const D& y) {
    return (exp(x) * 2).to<double>() * y + tanh(y * y);
  };
  const auto compiled = compile(f);
  for (std::uint64_t i = 0; i < 3; ++i) {
    const auto x = numbers<float>({4}, i);
    const D y = numbers({4}, 5 + i);
    const D a = f(x, y), b = compiled(x, y);
    same(a, b);
    same(grad(sum(a), y), grad(sum(b), y));
    sum(f(x, y)).backward();
    const Tensor<float> expected = x.gradient().clone();
    Tensor<float>(x).zero_grad();
    sum(compiled(x, y)).backward();
    same(expected, x.gradient());
    Tensor<float>(x).zero_grad();
    D(y).zero_grad();
  }
}
BOOST_AUTO_TEST_CASE(other_shapes_and_modes) {
  const auto f = [](const D& x) { return tanh(x) * 2 + 1; };
  const auto compiled = compile(f);
  same(compiled(numbers({3}, 1)), f(numbers({3}, 1)));
  same(compiled(numbers({4}, 1)), f(numbers({4}, 1)));
  {
    const NoGrad guard;
    const D y = compiled(numbers({3}, 1));
    same(y, f(numbers({3}, 1)));
    BOOST_TEST(!y.requires_grad());
  }
  same(compiled(D::filled({3}, 2)), f(D::filled({3}, 2)));
  BOOST_TEST(compiled.statistics().recorded == 4);
  same(compiled(numbers({4}, 2)), f(numbers({4}, 2)));
  BOOST_TEST(compiled.statistics().run == 1);
}
BOOST_AUTO_TEST_CASE(the_tape_off_and_on_inside) {
  const auto off = [](const List& x) {
    D m;
    {
      const NoGrad none;
      m = tanh(x[0] * 3) + sum(matmul(x[0], x[0]));
    }
    return m * x[0];
  };
  same_as_compiled(off, {{3, 3}});
  const auto on = [](const D& x) {
    const EnableGrad recording;
    return grad(sum(x * x * x), x);
  };
  const auto compiled = compile(on);
  const NoGrad none;
  for (std::uint64_t i = 0; i < 3; ++i) same(compiled(numbers({4}, i)), on(numbers({4}, i)));
  BOOST_TEST(compiled.statistics().run == 2);
}
BOOST_AUTO_TEST_CASE(as_many_programs_as_the_limit) {
  const auto compiled = compile([](const D& x) { return x + 1; }, {.cache_limit = 2});
  for (const std::size_t n : {1U, 2U, 1U, 3U, 1U, 2U}) compiled(D::filled({n}, 1));
  const CompileStatistics s = compiled.statistics();
  BOOST_TEST(s.programs == 2);
  BOOST_TEST(s.recorded == 4);
  BOOST_TEST(s.run == 2);
  BOOST_TEST(s.dropped == 2);
  BOOST_CHECK_EXCEPTION(compile([](const D& x) { return x; }, {.cache_limit = 0}),
                        std::invalid_argument, says("cache_limit is 0"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(compiled_state, Fused)

BOOST_AUTO_TEST_CASE(random_numbers_are_new_ones) {
  Generator one(4), two(4);
  const auto f = [](const D& x, Generator& g) {
    return dropout(x, 0.5, g) + normal<double>(x.shape(), 0, 1, g);
  };
  const auto compiled = compile([&](const D& x) { return f(x, two); });
  const D x = numbers({50}, 1);
  for (int i = 0; i < 4; ++i) same(f(x, one), compiled(x));
  BOOST_TEST(compiled.statistics().run == 3);
  BOOST_CHECK(one.state() == two.state());
}
BOOST_AUTO_TEST_CASE(the_default_generator_is_the_one_of_the_call) {
  const auto compiled = compile([](const D& x) { return dropout(x, 0.5) * 2; });
  const D x = numbers({50}, 1);
  Generator a(1), b(1);
  for (int i = 0; i < 3; ++i) {
    const D expected = [&] {
      const GeneratorScope scope(a);
      return dropout(x, 0.5) * 2;
    }();
    const GeneratorScope scope(b);
    same(expected, compiled(x));
  }
}
BOOST_AUTO_TEST_CASE(modes_of_modules) {
  Dropout<double> drop(0.5);
  Generator a(1), b(1);
  const auto f = [&](const D& x) { return drop(x) * 3; };
  const auto compiled = compile(f);
  const D x = numbers({50}, 1);
  for (const bool training : {true, false, true, false}) {
    drop.train(training);
    const D expected = [&] {
      const GeneratorScope scope(a);
      return f(x);
    }();
    const GeneratorScope scope(b);
    same(expected, compiled(x));
  }
  BOOST_TEST(compiled.statistics().recorded == 2);
}
BOOST_AUTO_TEST_CASE(running_statistics_move) {
  BatchNorm<double> a(3), b(3);
  const auto compiled = compile([&](const D& x) { return b(x) * 2; });
  for (std::uint64_t i = 0; i < 4; ++i) {
    const D x = numbers({6, 3}, i);
    same(a(x) * 2, compiled(x));
    same(a.running_var, b.running_var);
    same(a.running_mean, b.running_mean);
  }
  BOOST_TEST(a.num_batches_tracked.item() == b.num_batches_tracked.item());
  BOOST_TEST(compiled.statistics().run == 3);
}

namespace {
struct Net : Module<double> {
  Linear<double>& first = add<Linear<double>>("first", 4, 8);
  BatchNorm<double>& norm = add<BatchNorm<double>>("norm", 8);
  Dropout<double>& drop = add<Dropout<double>>("drop", 0.3);
  Linear<double>& second = add<Linear<double>>("second", 8, 3);
  D forward(const D& x) override { return second(drop(tanh(norm(first(x)) * 2 + 1))); }
};
}  // namespace

BOOST_AUTO_TEST_CASE(whole_steps) {
  manual_seed(3);
  Net one, two;
  two.copy_state(one);
  Adam<double> a(one.parameters(), {.learning_rate = 0.01}),
      b(two.parameters(), {.learning_rate = 0.01});
  const auto step = [](Net& net, Adam<double>& optimizer, const D& x, const Indices& labels) {
    optimizer.zero_grad();
    const D loss = cross_entropy(net(x), labels);
    loss.backward();
    clip_grad_norm(net.parameters(), 0.1);
    optimizer.step();
    return loss;
  };
  const auto compiled =
      compile([&](const D& x, const Indices& labels) { return step(two, b, x, labels); });
  Generator draws_one(5), draws_two(5);
  for (std::uint64_t i = 0; i < 6; ++i) {
    const D x = numbers({10, 4}, i).detach();
    Generator labels_from(i);
    const Indices labels = random_integers({10}, 0, 3, labels_from);
    const D expected = [&] {
      const GeneratorScope scope(draws_one);
      return step(one, a, x, labels);
    }();
    const GeneratorScope scope(draws_two);
    same(expected, compiled(x, labels));
  }
  BOOST_TEST(compiled.statistics().why_called == "");
  BOOST_TEST(compiled.statistics().recorded == 1);
  BOOST_TEST(compiled.statistics().run == 5);
  const auto p = one.parameters(), q = two.parameters();
  for (std::size_t i = 0; i < p.size(); ++i) same(p[i].tensor, q[i].tensor);
  one.zero_grad();
  two.zero_grad();
}
BOOST_AUTO_TEST_CASE(gradients_inside) {
  const auto f = [](const D& x) {
    const D y = sum(exp(x * 2) * x);
    return grad({y}, {x}, {.create_graph = x.requires_grad()})[0] * 3;
  };
  const auto compiled = compile(f);
  for (std::uint64_t i = 0; i < 3; ++i) {
    const D x = numbers({5}, i);
    const D a = f(x), b = compiled(x);
    same(a, b);
    same(grad(sum(a), x), grad(sum(b), x));
  }
  BOOST_TEST(compiled.statistics().run == 2);
}
BOOST_AUTO_TEST_CASE(gradients_that_a_pass_left) {
  const auto f = [](D x) {
    x.zero_grad();
    sum(exp(x) * x).backward();
    return x.gradient() * 2;
  };
  const auto compiled = compile(f);
  for (std::uint64_t i = 0; i < 3; ++i) {
    D x = numbers({5}, i), y = x.clone();
    y.requires_grad_();
    same(f(x), compiled(y));
    same(x.gradient(), y.gradient());
  }
  BOOST_TEST(compiled.statistics().run == 2);
}

namespace {
// What f() leaves in y and in the gradients of the leaves.
template <class F>
std::vector<D> left_by(const F& f, std::vector<D> leaves) {
  for (D& leaf : leaves) leaf.zero_grad();
  std::vector<D> r{f()};
  for (const D& leaf : leaves) r.push_back(leaf.gradient().clone());
  for (D& leaf : leaves) leaf.zero_grad();
  return r;
}
template <class F>
std::vector<std::vector<D>> three_steps(const F& f, const std::vector<D>& leaves) {
  std::vector<std::vector<D>> r;
  for (const double first : {0.5, -1.0, 0.25}) {
    for (D leaf : leaves) leaf.mutable_data()[0] = first;
    r.push_back(left_by(f, leaves));
  }
  return r;
}
void same_steps(const std::function<D()>& f, const std::vector<D>& leaves) {
  const auto compiled = compile(f);
  const auto a = three_steps(f, leaves), b = three_steps(compiled, leaves);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t k = 0; k < a[i].size(); ++k) same(a[i][k], b[i][k]);
  }
  BOOST_TEST(compiled.statistics().run == 2);
}
}  // namespace

// Forward and backward in one program.
BOOST_AUTO_TEST_CASE(steps_of_formulas_alone) {
  const D x = numbers({30}, 1), w = numbers({30}, 2), seed = numbers({30}, 3).detach();
  same_steps(
      [=] {
        const D y = tanh(x * w) * exp(x) + w;
        y.backward(seed);
        return y;
      },
      {x, w});
  same_steps(
      [=] {
        const D y = sum(tanh(x * w) * exp(x) + w);
        y.backward();
        return y;
      },
      {x, w});
  same_steps(
      [=] {  // two passes, and more that depends on what the first was for
        const D y = sum(square(tanh(x * w)));
        y.backward({.retain_graph = true});
        const D z = y * sum(w);
        z.backward();
        return z;
      },
      {x, w});
  const std::function<D()> twice = [=] {
    const D y = sum(sigmoid(x * w) * x);
    const D g = grad({y}, {x}, {.create_graph = true})[0];
    sum(square(g) + y).backward();
    return y;
  };
  const auto compiled = compile(twice);
  for (int i = 0; i < 2; ++i) {
    const auto a = left_by(twice, {x, w}), b = left_by(compiled, {x, w});
    for (std::size_t k = 0; k < a.size(); ++k) about_the_same(a[k], b[k]);
  }
}
BOOST_AUTO_TEST_CASE(gradients_that_are_added_to) {
  const D x = numbers({30}, 1), w = numbers({30}, 2);
  same_steps(
      [=] {
        const D u = exp(x), y = sum(tanh(u * w) * 2 + u), z = sum(u * w * x);
        z.backward({.retain_graph = true});
        y.backward();
        return y + z;
      },
      {x, w});
}
BOOST_AUTO_TEST_CASE(a_chain) {
  const D a = numbers({4}, 1), b = numbers({4}, 2);
  same_steps(
      [=] {
        D y = D::filled({4}, 0.5);
        for (int i = 0; i < 60; ++i) y = tanh(a * y + b);
        const D s = sum(y);
        s.backward();
        return s;
      },
      {a, b});
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(compile_refuses, NothingLeft)

BOOST_AUTO_TEST_CASE(numbers_read_on_the_host) {
  const auto f = [](const D& x) {
    const D s = sum(square(x));
    return s.item() > 1 ? x * 2 : x * 3;
  };
  const D x = D::filled({3}, 2), small = D::filled({3}, 0.1);
  BOOST_CHECK_EXCEPTION(compile(f)(x), std::logic_error,
                        says("item() of the result of \"sum\" ()"));
  const auto called = compile(f, {.on_read = OnRead::call});
  same(called(x), f(x));
  same(called(small), f(small));
  BOOST_TEST(called.statistics().called == 1);
  BOOST_TEST(called.statistics().why_called != "");
  BOOST_CHECK_EXCEPTION(compile([](const D& y) { return y * argmax(y, 0).data()[0]; })(x),
                        std::logic_error, says("argmax"));
  BOOST_CHECK_EXCEPTION(compile([](const D& y) { return y * y.value()(1); })(x), std::logic_error,
                        says("value() of an argument (3)"));
}
BOOST_AUTO_TEST_CASE(numbers_written) {
  D w = D::filled({3}, 1);
  const auto f = [&](const D& x) {
    w.mutable_data()[0] += 1;
    return x * w;
  };
  BOOST_CHECK_EXCEPTION(compile(f)(D(2)), std::logic_error, says("changes a tensor"));
}
BOOST_AUTO_TEST_CASE(a_generator_that_the_function_makes) {
  const auto f = [](const D& x) {
    Generator generator(3);
    return dropout(x, 0.5, generator);
  };
  const auto compiled = compile(f);
  const D x = numbers({20}, 1);
  for (int i = 0; i < 3; ++i) same(f(x), compiled(x));
  BOOST_TEST(compiled.statistics().called == 2);
  BOOST_TEST(compiled.statistics().why_called == "a generator is made by the function");
}
BOOST_AUTO_TEST_CASE(errors_leave_nothing) {
  bool broken = true;
  const auto compiled = compile([&](const D& x) {
    if (broken) throw std::runtime_error("not now");
    return x * 2;
  });
  BOOST_CHECK_THROW(compiled(D(1)), std::runtime_error);
  BOOST_TEST(compiled.statistics().programs == 0);
  broken = false;
  BOOST_TEST(compiled(D(1)).item() == 2);
  BOOST_TEST(compiled(D(2)).item() == 4);
  const auto product = compile([](const D& x, const D& y) { return matmul(x, y); });
  BOOST_CHECK_THROW(product(D::filled({2, 3}, 1), D::filled({2, 3}, 1)), std::invalid_argument);
  BOOST_TEST(sum(D::filled({2}, 1)).item() == 2);  // nothing is recorded any more
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(compiled_programs, Fused)

BOOST_AUTO_TEST_CASE(several_threads) {
  const auto f = [](const D& x) { return tanh(x * 2 + 1) * exp(x); };
  const auto compiled = compile(f);
  std::vector<D> results(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const D x = numbers({64}, t);
        results[t] = grad(sum(compiled(x)), x);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  for (std::size_t t = 0; t < 4; ++t) {
    const D x = numbers({64}, t);
    same(results[t], grad(sum(f(x)), x));
  }
}
BOOST_AUTO_TEST_CASE(two_calls_before_a_pass) {
  const auto f = [](const D& x) { return tanh(x * 2 + 1) * exp(x); };
  const auto compiled = compile(f);
  const D x = numbers({6}, 1), y = numbers({6}, 2);
  compiled(x);
  const D a = compiled(x), b = compiled(y);
  const auto g = grad({sum(a * b)}, {x, y});
  const auto expected = grad({sum(f(x) * f(y))}, {x, y});
  same(g[0], expected[0]);
  same(g[1], expected[1]);
}
BOOST_AUTO_TEST_CASE(one_inside_another) {
  const auto inner = compile([](const D& x) { return exp(x) * x; });
  const auto f = [&](const D& x) { return inner(x * 2) + inner(x); };
  same_as_compiled([&](const List& x) { return f(x[0]); }, {{7}});
}
BOOST_AUTO_TEST_CASE(groups_where_they_pay) {
  const auto operations = [](const auto& f, std::size_t n) {
    const auto compiled = compile(f);
    const D x = D::filled({n}, 1);
    compiled(x);
    return compiled.graph(x).operations.size();
  };
  const auto two = [](const D& x) { return tanh(exp(x)); };
  const auto many = [](const D& x) {
    D y = x;
    for (int i = 0; i < 4; ++i) y = tanh(exp(y));
    return y;
  };
  BOOST_TEST(operations(two, 4) == 1);
  detail::FuseAlways::on = false;
  BOOST_TEST(operations(two, 4) == 2);
  // Where code can be made for the processor (compile/fused_code.hpp).
  const bool code = isa() >= Isa::avx2;
  BOOST_TEST(operations(two, 4096) == (code ? 1 : 2));
  BOOST_TEST(operations(many, 4) == (code ? 1 : 8));
}
// One index is a copy as well.
BOOST_AUTO_TEST_CASE(a_copy_of_one_index) {
  const auto f = [](const Tensor<double>& x, const Indices& row) {
    const Indices mine = row;
    return index_select(x, 0, mine);
  };
  const auto compiled = compile(f);
  const Tensor<double> x = numbers({4, 5}, 1);
  for (const std::int64_t i : {2, 3, 0}) {
    const Indices row = {i};
    same(f(x, row), compiled(x, row));
  }
}

// Labels that are new ones in each call, wherever the function finds them.
BOOST_AUTO_TEST_CASE(indices_in_lists) {
  const auto f = [](const std::vector<Indices>& labels,
                    const std::pair<Indices, Tensor<double>>& p) {
    return cross_entropy(p.second, labels[0]) + 2.0 * cross_entropy(p.second, labels[1]) +
           3.0 * cross_entropy(p.second, p.first);
  };
  const auto compiled = compile(f);
  const Tensor<double> x = numbers({4, 5}, 1);
  for (int i = 0; i < 4; ++i) {
    const auto draw = [] { return random_integers({4}, 0, 4); };
    const std::vector<Indices> labels = {draw(), draw()};
    const std::pair<Indices, Tensor<double>> p{draw(), x};
    same(f(labels, p), compiled(labels, p));
  }
  BOOST_TEST(compiled.statistics().run == 3);
}

BOOST_AUTO_TEST_CASE(a_copy_of_indices) {
  const auto f = [](const Tensor<double>& x, const Indices& labels) {
    const Indices mine = labels;
    return cross_entropy(x, mine);
  };
  const auto compiled = compile(f);
  const Tensor<double> x = numbers({4, 5}, 1);
  for (int i = 0; i < 3; ++i) {
    const Indices labels = random_integers({4}, 0, 4);
    same(f(x, labels), compiled(x, labels));
  }
  BOOST_TEST(compiled.statistics().called == 2);
  BOOST_TEST(compiled.statistics().why_called ==
             "an operation is given a copy of indices that are an argument");
}

// How many operations a program has.
template <class G, class... X>
std::size_t operations_of(const G& compiled, const X&... x) {
  std::size_t n = 0;
  for (const auto& o : compiled.graph(x...).operations)
    n += std::max<std::size_t>(o.parts.size(), 1);
  return n;
}

BOOST_AUTO_TEST_CASE(constants_are_computed_once) {
  const auto f = [](const Tensor<double>& x) {
    const Tensor<double> two = Tensor<double>::filled({}, 2);
    return x * (sqrt(two) + exp(two * 0.5));
  };
  const auto compiled = compile(f);
  const Tensor<double> x = numbers({3}, 1);
  for (int i = 0; i < 3; ++i) same(f(x), compiled(x));
  BOOST_TEST(operations_of(compiled, x) == 1);
}

BOOST_AUTO_TEST_CASE(what_is_computed_twice) {
  const auto f = [](const Tensor<double>& x) { return tanh(x * 2.0) * 3.0 + sin(tanh(x * 2.0)); };
  const auto compiled = compile(f);
  const Tensor<double> x = numbers({3}, 1), constant = x.detach();
  for (int i = 0; i < 3; ++i) {
    same(f(constant), compiled(constant));
    same(f(x), compiled(x));
  }
  BOOST_TEST(operations_of(compiled, constant) == 5);
  BOOST_TEST(operations_of(compiled, x) == 7);  // its gradients would be added up in another order
}

BOOST_AUTO_TEST_CASE(what_a_step_changes_is_computed_again) {
  const auto run = [](bool compiles) {
    Tensor<double> p = numbers({3}, 1);
    Sgd<double> optimizer({{"p", p}}, {.learning_rate = 0.1});
    const auto f = [&] {
      optimizer.zero_grad();
      const Tensor<double> same_numbers = p.detach(), before = sin(same_numbers) + 1.0;
      sum(p * p).backward();
      optimizer.step();
      return std::vector{before, sin(same_numbers) + 1.0};
    };
    const auto compiled = compile(f);
    std::vector<Tensor<double>> r;
    for (int i = 0; i < 3; ++i) {
      for (const auto& t : compiles ? compiled() : f()) r.push_back(t);
    }
    return r;
  };
  const auto a = run(false), b = run(true);
  for (std::size_t i = 0; i < a.size(); ++i) same(a[i], b[i]);
}

BOOST_AUTO_TEST_CASE(the_graph) {
  const auto f = compile([](const D& x, const D& y) {
    exp(x);  // nobody needs it
    return sum(tanh(x * y + 1), 0);
  });
  const D x = D::filled({4, 3}, 1), y = D::filled({3}, 2);
  BOOST_CHECK_EXCEPTION(f.graph(x, y), std::invalid_argument, says("no program"));
  f(x, y);
  const Graph g = f.graph(x, y);
  BOOST_REQUIRE_EQUAL(g.arguments.size(), 2);
  BOOST_TEST(to_string(g.values[g.arguments[0]].shape) == "(4, 3)");
  const GraphOperation& last = g.operations.back();
  BOOST_TEST(last.name == "sum");
  BOOST_TEST(last.bytes == (12 + 3) * 8);
  BOOST_TEST(g.results == last.outputs, boost::test_tools::per_element());
  std::vector<std::string> names;
  for (const GraphOperation& o : g.operations) {
    names.push_back(o.name);
    names.insert(names.end(), o.parts.begin(), o.parts.end());
  }
  BOOST_TEST(std::count(names.begin(), names.end(), "exp") == 0);
  BOOST_TEST(std::count(names.begin(), names.end(), "tanh") == 1);
  BOOST_TEST(to_string(g).find("argument") != std::string::npos);
  BOOST_TEST(to_dot(g).find("digraph") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
