#include "properties.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <random>

#include "agreement.hpp"
#include "batched.hpp"
#include "compiled.hpp"
#include "runs_again.hpp"
#include "tests/rounds.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/gradient_check/check.hpp"
#include "xgrad/kernels/parallel.hpp"

namespace proof {
namespace {

using xgrad::GradientCheckOptions;
using xgrad::Tensor;
using xgrad::Verdict;
using D = Tensor<double>;
using Tensors = std::vector<D>;

constexpr double kKinkDistance = 0.05;
constexpr double kIdentities = 1e-12;
constexpr double kFloatEpsilons = 0x1p29;  // of double
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Samples. All numbers are exact in float, so that both precisions see the same.

bool near_kink(double v, const std::vector<Kink>& kinks) {
  return std::any_of(kinks.begin(), kinks.end(),
                     [&](const Kink& k) { return std::abs(v - k.at) < kKinkDistance; });
}

D sample_argument(const Argument& a, const Shape& shape, const std::vector<Kink>& kinks,
                  std::mt19937_64& engine) {
  std::uniform_real_distribution<double> uniform(a.low, a.high);
  std::vector<double> values(shape.elements());
  for (double& v : values) {
    do v = static_cast<float>(uniform(engine));
    while (near_kink(v, kinks));
    if (!a.differentiable) v = v > 0.5 * (a.low + a.high) ? 1 : 0;
  }
  if (!a.differentiable && values.size() > 1) values[0] = 1 - values[1];  // a mask of both
  return D::from(shape, values);
}

Tensors sample(const Row& row, const std::vector<Shape>& shapes, std::uint64_t other = 0) {
  std::mt19937_64 engine(std::hash<std::string>()(row.name) + other);
  Tensors x;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    x.push_back(sample_argument(row.arguments[i], shapes[i],
                                i == 0 ? row.kinks : std::vector<Kink>(), engine));
  }
  return x;
}

std::vector<Shape> shapes_of(const Row& row) {
  std::vector<Shape> shapes;
  for (const Argument& a : row.arguments) shapes.push_back(a.shape);
  return shapes;
}

std::vector<Shape> same_shapes(const Row& row, const Shape& shape) {
  return {row.arguments.size(), shape};
}

bool is_empty(const std::vector<Shape>& shapes) {
  return std::any_of(shapes.begin(), shapes.end(),
                     [](const Shape& s) { return s.elements() == 0; });
}

// Comparisons

void check_value(const D& y, const Reference& r, double tolerance) {
  BOOST_TEST_REQUIRE(xgrad::to_string(y.shape()) == xgrad::to_string(r.shape));
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double got = y.data()[i], expected = static_cast<double>(r.values[i]);
    if (std::isfinite(expected)) {
      BOOST_TEST(std::abs(got - expected) <= tolerance * (1 + std::abs(expected)),
                 "element " << i << ": " << got << ", expected " << expected);
    } else {
      const bool same = std::isnan(expected) ? std::isnan(got) : got == expected;
      BOOST_TEST(same, "element " << i << ": " << got << ", expected " << expected);
    }
  }
}

void check_same_bits(const D& a, const D& b) {
  BOOST_TEST_REQUIRE(xgrad::to_string(a.shape()) == xgrad::to_string(b.shape()));
  BOOST_TEST(std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

References as_references(const Tensors& x) { return {x.begin(), x.end()}; }

void check_against_reference(const Row& row, const Tensors& x) {
  check_value(row.f(x).at(0), row.reference(as_references(x)), row.tolerance);
}

// The row's function of its differentiable arguments.
struct Differentiable {
  xgrad::TensorFunction<double> f;
  Tensors x;
};

Differentiable differentiable(const Row& row, const Tensors& x) {
  Differentiable d;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (row.arguments[i].differentiable) places.push_back(i);
  }
  for (const std::size_t i : places) d.x.push_back(x[i]);
  d.f = [&row, x, places](const Tensors& varied) {
    Tensors all = x;
    for (std::size_t i = 0; i < places.size(); ++i) all[places[i]] = varied[i];
    return row.f(all);
  };
  return d;
}

GradientCheckOptions options_for(const Row& row, int order = 1) {
  return {.samples = xgrad::test::kCheckedCoordinates,
          .jacobian = true,
          .order = order,
          .meant = {.zero_gradient = row.zero_gradient}};
}

// Of a few elements all may lie on the flat side.
GradientCheckOptions options_for_few(const Row& row) {
  return {.samples = xgrad::test::kCheckedCoordinates,
          .jacobian = true,
          .meant = {.zero_gradient = true, .constant_mask = row.arguments.size() > 2}};
}

void check_gradients_at(const Row& row, const Tensors& x, GradientCheckOptions options) {
  const Differentiable d = differentiable(row, x);
  const auto r = check_gradients(d.f, d.x, options);
  BOOST_TEST(r.passed(), r.table());
  BOOST_TEST(r.adjoint_gap <= kIdentities);
  BOOST_TEST(r.symmetry_gap <= kIdentities);
}

// Value and gradients in either precision, in double, with a fixed incoming gradient.
template <class T>
Tensors run(const xgrad::TensorFunction<T>& f, const Row& row, const Tensors& x) {
  std::vector<Tensor<T>> leaves;
  for (std::size_t i = 0; i < x.size(); ++i) {
    Tensor<T> leaf =
        Tensor<T>::from(x[i].shape(), std::vector<T>(x[i].data(), x[i].data() + x[i].size()));
    leaves.push_back(leaf.requires_grad_(row.arguments[i].differentiable));
  }
  std::vector<Tensor<T>> results = f(leaves);
  results.resize(1);
  if (results[0].requires_grad()) {
    Tensor<T> seed = Tensor<T>::filled(results[0].shape(), T(1));
    for (std::size_t i = 0; i < seed.size(); ++i)
      seed.mutable_data()[i] = static_cast<T>(1 + static_cast<double>(i % 5) / 4);
    results[0].backward(seed);
    for (const Tensor<T>& leaf : leaves) {
      if (leaf.has_grad()) results.push_back(leaf.gradient());
    }
  }
  Tensors in_double;
  for (const Tensor<T>& t : results) {
    in_double.push_back(D::from(t.shape(), std::vector<double>(t.data(), t.data() + t.size())));
  }
  return in_double;
}

// Properties

bool always(const Row&) { return true; }
bool if_differentiable(const Row& r) { return r.differentiable; }

void value(const Row& row) { check_against_reference(row, sample(row, shapes_of(row))); }

void in_float(const Row& row) {
  const Tensors x = sample(row, shapes_of(row));
  const Tensors wide = run<double>(row.f, row, x), narrow = run<float>(row.f32, row, x);
  BOOST_TEST_REQUIRE(wide.size() == narrow.size());
  for (std::size_t i = 0; i < wide.size(); ++i) {
    check_value(narrow[i], Reference(wide[i]), (i == 0 ? 1 : 20) * kFloatEpsilons * row.tolerance);
  }
}

void gradient(const Row& row) {
  check_gradients_at(row, sample(row, shapes_of(row)), options_for(row));
}

bool if_twice(const Row& r) { return r.differentiable && r.smooth == Smooth::twice; }
void second_gradient(const Row& row) {
  check_gradients_at(row, sample(row, shapes_of(row)), options_for(row, 2));
}

void check_empty(const Row& row, const Tensors& x) {
  const Tensors results = run<double>(row.f, row, x);
  check_value(results[0], row.reference(as_references(x)), row.tolerance);
  std::size_t i = 0;
  for (const Argument& a : row.arguments) i += a.differentiable ? 1 : 0;
  if (row.differentiable) BOOST_TEST(results.size() == 1 + i);
}

bool if_shapes(const Row& r) { return r.elementwise || !r.shapes.empty(); }
void shapes(const Row& row) {
  std::vector<std::vector<Shape>> all = row.shapes;
  if (row.elementwise) {
    for (const Shape& s :
         {Shape{}, Shape{1}, Shape{1, 1, 1}, Shape{2, 1, 3}, Shape{0}, Shape{2, 0, 3}}) {
      all.push_back(same_shapes(row, s));
    }
  }
  for (const std::vector<Shape>& s : all) {
    BOOST_TEST_CONTEXT("first shape " << xgrad::to_string(s[0])) {
      const Tensors x = sample(row, s);
      if (is_empty(s)) {
        check_empty(row, x);
      } else {
        check_against_reference(row, x);
        if (row.differentiable) check_gradients_at(row, x, options_for_few(row));
      }
    }
  }
}

xgrad::GradientElement first_at(const Row& row, double x) {
  Tensors all = sample(row, same_shapes(row, {}));
  const auto f = [&](const D& t) {
    all[0] = t;
    return row.f(all).at(0);
  };
  return xgrad::check_gradients(f, {D(x)}, options_for_few(row)).elements.at(0);
}

bool if_kinks(const Row& r) { return r.differentiable && r.elementwise && !r.kinks.empty(); }
void kink(const Row& row) {
  for (const Kink& k : row.kinks) {
    const auto at = first_at(row, k.at);
    BOOST_TEST((at.verdict == Verdict::kink || at.verdict == Verdict::pass),
               "at " << k.at << ": " << to_string(at.verdict));
    BOOST_TEST((std::isnan(k.slope) || std::abs(at.analytic - k.slope) <= 1e-14),
               "at " << k.at << ": the slope is " << at.analytic << ", " << k.slope << " expected");
    for (const double d : {1e-9, -1e-9}) {
      const Verdict beside = first_at(row, k.at + d).verdict;
      BOOST_TEST(to_string(beside) == "pass",
                 "at " << k.at << " + " << d << ": " << to_string(beside));
    }
  }
}

// Plain and recorded passes, and those of each operand alone.
template <class T>
void agreement_in(const Row& row, const xgrad::TensorFunction<T>& f, std::vector<T> points) {
  std::vector<bool> differentiable;
  for (const Argument& a : row.arguments) differentiable.push_back(a.differentiable);
  for (const Kink& k : row.kinks) points.push_back(static_cast<T>(k.at));
  const auto check = [&] {
    check_agreement<T>(f, combinations(points, row.arguments.size()), differentiable,
                       row.smooth == Smooth::twice);
  };
  try {
    check();
  } catch (const std::invalid_argument&) {  // it takes probabilities only
    std::erase_if(points, [](T v) { return v < 0 || v > 1; });
    check();
  }
}

bool if_by_element(const Row& r) { return r.differentiable && (r.elementwise || r.by_element); }
void agreement(const Row& row) {
  BOOST_TEST_CONTEXT("double") agreement_in(row, row.f, hard_points<double>());
  BOOST_TEST_CONTEXT("float") agreement_in(row, row.f32, hard_points<float>());
}

// The same where elements mix: with each hard point in place of one number of each operand. Not with
// the largest number, which no sum of two has room for.
bool if_mixing(const Row& r) { return r.differentiable && !if_by_element(r); }
void passes(const Row& row) {
  std::vector<bool> differentiable;
  for (const Argument& a : row.arguments) differentiable.push_back(a.differentiable);
  const Tensors x = sample(row, shapes_of(row));
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!differentiable[i] || x[i].size() == 0) continue;
    for (const double v : hard_points<double>()) {
      if (std::abs(v) == std::numeric_limits<double>::max()) continue;
      Tensors hard = x;
      hard[i] = x[i].clone();
      hard[i].mutable_data()[x[i].size() / 2] = v;
      BOOST_TEST_CONTEXT("operand " << i << " with " << v) {
        try {
          check_passes<double>(row.f, hard, differentiable);
        } catch (const std::invalid_argument&) {  // out of its domain
        }
      }
    }
  }
}

bool if_broadcast(const Row& r) { return r.elementwise && r.arguments.size() > 1; }
void broadcast(const Row& row) {
  std::vector<Shape> s = {{2, 1, 3}, {4, 1}, {3}};
  s.resize(row.arguments.size(), Shape{});
  for (int rotation = 0; rotation < 2; ++rotation) {
    const Tensors x = sample(row, s);
    check_against_reference(row, x);
    if (row.differentiable) check_gradients_at(row, x, options_for(row));
    std::rotate(s.begin(), s.begin() + 1, s.end());
  }
}

// Both arguments are the same tensor: contributions to its gradient add up.
bool if_shared(const Row& r) {
  if (!r.differentiable || r.arguments.size() != 2 || r.zero_gradient) return false;
  const Argument &a = r.arguments[0], &b = r.arguments[1];
  return a.differentiable && b.differentiable && a.low == b.low && a.high == b.high &&
         a.shape == b.shape;
}
void shared(const Row& row) {
  const D x = sample(row, shapes_of(row))[0];
  check_against_reference(row, {x, x});
  // Where the arguments tie, the gradient is a subgradient of each, and zero where f(x, x)
  // is constant.
  const auto r = xgrad::check_gradients(
      [&](const D& t) {
        return row.f({t, t}).at(0);
      },
      {x}, {.meant = {.zero_gradient = true, .constant_mask = true}});
  BOOST_TEST(r.passed(), r.table());
}

// Where elements mix, one of them is not finite.
void one_not_finite(const Row& row) {
  const std::size_t count = std::min(row.arguments.size(), row.may_be_infinite);
  for (std::size_t varied = 0; varied < count; ++varied) {
    if (!row.arguments[varied].differentiable) continue;
    for (const double v : {static_cast<double>(NAN), kInfinity, -kInfinity}) {
      Tensors x = sample(row, shapes_of(row));
      x[varied].mutable_data()[x[varied].size() / 2] = v;
      try {
        BOOST_TEST_CONTEXT("argument " << varied << ", " << v) check_against_reference(row, x);
      } catch (const std::invalid_argument& e) {
        BOOST_TEST(std::string(e.what()).starts_with(functions_of(row)[0] + ": "), e.what());
      }
    }
  }
}

void not_finite(const Row& row) {
  if (!row.elementwise) return one_not_finite(row);
  const std::vector<double> special = {NAN, kInfinity, -kInfinity, 0.0, -0.0, 1.0};
  for (std::size_t varied = 0; varied < row.arguments.size(); ++varied) {
    Tensors x = sample(row, same_shapes(row, {special.size()}));
    x[varied] = D::from({special.size()}, special);
    if (row.arguments[varied].differentiable) check_against_reference(row, x);
  }
}

// An element that is not finite spoils no other.
bool if_separate(const Row& r) { return r.elementwise && r.differentiable; }
void separate(const Row& row) {
  Tensors x = sample(row, same_shapes(row, {11}));
  const Tensors before = run<double>(row.f, row, x);
  for (const double v : {static_cast<double>(NAN), kInfinity, -kInfinity}) {
    x[0].mutable_data()[3] = v;
    const Tensors after = run<double>(row.f, row, x);
    for (std::size_t i = 0; i < before.size(); ++i) {
      for (std::size_t p = 0; p < 11; ++p)
        BOOST_TEST((p == 3 || before[i].data()[p] == after[i].data()[p]));
    }
  }
}

class Threads {
 public:
  explicit Threads(int n) : before_(xgrad::num_threads()) { xgrad::set_num_threads(n); }
  ~Threads() { xgrad::set_num_threads(before_); }

 private:
  int before_;
};

bool if_large(const Row& r) { return r.elementwise || !r.large.empty(); }
void threads(const Row& row) {
  const Tensors x =
      sample(row, row.large.empty() ? same_shapes(row, {std::size_t{1} << 17}) : row.large);
  const auto with = [&](int n) {
    const Threads scope(n);
    return run<double>(row.f, row, x);
  };
  const Tensors one = with(1), two = with(2);
  BOOST_TEST_REQUIRE(one.size() == two.size());
  for (std::size_t i = 0; i < one.size(); ++i) check_same_bits(one[i], two[i]);
}

Tensors leaves(const Row& row, const Tensors& x) {
  Tensors l;
  for (std::size_t i = 0; i < x.size(); ++i)
    l.push_back(
        x[i].clone().requires_grad_(row.arguments[i].differentiable || !row.differentiable));
  return l;
}

void no_grad(const Row& row) {
  const Tensors x = leaves(row, sample(row, shapes_of(row)));
  const D recorded = row.f(x).at(0);
  BOOST_TEST(recorded.requires_grad() == row.differentiable);
  const xgrad::NoGrad guard;
  const D y = row.f(x).at(0);
  BOOST_TEST(!y.requires_grad());
  BOOST_TEST(y.is_leaf());
  check_same_bits(y, recorded);
}

// What was told of one call, with other numbers.
void again(const Row& row) {
  std::vector<std::vector<Shape>> all = row.shapes;
  all.push_back(shapes_of(row));
  std::vector<bool> differentiable;
  for (const Argument& a : row.arguments) differentiable.push_back(a.differentiable);
  const Reads reads = row.reads_on_host ? Reads::on_host : Reads::nothing;
  for (const std::vector<Shape>& s : all) {
    BOOST_TEST_CONTEXT("first shape " << xgrad::to_string(s[0]))
    check_runs_again(row.f, sample(row, s), sample(row, s, 1), differentiable, reads);
  }
  const auto narrow = [&](std::uint64_t other) {
    std::vector<Tensor<float>> x;
    for (const D& t : sample(row, shapes_of(row), other)) x.push_back(t.to<float>());
    return x;
  };
  BOOST_TEST_CONTEXT("float")
  check_runs_again(row.f32, narrow(0), narrow(1), differentiable, reads);
}

struct Samples {
  std::vector<bool> differentiable;
  std::vector<Tensors> doubles;
  std::vector<std::vector<Tensor<float>>> floats;
};

Samples three_samples(const Row& row) {
  Samples r;
  for (const Argument& a : row.arguments) r.differentiable.push_back(a.differentiable);
  for (const std::uint64_t k : {0U, 1U, 2U}) {
    r.doubles.push_back(sample(row, shapes_of(row), k));
    r.floats.emplace_back();
    for (const D& t : r.doubles.back()) r.floats.back().push_back(t.to<float>());
  }
  return r;
}

// Of both types, for three samples.
template <class Check>
void for_three_samples(const Row& row, const Check& check) {
  const Samples s = three_samples(row);
  const bool called = row.reads_on_host || row.makes_generator;
  check(row.f, s.doubles, s.differentiable, row.smooth == Smooth::twice, called);
  BOOST_TEST_CONTEXT("float")
  check(row.f32, s.floats, s.differentiable, false, called);
}

// In a batch of them.
void batched(const Row& row) {
  for_three_samples(row, [](const auto&... x) { check_batched(x...); });
}

// Inside of a compiled function that is called with them.
void compiled(const Row& row) {
  for_three_samples(row, [](const auto&... x) { check_compiled(x...); });
}

void freed(const Row& row) {
  const Tensors samples = sample(row, shapes_of(row));
  row.f(samples);  // what an operation makes once and keeps
  const std::int64_t before = xgrad::detail::live_nodes();
  {
    const Tensors x = leaves(row, samples);
    const D y = row.f(x).at(0);
    if (y.requires_grad())
      y.backward(D::filled(y.shape(), 1), {.create_graph = row.smooth == Smooth::twice});
    for (D t : x)
      t.zero_grad();  // with create_graph a gradient refers to the graph, and the graph to its leaf
  }
  BOOST_TEST(xgrad::detail::live_nodes() == before);
}

}  // namespace

const std::vector<Property>& properties() {
  static const std::vector<Property> list = {
      {"value", always, value},
      {"float", always, in_float},
      {"gradient", if_differentiable, gradient},
      {"second_gradient", if_twice, second_gradient},
      {"shapes", if_shapes, shapes},
      {"kink", if_kinks, kink},
      {"agreement", if_by_element, agreement},
      {"passes", if_mixing, passes},
      {"broadcast", if_broadcast, broadcast},
      {"shared", if_shared, shared},
      {"not_finite", always, not_finite},
      {"separate", if_separate, separate},
      {"threads", if_large, threads},
      {"no_grad", always, no_grad},
      {"again", always, again},
      {"compiled", always, compiled},
      {"batched", always, batched},
      {"freed", always, freed},
  };
  return list;
}

}  // namespace proof
