// vmap: what a loop over the samples gives, with its derivatives.

#include "xgrad/compile/vmap.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>

#include "tests/autograd/helpers.hpp"
#include "xgrad/autograd/derivatives.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/cumprod.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/softmax.hpp"

using namespace xgrad;
using namespace xgrad::test;

namespace {

using List = std::vector<D>;

template <class T = double>
Tensor<T> numbers(const Shape& shape, std::uint64_t seed) {
  Generator generator(seed);
  return parameter(normal<T>(shape, 0, 1, generator));
}

template <class T>
void about_the_same(const Tensor<T>& a, const Tensor<T>& b) {
  BOOST_TEST_REQUIRE(a.defined() == b.defined());
  if (!a.defined()) return;
  BOOST_TEST_REQUIRE(to_string(a.shape()) == to_string(b.shape()));
  const double bound = sizeof(T) == 4 ? 2e-5 : 4e-14;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = a.data()[i], y = b.data()[i];
    BOOST_TEST(std::abs(x - y) <= bound * (1 + std::abs(x)), "at " << i << ": " << x << ", " << y);
  }
}

auto says(std::string text) {
  return [text = std::move(text)](const std::exception& e) {
    BOOST_TEST_INFO(e.what());
    BOOST_TEST(std::string(e.what()).find(text) != std::string::npos);
    return std::string(e.what()).find(text) != std::string::npos;
  };
}

template <class T>
using Lists = std::vector<std::vector<Tensor<T>>>;

// f of each sample, one after the other.
template <class F>
auto loop(const F& f, std::vector<bool> batched) {
  return [f, batched]<class T>(const std::vector<Tensor<T>>& x) {
    std::size_t n = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (batched[i]) n = x[i].size(0);
    std::vector<Tensor<T>> results;
    for (std::size_t s = 0; s < n; ++s) {
      std::vector<Tensor<T>> one;
      for (std::size_t i = 0; i < x.size(); ++i)
        one.push_back(batched[i] ? select(x[i], 0, static_cast<std::ptrdiff_t>(s)) : x[i]);
      results.push_back(f(one));
    }
    return stack(results);
  };
}

// Values, gradients and gradients of gradients of both functions.
template <class T, class F, class G>
void same_derivatives(const F& f, const G& g, const std::vector<Tensor<T>>& x) {
  const auto derivatives = [&](const auto& h) {
    Lists<T> r{{h(x)}};
    if (!r[0][0].requires_grad()) return r;
    Generator generator(9);
    const Tensor<T> seed = normal<T>(r[0][0].shape(), 0, 1, generator);
    r.push_back(grad<T>({r[0][0]}, x, {.retain_graph = true, .allow_unused = true}, {seed}));
    Tensor<T> total(0);
    for (const auto& g1 :
         grad<T>({r[0][0]}, x, {.create_graph = true, .allow_unused = true}, {seed}))
      if (g1.defined()) total = total + sum(square(g1));
    if (total.requires_grad()) r.push_back(grad<T>({total}, x, {.allow_unused = true}));
    return r;
  };
  const Lists<T> a = derivatives(f), b = derivatives(g);
  BOOST_TEST_REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t k = 0; k < a[i].size(); ++k)
      BOOST_TEST_CONTEXT("derivative " << i << " by " << k) about_the_same(a[i][k], b[i][k]);
}

// f, a function of a list of tensors, in a batch of 5 against the loop; a shape without a batch is
// given as what it is, others with 5 in front. Also compiled.
template <class T = double, class F>
void same_as_loop(const F& f, const std::vector<Shape>& shapes, std::vector<bool> batched) {
  VmapOptions options;
  std::vector<Tensor<T>> x;
  for (std::size_t i = 0; i < shapes.size(); ++i)
    x.push_back(numbers<T>(batched[i] ? shapes[i].with(0, 5) : shapes[i], 30 + i));
  const auto list = [f](const auto&... t) { return f(std::vector<Tensor<T>>{t...}); };
  for (const bool b : batched)
    options.in_axes.push_back(b ? std::optional<std::ptrdiff_t>(0) : kShared);
  const auto v = vmap(list, options);
  const auto call = [v](const std::vector<Tensor<T>>& y) {
    if (y.size() == 1) return v(y[0]);
    if (y.size() == 2) return v(y[0], y[1]);
    return v(y[0], y[1], y[2]);
  };
  BOOST_TEST_CONTEXT("batch") same_derivatives<T>(loop(f, batched), call, x);
  const auto compiled = compile(call);
  for (int i = 0; i < 3; ++i)
    BOOST_TEST_CONTEXT("compiled " << i) same_derivatives<T>(loop(f, batched), compiled, x);
  BOOST_TEST(compiled.statistics().run == 2);
  BOOST_TEST(compiled.statistics().why_called == "");
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(vmapped_functions, NothingLeft)

BOOST_AUTO_TEST_CASE(formulas) {
  const auto f = [](const auto& x) { return tanh(x[0] * x[1] + x[0]) * 2 - exp(-x[1]); };
  same_as_loop(f, {{}, {}}, {true, true});
  same_as_loop(f, {{3}, {}}, {true, true});
  same_as_loop(f, {{3}, {4, 3}}, {true, true});
  same_as_loop(f, {{4, 3}, {3}}, {false, true});
  same_as_loop(f, {{4, 3}, {}}, {true, false});
  same_as_loop<float>(f, {{4, 1}, {3}}, {true, true});
}
BOOST_AUTO_TEST_CASE(shapes) {
  same_as_loop(
      [](const auto& x) {
        const auto y = reshape(x[0], {3, 4});
        return concat({slice(y, 1, {.step = 2}), transpose(x[1]), y * 2}, 1) +
               slice(flip(y, {0}), 1, 1, 2);
      },
      {{12}, {2, 3}}, {true, true});
  same_as_loop(
      [](const auto& x) {
        return pad(stack({x[0], x[1], permute(x[0], {1, 0})}, 1), {{1, 0}, {}, {0, 2}}, 3);
      },
      {{3, 3}, {3, 3}}, {true, false});
}
BOOST_AUTO_TEST_CASE(sums) {
  same_as_loop(
      [](const auto& x) {
        return sum(x[0] * x[1], {0, 2});
      },
      {{2, 3, 4}, {4}}, {true, false});
  same_as_loop([](const auto& x) { return mean(square(x[0]), 1) + sum(x[0]); }, {{2, 3, 4}},
               {true});
}
BOOST_AUTO_TEST_CASE(products) {
  const std::vector<std::vector<bool>> batched = {{true, true}, {true, false}, {false, true}};
  for (const auto& b : batched) {
    same_as_loop([](const auto& x) { return matmul(x[0], x[1]); }, {{2, 3}, {3, 4}}, b);
    same_as_loop([](const auto& x) { return matmul(x[0], x[1], {.transpose_a = true}); },
                 {{3, 2}, {3, 4}}, b);
    same_as_loop([](const auto& x) { return matmul(x[0], x[1], {.transpose_b = true}); },
                 {{2, 3}, {4, 3}}, b);
    same_as_loop(
        [](const auto& x) {
          return matmul(x[0], x[1], {true, true});
        },
        {{3, 2}, {4, 3}}, b);
    same_as_loop([](const auto& x) { return matmul(x[0], x[1]); }, {{3}, {3, 4}}, b);
    same_as_loop([](const auto& x) { return matmul(x[0], x[1]); }, {{4, 3}, {3}}, b);
    same_as_loop([](const auto& x) { return matmul(x[0], x[1]); }, {{2, 4, 3}, {2, 3, 2}}, b);
    same_as_loop([](const auto& x) { return dot(x[0], x[1]); }, {{3}, {3}}, b);
  }
}
BOOST_AUTO_TEST_CASE(linear_layers) {
  const auto f = [](const auto& x) { return linear(x[0], x[1], x[2]); };
  for (unsigned b = 1; b < 8; ++b)
    for (const Shape& x : {Shape{3}, Shape{2, 3}})
      same_as_loop(f, {x, {4, 3}, {4}}, {(b & 1U) != 0, (b & 2U) != 0, (b & 4U) != 0});
}
BOOST_AUTO_TEST_CASE(rows) {
  const auto each = [](const auto& x) {
    return softmax(x[0], 0) + log_softmax(x[0], 1) + cumsum(x[0], 1) +
           logsumexp(x[0], 0, {.keep_dims = true}) + max(x[0], 1, {.keep_dims = true}) +
           var(x[0], 0, {.keep_dims = true}) * stddev(x[0]) +
           norm(x[0], 2, 1, {.keep_dims = true}) + prod(x[0], 0) - min(x[0]);
  };
  same_as_loop(each, {{3, 4}}, {true});
  // None of them is called for each sample.
  const auto compiled = compile(vmap([&](const D& x) { return each(List{x}); }));
  compiled(numbers({5, 3, 4}, 1));
  const std::string graph = to_string(compiled.graph(numbers({5, 3, 4}, 1)));
  BOOST_TEST(graph.find("loop") == std::string::npos, graph);
}
BOOST_AUTO_TEST_CASE(operations_without_a_rule) {
  same_as_loop([](const auto& x) { return cumprod(x[0] * x[1], 0); }, {{3}, {3}}, {true, false});
  const auto compiled = compile(vmap([](const D& x) { return cumprod(x, 0) * 2; }));
  compiled(numbers({4, 3}, 1));
  BOOST_TEST(to_string(compiled.graph(numbers({4, 3}, 1))).find("cumprod (loop over the batch)") !=
             std::string::npos);
}
BOOST_AUTO_TEST_CASE(axes) {
  const D x = numbers({2, 5, 3}, 1), y = numbers({3, 5}, 2), z = numbers({3}, 3);
  const auto f = [](const D& a, const D& b, const D& c) {
    return std::pair{matmul(a, b * c), b * 2};
  };
  const auto [p, q] = vmap(f, {.in_axes = {1, -1, kShared}, .out_axes = {1, 0}})(x, y, z);
  BOOST_TEST(to_string(p.shape()) == "(2, 5)");
  BOOST_TEST(to_string(q.shape()) == "(5, 3)");
  for (std::ptrdiff_t s = 0; s < 5; ++s) {
    const auto [a, b] = f(select(x, 1, s), select(y, 1, s), z);
    about_the_same(select(p, 1, s), a);
    about_the_same(select(q, 0, s), b);
  }
}
BOOST_AUTO_TEST_CASE(results_that_all_samples_share) {
  const D w = numbers({2}, 1);
  const auto f = vmap([&](const D& x) { return std::tuple{w * 2, D(3), x}; });
  const auto [a, b, c] = f(numbers({4, 2}, 1));
  BOOST_TEST(to_string(a.shape()) == "(4, 2)");
  BOOST_TEST(b(3) == 3);
  about_the_same(grad(sum(a), w), D::filled({2}, 8));
}
BOOST_AUTO_TEST_CASE(lists_of_tensors) {
  const auto f = [](const List& x, const D& y) { return List{x[0] * y, x[1] + y}; };
  const List x{numbers({3, 2}, 1), numbers({3, 2}, 2)};
  const D y = numbers({}, 3);
  const List r = vmap(f, {.in_axes = {0, kShared}})(x, y);
  about_the_same(r[0], x[0] * y);
  about_the_same(r[1], x[1] + y);
}
BOOST_AUTO_TEST_CASE(both_types) {
  const auto f = vmap([](const Tensor<float>& x, const D& y) {
    return (exp(x) * 2).to<double>() * y + tanh(y * y);
  });
  const auto x = numbers<float>({4, 2}, 1);
  const D y = numbers({4}, 2), column = reshape(y, {4, 1});
  const D expected = (exp(x) * 2).to<double>() * column + tanh(column * column);
  about_the_same(f(x, y), expected);
  about_the_same(grad(sum(f(x, y)), y), grad(sum(expected), y));
}
BOOST_AUTO_TEST_CASE(any_number_of_samples_by_one_recording) {
  std::size_t calls = 0;
  const auto f = vmap([&](const D& x) {
    ++calls;
    return exp(x) * 2;
  });
  for (const std::size_t n : {3U, 1U, 7U})
    about_the_same(f(D::filled({n}, 1)), exp(D::filled({n}, 1)) * 2);
  BOOST_TEST(calls == 1);
  f(D::filled({3, 2}, 1));
  BOOST_TEST(calls == 2);
}
BOOST_AUTO_TEST_CASE(a_tensor_that_the_function_holds) {
  D w = numbers({3}, 1);
  const auto f = vmap([&](const D& x) { return x * exp(w); });
  const D x = numbers({4, 3}, 2);
  about_the_same(f(x), x * exp(w));
  w.mutable_data()[1] += 1;
  about_the_same(f(x), x * exp(w));
  w = numbers({3}, 5);
  about_the_same(f(x), x * exp(w));
  about_the_same(grad(sum(f(x)), w), grad(sum(x * exp(w)), w));
}
BOOST_AUTO_TEST_CASE(without_recording_inside) {
  const auto f = [](const D& x) {
    D m;
    {
      const NoGrad none;
      m = x * 3;
    }
    return m * x;
  };
  const D x = numbers({4}, 1);
  about_the_same(grad(sum(vmap(f)(x)), x), x * 3);
  const NoGrad none;
  const D g = vmap([](const D& y) {
    const EnableGrad on;
    return grad(y * y * y, y);
  })(x);
  about_the_same(g, 3 * square(x));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(vmapped_derivatives, NothingLeft)

BOOST_AUTO_TEST_CASE(gradients_of_each_sample) {
  same_as_loop(
      [](const auto& x) { return grad(sum(tanh(x[0] * x[1])), x[0], {.create_graph = true}); },
      {{3}, {3}}, {true, true});
  // By what all of them share.
  same_as_loop(
      [](const auto& x) { return grad(sum(tanh(x[0] * x[1])), x[1], {.create_graph = true}); },
      {{3}, {3}}, {true, false});
}
BOOST_AUTO_TEST_CASE(gradients_by_a_tensor_that_the_function_holds) {
  const D w = numbers({3}, 1), x = numbers({4, 3}, 2);
  const auto f = [&](const D& s) { return grad(sum(tanh(s * w)), w); };
  const D g = vmap(f)(x);
  for (std::ptrdiff_t s = 0; s < 4; ++s) about_the_same(select(g, 0, s), f(select(x, 0, s)));
}
BOOST_AUTO_TEST_CASE(gradients_of_a_network_by_sample) {
  manual_seed(3);
  Sequential<double> net{Linear<double>(4, 6), Tanh<double>(), Linear<double>(6, 3)};
  const List p = [&] {
    List list;
    for (const auto& t : net.parameters()) list.push_back(t.tensor);
    return list;
  }();
  const auto gradients = [&](const D& x, const D& y) {
    return grad<double>({mean(square(net(x) - y))}, p);
  };
  const D x = numbers({5, 4}, 1).detach(), y = numbers({5, 3}, 2).detach();
  const List all = vmap(gradients)(x, y);
  const auto compiled = compile(vmap(gradients));
  compiled(x, y);
  const List again = compiled(x, y);
  for (std::ptrdiff_t s = 0; s < 5; ++s) {
    const List one = gradients(select(x, 0, s), select(y, 0, s));
    for (std::size_t k = 0; k < p.size(); ++k) {
      about_the_same(select(all[k], 0, s), one[k]);
      about_the_same(select(again[k], 0, s), one[k]);
    }
  }
  BOOST_TEST(compiled.statistics().run == 1);
}
BOOST_AUTO_TEST_CASE(jacobians_of_each_sample) {
  const auto f = [](const D& x) { return concat({sin(x) * sum(x), square(x)}, 0); };
  const auto j = [&](const D& x) { return jacobian(f, x); };
  const auto h = [&](const D& x) { return hessian([&](const D& y) { return sum(exp(f(y))); }, x); };
  const D x = numbers({4, 3}, 1);
  const D js = vmap(j)(x), hs = vmap(h)(x);
  const auto compiled = compile([&](const D& y) { return List{vmap(j)(y), vmap(h)(y)}; });
  compiled(numbers({4, 3}, 2));
  const List again = compiled(x);
  BOOST_TEST(compiled.statistics().run == 1);
  for (std::ptrdiff_t s = 0; s < 4; ++s) {
    about_the_same(select(js, 0, s), j(select(x, 0, s)));
    about_the_same(select(hs, 0, s), h(select(x, 0, s)));
    about_the_same(select(again[0], 0, s), j(select(x, 0, s)));
    about_the_same(select(again[1], 0, s), h(select(x, 0, s)));
  }
}
BOOST_AUTO_TEST_CASE(directional_derivatives) {
  const auto f = [](const D& x) { return concat({sin(x) * sum(x), square(x)}, 0); };
  const D x = numbers({4, 3}, 1), v = numbers({4, 3}, 2);
  const auto along = [&](const D& a, const D& b) { return jvp(f, a, b); };
  const D all = vmap(along)(x, v);
  for (std::ptrdiff_t s = 0; s < 4; ++s)
    about_the_same(select(all, 0, s), along(select(x, 0, s), select(v, 0, s)));
}
BOOST_AUTO_TEST_CASE(a_jacobian_row_by_row) {
  const auto f = [](const D& x) { return concat({sin(x) * sum(x), square(x)}, 0); };
  const D x = numbers({3}, 1);
  const D y = f(x), seeds = D(xt::eye<double>(6));
  const auto row = [&](const D& seed) {
    return grad<double>({y}, {x}, {.retain_graph = true}, {seed})[0];
  };
  about_the_same(vmap(row)(seeds), jacobian(f, x));
}
BOOST_AUTO_TEST_CASE(the_diagonal_of_a_hessian) {
  const auto f = [](const D& x) { return sum(exp(x) * sum(sin(x))); };
  const D x = numbers({3}, 1), unit = D(xt::eye<double>(3));
  const auto second = [&](const D& u, const D& at) { return dot(hvp(f, at, u), u); };
  const D diagonal = vmap(second, {.in_axes = {0, kShared}})(unit, x);
  const D whole = hessian(f, x);
  for (std::ptrdiff_t i = 0; i < 3; ++i)
    about_the_same(select(diagonal, 0, i), select(select(whole, 0, i), 0, i));
}
BOOST_AUTO_TEST_CASE(a_batch_in_a_batch) {
  const D x = numbers({4, 3}, 1), y = numbers({5, 3}, 2);
  const auto products =
      vmap([&](const D& a) { return vmap([&](const D& b) { return dot(tanh(a), b); })(y); });
  about_the_same(products(x), matmul(tanh(x), y, {.transpose_b = true}));
  about_the_same(grad(sum(square(products(x))), x),
                 grad(sum(square(matmul(tanh(x), y, {.transpose_b = true}))), x));
  // The inner gradient by what is a sample outside.
  const auto sums = vmap(
      [&](const D& a) { return vmap([&](const D& b) { return grad(dot(tanh(a), b), a); })(y); })(x);
  for (std::ptrdiff_t i = 0; i < 4; ++i)
    for (std::ptrdiff_t k = 0; k < 5; ++k) {
      const D a = select(x, 0, i);
      about_the_same(select(select(sums, 0, i), 0, k), grad(dot(tanh(a), select(y, 0, k)), a));
    }
}
BOOST_AUTO_TEST_CASE(a_compiled_function_in_a_batch) {
  const auto f = compile([](const D& x) { return tanh(x) * 2 + x; });
  const D x = numbers({4}, 1);
  about_the_same(vmap(f)(x), tanh(x) * 2 + x);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(vmap_refuses, NothingLeft)

BOOST_AUTO_TEST_CASE(arguments_that_do_not_fit) {
  const auto add = [](const D& a, const D& b) { return a + b; };
  const D x = numbers({4, 3}, 1), y = numbers({5, 3}, 2), z = numbers({}, 3);
  const auto is = [](auto text) { return says(text); };
  BOOST_CHECK_EXCEPTION(vmap(add)(x, y), std::invalid_argument,
                        is("vmap: sizes of the batch axes differ: argument 0 (4, 3), axis 0; "
                           "argument 1 (5, 3), axis 0"));
  BOOST_CHECK_EXCEPTION(vmap(add, {.in_axes = {kShared, kShared}})(x, x), std::invalid_argument,
                        is("vmap: no argument is batched"));
  BOOST_CHECK_EXCEPTION(vmap(add, {.in_axes = {0}})(x, x), std::invalid_argument,
                        is("vmap: 1 in_axes for 2 arguments"));
  BOOST_CHECK_EXCEPTION(vmap(add)(x, z), std::invalid_argument,
                        is("vmap: argument 1 () has no axis for the samples: give kShared"));
  BOOST_CHECK_EXCEPTION(vmap(add, {.in_axes = {2, 0}})(x, x), std::out_of_range, is("vmap"));
  BOOST_CHECK_EXCEPTION(vmap(add, {.out_axes = {0, 1}})(x, x), std::invalid_argument,
                        is("vmap: 2 out_axes for 1 results"));
  BOOST_CHECK_EXCEPTION(vmap(add)(numbers({0, 3}, 1), numbers({0, 3}, 1)), std::invalid_argument,
                        is("vmap: there are no samples: argument 0 (0, 3), axis 0"));
  BOOST_CHECK_EXCEPTION(vmap(add)(x, numbers({4, 2}, 1)), std::invalid_argument, is("add"));
}
BOOST_AUTO_TEST_CASE(what_is_not_of_one_sample) {
  const D x = numbers({4, 3}, 1);
  const auto reads = [](const D& a) { return sum(a).item() > 0 ? a * 2 : a; };
  BOOST_CHECK_EXCEPTION(vmap(reads)(x), std::logic_error,
                        says("vmap: the function reads numbers on the host, item() of the result "
                             "of \"sum\" () (operation 2 of the program)"));
  const D called = vmap(reads, {.on_read = OnRead::call})(x);
  for (std::ptrdiff_t s = 0; s < 4; ++s)
    about_the_same(select(called, 0, s), reads(select(x, 0, s)));
  const auto goes_back = [](const D& a) {
    const D y = sum(square(a));
    y.backward();
    return y;
  };
  BOOST_CHECK_EXCEPTION(vmap(goes_back)(x), std::logic_error,
                        says("vmap: the function calls backward() of the result of \"sum\" ()"));
  BatchNorm<double> norm(3);
  BOOST_CHECK_EXCEPTION(vmap([&](const D& a) {
                          return norm(reshape(a, {2, 3}));
                        })(numbers({4, 6}, 1)),
                        std::logic_error, says("vmap: the function changes state"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(vmapped_state, NothingLeft)

BOOST_AUTO_TEST_CASE(random_numbers_of_each_sample) {
  Generator one(4), two(4);
  const auto f = [](const D& x, Generator& g) { return x * normal<double>({3}, 0, 1, g); };
  const D x = numbers({5, 3}, 1);
  const auto v = vmap([&](const D& a) { return f(a, two); });
  for (int i = 0; i < 2; ++i) {
    List expected;
    for (std::ptrdiff_t s = 0; s < 5; ++s) expected.push_back(f(select(x, 0, s), one));
    about_the_same(v(x), stack(expected));
    BOOST_CHECK(one.state() == two.state());
  }
}
BOOST_AUTO_TEST_CASE(masks_of_each_sample) {
  manual_seed(1);
  const auto f = [](const D& x) { return dropout(x, 0.5) * 2; };
  const D x = numbers({5, 30}, 1);
  Generator a(1), b(1);
  const D expected = [&] {
    const GeneratorScope scope(a);
    List list;
    for (std::ptrdiff_t s = 0; s < 5; ++s) list.push_back(f(select(x, 0, s)));
    return stack(list);
  }();
  const GeneratorScope scope(b);
  about_the_same(vmap(f)(x), expected);
}
BOOST_AUTO_TEST_CASE(labels_of_each_sample) {
  const D x = numbers({5, 2, 4}, 1);
  const Indices labels = indices({5, 2}, {0, 1, 2, 3, 0, 1, 2, 3, 3, 2});
  const auto f = [](const D& a, const Indices& l) { return cross_entropy(a, l); };
  const D y = vmap(f)(x, labels);
  const D shared = vmap(f, {.in_axes = {0, kShared}})(x, indices({2}, {3, 1}));
  for (std::ptrdiff_t s = 0; s < 5; ++s) {
    const auto at = static_cast<std::size_t>(s);
    about_the_same(select(y, 0, s),
                   f(select(x, 0, s), indices({2}, {labels(at, 0), labels(at, 1)})));
    about_the_same(select(shared, 0, s), f(select(x, 0, s), indices({2}, {3, 1})));
  }
  const auto compiled = compile([&](const D& a, const Indices& l) { return vmap(f)(a, l); });
  compiled(x, indices({5, 2}, std::vector<std::int64_t>(10, 0)));
  about_the_same(compiled(x, labels), y);
  BOOST_TEST(compiled.statistics().run == 1);
}
// Not those of the first call.
BOOST_AUTO_TEST_CASE(indices_of_the_compiled_function_around_it) {
  const auto f = [](const D& a, const Indices& l) {
    return vmap([&](const D& sample) { return cross_entropy(sample, l); })(a);
  };
  const auto compiled = compile(f);
  const D x = numbers({5, 2, 4}, 1);
  for (const std::int64_t last : {0, 3, 2})
    about_the_same(compiled(x, indices({2}, {1, last})), f(x, indices({2}, {1, last})));
  BOOST_TEST(compiled.statistics().run == 2);
}
BOOST_AUTO_TEST_CASE(labels_in_a_list) {
  const auto f = [](const D& a, const std::vector<Indices>& l) {
    return cross_entropy(a, l[0]) + 2.0 * cross_entropy(a, l[1]);
  };
  const auto batched = vmap(f);
  const D x = numbers({5, 2, 4}, 1);
  for (const std::int64_t last : {0, 3, 2}) {
    const Indices l = indices({2}, {1, last}), m = indices({2}, {last, 0});
    const auto repeated = [](const Indices& one) {
      return indices(
          {5, 2}, {one(0), one(1), one(0), one(1), one(0), one(1), one(0), one(1), one(0), one(1)});
    };
    const D y = batched(x, std::vector<Indices>{repeated(l), repeated(m)});
    for (std::ptrdiff_t s = 0; s < 5; ++s)
      about_the_same(select(y, 0, s), f(select(x, 0, s), {l, m}));
  }
}

BOOST_AUTO_TEST_CASE(generators_of_the_function) {
  const D x = numbers({5, 3}, 1);
  const auto f = [](const D& a) {
    Generator own(3);
    return a * normal<double>({3}, 0, 1, own);
  };
  BOOST_CHECK_EXCEPTION(vmap(f)(x), std::logic_error, says("a generator is made by the function"));
  const auto around = compile([](const D& b) {
    Generator own(3);
    return vmap([&](const D& a) { return a * normal<double>({3}, 0, 1, own); })(b);
  });
  BOOST_CHECK_EXCEPTION(around(x), std::logic_error, says("a generator is made by the function"));
}
BOOST_AUTO_TEST_CASE(threads_share_it) {
  const auto f = vmap([](const D& x) { return tanh(x * x) + sum(x); });
  const D x = numbers({4, 3}, 1).detach();
  const D expected = f(x);
  std::vector<D> results(4);
  {
    std::vector<std::jthread> threads;
    for (D& r : results) threads.emplace_back([&] { r = f(x); });
  }
  for (const D& r : results) about_the_same(r, expected);
}

BOOST_AUTO_TEST_SUITE_END()
