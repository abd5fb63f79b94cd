#include "runs_again.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "derivatives_of_samples.hpp"
#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/trace.hpp"

namespace proof {
namespace {

using xgrad::Tensor;
using xgrad::detail::Again;
using xgrad::detail::Node;
using xgrad::detail::TracedOperation;

// What stands for which node while everything is done again.
struct Values {
  std::map<const void*, Tensor<float>> floats;
  std::map<const void*, Tensor<double>> doubles;

  template <class T>
  auto& of() {
    if constexpr (std::is_same_v<T, float>) {
      return floats;
    } else {
      return doubles;
    }
  }
  template <class T>
  Tensor<T> now(const Tensor<T>& t) {
    const auto it = of<T>().find(t.node());
    return it == of<T>().end() ? t : it->second;
  }
};

// Does an operation with its operands of the time; of what nobody told about there is none.
template <class T>
struct Step {
  TracedOperation<T> operation;
  std::vector<bool> told;

  Tensors<T> operands(Values& values) const {
    Tensors<T> x;
    for (std::size_t i = 0; i < told.size(); ++i)
      x.push_back(told[i] ? values.now(operation.operands[i]) : Tensor<T>());
    return x;
  }
  void run(Values& values) const {
    BOOST_TEST_CONTEXT("operation " << operation.name) {
      const Tensors<T> x = operands(values);
      const auto& [rule, functor, bytes, copy] = operation.formula;
      Tensor<T>& y = values.of<T>()[operation.output.node()];
      if (operation.again) {
        y = operation.again(x);
      } else {
        BOOST_TEST_REQUIRE(rule != nullptr, "nobody knows how it is run again");
        std::vector<const Tensor<T>*> pointers;
        for (const Tensor<T>& t : x) pointers.push_back(&t);
        y = xgrad::detail::apply_elementwise<T>(*rule, bytes == 0 ? rule : functor.get(), bytes,
                                                copy, pointers);
      }
      BOOST_TEST(xgrad::to_string(y.shape()) == xgrad::to_string(operation.output.shape()));
    }
  }
};

// Everything that a function does, in order.
class Notes : public xgrad::detail::Tracer {
 public:
  using TypedTracer<float>::operation;
  using TypedTracer<double>::operation;
  using TypedTracer<float>::source;
  using TypedTracer<double>::source;
  using TypedTracer<float>::made;
  using TypedTracer<double>::made;
  using TypedTracer<float>::constant;
  using TypedTracer<double>::constant;
  using TypedTracer<float>::read;
  using TypedTracer<double>::read;
  using TypedTracer<float>::write;
  using TypedTracer<double>::write;
  using TypedTracer<float>::backward;
  using TypedTracer<double>::backward;
  using TypedTracer<float>::grad;
  using TypedTracer<double>::grad;
  using TypedTracer<float>::gradient;
  using TypedTracer<double>::gradient;
  using TypedTracer<float>::zero_grad;
  using TypedTracer<double>::zero_grad;
  std::vector<std::function<void(Values&)>> steps;
  std::size_t reads = 0;

  void effect(const char*, std::function<void()> again) override {
    steps.emplace_back([again](Values&) { again(); });
  }
  void refuse(const std::string& what) override { BOOST_TEST_ERROR("refused: " << what); }
  void mode(std::shared_ptr<const bool>) override {}
  void enter(const std::string&) override {}
  void leave() override {}

 protected:
  template <class T>
  void note(TracedOperation<T> operation) {
    auto step = std::make_shared<Step<T>>();
    for (const Tensor<T>& x : operation.operands) {
      step->told.push_back(x.defined() && (known_.contains(x.node()) || !made_.contains(x.node())));
      BOOST_TEST(!x.is_same(operation.output), operation.name << " returns its operand");
    }
    know(operation.output);
    step->operation = std::move(operation);
    last_ = step.get();
    steps.emplace_back([step](Values& values) { step->run(values); });
  }
  template <class T>
  void note_again(const Tensor<T>& y, Again<T> again) {
    auto* const step = static_cast<Step<T>*>(last_);
    BOOST_TEST_REQUIRE((step != nullptr && step->operation.output.node() == y.node()),
                       "how to run again what was not told");
    step->operation.again = std::move(again);
  }
  template <class T>
  void note_cast(const Tensor<T>& x) {
    last_ = nullptr;
    BOOST_TEST(known_or_older(x.node()));
  }
  template <class T>
  void know(const Tensor<T>& t) {
    known_.insert(t.node());
    keep(t);
  }
  void note_made(const void* n) {
    made_.insert(n);
    known_.erase(n);
  }
  void note_write(const void* n, const char* what) {
    BOOST_TEST(made_.contains(n), what << " of what is not the function's own");
    known_.erase(n);
  }
  bool known_or_older(const void* n) const { return known_.contains(n) || !made_.contains(n); }

 private:
  void keep(const Tensor<float>& t) { floats_.push_back(t); }
  void keep(const Tensor<double>& t) { doubles_.push_back(t); }

  std::set<const void*> made_, known_;
  void* last_ = nullptr;
  Tensors<float> floats_;  // whose nodes are not those of others later
  Tensors<double> doubles_;
};

template <class T, class Base>
class Side : public Base {
 public:
  using Base::again;
  using Base::backward;
  using Base::constant;
  using Base::grad;
  using Base::gradient;
  using Base::made;
  using Base::operation;
  using Base::read;
  using Base::source;
  using Base::write;
  using Base::zero_grad;
  void operation(TracedOperation<T> o) override { this->note(std::move(o)); }
  void again(const Tensor<T>& y, Again<T> f) override { this->note_again(y, std::move(f)); }
  void source(const char* name, const Tensor<T>& y, Again<T> f) override {
    this->template note<T>({name, y, {}, {}, std::move(f)});
  }
  void made(const Node<T>* n) override { this->note_made(n); }
  void constant(const Node<T>* n) override { this->know(Tensor<T>(const_cast<Node<T>*>(n))); }
  void read(Node<T>*, const char*) override { ++this->reads; }
  void write(Node<T>* n, const char* what) override { this->note_write(n, what); }
  void backward(const Tensor<T>&, const Tensor<T>&, xgrad::BackwardOptions) override {
    this->refuse("backward()");
  }
  void grad(const Tensors<T>&, const Tensors<T>&, xgrad::GradOptions, const Tensors<T>&,
            const Tensors<T>&) override {
    this->refuse("grad()");
  }
  Tensor<T> gradient(const Tensor<T>&) override {
    this->refuse("gradient()");
    return {};
  }
  void zero_grad(const Tensor<T>&) override { this->refuse("zero_grad()"); }
};

class Told final : public Side<float, Side<double, Notes>> {
 public:
  void cast(const Tensor<float>& x, const Tensor<double>& y) override { cast_of(x, y); }
  void cast(const Tensor<double>& x, const Tensor<float>& y) override { cast_of(x, y); }

 private:
  template <class T, class U>
  void cast_of(const Tensor<T>& x, const Tensor<U>& y) {
    note_cast(x);
    know(y);
    steps.emplace_back([x, y](Values& v) { v.of<U>()[y.node()] = v.now(x).template to<U>(); });
  }
};

template <class T>
void check_same_bits(const char* what, const Tensor<T>& is, const Tensor<T>& expected) {
  BOOST_TEST_REQUIRE(is.defined() == expected.defined());
  if (!is.defined()) return;
  BOOST_TEST_REQUIRE(xgrad::to_string(is.shape()) == xgrad::to_string(expected.shape()));
  std::size_t i = 0;
  while (i < is.size() && std::memcmp(is.data() + i, expected.data() + i, sizeof(T)) == 0) ++i;
  if (i < is.size())
    BOOST_TEST_ERROR(what << " differ at " << i << ": " << is.data()[i] << ", not "
                          << expected.data()[i]);
}

// Of all results that have one, by the leaves, with seeds 1, -0.5, 2, 1 ...
template <class T>
Tensors<T> gradients(const Tensors<T>& y, const Tensors<T>& l,
                     const std::vector<bool>& differentiable) {
  Tensors<T> outputs, seeds, inputs;
  for (const Tensor<T>& t : y) {
    if (!t.requires_grad()) continue;
    std::vector<T> seed(t.size());
    for (std::size_t i = 0; i < seed.size(); ++i)
      seed[i] = i % 3 == 0 ? T(1) : i % 3 == 1 ? T(-0.5) : T(2);
    outputs.push_back(t);
    seeds.push_back(Tensor<T>::from(t.shape(), seed));
  }
  for (std::size_t i = 0; i < l.size(); ++i) {
    if (differentiable[i]) inputs.push_back(l[i]);
  }
  if (outputs.empty()) return {};
  return xgrad::grad(outputs, inputs, {.allow_unused = true}, seeds);
}

using Lists = std::vector<xgrad::Indices>;

template <class T>
Tensors<T> call(const IndexedFunction<T>& f, const Tensors<T>& x, const Lists& at) {
  xgrad::Generator generator(kSeed);
  const xgrad::GeneratorScope scope(generator);
  return f(x, at);
}

// A function is traced, or run again, with lists as its arguments.
struct Scope {
  Scope(Told* t, const Lists& at) {
    xgrad::detail::tracer = t;
    xgrad::detail::index_arguments = &at;
  }
  ~Scope() {
    xgrad::detail::tracer = nullptr;
    xgrad::detail::index_arguments = nullptr;
  }
};

// f(x), of which everything is noted.
template <class T>
Tensors<T> traced(Told& told, const IndexedFunction<T>& f, const Tensors<T>& x, const Lists& at) {
  const Scope scope(&told, at);
  return call(f, x, at);
}

// The results of what was noted, with l in place of x.
template <class T>
Tensors<T> run_again(const Told& told, const Tensors<T>& first, const Tensors<T>& x,
                     const Tensors<T>& l, const Lists& at) {
  const Scope scope(nullptr, at);
  xgrad::Generator generator(kSeed);
  const xgrad::GeneratorScope draws(generator);
  Values values;
  for (std::size_t i = 0; i < x.size(); ++i) values.of<T>()[x[i].node()] = l[i];
  for (const auto& step : told.steps) step(values);
  Tensors<T> y;
  for (const Tensor<T>& t : first) y.push_back(values.now(t));
  return y;
}

template <class T>
void check_one(const IndexedFunction<T>& f, const Tensors<T>& x, const Tensors<T>& other,
               const Lists& at, const Lists& other_at, const std::vector<bool>& differentiable,
               Reads reads) {
  const Tensors<T> expected_of = leaves(other, differentiable), l = leaves(other, differentiable);
  const Tensors<T> expected = call(f, expected_of, other_at);
  Told told;
  const Tensors<T> first = traced(told, f, x, at);
  BOOST_TEST((told.reads != 0) == (reads == Reads::on_host));
  if (reads == Reads::on_host) return;
  const Tensors<T> y = run_again(told, first, x, l, other_at);
  BOOST_TEST_REQUIRE(y.size() == expected.size());
  for (std::size_t i = 0; i < y.size(); ++i) check_same_bits("results", y[i], expected[i]);
  const Tensors<T> g = gradients(y, l, differentiable),
                   expected_g = gradients(expected, expected_of, differentiable);
  BOOST_TEST_REQUIRE(g.size() == expected_g.size());
  for (std::size_t i = 0; i < g.size(); ++i) check_same_bits("gradients", g[i], expected_g[i]);
}

template <class T>
void check_both(const IndexedFunction<T>& f, const Tensors<T>& x, const Tensors<T>& other,
                const Lists& at, const Lists& other_at, const std::vector<bool>& differentiable,
                Reads reads) {
  BOOST_TEST_CONTEXT("recorded")
  check_one(f, leaves(x, differentiable), other, at, other_at, differentiable, reads);
  BOOST_TEST_CONTEXT("not recorded")
  check_one(f, leaves(x, std::vector<bool>(x.size())), other, at, other_at, differentiable, reads);
}

template <class T>
IndexedFunction<T> without_lists(const xgrad::TensorFunction<T>& f) {
  return [f](const Tensors<T>& x, const Lists&) { return f(x); };
}

}  // namespace

template <class T>
void check_runs_again(const xgrad::TensorFunction<T>& f, const Tensors<T>& x,
                      const Tensors<T>& other, const std::vector<bool>& differentiable,
                      Reads reads) {
  check_both(without_lists(f), x, other, {}, {}, differentiable, reads);
}

template <class T>
void check_follows_indices(const IndexedFunction<T>& f, const Tensors<T>& x,
                           const Tensors<T>& other, const Lists& at, const Lists& other_at) {
  check_both(f, x, other, at, other_at, std::vector<bool>(x.size(), true), Reads::nothing);
}

template <class T>
Tensors<T> done_again(const xgrad::TensorFunction<T>& f, const Tensors<T>& x,
                      const Tensors<T>& other) {
  Told told;
  const Tensors<T> first = traced(told, without_lists(f), x, {});
  return run_again(told, first, x, other, {});
}

#define PROOF_INSTANTIATE(T)                                                          \
  template void check_runs_again(const xgrad::TensorFunction<T>&, const Tensors<T>&,  \
                                 const Tensors<T>&, const std::vector<bool>&, Reads); \
  template void check_follows_indices(const IndexedFunction<T>&, const Tensors<T>&,   \
                                      const Tensors<T>&, const Lists&, const Lists&); \
  template Tensors<T> done_again(const xgrad::TensorFunction<T>&, const Tensors<T>&,  \
                                 const Tensors<T>&);
PROOF_INSTANTIATE(float)
PROOF_INSTANTIATE(double)
#undef PROOF_INSTANTIATE

}  // namespace proof
