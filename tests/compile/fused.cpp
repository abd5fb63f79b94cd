// Elementwise programs against the same operations one by one, through the tape, bit by bit.

#include "xgrad/compile/fused.hpp"

#ifdef __linux__
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <random>
#include <regex>
#include <set>
#include <thread>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/elementwise_loop.hpp"
#include "xgrad/compile/fused_blocks.hpp"
#include "xgrad/compile/fused_calls.hpp"
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
      ONE(log_sigmoid(x)), ONE(clamp(x, T(-0.5), T(0.75))), ONE(leaky_relu(x)), ONE(elu(x)), ONE(elu(x, T(1.75))),
      ONE(gelu(x)), ONE(gelu(x, GeluForm::tanh)), ONE(silu(x)), ONE(softsign(x)), ONE(mish(x)),
      TWO(kl_div(x, y, {.reduction = Reduction::none, .any_targets = true})),
      two<T>([=](const auto& x, const auto& y) { return mse_loss(x, y, each); }),
      two<T>([=](const auto& x, const auto& y) { return mae_loss(x, y, each); }),
      TWO(huber_loss(x, y, {.reduction = Reduction::none})),
      TWO(huber_loss(x, y, {.delta = 0.3, .reduction = Reduction::none})),
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

  // y, its total and that of gy, and the gradients of the leaves that want one.
  void run(detail::FusedWay way) {
    detail::Fused<T> f(loop_);
    translate(f);
    f.output(at_.at(y_.node()));
    f.output_total(at_.at(y_.node()));
    f.output_total(static_cast<Value>(recorded_.leaves.size()));
    for (const NodePointer<T> leaf : recorded_.leaves)
      if (gradient_.count(leaf) != 0) f.output(gradient_.at(leaf));
    f.finish(way);
    code = f.has_code();
    value = std::vector<T>(y_.size());
    std::vector<T*> to{value.data(), &total, &total_of_gy};
    gradients.clear();
    for (const NodePointer<T> leaf : recorded_.leaves) {
      if (gradient_.count(leaf) == 0) continue;
      to.push_back(gradients.emplace(leaf, std::vector<T>(y_.size())).first->second.data());
    }
    f.run(from_, to);
  }

  bool code = false;
  T total = 0, total_of_gy = 0;
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

// Of any size and sign, with the numbers that hurt among them, or in [0, 1], where every formula has
// a value and its code is not left for the kernels.
enum class Sort { plain, hard, within };

template <class T>
Tensor<T> numbers(const Shape& shape, std::mt19937& random, Sort sort) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  constexpr T kHard[] = {0, T(-0.0), 1, -1, infinity, -infinity, T(0.5), 3};
  Tensor<T> x = Tensor<T>::filled(shape, T(0));
  std::normal_distribution<T> normal;
  for (std::size_t i = 0; i < x.size(); ++i) {
    T& v = x.node()->data[i];
    v = sort == Sort::hard && random() % 8 == 0 ? kHard[random() % 8] : normal(random);
    if (sort == Sort::within) v = random() % 8 == 0 ? kHard[random() % 2] : std::exp(-std::abs(v));
  }
  return x;
}

template <class T>
struct Case {
  std::vector<Tensor<T>> small, leaves;  // as the program has them, and spread
  Tensor<T> gy;

  Case(const Shape& shape, const std::vector<Shape>& shapes, std::mt19937& random, Sort sort)
      : gy(numbers<T>(shape, random, sort == Sort::within ? Sort::plain : sort)) {
    for (const Shape& s : shapes) {
      small.push_back(numbers<T>(s, random, sort));
      leaves.push_back(parameter(detail::broadcast_to(small.back(), shape).clone()));
    }
  }
};

template <class T>
std::size_t compare(const Tensor<T>& y, Case<T>& c, const std::string& what) {
  std::map<NodePointer<T>, Tensor<T>> small;
  for (std::size_t i = 0; i < c.leaves.size(); ++i) small[c.leaves[i].node()] = c.small[i];
  Translation<T> program(y, c.gy, small);
  const Tensor<T> total = sum(y.detach()), total_of_gy = sum(c.gy);
  y.backward(c.gy, {.retain_graph = true});
  std::size_t with_code = 0;
  for (const auto way :
       {detail::FusedWay::code, detail::FusedWay::narrow_code, detail::FusedWay::kernels}) {
    const std::string here = what + " by " + name_of(way);
    program.run(way);
    with_code += program.code;
    require_same(program.value.data(), y.data(), y.size(), here);
    require_same(&program.total, total.data(), 1, "total of " + here);
    require_same(&program.total_of_gy, total_of_gy.data(), 1, "total of gy of " + here);
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
    for (const Sort sort : {Sort::plain, Sort::hard, Sort::within}) {
      Case<T> c({203}, std::vector<Shape>(all[o].inputs, Shape{203}), random, sort);
      with_code[o] += compare(all[o].call(c.leaves), c, "operation " + std::to_string(o));
    }
  }
  // Where there is code at all: the last ones are formulas that are left to kernels.
  constexpr std::size_t kByKernels = 2;
  for (std::size_t o = 0; with_code[0] != 0 && o < all.size() - kByKernels; ++o)
    BOOST_TEST(with_code[o] == 6U, "operation " << o);
}

// Of each formula there is an operation: those that have a gradient.
BOOST_AUTO_TEST_CASE(no_formula_is_missing) {
  std::mt19937 random(2);
  std::set<std::string> seen{"less",      "less_equal",  "greater",    "greater_equal", "equal",
                             "not_equal", "logical_and", "logical_or", "logical_not"};
  for (const Op<double>& op : operations<double>()) {
    Case<double> c({5}, std::vector<Shape>(op.inputs, Shape{5}), random, Sort::plain);
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
    Case<T> c(shape, shapes, random, std::array{Sort::hard, Sort::plain, Sort::within}[k % 3]);
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
    Case<T> c({n}, {Shape{n}, Shape{1}}, random, n == 16387 ? Sort::hard : Sort::plain);
    for (const int t : {1, 2}) {
      set_num_threads(t);
      for (Tensor<T>& leaf : c.leaves) leaf.zero_grad();
      const Tensor<T>&x = c.leaves[0], &a = c.leaves[1];
      compare(x * sigmoid(a * x) + tanh(x) / (x * x + a), c, "length " + std::to_string(n));
    }
  }
  set_num_threads(threads);
}

// A slope that was made with a value belongs to that formula's object and input alone.
BOOST_AUTO_TEST_CASE(values_and_their_slopes) {
  const auto tanh = detail::make_elementwise_rule<primitives::Tanh, double, 1>(
      "tanh", kernels::elementwise_kernels_here<primitives::Tanh, double>());
  const auto leaky = detail::make_elementwise_rule<primitives::LeakyRelu, double, 1>(
      "leaky_relu", kernels::elementwise_kernels_here<primitives::LeakyRelu, double>());
  const primitives::LeakyRelu one{0.1}, two{0.2};
  std::mt19937 random(5);
  const Tensor<double> x = numbers<double>({50}, random, Sort::plain);
  const Tensor<double> y = numbers<double>({50}, random, Sort::plain);
  kernels::Loop loop;
  detail::build_loop(loop, 50, 2);
  std::vector<double> by_code, by_kernels;
  for (const auto way : {detail::FusedWay::code, detail::FusedWay::kernels}) {
    detail::Fused<double> f(loop);
    const auto add = [&](const auto& rule, const void* functor, std::uint32_t input) {
      const auto value = f.forward(rule, functor, {input});
      f.output(value);
      f.output(f.gradient(rule, functor, {input}, value, 1, 0, 1));
    };
    add(tanh, nullptr, 0), add(tanh, nullptr, 1);
    add(leaky, &one, 0), add(leaky, &two, 0);
    f.finish(way);
    std::vector<double>& all = way == detail::FusedWay::code ? by_code : by_kernels;
    all.resize(8 * 50);
    std::vector<const double*> in{x.data(), y.data()};
    std::vector<double*> out;
    for (std::size_t o = 0; o < 8; ++o) out.push_back(all.data() + o * 50);
    f.run(in, out);
  }
  require_same(by_code.data(), by_kernels.data(), by_code.size(), "code");
}

// Arrays that are less than a register, or less than what calls work on, with a hundred inputs. What is behind them stays
// as it is.
BOOST_AUTO_TEST_CASE_TEMPLATE(short_arrays, T, Types) {
  const auto make = [](auto formula) {
    using F = decltype(formula);
    return detail::make_elementwise_rule<F, T, F::Kind::arity>(
        F::name, kernels::elementwise_kernels_here<F, T>());
  };
  const auto tanh = make(primitives::Tanh()), exp = make(primitives::Exp());
  const auto multiply = make(primitives::Multiply()), relu = make(primitives::Relu());
  constexpr std::size_t kInputs = 100;
  for (const std::size_t bytes : {16U, 32U, 64U, 128U, 384U}) {
    const std::size_t n = bytes / sizeof(T);
    std::mt19937 random(5);
    std::vector<Tensor<T>> x;
    std::vector<bool> repeated;
    for (std::size_t i = 0; i < kInputs; ++i) {
      repeated.push_back(i % 7 == 3);
      x.push_back(numbers<T>({n}, random, Sort::plain));
    }
    const auto run = [&](detail::FusedWay way) {
      detail::Fused<T> f(n, repeated);
      for (std::uint32_t i = 1; i + 1 < kInputs; ++i) {
        const auto u = f.forward(i % 2 == 0 ? tanh : relu, nullptr, {i});
        const auto y = f.forward(multiply, nullptr, {u, f.forward(exp, nullptr, {i + 1})});
        const auto gu = f.gradient(multiply, nullptr, {u, i}, y, 0, 0, 3);
        f.output(f.sum(y, f.gradient(i % 2 == 0 ? tanh : relu, nullptr, {i}, u, gu, 0, 1)));
      }
      f.finish(way);
      std::vector<T> results((kInputs - 2) * (n + 1), T(7));
      std::vector<const T*> arrays;
      for (const Tensor<T>& t : x) arrays.push_back(t.data());
      for (std::size_t o = 0; o + 2 < kInputs; ++o) arrays.push_back(results.data() + o * (n + 1));
      if (f.has_code()) {
        f.run_here(arrays.data());
      } else {
        std::vector<T*> out;
        for (std::size_t o = 0; o + 2 < kInputs; ++o) out.push_back(results.data() + o * (n + 1));
        detail::run_blocks(f.program(), n, arrays.data(), out.data());
      }
      for (std::size_t o = 0; o + 2 < kInputs; ++o) BOOST_TEST(results[o * (n + 1) + n] == T(7));
      return results;
    };
    const auto by_kernels = run(detail::FusedWay::kernels);
    for (const auto way : {detail::FusedWay::code, detail::FusedWay::narrow_code}) {
      const auto by_code = run(way);
      require_same(by_code.data(), by_kernels.data(), by_code.size(),
                   "bytes " + std::to_string(bytes));
    }
  }
}

// A call that has other bits than the loop is not used, alone or with what depends on it.
BOOST_AUTO_TEST_CASE_TEMPLATE(calls_that_differ, T, Types) {
  using primitives::Sigmoid, primitives::Tanh;
  const auto loop = kernels::elementwise_kernels_here<Tanh, T>();
  const auto rule = detail::make_elementwise_rule<Tanh, T, 1>("tanh", loop);
  const auto right = kernels::group_kernels(loop.forward);
  const auto other =
      kernels::group_kernels(kernels::elementwise_kernels_here<Sigmoid, T>().forward);
  const auto left = [&](auto change) {
    auto mixed = right;
    change(mixed);
    return detail::only_exact(mixed, rule, nullptr);
  };
  const auto all = left([&](auto& g) { g.value = other.value; });
  const auto slopes = left([&](auto& g) { g.slope[0] = other.slope[0]; });
  const auto both = left([&](auto& g) { g.both = other.both; });
  BOOST_TEST((all.value == nullptr && all.slope[0] == nullptr && all.both == nullptr));
  BOOST_TEST((slopes.value == right.value && slopes.slope[0] == nullptr));
  BOOST_TEST((slopes.both == nullptr));
  BOOST_TEST((both.value == right.value && both.slope[0] == right.slope[0]));
  BOOST_TEST((both.both == nullptr));
}

#ifdef __linux__
// Whether a program has code, and right results, in a thread in which the system refuses memory with
// all of `protection`.
struct Refused {
  bool filtered = false, code = false, right = false;

  explicit Refused(unsigned protection) {
    std::thread([&] {
      filtered = protection == 0 || filter(protection);
      run();
    }).join();
  }

 private:
  static bool filter(unsigned protection) {
    constexpr unsigned short kLoad = BPF_LD | BPF_W | BPF_ABS, kEqual = BPF_JMP | BPF_JEQ | BPF_K,
                             kAnd = BPF_ALU | BPF_AND | BPF_K, kReturn = BPF_RET | BPF_K;
    sock_filter code[] = {{kLoad, 0, 0, offsetof(seccomp_data, nr)},
                          {kEqual, 1, 0, SYS_mprotect},
                          {kEqual, 0, 4, SYS_mmap},
                          {kLoad, 0, 0, offsetof(seccomp_data, args[2])},
                          {kAnd, 0, 0, protection},
                          {kEqual, 0, 1, protection},
                          {kReturn, 0, 0, SECCOMP_RET_ERRNO | EACCES},
                          {kReturn, 0, 0, SECCOMP_RET_ALLOW}};
    const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
  }
  void run() {
    kernels::Loop loop;
    detail::build_loop(loop, 100, 1);
    detail::Fused<float> f(loop);
    f.output(f.sum(0, 0));
    f.finish();
    code = f.has_code();
    std::vector<float> x(100, 3), y(100);
    f.run({x.data()}, {y.data()});
    right = y == std::vector<float>(100, 6);
  }
};

// No memory is both written and run; where none may be run, the kernels do it.
BOOST_AUTO_TEST_CASE(memory_that_may_be_run) {
  const bool usual = Refused(0).code;
  const Refused both(PROT_WRITE | PROT_EXEC), none(PROT_EXEC);
  if (!both.filtered || !none.filtered) return;
  BOOST_TEST(both.code == usual);
  BOOST_TEST(both.right);
  BOOST_TEST(!none.code);
  BOOST_TEST(none.right);
}
#endif

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

// A number that is repeated may be an output as it is.
BOOST_AUTO_TEST_CASE(repeated_outputs) {
  const Shape shape{40}, one{1};
  const Shape* const shapes[] = {&one};
  kernels::Loop loop;
  detail::build_loop(loop, shape, shapes, 1);
  for (const auto way : {detail::FusedWay::code, detail::FusedWay::kernels}) {
    detail::Fused<double> f(loop);
    f.output(0);
    f.output_total(0);
    f.finish(way);
    const double number = 2.5;
    std::vector<double> all(40);
    double total = 0;
    f.run({&number}, {all.data(), &total});
    BOOST_TEST(all == std::vector<double>(40, 2.5), boost::test_tools::per_element());
    BOOST_TEST(total == 100);
  }
}

BOOST_AUTO_TEST_SUITE_END()
