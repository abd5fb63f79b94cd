#include "xgrad/compile/fused_steps.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "xgrad/kernels/formulas/arithmetic.hpp"
#include "xgrad/kernels/formulas/elementary.hpp"
#include "xgrad/kernels/formulas/special.hpp"

namespace xgrad::detail {
namespace {

// The formulas that are arithmetic, each operation of which is rounded by the processor.
enum class Known {
  add,
  subtract,
  multiply,
  divide,
  negative,
  square,
  reciprocal,
  sqrt,
  abs,
  relu,
  exp,
  none
};

template <class T>
Known known(const ElementwiseRule<T>& rule) {
  using namespace primitives;
  static const auto of = []<class... F>() {
    return std::vector<kernels::ForwardKernel<T>>{
        kernels::elementwise_kernels_here<F, T>().forward...};
  };
  static const std::vector<kernels::ForwardKernel<T>> all =
      of.template operator()<Add, Subtract, Multiply, Divide, Negative, Square, Reciprocal, Sqrt,
                             Abs, Relu, Exp>();
  return static_cast<Known>(std::find(all.begin(), all.end(), rule.kernels.forward) - all.begin());
}

template <class T>
class Lowering {
 public:
  explicit Lowering(const FusedProgram<T>& p) : p_(p), tainted_(p.inputs(), false) {
    for (std::uint32_t i = 0; i < p.inputs(); ++i) {
      const bool array = p.strides[i] != 0;
      s_.values.push_back({array ? ValueKind::array : ValueKind::repeated, i, T(0)});
      at_.push_back(i);
    }
  }

  FusedSteps<T> run() {
    for (const FusedInstruction<T>& i : p_.instructions) {
      if (i.x.size() > 2) return {};
      at_.push_back(lower(i));
      tainted_.push_back(is_tainted(i));
    }
    for (const std::uint32_t o : p_.outputs) {
      s_.outputs.push_back(at_[o]);
      s_.checked.push_back(tainted_[o]);
    }
    return std::move(s_);
  }

 private:
  using Step = FusedStep<T>;
  using StepKind = typename Step::Kind;
  using ValueKind = typename FusedStepValue<T>::Kind;
  using InstructionKind = typename FusedInstruction<T>::Kind;

  bool is_tainted(const FusedInstruction<T>& i) const {
    return i.kind == InstructionKind::gradient ||
           std::any_of(i.x.begin(), i.x.end(), [&](std::uint32_t x) { return tainted_[x]; });
  }

  std::uint32_t constant(T number) {
    for (std::uint32_t v = 0; v < s_.values.size(); ++v) {
      const FusedStepValue<T>& c = s_.values[v];
      if (c.kind == ValueKind::constant && c.number == number &&
          std::signbit(c.number) == std::signbit(number))
        return v;
    }
    s_.values.push_back({ValueKind::constant, 0, number});
    return static_cast<std::uint32_t>(s_.values.size() - 1);
  }

  std::uint32_t computed() {
    s_.values.push_back({ValueKind::computed, 0, T(0)});
    return static_cast<std::uint32_t>(s_.values.size() - 1);
  }

  // One that is there already is not computed again.
  std::uint32_t step(StepKind kind, std::uint32_t a, std::uint32_t b) {
    for (const Step& s : s_.steps)
      if (s.kind == kind && s.a == a && s.b == b) return s.result;
    Step made{kind, a, b};
    made.result = computed();
    s_.steps.push_back(std::move(made));
    return s_.steps.back().result;
  }
  std::uint32_t add(std::uint32_t a, std::uint32_t b) { return step(StepKind::add, a, b); }
  std::uint32_t times(std::uint32_t a, std::uint32_t b) { return step(StepKind::multiply, a, b); }
  std::uint32_t over(std::uint32_t a, std::uint32_t b) { return step(StepKind::divide, a, b); }
  std::uint32_t minus(std::uint32_t a) { return step(StepKind::flip, a, constant(T(-0.0))); }
  std::uint32_t size(std::uint32_t a) { return step(StepKind::clear, a, constant(T(-0.0))); }

  std::uint32_t lower(const FusedInstruction<T>& i) {
    if (i.kind == InstructionKind::sum) return add(at_[i.x[0]], at_[i.x[1]]);
    const std::uint32_t x = at_[i.x[0]], y = i.x.size() > 1 ? at_[i.x[1]] : x;
    return i.kind == InstructionKind::forward ? value(i, x, y)
                                              : gradient(i, x, y, at_[i.y], at_[i.gy]);
  }

  std::uint32_t value(const FusedInstruction<T>& i, std::uint32_t x, std::uint32_t y) {
    switch (known(*i.rule)) {
      case Known::add:
        return add(x, y);
      case Known::subtract:
        return step(StepKind::subtract, x, y);
      case Known::multiply:
        return times(x, y);
      case Known::divide:
        return over(x, y);
      case Known::negative:
        return minus(x);
      case Known::square:
        return times(x, x);
      case Known::reciprocal:
        return over(constant(T(1)), x);
      case Known::sqrt:
        return step(StepKind::root, x, x);
      case Known::abs:
        return size(x);
      case Known::relu:
        return step(StepKind::keep, x, x);
      case Known::exp:
      case Known::none:
        break;
    }
    const kernels::GroupKernels<T> group = exact_group_kernels(*i.rule, i.functor);
    if (group.value == nullptr) return call(&KernelCall<T>::value, by_kernel(i), {x, y}, 1)[0];
    if (group.both == nullptr || !is_differentiated(i))
      return call(group.value, i.functor, {x, y}, 1)[0];
    const std::vector<std::uint32_t> r = call(group.both, i.functor, {x, y}, 2);
    slopes_.push_back({&i, r[1]});
    return r[0];
  }

  static bool same(const FusedInstruction<T>& a, const FusedInstruction<T>& b) {
    return a.rule == b.rule && a.functor == b.functor && a.x == b.x;
  }
  // The program has a gradient of the same formula at the same place, or could have: what is not
  // looked at is not known.
  bool is_differentiated(const FusedInstruction<T>& i) const {
    return i.rule->saves(1).inputs == 1 &&
           std::any_of(p_.instructions.begin(), p_.instructions.end(), [&](const auto& g) {
             return g.kind == InstructionKind::gradient && same(g, i);
           });
  }

  // gy times the slope that the formula has in kernels/formulas.
  std::uint32_t gradient(const FusedInstruction<T>& i, std::uint32_t x, std::uint32_t y,
                         std::uint32_t z, std::uint32_t gz) {
    const bool first = i.wanted == 0;
    switch (known(*i.rule)) {
      case Known::add:
        return gz;
      case Known::subtract:
        return first ? gz : minus(gz);
      case Known::multiply:
        return times(gz, first ? y : x);
      case Known::divide:
        return times(gz, first ? over(constant(T(1)), y) : minus(over(over(x, y), y)));
      case Known::negative:
        return minus(gz);
      case Known::square:
        return times(gz, times(constant(T(2)), x));
      case Known::reciprocal:
        return times(gz, minus(times(z, z)));
      case Known::sqrt:
        return times(gz, over(constant(T(0.5)), size(z)));
      case Known::relu:
        return times(gz, step(StepKind::keep, z, constant(T(1))));
      case Known::exp:
        return times(gz, z);
      case Known::abs:
      case Known::none:
        break;
    }
    for (const auto& [of, d] : slopes_)
      if (same(*of, i)) return times(gz, d);
    const auto slope = exact_group_kernels(*i.rule, i.functor).slope[i.wanted];
    if (slope == nullptr || is_made_together(i))
      return call(&KernelCall<T>::gradient, by_kernel(i), {x, y, z, gz}, 1)[0];
    return times(gz, call(slope, i.functor, {x, y, z}, 1)[0]);
  }

  // By dual numbers, the gradients of both inputs.
  static bool is_made_together(const FusedInstruction<T>& i) {
    return i.needed == 3 && i.rule->saves(i.needed).inputs == ~0U;
  }

  template <class F>
  std::vector<std::uint32_t> call(F* function, const void* functor,
                                  std::vector<std::uint32_t> arguments, std::size_t results) {
    Step made{StepKind::call,      0, 0, reinterpret_cast<const void*>(function), functor,
              std::move(arguments)};
    for (std::size_t k = 0; k < results; ++k) made.results.push_back(computed());
    s_.steps.push_back(std::move(made));
    return s_.steps.back().results;
  }
  const void* by_kernel(const FusedInstruction<T>& i) {
    s_.calls.push_back(
        std::make_unique<KernelCall<T>>(KernelCall<T>{i.rule, i.functor, i.wanted, i.needed}));
    return s_.calls.back().get();
  }

  const FusedProgram<T>& p_;
  FusedSteps<T> s_;
  std::vector<std::uint32_t> at_;  // the program's values among those of the steps
  std::vector<std::pair<const FusedInstruction<T>*, std::uint32_t>> slopes_;  // known already
  std::vector<bool> tainted_;  // of the program's values: holds a product of slopes
};

}  // namespace

template <class T>
bool is_instruction(const ElementwiseRule<T>& rule) {
  const Known k = known(rule);
  return k != Known::exp && k != Known::none;
}

template <class T>
FusedSteps<T> make_steps(const FusedProgram<T>& program) {
  return Lowering<T>(program).run();
}

template bool is_instruction(const ElementwiseRule<float>&);
template bool is_instruction(const ElementwiseRule<double>&);
template FusedSteps<float> make_steps(const FusedProgram<float>&);
template FusedSteps<double> make_steps(const FusedProgram<double>&);

}  // namespace xgrad::detail
