// Elementwise programs against the same operations one by one, through the tape, bit by bit.

#include "xgrad/compile/fused.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <random>
#include <regex>
#include <set>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/elementwise_loop.hpp"
#include "xgrad/kernels/formulas/activations.hpp"
#include "xgrad/kernels/formulas/arithmetic.hpp"
#include "xgrad/kernels/formulas/elementary.hpp"
#include "xgrad/kernels/formulas/losses.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"

using namespace xgrad;

namespace {

// --- Operations ---

template <class T>
struct Op {
  std::size_t inputs;
  std::function<Tensor<T>(const std::vector<Tensor<T>>&)> call;
};

template <class T, class F>
Op<T> one(const F& f) {
  return {1, [f](const std::vector<Tensor<T>>& x) { return f(x[0]); }};
}
template <class T, class F>
Op<T> two(const F& f) {
  return {2, [f](const std::vector<Tensor<T>>& x) { return f(x[0], x[1]); }};
}

// clang-format off
#define ONE(call) one<T>([](const Tensor<T>& x) { return call; })
#define TWO(call) two<T>([](const Tensor<T>& x, const Tensor<T>& y) { return call; })
template <class T>
std::vector<Op<T>> operations() {
  using detail::apply;
  const LossOptions each{.reduction = Reduction::none};
  return {
      TWO(x + y), TWO(x - y), TWO(x * y), TWO(x / y), TWO(pow(x, y)), TWO(maximum(x, y)),
      TWO(minimum(x, y)), TWO(logaddexp(x, y)), TWO(xlogy(x, y)), TWO(atan2(x, y)),
      TWO(apply(primitives::Prelu{}, x, y)), TWO(apply(primitives::Chain{}, x, y)),
      ONE(-x), ONE(exp(x)), ONE(expm1(x)), ONE(log(x)), ONE(log1p(x)), ONE(sqrt(x)), ONE(rsqrt(x)),
      ONE(square(x)), ONE(reciprocal(x)), ONE(abs(x)), ONE(sign(x)), ONE(floor(x)), ONE(round(x)),
      ONE(apply(primitives::Root{}, x)), ONE(sin(x)), ONE(cos(x)), ONE(tan(x)), ONE(asin(x)),
      ONE(acos(x)), ONE(atan(x)), ONE(sinh(x)), ONE(cosh(x)), ONE(tanh(x)), ONE(erf(x)),
      ONE(ndtr(x)), ONE(sigmoid(x)), ONE(logistic_density(x)), ONE(relu(x)), ONE(softplus(x)),
      ONE(log_sigmoid(x)), ONE(clamp(x, T(-0.5), T(0.75))), ONE(leaky_relu(x)), ONE(elu(x)),
      ONE(gelu(x)), ONE(gelu(x, GeluForm::tanh)), ONE(silu(x)), ONE(softsign(x)), ONE(mish(x)),
      TWO(kl_div(x, y, {.reduction = Reduction::none, .any_targets = true})),
      two<T>([=](const auto& x, const auto& y) { return mse_loss(x, y, each); }),
      two<T>([=](const auto& x, const auto& y) { return mae_loss(x, y, each); }),
      TWO(huber_loss(x, y, {.reduction = Reduction::none})),
      TWO(kl_div(x, y, {.log_target = true, .reduction = Reduction::none, .any_targets = true})),
      TWO(apply(primitives::BinaryCrossEntropy{}, x, y)),
      TWO(apply(primitives::LogitCrossEntropy{}, x, y)),
      {3, [](const std::vector<Tensor<T>>& x) { return where(less(x[0], Tensor<T>(T(0.25))), x[1], x[2]); }},
      {4, [](const std::vector<Tensor<T>>& x) { return apply(primitives::Affine{}, x[0], x[1], x[2], x[3]); }},
  };
}
// clang-format on

// --- From the tape to a program ---

template <class T>
using NodePointer = detail::Node<T>*;

// What was recorded behind `y`, in the order of recording, and its leaves.
template <class T>
struct Recorded {
  std::vector<NodePointer<T>> entries, leaves;

  explicit Recorded(const Tensor<T>& y) {
    std::set<NodePointer<T>> seen;
    std::vector<NodePointer<T>> open{y.node()};
    while (!open.empty()) {
      const NodePointer<T> n = open.back();
      open.pop_back();
      if (n == nullptr || !seen.insert(n).second) continue;
      (n->rule == nullptr ? leaves : entries).push_back(n);
      for (std::size_t i = 0; n->rule != nullptr && i < n->edge_count; ++i)
        open.push_back(n->edges[i].node);
    }
    std::sort(entries.begin(), entries.end(),
              [](NodePointer<T> a, NodePointer<T> b) { return a->sequence < b->sequence; });
  }
};

template <class T>
class Translation {
 public:
  // `small` has what a leaf was spread from.
  Translation(const Tensor<T>& y, const Tensor<T>& gy,
              const std::map<NodePointer<T>, Tensor<T>>& small)
      : recorded_(y), y_(y), gy_(gy) {
    std::vector<const Shape*> shapes;
    for (const NodePointer<T> leaf : recorded_.leaves) {
      const auto it = small.find(leaf);
      from_.push_back(it == small.end() ? leaf->data : it->second.node()->data);
      shapes.push_back(it == small.end() ? &leaf->shape : &it->second.shape());
    }
    from_.push_back(gy.data());
    shapes.push_back(&gy.shape());
    BOOST_REQUIRE(shapes.size() <= kernels::kMaxInputs);
    detail::build_loop(loop_, y.shape(), shapes.data(), shapes.size());
  }

  const std::vector<NodePointer<T>>& leaves() const { return recorded_.leaves; }

  // y, its total, and the gradients of the leaves that want one.
  void run(detail::FusedWay way) {
    detail::Fused<T> f(loop_);
    translate(f);
    f.output(at_.at(y_.node()));
    f.output_total(at_.at(y_.node()));
    for (const NodePointer<T> leaf : recorded_.leaves)
      if (gradient_.count(leaf) != 0) f.output(gradient_.at(leaf));
    f.finish(way);
    code = f.has_code();
    value = std::vector<T>(y_.size());
    std::vector<T*> to{value.data(), &total};
    gradients.clear();
    for (const NodePointer<T> leaf : recorded_.leaves) {
      if (gradient_.count(leaf) == 0) continue;
      to.push_back(gradients.emplace(leaf, std::vector<T>(y_.size())).first->second.data());
    }
    f.run(from_, to);
  }

  bool code = false;
  T total = 0;
  std::vector<T> value;
  std::map<NodePointer<T>, std::vector<T>> gradients;

 private:
  using Value = typename detail::Fused<T>::Value;

  void translate(detail::Fused<T>& f) {
    at_.clear();
    gradient_.clear();
    for (Value i = 0; i < recorded_.leaves.size(); ++i) at_[recorded_.leaves[i]] = i;
    for (const NodePointer<T> n : recorded_.entries)
      at_[n] = f.forward(rule_of(n), n->attributes(), inputs_of(n));
    gradient_[y_.node()] = static_cast<Value>(recorded_.leaves.size());
    for (std::size_t k = recorded_.entries.size(); k-- > 0;) back(f, recorded_.entries[k]);
  }
  static const detail::ElementwiseRule<T>& rule_of(NodePointer<T> n) {
    return static_cast<const detail::ElementwiseRule<T>&>(*n->rule);
  }
  std::vector<Value> inputs_of(NodePointer<T> n) const {
    std::vector<Value> x;
    for (std::size_t i = 0; i < n->edge_count; ++i) x.push_back(at_.at(n->edges[i].node));
    return x;
  }
  void back(detail::Fused<T>& f, NodePointer<T> n) {
    if (gradient_.count(n) == 0) return;
    unsigned needed = 0;
    for (unsigned i = 0; i < n->edge_count; ++i) needed |= n->edges[i].needs_grad ? 1U << i : 0U;
    for (std::size_t i = 0; i < n->edge_count; ++i) {
      if (!n->edges[i].needs_grad) continue;
      const Value g = f.gradient(rule_of(n), n->attributes(), inputs_of(n), at_.at(n),
                                 gradient_.at(n), i, needed);
      const auto [there, is_new] = gradient_.emplace(n->edges[i].node, g);
      if (!is_new) there->second = f.sum(there->second, g);
    }
  }

  Recorded<T> recorded_;
  Tensor<T> y_, gy_;
  kernels::Loop loop_;
  std::vector<const T*> from_;
  std::map<NodePointer<T>, Value> at_, gradient_;
};

// --- Comparing ---

template <class T>
bool same_bits(T a, T b) {
  return (a != a && b != b) || std::memcmp(&a, &b, sizeof(T)) == 0;
}

template <class T>
void require_same(const T* a, const T* b, std::size_t n, const std::string& what) {
  for (std::size_t i = 0; i < n; ++i) {
    if (same_bits(a[i], b[i])) continue;
    BOOST_ERROR(what << " [" << i << "] of " << n << ": " << a[i] << ", one by one " << b[i]);
    return;
  }
}

const char* name_of(detail::FusedWay way) {
  return way == detail::FusedWay::code          ? "code"
         : way == detail::FusedWay::narrow_code ? "narrow code"
                                                : "kernels";
}

// The numbers that hurt are among them when `hard`.
template <class T>
Tensor<T> numbers(const Shape& shape, std::mt19937& random, bool hard) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  constexpr T kHard[] = {0, T(-0.0), 1, -1, infinity, -infinity, T(0.5), 3};
  Tensor<T> x = Tensor<T>::filled(shape, T(0));
  std::normal_distribution<T> normal;
  for (std::size_t i = 0; i < x.size(); ++i)
    x.node()->data[i] = hard && random() % 8 == 0 ? kHard[random() % 8] : normal(random);
  return x;
}

template <class T>
struct Case {
  std::vector<Tensor<T>> small, leaves;  // as the program has them, and spread
  Tensor<T> gy;

  Case(const Shape& shape, const std::vector<Shape>& shapes, std::mt19937& random, bool hard)
      : gy(numbers<T>(shape, random, hard)) {
    for (const Shape& s : shapes) {
      small.push_back(numbers<T>(s, random, hard));
      leaves.push_back(parameter(detail::broadcast_to(small.back(), shape).clone()));
    }
  }
};

template <class T>
std::size_t compare(const Tensor<T>& y, Case<T>& c, const std::string& what) {
  std::map<NodePointer<T>, Tensor<T>> small;
  for (std::size_t i = 0; i < c.leaves.size(); ++i) small[c.leaves[i].node()] = c.small[i];
  Translation<T> program(y, c.gy, small);
  const Tensor<T> total = sum(y.detach());
  y.backward(c.gy, {.retain_graph = true});
  std::size_t with_code = 0;
  for (const auto way :
       {detail::FusedWay::code, detail::FusedWay::narrow_code, detail::FusedWay::kernels}) {
    const std::string here = what + " by " + name_of(way);
    program.run(way);
    with_code += program.code;
    require_same(program.value.data(), y.data(), y.size(), here);
    require_same(&program.total, total.data(), 1, "total of " + here);
    for (const auto& [leaf, g] : program.gradients)
      require_same(g.data(), Tensor<T>(leaf).gradient().data(), g.size(), "gradient of " + here);
  }
  return with_code;
}

const std::vector<Shape> kShapes = {{37}, {3, 5, 7}, {2, 64}, {1}, {}, {0}, {4, 0}, {6, 33}, {600}};

// Shapes that are spread along every set of axes of `shape`.
Shape spread_from(const Shape& shape, std::size_t kind) {
  if (kind == 0 || shape.rank() == 0) return shape;
  std::vector<std::size_t> sizes(shape.begin(), shape.end());
  for (std::size_t i = 0; i < sizes.size(); ++i)
    if ((kind >> i & 1U) != 0 && sizes[i] != 0) sizes[i] = 1;
  return Shape(sizes);
}

using Types = std::tuple<float, double>;

}  // namespace

BOOST_AUTO_TEST_SUITE(fused)

BOOST_AUTO_TEST_CASE_TEMPLATE(every_operation, T, Types) {
  std::mt19937 random(1);
  const std::vector<Op<T>> all = operations<T>();
  std::vector<std::size_t> with_code(all.size(), 0);
  for (std::size_t o = 0; o < all.size(); ++o) {
    for (const bool hard : {false, true}) {
      Case<T> c({203}, std::vector<Shape>(all[o].inputs, Shape{203}), random, hard);
      with_code[o] += compare(all[o].call(c.leaves), c, "operation " + std::to_string(o));
    }
  }
  // Where there is code at all: the last ones are formulas that are left to kernels.
  constexpr std::size_t kByKernels = 2;
  for (std::size_t o = 0; with_code[0] != 0 && o < all.size() - kByKernels; ++o)
    BOOST_TEST(with_code[o] == 4U, "operation " << o);
}

// Of each formula there is an operation: those that have a gradient.
BOOST_AUTO_TEST_CASE(no_formula_is_missing) {
  std::mt19937 random(2);
  std::set<std::string> seen{"less",      "less_equal",  "greater",    "greater_equal", "equal",
                             "not_equal", "logical_and", "logical_or", "logical_not"};
  for (const Op<double>& op : operations<double>()) {
    Case<double> c({5}, std::vector<Shape>(op.inputs, Shape{5}), random, false);
    const Tensor<double> y = op.call(c.leaves);
    for (const auto n : Recorded<double>(y).entries) seen.insert(n->rule->name);
  }
  const std::regex name("name = \"([a-z_0-9]+)\"");
  for (const auto& file :
       std::filesystem::directory_iterator(XGRAD_SOURCE_DIR "/kernels/formulas")) {
    std::ifstream in(file.path());
    for (std::string line; std::getline(in, line);) {
      std::smatch found;
      if (std::regex_search(line, found, name)) BOOST_TEST(seen.count(found[1]) == 1U, line);
    }
  }
}

// Programs of up to a dozen operations on leaves of all shapes that broadcast.
BOOST_AUTO_TEST_CASE_TEMPLATE(random_programs, T, Types) {
  std::mt19937 random(3);
  const std::vector<Op<T>> all = operations<T>();
  for (std::size_t k = 0; k < 300; ++k) {
    const Shape shape = kShapes[random() % kShapes.size()];
    std::vector<Shape> shapes{shape};
    while (shapes.size() < 4) shapes.push_back(spread_from(shape, random() % 8));
    Case<T> c(shape, shapes, random, k % 4 == 0);
    std::vector<Tensor<T>> values = c.leaves;
    for (std::size_t n = 1 + random() % 12; n-- > 0;) {
      // Arithmetic half of the time.
      const Op<T>& op = all[random() % 2 == 0 ? random() % 4 : random() % all.size()];
      std::vector<Tensor<T>> x;
      while (x.size() < op.inputs) x.push_back(values[random() % values.size()]);
      values.push_back(op.call(x));
    }
    const Tensor<T> y = values.back() + values[random() % values.size()];
    if (Recorded<T>(y).leaves.size() < kernels::kMaxInputs)
      compare(y, c, "program " + std::to_string(k));
  }
}

// Pieces, blocks, and sums in pieces; the number of threads does not show.
BOOST_AUTO_TEST_CASE_TEMPLATE(long_arrays, T, Types) {
  const int threads = num_threads();
  std::mt19937 random(4);
  for (const std::size_t n : {8192U, 16387U, 100001U}) {
    Case<T> c({n}, {Shape{n}, Shape{1}}, random, n == 16387);
    for (const int t : {1, 2}) {
      set_num_threads(t);
      for (Tensor<T>& leaf : c.leaves) leaf.zero_grad();
      const Tensor<T>&x = c.leaves[0], &a = c.leaves[1];
      compare(x * sigmoid(a * x) + tanh(x) / (x * x + a), c, "length " + std::to_string(n));
    }
  }
  set_num_threads(threads);
}

// What no output needs is not computed; an output may be an input.
BOOST_AUTO_TEST_CASE(outputs) {
  const Tensor<double> x = Tensor<double>::from({3}, {1, 2, 3});
  kernels::Loop loop;
  detail::build_loop(loop, 3, 1);
  for (const auto way : {detail::FusedWay::code, detail::FusedWay::kernels}) {
    detail::Fused<double> f(loop);
    const auto rule = detail::make_elementwise_rule<primitives::Square, double, 1>(
        "square", kernels::elementwise_kernels_here<primitives::Square, double>());
    f.forward(rule, nullptr, {0});
    const auto twice = f.sum(0, 0);
    f.output(0);
    f.output(twice);
    f.output(twice);
    f.finish(way);
    BOOST_TEST(f.program().instructions.size() == 1U);
    double a[3], b[3], in_place[3] = {1, 2, 3};
    f.run({in_place}, {a, b, in_place});
    for (std::size_t i = 0; i < 3; ++i) {
      BOOST_TEST(a[i] == x.data()[i]);
      BOOST_TEST(b[i] == 2 * x.data()[i]);
      BOOST_TEST(in_place[i] == 2 * x.data()[i]);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
