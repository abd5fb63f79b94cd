// Random programs, compiled: values and gradients of the programs as they are, to the last bit, the pass
// back outside of what is compiled and inside, where small tensors need no tape.
//
// The environment variable XGRAD_COMPILED_PROGRAMS sets how many; 300 without it (a fifth of that with a
// sanitizer), 10000 in the long run.

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <cstring>

#include "random_program.hpp"
#include "tests/rounds.hpp"
#include "xgrad/autograd/tensor.hpp"
#include "xgrad/compile/compile.hpp"
#include "xgrad/compile/fusion_group.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/reductions.hpp"

using namespace xgrad;
using test::Kinks;
using test::RandomProgram;
using test::Scales;

namespace {

using D = Tensor<double>;
using Tensors = std::vector<D>;

std::uint64_t how_many() {
  const char* text = std::getenv("XGRAD_COMPILED_PROGRAMS");
  return text == nullptr ? test::rounds(300) : std::strtoull(text, nullptr, 10);
}

// Other numbers of the same kind: those of another order.
Tensors turned(const Tensors& x) {
  Tensors r;
  for (const D& t : x) {
    D u = t.clone();
    std::reverse(u.mutable_data(), u.mutable_data() + u.size());
    r.push_back(u);
  }
  return r;
}

bool same(const D& a, const D& b) {
  if (a.defined() != b.defined()) return false;
  return !a.defined() || (a.shape() == b.shape() &&
                          std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

Tensors leaves_of(const Tensors& x) {
  Tensors leaves;
  for (const D& t : x) leaves.push_back(parameter(t));
  return leaves;
}

template <class F>
Tensors with_gradients(const F& f, const Tensors& leaves) {
  Tensors r = f(leaves), outputs, seeds;
  for (const D& y : r) {
    if (!y.requires_grad()) continue;
    outputs.push_back(y);
    seeds.push_back(D::filled(y.shape(), 0.75));
  }
  if (outputs.empty()) return r;
  for (const D& g : grad(outputs, leaves, {.allow_unused = true}, seeds)) r.push_back(g);
  return r;
}

template <class F>
Tensors values_and_gradients(const F& f, const Tensors& x) {
  return with_gradients(f, leaves_of(x));
}

// Two passes, the second one into gradients that are there.
template <class F>
Tensors with_backward(const F& f, const Tensors& leaves) {
  D loss;
  for (const D& y : f(leaves)) {
    if (!y.requires_grad()) continue;
    const D part = sum(y * y);
    loss = loss.defined() ? loss + part : part;
  }
  if (!loss.defined()) return {};
  loss.backward();
  return {loss};
}

template <class F>
Tensors after_two_passes(const F& f, const Tensors& x) {
  const Tensors leaves = leaves_of(x);
  Tensors r = f(leaves);
  for (const D& y : f(leaves)) r.push_back(y);
  for (const D& t : leaves) r.push_back(t.gradient());
  return r;
}

void require_same(const Tensors& a, const Tensors& b, const std::string& text) {
  BOOST_REQUIRE_EQUAL(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) BOOST_TEST(same(a[i], b[i]), i << ": " << text);
}

// Programs with the pass back inside. Most of them do without the tape.
void run_inside(std::uint64_t first_seed, Kinks kinks, Scales scales = Scales::near_one) {
  std::uint64_t without_tape = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + how_many(); ++seed) {
    const RandomProgram program(seed, kinks, scales);
    const auto asked = [&](const Tensors& x) { return with_gradients(program, x); };
    const auto passed = [&](const Tensors& x) { return with_backward(program, x); };
    const auto compiled_asked = compile(asked);
    const auto compiled_passed = compile(passed);
    // In the call that records an argument is no leaf, and a sum over its gradient may be another kernel's.
    compiled_passed(leaves_of(program.inputs()));
    const std::string text = "seed " + std::to_string(seed) + ": " + program.text();
    for (const Tensors& x : {program.inputs(), turned(program.inputs())}) {
      require_same(asked(leaves_of(x)), compiled_asked(leaves_of(x)), text);
      require_same(after_two_passes(passed, x), after_two_passes(compiled_passed, x), text);
    }
    without_tape += compiled_asked.statistics().without_tape > 0;
    without_tape += compiled_passed.statistics().without_tape > 0;
  }
  BOOST_TEST(without_tape > how_many() * 5 / 4);
}

void run(std::uint64_t first_seed, Kinks kinks, Scales scales = Scales::near_one) {
  const detail::FuseAlways always;
  for (std::uint64_t seed = first_seed; seed < first_seed + how_many(); ++seed) {
    const RandomProgram program(seed, kinks, scales);
    const auto compiled = compile([&](const Tensors& x) { return program(x); });
    for (const Tensors& x : {program.inputs(), turned(program.inputs())}) {
      const Tensors a = values_and_gradients(program, x), b = values_and_gradients(compiled, x);
      BOOST_REQUIRE_EQUAL(a.size(), b.size());
      for (std::size_t i = 0; i < a.size(); ++i)
        BOOST_TEST(same(a[i], b[i]), "seed " << seed << ", " << i << ": " << program.text());
    }
    BOOST_TEST(compiled.statistics().run == 1, "seed " << seed << ": "
                                                       << compiled.statistics().why_called << " "
                                                       << program.text());
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(compiled_programs)

BOOST_AUTO_TEST_CASE(smooth) { run(10'000'000, Kinks::none); }
BOOST_AUTO_TEST_CASE(with_kinks) { run(11'000'000, Kinks::at); }
BOOST_AUTO_TEST_CASE(of_wide_scales) { run(12'000'000, Kinks::none, Scales::wide); }

BOOST_AUTO_TEST_CASE(inside_smooth) { run_inside(13'000'000, Kinks::none); }
BOOST_AUTO_TEST_CASE(inside_with_kinks) { run_inside(14'000'000, Kinks::at); }
BOOST_AUTO_TEST_CASE(inside_of_wide_scales) { run_inside(15'000'000, Kinks::none, Scales::wide); }

BOOST_AUTO_TEST_SUITE_END()
