#include "xgrad/autograd/elementwise.hpp"

#include <array>
#include <string>
#include <string_view>

#include "xgrad/autograd/elementwise_loop.hpp"
#include "xgrad/autograd/engine.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/parallel.hpp"

namespace xgrad::detail {
namespace {

template <class T>
void run_forward(const ElementwiseRule<T>& rule, const void* functor, const Loop& loop,
                 const T* const* in, T* out) {
  const std::size_t pieces = pieces_of(loop);
  if (pieces == 1) return rule.kernels.forward(functor, loop, in, out);
  kernels::parallel_for(pieces, [&](std::size_t k) {
    const Part p = part_of(loop, pieces, k);
    const T* shifted[kernels::kMaxInputs];
    for (std::size_t i = 0; i < loop.inputs; ++i) shifted[i] = in[i] + p.begin * loop.stride[i][0];
    rule.kernels.forward(functor, p.loop, shifted, out + p.out);
  });
}

// What the operands are called where it is not a and b.
struct Names {
  std::string_view operation;
  std::array<std::string_view, 3> operands;
};
constexpr Names kNames[] = {{"where", {"mask", "a", "b"}},
                            {"pow", {"x", "y"}},
                            {"xlogy", {"x", "y"}},
                            {"atan2", {"y", "x"}},
                            {"prelu", {"x", "slope"}}};

std::string name_of(std::string_view operation, std::size_t i, std::size_t n) {
  for (const Names& names : kNames) {
    if (names.operation == operation) return std::string(names.operands[i]);
  }
  return n == 2 ? std::string(i == 0 ? "a" : "b") : "input " + text(i);
}

[[noreturn]] void fail_broadcast(const char* operation, const Shape* const* shapes, std::size_t n) {
  std::string list;
  for (std::size_t i = 0; i < n; ++i) {
    list += (i == 0 ? "" : ", ") + name_of(operation, i, n) + " " + to_string(*shapes[i]);
  }
  fail(operation, "shapes do not broadcast: ", list);
}

// The shape that all of them broadcast to.
Shape broadcast_all(const char* operation, const Shape* const* shapes, std::size_t n) {
  Shape out = *shapes[0];
  for (std::size_t i = 1; i < n; ++i) {
    if (!broadcast(out, *shapes[i], out)) fail_broadcast(operation, shapes, n);
  }
  return out;
}

// A formula without captures is called with any address.
template <class T>
[[gnu::noinline, gnu::cold]] void log_elementwise(const ElementwiseRule<T>& rule,
                                                  void (*copy)(const void*, void*),
                                                  const Tensor<T>& y) {
  const LoggedOperation<T>* const logged = operation_logs<T>->last();
  if (logged == nullptr || !logged->output.is_same(y)) return;
  const auto again = [&rule, copy, functor = logged->attributes,
                      bytes = logged->attribute_bytes](const std::vector<Tensor<T>>& operands) {
    std::vector<const Tensor<T>*> inputs;
    for (const Tensor<T>& x : operands) inputs.push_back(&x);
    const void* const f = bytes == 0 ? &rule : functor.get();
    return apply_elementwise<T>(rule, f, bytes, copy, inputs);
  };
  log_again(y, again);
}

template <class T>
[[gnu::noinline, gnu::cold]] void trace_elementwise(const ElementwiseRule<T>& rule,
                                                    const void* functor, std::size_t bytes,
                                                    void (*copy)(const void*, void*),
                                                    const Tensor<T>& y,
                                                    std::span<const Tensor<T>* const> inputs) {
  TracedOperation<T> operation{rule.name, y, {}, {&rule, nullptr, bytes, copy}};
  for (const Tensor<T>* x : inputs) operation.operands.push_back(*x);
  if (bytes != 0) {
    const std::shared_ptr<std::byte[]> place(new std::byte[bytes]);
    copy(functor, place.get());
    operation.formula.functor = {place.get(), [place, destroy = rule.destroy](const void*) {
                                   if (destroy != nullptr) destroy(place.get());
                                 }};
  }
  traced<T>().operation(std::move(operation));
}

}  // namespace

template <class T>
Tensor<T> apply_elementwise(const ElementwiseRule<T>& rule, const void* functor, std::size_t bytes,
                            void (*copy)(const void*, void*),
                            std::span<const Tensor<T>* const> inputs) {
  const std::size_t n = inputs.size();
  const T* in[kernels::kMaxInputs];
  const Shape* shapes[kernels::kMaxInputs];
  bool same = true;
  unsigned need = 0;
  for (std::size_t i = 0; i < n; ++i) {
    shapes[i] = &inputs[i]->shape();
    in[i] = inputs[i]->data();
    same = same && *shapes[i] == *shapes[0];
    need |= static_cast<unsigned>(inputs[i]->requires_grad()) << i;
  }
  Shape out;
  if (!same) out = broadcast_all(rule.name, shapes, n);
  const Tensor<T> y = Tensor<T>::uninitialized(same ? *shapes[0] : out);
  Loop loop;
  same ? build_loop(loop, y.size(), n) : build_loop(loop, y.shape(), shapes, n);
  if (y.size() != 0) run_forward(rule, functor, loop, in, y.node()->data);
  if (need != 0 && is_recording()) {
    record_needed<T>(y, rule, inputs, rule.saves(need), functor, bytes, copy);
    if (operation_logs<T> != nullptr) [[unlikely]]
      log_elementwise(rule, copy, y);
  }
  if (tracer != nullptr) [[unlikely]]
    trace_elementwise(rule, functor, bytes, copy, y, inputs);
  return y;
}

namespace {
template <class T>
const Rule<T> kAlias = {"alias", [](const void*, Backward<T>& b) { b.add(0, b.take_gradient()); },
                        nullptr};
}

template <class T>
std::vector<Tensor<T>> aliases(const Backward<T>& b) {
  std::vector<Tensor<T>> r;
  for (std::size_t i = 0; i < b.input_count(); ++i) {
    const Tensor<T> x = b.input(i);
    r.push_back(Tensor<T>(share_value(x.node(), x.shape())));
    record<T>(r.back(), kAlias<T>, {&x}, {});
  }
  return r;
}

template <class T>
void add_composed(Backward<T>& b, const std::vector<Tensor<T>>& inputs, const Tensor<T>& y) {
  if (!y.requires_grad()) return;
  std::vector<Tensor<T>> sinks;
  Engine<T> engine({.retain = true, .create_graph = true, .stop_at_sinks = true});
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    b.needs(i) ? sinks.push_back(inputs[i]) : engine.stop_at(inputs[i]);
  }
  engine.collect(sinks);
  engine.run(y, b.gradient());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!b.needs(i)) continue;
    Tensor<T> g = engine.collected(inputs[i]);
    if (g.defined()) b.add(i, std::move(g));
  }
}

#define XGRAD_INSTANTIATE(T)                                                                \
  template Tensor<T> apply_elementwise(const ElementwiseRule<T>&, const void*, std::size_t, \
                                       void (*)(const void*, void*),                        \
                                       std::span<const Tensor<T>* const>);                  \
  template std::vector<Tensor<T>> aliases(const Backward<T>&);                              \
  template void add_composed(Backward<T>&, const std::vector<Tensor<T>>&, const Tensor<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
