// checkpoint: the gradients of the function as it is, to the last bit.

#include "xgrad/compile/checkpoint.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>

#include "tests/autograd/helpers.hpp"
#include "tests/message.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"

using namespace xgrad;
using namespace xgrad::test;

namespace {

D numbers(const Shape& shape, std::uint64_t seed) {
  Generator generator(seed);
  return parameter(normal<double>(shape, 0, 1, generator));
}

std::vector<double> list(const D& x) { return {x.data(), x.data() + x.size()}; }

void same(const D& a, const D& b) {
  BOOST_TEST(to_string(a.shape()) == to_string(b.shape()));
  BOOST_TEST(list(a) == list(b), boost::test_tools::per_element());
}

// The gradients of the leaves after loss().backward().
template <class Loss>
Tensors gradients(const Loss& loss, const Tensors& leaves) {
  for (D leaf : leaves) leaf.zero_grad();
  loss().backward();
  Tensors g;
  for (const D& leaf : leaves) g.push_back(leaf.gradient().clone());
  return g;
}

template <class Plain, class Kept>
void same_gradients(const Plain& plain, const Kept& kept, const Tensors& leaves) {
  same(plain(), kept());
  const Tensors a = gradients(plain, leaves), b = gradients(kept, leaves);
  for (std::size_t i = 0; i < leaves.size(); ++i) same(a[i], b[i]);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(checkpoints, NothingLeft)

// One weight in several parts and outside: sums are added up in the order of the plain program.
BOOST_AUTO_TEST_CASE(weights_used_everywhere) {
  const D w = numbers({5, 5}, 1), b = numbers({5}, 2), x = numbers({4, 5}, 3);
  const auto program = [&](auto call) {
    D h = x;
    for (int i = 0; i < 4; ++i) h = call(h) * 0.3 + sum(w) * b;
    return sum(square(h)) + sum(w * w);
  };
  const auto cell = [&](const D& h) { return tanh(matmul(tanh(matmul(h, w) + b), w) + b) + h; };
  same_gradients([&] { return program(cell); },
                 [&] { return program([&](const D& h) { return checkpoint(cell, h); }); },
                 {w, b, x});
}

BOOST_AUTO_TEST_CASE(several_inputs_and_outputs) {
  const D x = numbers({3, 2}, 1), y = numbers({2}, 2);
  const auto f = [](const D& a, const D& b) {
    return Tensors{a * b, exp(b), a.detach() * 2, sum(a * a)};
  };
  const auto loss = [&](const Tensors& r) { return sum(r[0] * r[2]) + sum(r[1]) * r[3] + sum(x); };
  same_gradients([&] { return loss(f(x, y)); },
                 [&] {
                   return loss(checkpoint(f, {x, y}));
                 },
                 {x, y});
  BOOST_TEST(!checkpoint(f, {x, y})[2].requires_grad());
  // Only one of the outputs is used, and an input is given twice.
  same_gradients([&] { return sum(f(x, x)[0]); },
                 [&] {
                   return sum(checkpoint(f, {x, x})[0]);
                 },
                 {x});
}

BOOST_AUTO_TEST_CASE(gradients_of_gradients) {
  const D x = numbers({4}, 1), w = numbers({4}, 2);
  const auto f = [&](const D& a) { return exp(a * w) * w; };
  const auto second = [&](auto call) {
    const Tensors g = grad({sum(call(x))}, {x, w}, {.create_graph = true});
    return sum(square(g[0])) + sum(g[0] * g[1]);
  };
  same_gradients([&] { return second(f); },
                 [&] { return second([&](const D& a) { return checkpoint(f, a); }); }, {x, w});
}

BOOST_AUTO_TEST_CASE(parts_within_parts_of_intermediate_tensors) {
  const D x = numbers({6}, 1);
  const auto program = [&](auto inner, auto outer) {
    const D h = x * x;  // used inside without being an input
    const auto innermost = [h](const D& b) { return sin(b) * h; };
    return sum(outer([=](const D& a) { return inner(innermost, a) * a; }, exp(x)) * h);
  };
  const auto plain = [](const auto& f, const D& a) { return f(a); };
  const auto kept = [](const auto& f, const D& a) { return checkpoint(f, a); };
  same_gradients([&] { return program(plain, plain); }, [&] { return program(kept, kept); }, {x});
  // grad to what lies between
  const D h = x * x;
  const auto f = [&](const D& a) { return sin(a) * h; };
  same(grad(sum(f(x)), h), grad(sum(checkpoint(f, x)), h));
}

BOOST_AUTO_TEST_CASE(random_numbers_and_running_statistics) {
  Linear<double> fc(4, 4);
  BatchNorm<double> norm(4), other(4);
  Generator own(7);
  const D x = numbers({8, 4}, 1);
  const auto program = [&](BatchNorm<double>& bn, auto call) {
    manual_seed(5);
    own.seed(9);
    const D y = call([&](const D& a) { return dropout(dropout(bn(fc(a)), 0.5), 0.2, own); });
    return sum(y * uniform<double>({4}));
  };
  same_gradients([&] { return program(norm, [&](auto f) { return f(x); }); },
                 [&] { return program(other, [&](auto f) { return checkpoint(f, x); }); },
                 {x, fc.weight, norm.weight.is_same(other.weight) ? x : fc.bias});
  same(norm.running_mean, other.running_mean);
  same(norm.running_var, other.running_var);
  BOOST_TEST(other.num_batches_tracked.item() == 2);
  BOOST_TEST(own.state().draws == 1U);
}

BOOST_AUTO_TEST_CASE(backward_in_another_thread) {
  const D x = numbers({3, 3}, 1), w = numbers({3, 3}, 2);
  const auto f = [&](const D& a) { return tanh(matmul(a, w)); };
  const D y = sum(checkpoint(f, checkpoint(f, x * x)));
  D g;
  std::thread([&] { g = grad(y, w); }).join();
  same(g, grad(sum(f(f(x * x))), w));
}

BOOST_AUTO_TEST_CASE(an_input_that_is_left_out) {
  const D x = numbers({2, 3}, 1), w = numbers({3, 3}, 2);
  const auto f = [](const D& a, const D& b, const D& c) { return linear(a, b, c); };
  const Tensors inputs = {x, w, D()};
  same_gradients([&] { return sum(f(x, w, D())); },
                 [&] { return sum(checkpoint<double>(f, inputs)); }, {x, w});
}

BOOST_AUTO_TEST_CASE(hooks_are_called_once) {
  D x = numbers({3}, 1), w = numbers({3}, 2);
  int calls = 0;
  const auto doubled = [&](const D& g) {
    ++calls;
    return g * 2.0;
  };
  x.register_hook(doubled);
  w.register_hook(doubled);
  const auto f = [&](const D& a) { return exp(a * w); };
  same_gradients([&] { return sum(f(x)); }, [&] { return sum(checkpoint(f, x)); }, {x, w});
  BOOST_TEST(calls == 4);
}

BOOST_AUTO_TEST_CASE(nothing_to_do) {
  const D x = D::from({2}, {1, 2});
  const auto f = [](const D& a) { return a * a; };
  BOOST_TEST(checkpoint(f, x).is_leaf());
  const D w = numbers({2}, 1);
  const NoGrad guard;
  BOOST_TEST(checkpoint(f, w).is_leaf());
}

BOOST_AUTO_TEST_CASE(only_inputs_are_kept) {
  const D x = numbers({1000}, 1);
  const std::int64_t before = detail::live_nodes();
  const D y = checkpoint(
      [](const D& a) {
        D h = a;
        for (int i = 0; i < 50; ++i) h = sin(h);
        return h;
      },
      x);
  BOOST_TEST(detail::live_nodes() - before <= 2);
}

BOOST_AUTO_TEST_CASE(what_differs_the_second_time) {
  D x = numbers({3}, 1), c = D::from({3}, {1, 2, 3});
  int calls = 0;
  const D first = checkpoint([&](const D& a) { return ++calls > 1 ? sum(a) : a * a; }, x);
  BOOST_TEST(message_of<std::logic_error>([&] {
               sum(first).backward();
             }).starts_with("checkpoint: output 0"));
  const D drawn = checkpoint(
      [&](const D& a) {
        D y = a * uniform<double>({3});
        if (++calls > 3) y = y * uniform<double>({3});
        return y;
      },
      x);
  BOOST_TEST(message_of<std::logic_error>([&] {
               sum(drawn).backward();
             }).starts_with("random: a function that is repeated"));
  const D other = numbers({3}, 2);
  bool second = false;
  const D more = checkpoint([&](const D& a) { return second ? a * other : a * c; }, x);
  second = true;
  BOOST_TEST(message_of<std::logic_error>([&] {
               sum(more).backward();
             }).starts_with("checkpoint: the second call of the function uses tensors"));
  const D written = checkpoint([](const D& a, const D& b) { return a * b; }, {x, c});
  c.mutable_data()[0] = 5;
  BOOST_TEST(message_of<std::logic_error>([&] {
               sum(written).backward();
             }).starts_with("backward: checkpoint needs a tensor (3)"));
  BOOST_CHECK_THROW(checkpoint([](const D&) -> D { throw std::runtime_error("mine"); }, x),
                    std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()
