#pragma once

// The steps that there are. Internal.

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/later_products.hpp"
#include "xgrad/compile/fusion_group.hpp"
#include "xgrad/compile/program.hpp"

namespace xgrad::detail {

template <class T>
void reread_in(Operand<T>& o, std::uint32_t from, std::uint32_t to, const void* held) {
  if (o.value == from) o = {to, static_cast<const Tensor<T>*>(held)};
}
template <class T>
void reread_in(std::vector<Operand<T>>& list, std::uint32_t from, std::uint32_t to,
               const void* held) {
  for (Operand<T>& o : list) reread_in(o, from, to, held);
}

template <class T>
using OperandPointers = std::array<const Tensor<T>*, kernels::kMaxInputs>;

/// Of the operands of a formula, without a list of their own.
template <class T>
std::span<const Tensor<T>* const> pointers_in(const std::vector<Operand<T>>& operands,
                                              const ProgramValues& values, OperandPointers<T>& x) {
  for (std::size_t i = 0; i < operands.size(); ++i) x[i] = &operands[i].in(values);
  return {x.data(), operands.size()};
}

template <class T>
struct FormulaStep : ProgramStep {
  TracedFormula<T> formula;
  std::vector<Operand<T>> operands;
  std::uint32_t result;

  void run(ProgramValues& values) const override {
    OperandPointers<T> x;
    values.of<T>()[result] = apply_elementwise<T>(*formula.rule, functor_of(formula), formula.bytes,
                                                  formula.copy, pointers_in(operands, values, x));
  }
  void reread(std::uint32_t from, std::uint32_t to, const void* held) override {
    reread_in(operands, from, to, held);
  }
};

template <class T>
struct GroupStep : ProgramStep {
  std::shared_ptr<const FusionGroup<T>> group;
  std::vector<Operand<T>> operands;
  std::uint32_t result;

  std::size_t deferred = kAtOnce;

  static constexpr std::size_t kAtOnce = ~std::size_t{0};

  void run(ProgramValues& values) const override {
    OperandPointers<T> x;
    const auto inputs = pointers_in(operands, values, x);
    values.of<T>()[result] =
        deferred == kAtOnce ? group->run(inputs) : group->defer(inputs, values.deferred[deferred]);
  }
  void settle(ProgramValues& values) const {
    const std::shared_ptr<Deferred> now = values.deferred[deferred];
    OperandPointers<T> x;
    if (now != nullptr)
      group->settle(pointers_in(operands, values, x), values.of<T>()[result], *now);
  }
};

/// After the pass back that a group's numbers were left to.
template <class T>
struct SettleStep : ProgramStep {
  const GroupStep<T>* group;

  void run(ProgramValues& values) const override { group->settle(values); }
};

template <class T>
std::vector<Tensor<T>> all_in(const std::vector<Operand<T>>& operands,
                              const ProgramValues& values) {
  std::vector<Tensor<T>> x;
  x.reserve(operands.size());
  for (const Operand<T>& o : operands) x.push_back(o.in(values));
  return x;
}

/// An operation that is called.
template <class T>
struct AgainStep : ProgramStep {
  Again<T> again;
  std::vector<Operand<T>> operands;
  std::uint32_t result;

  void run(ProgramValues& values) const override {
    values.of<T>()[result] = again(all_in(operands, values));
  }
  void reread(std::uint32_t from, std::uint32_t to, const void* held) override {
    reread_in(operands, from, to, held);
  }
};

template <class From, class To>
struct CastStep : ProgramStep {
  Operand<From> operand;
  std::uint32_t result;

  void run(ProgramValues& values) const override {
    values.of<To>()[result] = operand.in(values).template to<To>();
  }
  void reread(std::uint32_t from, std::uint32_t to, const void* held) override {
    reread_in(operand, from, to, held);
  }
};

/// A step for which the tape is on or off, whatever it is for the program.
struct ModeStep : ProgramStep {
  std::shared_ptr<ProgramStep> step;
  bool recording;

  void run(ProgramValues& values) const override {
    const RecordingScope scope(recording);
    step->run(values);
  }
  void reread(std::uint32_t from, std::uint32_t to, const void* held) override {
    step->reread(from, to, held);
  }
};

struct EffectStep : ProgramStep {
  std::function<void()> again;
  void run(ProgramValues&) const override { again(); }
};

template <class T>
struct BackwardStep : ProgramStep {
  Operand<T> output, seed;
  BackwardOptions options;
  std::shared_ptr<LaterProducts<T>> later;

  void run(ProgramValues& values) const override {
    const LaterScope<T> scope(later.get());
    output.in(values).backward(seed.in(values), options);
  }
  void reread(std::uint32_t from, std::uint32_t to, const void* held) override {
    reread_in(output, from, to, held);
    reread_in(seed, from, to, held);
  }
};

template <class T>
struct GradStep : ProgramStep {
  std::vector<Operand<T>> outputs, inputs, seeds;
  GradOptions options;
  std::vector<std::uint32_t> results;

  void run(ProgramValues& values) const override {
    std::vector<Tensor<T>> g =
        grad(all_in(outputs, values), all_in(inputs, values), options, all_in(seeds, values));
    for (std::size_t i = 0; i < results.size(); ++i)
      if (results[i] != kNoValue) values.of<T>()[results[i]] = std::move(g[i]);
  }
  void reread(std::uint32_t from, std::uint32_t to, const void* held) override {
    reread_in(outputs, from, to, held);
    reread_in(inputs, from, to, held);
    reread_in(seeds, from, to, held);
  }
};

template <class T>
struct GradientStep : ProgramStep {
  Operand<T> tensor;
  std::uint32_t result;
  void run(ProgramValues& values) const override {
    values.of<T>()[result] = tensor.in(values).gradient();
  }
  void reread(std::uint32_t from, std::uint32_t to, const void* held) override {
    reread_in(tensor, from, to, held);
  }
};

template <class T>
struct ZeroGradStep : ProgramStep {
  Operand<T> tensor;
  void run(ProgramValues& values) const override { Tensor<T>(tensor.in(values)).zero_grad(); }
  void reread(std::uint32_t from, std::uint32_t to, const void* held) override {
    reread_in(tensor, from, to, held);
  }
};

}  // namespace xgrad::detail
