#pragma once

// Functions and the same compiled, several passes each: losses and gradients to the last bit.

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <functional>
#include <tuple>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/compile/compile.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad::test {

using Floats = std::tuple<float, double>;

template <class T>
using List = std::vector<Tensor<T>>;

template <class T>
List<T> parameters(const std::vector<Shape>& shapes) {
  List<T> r;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    Generator generator(7 + i);
    r.push_back(parameter(normal<T>(shapes[i], 0, 1, generator)));
  }
  return r;
}

template <class T>
bool same_bits(const Tensor<T>& a, const Tensor<T>& b) {
  if (a.defined() != b.defined()) return false;
  return !a.defined() ||
         (a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

template <class T>
void require_same(const List<T>& a, const List<T>& b, const char* name) {
  BOOST_REQUIRE_EQUAL(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) BOOST_TEST(same_bits(a[i], b[i]), name << ", " << i);
}

template <class T>
List<T> gradients(const List<T>& x) {
  List<T> r;
  for (const Tensor<T>& t : x) r.push_back(t.gradient());
  return r;
}

// Four passes of f and of f compiled: gradients that are new, added to, and new again.
template <class T, class F>
void same_passes(const char* name, const std::vector<Shape>& shapes, const F& f) {
  const List<T> a = parameters<T>(shapes), b = parameters<T>(shapes);
  const auto step = [&f](const List<T>& x) {
    const Tensor<T> y = f(x);
    const Tensor<T> loss = y.rank() == 0 ? y : mean(y * y);
    loss.backward();
    return loss;
  };
  const auto compiled = compile([&] { return step(b); });
  for (int pass = 0; pass < 5; ++pass) {
    if (pass % 2 == 1) {
      for (const List<T>& x : {a, b})
        for (const Tensor<T>& t : x) Tensor<T>(t).zero_grad();
    }
    require_same<T>({step(a)}, {compiled()}, name);
    require_same<T>(gradients(a), gradients(b), name);
  }
  BOOST_TEST(compiled.statistics().without_tape == 4, name);
}

template <class T>
struct Case {
  const char* name;
  std::vector<Shape> shapes;
  std::function<Tensor<T>(const List<T>&)> f;
};

template <class T>
void run(const std::vector<Case<T>>& cases) {
  for (const Case<T>& c : cases) same_passes<T>(c.name, c.shapes, c.f);
}

}  // namespace xgrad::test
