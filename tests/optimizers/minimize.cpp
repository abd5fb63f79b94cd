// minimize(loss) is zero_grad(), backward() and step() to the last bit, without gradients of weight matrices.

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <functional>
#include <limits>
#include <string_view>

#include "tests/optimizers/makers.hpp"
#include "tests/rounds.hpp"
#include "xgrad/compile/compile.hpp"
#include "xgrad/kernels/gemm.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/peak_memory.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/optimizers/lbfgs.hpp"
#include "xgrad/optimizers/newton_cg.hpp"

namespace xgrad::test {
namespace {

// A network whose first weights are cut into panels, with a matrix that stands on the left of its gradient's product.
template <class T>
struct WideNet {
  Tensor<T> w1, b1, w2, w3;
  explicit WideNet(std::uint64_t seed = 5) {
    Generator generator(seed);
    const auto numbers = [&](const Shape& s, double size) {
      return parameter(normal<T>(s, T(0), static_cast<T>(size), generator));
    };
    w1 = numbers({1000, 400}, 0.05);
    b1 = numbers({1000}, 0.1);
    w2 = numbers({1000, 30}, 0.03);
    w3 = numbers({7, 30}, 0.2);
  }
  NamedTensors<T> parameters() const { return {{"w1", w1}, {"b1", b1}, {"w2", w2}, {"w3", w3}}; }
  Tensor<T> loss(const Tensor<T>& x) const {
    const Tensor<T> h = matmul(tanh(linear(x, w1, b1)), w2);
    const Tensor<T> y = matmul(relu(h), w3, {.transpose_b = true});
    return mean(y * y) + sum(y) / 100;
  }
};

template <class T>
Tensor<T> batch(std::size_t n, std::uint64_t seed = 9) {
  Generator generator(seed);
  return normal<T>({n, 400}, 0, 1, generator);
}

template <class T>
void require_same(const NamedTensors<T>& a, const NamedTensors<T>& b) {
  BOOST_TEST_REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool same =
        a[i].tensor.size() == b[i].tensor.size() &&
        std::memcmp(a[i].tensor.data(), b[i].tensor.data(), a[i].tensor.size() * sizeof(T)) == 0;
    BOOST_TEST(same, a[i].name);
  }
}

template <class T>
void require_no_gradients(const NamedTensors<T>& parameters) {
  for (const auto& p : parameters) BOOST_TEST(!p.tensor.has_grad(), p.name);
}

template <class T>
using Loss = std::function<Tensor<T>(const WideNet<T>&)>;

// Three steps in one call each, and in three.
template <class T>
void check(const Maker<T>& maker, const Loss<T>& loss) {
  const WideNet<T> net, other;
  const auto optimizer = maker.make(net.parameters()), plain = maker.make(other.parameters());
  for (int i = 0; i < 3; ++i) {
    for (auto* o : {optimizer.get(), plain.get()}) {
      auto* const sgd = dynamic_cast<Sgd<T>*>(o);
      if (sgd != nullptr && sgd->options().look_ahead) sgd->look_ahead();
    }
    optimizer->minimize(loss(net));
    plain->zero_grad();
    loss(other).backward();
    plain->step();
  }
  require_same(net.parameters(), other.parameters());
  require_same(optimizer->state_dict().tensors, plain->state_dict().tensors);
  BOOST_TEST((optimizer->state_dict().numbers == plain->state_dict().numbers));
  require_no_gradients(net.parameters());
}

template <class T>
Maker<T> maker_of(std::string_view name) {
  for (const Maker<T>& m : makers<T>()) {
    if (m.name == name) return m;
  }
  throw std::logic_error("no such optimizer");
}

using Types = std::tuple<float, double>;

BOOST_AUTO_TEST_SUITE(minimize)

BOOST_AUTO_TEST_CASE_TEMPLATE(every_optimizer, T, Types) {
  const Tensor<T> x = batch<T>(32);
  const std::vector<Maker<T>> all = makers<T>();
  for (std::size_t i = 0; i < all.size(); i += kSanitized ? 4 : 1) {
    const Maker<T>& maker = all[i];
    BOOST_TEST_CONTEXT(maker.name) {
      check<T>(maker, [&](const WideNet<T>& net) { return net.loss(x); });
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_size_of_the_batch, T, Types) {
  const Maker<T> adam = maker_of<T>("adam");
  for (const std::size_t n : {1u, 2u, 3u, 7u, 8u, 17u, 128u}) {
    if (kSanitized && n > 8) continue;
    BOOST_TEST_CONTEXT(n) {
      const Tensor<T> x = batch<T>(n);
      check<T>(adam, [&](const WideNet<T>& net) { return net.loss(x); });
    }
  }
}

// Gradients that are more than one product.
BOOST_AUTO_TEST_CASE_TEMPLATE(other_gradients, T, Types) {
  const Maker<T> adam = maker_of<T>("adam");
  const Tensor<T> x = batch<T>(16), other = batch<T>(16, 10);
  BOOST_TEST_CONTEXT("a penalty of the weights") {
    check<T>(adam, [&](const WideNet<T>& net) { return net.loss(x) + sum(square(net.w1)) / 50; });
  }
  BOOST_TEST_CONTEXT("used twice") {
    check<T>(adam, [&](const WideNet<T>& net) { return net.loss(x) + net.loss(other); });
  }
  BOOST_TEST_CONTEXT("the product is the second part of three") {
    check<T>(adam, [&](const WideNet<T>& net) {
      const Tensor<T> late = sum(square(net.w1)) / 50;
      const Tensor<T> product = net.loss(x);
      return product + late + mean(exp(net.w1));
    });
  }
  BOOST_TEST_CONTEXT("the other operand transposed") {
    check<T>(adam, [&](const WideNet<T>& net) {
      const Tensor<T> y = matmul(transpose(x), matmul(x, transpose(net.w1)));
      return mean(square(matmul(net.w1, net.w2, {.transpose_a = true}))) + mean(square(y));
    });
  }
  BOOST_TEST_CONTEXT("both sides of a product") {
    check<T>(adam, [&](const WideNet<T>& net) {
      return mean(square(matmul(net.w2, net.w2, {.transpose_b = true})));
    });
  }
  BOOST_TEST_CONTEXT("batches of matrices") {
    const Tensor<T> many = reshape(x, {4, 4, 400});
    check<T>(adam, [&](const WideNet<T>& net) { return mean(square(linear(many, net.w1))); });
  }
}

BOOST_AUTO_TEST_CASE(a_parameter_without_numbers) {
  const Tensor<double> none = parameter(Tensor<double>::filled({0, 400}, 0));
  const Tensor<double> some = parameter(Tensor<double>::filled({2, 400}, 1));
  Adam<double> optimizer({{"none", none}, {"some", some}});
  const Tensor<double> x = batch<double>(4);
  optimizer.minimize(sum(linear(x, none)) + mean(linear(x, some)));
  BOOST_TEST(optimizer.state_dict().numbers.at("Adam/none/steps") == 1);
  BOOST_TEST(some.value()(0, 0) != 1);
}

// An optimizer that reads gradients by itself gets them whole.
template <class T>
class SignDescent : public Optimizer<T> {
 public:
  explicit SignDescent(const NamedTensors<T>& parameters) : Optimizer<T>("SignDescent") {
    this->add_slots(parameters, {0.01, 0, {}});
  }

 private:
  void update(typename Optimizer<T>::Slot& slot) override {
    const Tensor<T> g = slot.tensor.gradient();
    T* const w = slot.tensor.mutable_data();
    for (std::size_t i = 0; i < g.size(); ++i)
      w[i] -= static_cast<T>(g.data()[i] > 0 ? 0.01 : -0.01);
  }
};

BOOST_AUTO_TEST_CASE_TEMPLATE(an_optimizer_of_ones_own, T, Types) {
  const Tensor<T> x = batch<T>(16);
  check<T>({"sign",
            [](const NamedTensors<T>& p) -> std::unique_ptr<Optimizer<T>> {
              return std::make_unique<SignDescent<T>>(p);
            }},
           [&](const WideNet<T>& net) { return net.loss(x); });
}

// Where NaN is looked for gradients are whole, with the same bits.
BOOST_AUTO_TEST_CASE_TEMPLATE(checked_gradients, T, Types) {
  const Tensor<T> x = batch<T>(16);
  check<T>({"adam",
            [](const NamedTensors<T>& p) -> std::unique_ptr<Optimizer<T>> {
              auto adam = std::make_unique<Adam<T>>(p);
              adam->set_checks({.nan = true, .missing = true});
              return adam;
            }},
           [&](const WideNet<T>& net) { return net.loss(x) + sum(square(net.w2)) / 50; });
}

BOOST_AUTO_TEST_CASE(frozen_hooked_and_unused) {
  const WideNet<double> net, other;
  const Tensor<double> x = batch<double>(16);
  std::vector<double> sizes;
  for (const WideNet<double>* n : {&net, &other}) {
    Tensor<double> frozen = n->w2, hooked = n->w3;
    frozen.requires_grad_(false);
    hooked.register_hook([&](const Tensor<double>& g) {
      sizes.push_back(sum(g).item());
      return g * 0.5;
    });
  }
  const Tensor<double> unused = parameter(batch<double>(2));
  NamedTensors<double> all = net.parameters();
  all.push_back({"unused", unused});
  Adam<double> optimizer(all), plain(other.parameters());
  const auto before = unused.clone();
  for (int i = 0; i < 2; ++i) {
    optimizer.minimize(net.loss(x));
    plain.zero_grad();
    other.loss(x).backward();
    plain.step();
  }
  require_same(net.parameters(), other.parameters());
  require_same<double>({{"unused", before}}, {{"unused", unused}});
  BOOST_TEST_REQUIRE(sizes.size() == 4U);
  BOOST_TEST((sizes[0] == sizes[1] && sizes[2] == sizes[3]));
}

BOOST_AUTO_TEST_CASE(gradients_from_before_do_not_count) {
  const WideNet<float> net, other;
  const Tensor<float> x = batch<float>(16);
  Sgd<float> optimizer(net.parameters(), {.learning_rate = 0.1}),
      plain(other.parameters(), {.learning_rate = 0.1});
  net.loss(batch<float>(8, 3)).backward();
  optimizer.minimize(net.loss(x));
  other.loss(x).backward();
  plain.step();
  require_same(net.parameters(), other.parameters());
}

// The same for any number of threads.
BOOST_AUTO_TEST_CASE(any_number_of_threads) {
  const Tensor<float> x = batch<float>(32);
  const auto trained = [&](int n) {
    set_num_threads(n);
    const WideNet<float> net;
    Adam<float> optimizer(net.parameters());
    for (int i = 0; i < 2; ++i) optimizer.minimize(net.loss(x));
    return net.parameters();
  };
  const int before = num_threads();
  const auto one = trained(1), three = trained(3);
  set_num_threads(before);
  require_same(one, three);
}

BOOST_AUTO_TEST_CASE(no_memory_for_gradients) {
  const WideNet<float> net;
  const Tensor<float> x = batch<float>(64);
  Sgd<float> optimizer(net.parameters(), {.learning_rate = 0.1});
  const int before = num_threads();
  set_num_threads(1);
  const auto peak = [&](const auto& step) {
    step();
    optimizer.zero_grad();
    const PeakMemory memory;
    step();
    return memory.bytes();
  };
  const std::size_t gradient = net.w1.size() * sizeof(float);
  const std::size_t minimized = peak([&] { optimizer.minimize(net.loss(x)); });
  const std::size_t plain = peak([&] {
    net.loss(x).backward();
    optimizer.step();
  });
  set_num_threads(before);
  BOOST_TEST(2 * minimized < plain);
  BOOST_TEST(plain > gradient);
}

template <class T>
using LossOf = std::function<Tensor<T>(const Tensor<T>&)>;

// In a compiled step: on the tape, and without it where tensors are small.
template <class T>
void check_compiled(const NamedTensors<T>& parameters, const NamedTensors<T>& others,
                    const LossOf<T>& loss, const LossOf<T>& other_loss,
                    const std::vector<Tensor<T>>& batches, std::size_t without_tape) {
  Adam<T> optimizer(parameters), plain(others);
  const auto step = compile([&](const Tensor<T>& x) {
    const Tensor<T> l = loss(x);
    optimizer.minimize(l);
    return l;
  });
  for (const Tensor<T>& x : batches) {
    const Tensor<T> a = step(x);
    plain.zero_grad();
    const Tensor<T> b = other_loss(x);
    b.backward();
    plain.step();
    BOOST_TEST(a.item() == b.item());
    require_no_gradients(parameters);
  }
  require_same(parameters, others);
  BOOST_TEST(step.statistics().recorded == 1U);
  BOOST_TEST(step.statistics().run == batches.size() - 1);
  BOOST_TEST(step.statistics().without_tape == without_tape);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(compiled, T, Types) {
  const WideNet<T> net, other;
  check_compiled<T>(
      net.parameters(), other.parameters(), [&](const Tensor<T>& x) { return net.loss(x); },
      [&](const Tensor<T>& x) { return other.loss(x); },
      {batch<T>(32, 1), batch<T>(32, 2), batch<T>(32, 3)}, 0);
  const auto numbers = [](const Shape& shape, std::uint64_t seed) {
    Generator generator(seed);
    return normal<T>(shape, 0, 1, generator);
  };
  const Tensor<T> w = parameter(numbers({5, 4}, 2)), v = parameter(numbers({5, 4}, 2));
  const auto loss = [](const Tensor<T>& weights) {
    return [weights](const Tensor<T>& x) { return mean(tanh(linear(x, weights))); };
  };
  check_compiled<T>({{"w", w}}, {{"w", v}}, loss(w), loss(v),
                    {numbers({3, 4}, 3), numbers({3, 4}, 4), numbers({3, 4}, 5)}, 2);
}

// Checks that are asked for after a step was recorded.
BOOST_AUTO_TEST_CASE(checks_in_a_compiled_step) {
  const WideNet<float> net;
  Adam<float> optimizer(net.parameters());
  const auto step = compile([&](const Tensor<float>& x) {
    const Tensor<float> l = net.loss(x);
    optimizer.minimize(l);
    return l;
  });
  const Tensor<float> x = batch<float>(8);
  step(x);
  optimizer.set_checks({.nan = true});
  const Tensor<float> before = net.w1.clone();
  BOOST_CHECK_EXCEPTION(step(x * std::numeric_limits<float>::quiet_NaN()), std::invalid_argument,
                        [](const auto& e) {
                          return std::string(e.what()).find("not finite: w1") != std::string::npos;
                        });
  require_same<float>({{"w1", before}}, {{"w1", net.w1}});
  require_no_gradients(net.parameters());
  step(x);
  BOOST_TEST(step.statistics().recorded == 1U);
  BOOST_TEST(before.value()(0, 0) != net.w1.value()(0, 0));
}

BOOST_AUTO_TEST_CASE(errors) {
  const WideNet<double> net;
  const Tensor<double> x = batch<double>(4);
  Adam<double> optimizer(net.parameters());
  const auto refused = [](const auto& f) -> std::string {
    try {
      f();
    } catch (const std::exception& e) {
      return e.what();
    }
    return "";
  };
  const auto before = net.w1.clone();
  BOOST_TEST(refused([&] { optimizer.minimize(x); }).find("backward") != std::string::npos);
  optimizer.set_checks({.missing = true});
  BOOST_TEST(refused([&] { optimizer.minimize(sum(linear(x, net.w1))); }) ==
             "Adam: parameters without a gradient: b1, w2, w3; call backward() before step(), or "
             "freeze them");
  require_same<double>({{"w1", before}}, {{"w1", net.w1}});
  require_no_gradients(net.parameters());
  optimizer.set_checks({.nan = true});
  BOOST_TEST(refused([&] {
               optimizer.minimize(net.loss(x * std::numeric_limits<double>::quiet_NaN()));
             }).find("not finite") != std::string::npos);
  require_same<double>({{"w1", before}}, {{"w1", net.w1}});
  optimizer.set_checks({});
  optimizer.minimize(net.loss(x));  // nothing is left of what failed
  const WideNet<double> other;
  Adam<double> plain(other.parameters());
  other.loss(x).backward();
  plain.step();
  require_same(net.parameters(), other.parameters());
  Lbfgs<double> lbfgs(net.parameters());
  NewtonCg<double> newton(net.parameters());
  for (Optimizer<double>* o :
       {static_cast<Optimizer<double>*>(&lbfgs), static_cast<Optimizer<double>*>(&newton)}) {
    BOOST_TEST(refused([&] { o->minimize(net.loss(x)); }).find("needs the loss") !=
               std::string::npos);
  }
}

// Rows of a product, some at a time.
BOOST_AUTO_TEST_CASE_TEMPLATE(products_in_panels, T, Types) {
  struct Size {
    std::size_t m, n, k, least;  // of panels
  };
  for (const Size s : {Size{1000, 400, 32, 3}, Size{1000, 400, 1, 8}, Size{997, 130, 700, 3},
                       Size{64, 3000, 300, 1}, Size{8, 5, 3, 1}, Size{1, 5000, 300, 1},
                       Size{5000, 1, 300, 1}, Size{300, 40, 0, 1}}) {
    for (const bool ta : {false, true}) {
      for (const bool tb : {false, true}) {
        Generator generator(1);
        const Tensor<T> a = normal<T>({s.m * s.k}, 0, 1, generator),
                        b = normal<T>({s.k * s.n}, 0, 1, generator);
        std::vector<T> whole(s.m * s.n), parts(s.m * s.n, T(7));
        const kernels::Product<T> p{ta, tb, s.m, s.n, s.k, a.data(), b.data(), T(0), whole.data()};
        kernels::gemm(p);
        const kernels::RowPanels<T> panels(p, std::size_t{1} << 17);
        BOOST_TEST(panels.count() >= s.least);
        BOOST_TEST(panels.begin(panels.count()) == s.m);
        for (std::size_t i = 0; i < panels.count(); ++i)
          panels.run(i, parts.data() + panels.begin(i) * s.n);
        const bool same = std::memcmp(whole.data(), parts.data(), whole.size() * sizeof(T)) == 0;
        BOOST_TEST(same, s.m << " " << s.n << " " << s.k << " " << ta << tb);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xgrad::test
