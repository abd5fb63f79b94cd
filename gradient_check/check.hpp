#pragma once

// Gradient checks: is the gradient that backward gives the derivative of the function?
//
//   GradientReport report = check_gradients(
//       [](const auto& x, const auto& w) { return sum(tanh(matmul(x, w))); },
//       {x, w}, {.names = {"x", "w"}});
//   if (!report.passed()) std::cerr << report.table();
//
// Every checked element gets a numeric derivative by extrapolated differences, a bound on the
// error of that number, and a verdict. There is no tolerance to choose: the bound follows
// from the function. Modules are checked with xgrad/modules/gradient_check.hpp; in Boost.Test
// use xgrad/gradient_check/boost.hpp.
//
// Walk-through: docs/gradient_check.md.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/autograd/tensor_function.hpp"
#include "xgrad/kernels/random.hpp"

namespace xgrad {

/// What the check says about one element of a gradient.
enum class Verdict {
  pass,  ///< analytic and numeric value agree within the bound, and the bound is tight
  fail,  ///< they differ by more than any error of the numeric value can explain
  kink,  ///< no derivative here; the analytic value lies between the one-sided ones
  kink_not_a_subgradient,  ///< several operations are at a kink and their conventions do not
                           ///< combine to a subgradient
  inconclusive,            ///< the numeric value is not good enough to tell; never counts as a pass
};

/// "pass", "fail", "kink", "kink_not_a_subgradient", "inconclusive".
const char* to_string(Verdict verdict);

/// One checked element: d(output)/d(input element).
struct GradientElement {
  std::size_t input = 0;     ///< which input; its name is in GradientReport::inputs
  std::size_t position = 0;  ///< row-major position in the input
  /// Which random combination of the outputs, or which output element ({.jacobian = true}).
  std::size_t output = 0;
  double analytic = 0;  ///< from backward
  double numeric = 0;   ///< from differences
  /// How far the two may be apart: the error of `numeric` where the function is smooth, and the
  /// rounding of `analytic`. What passes is nearer.
  double bound = 0;
  double left = 0;   ///< the one-sided derivatives
  double right = 0;  ///< derivative from the right, at a kink
  double step = 0;   ///< the smallest difference used
  Verdict verdict = Verdict::inconclusive;
  std::string note;  ///< why, where the numbers do not say it

  /// |analytic - numeric| / max(|analytic|, |numeric|); 0 when both are 0.
  double relative_error() const;
};

/// What is said of a relative error in the field: above 1e-2 wrong, above 1e-4 worrying, above 1e-7
/// acceptable only with kinks in the function, below that good.
const char* reading_of(double relative_error);

/// Why a report does not pass although no element failed.
enum class Problem {
  no_inputs,      ///< the list of inputs is empty
  empty_input,    ///< an input has no elements, or nothing of it was checked
  empty_output,   ///< the function returns nothing, or tensors without elements
  no_gradient,    ///< no output depends on anything that requires a gradient
  unused_input,   ///< an input does not reach the outputs
  zero_gradient,  ///< analytic and numeric gradient of an input are 0 everywhere: 0 = 0 proves
                  ///< nothing
  constant_mask,  ///< a mask is the same everywhere: a factor of ones, or a differentiable branch
                  ///< of `where` never taken
  nondeterministic,   ///< two evaluations at the same inputs differ, at once or after some others
  not_finite,         ///< the function is not finite at the inputs
  penalty_dominates,  ///< the gradient of the penalty is so large that it hides that of the data; a
                      ///< warning
  not_adjoint,     ///< <J v, u> differs from <v, J' u>: the second derivatives contradict the first
  not_symmetric,   ///< <H v, w> differs from <v, H w>: the second derivatives are wrong
  changes_inputs,  ///< the function or its backward writes to the inputs
  not_linear,      ///< backward is not linear in the gradient it starts with: it ignores, squares
                   ///< or clips what comes in, or a second pass gives something else
};

/// "no_inputs" and so on.
const char* to_string(Problem problem);

/// Something that makes the check prove less than it seems to.
struct GradientProblem {
  Problem kind;       ///< which
  std::string text;   ///< names and values
  bool fatal = true;  ///< false: meant, as the caller said, or a warning
};

/// What the caller says is meant. Everything else that makes a check prove nothing fails it.
struct Meant {
  bool zero_gradient = false;  ///< a gradient is 0 everywhere
  bool unused_input = false;   ///< an input does not reach the outputs
  bool empty = false;          ///< there are no elements
  bool constant_mask = false;  ///< a mask is the same everywhere
  bool kink_not_a_subgradient =
      false;  ///< conventions at several kinks together are no subgradient
};

struct GradientCheckOptions {
  /// Names of the inputs in the report; "input 0" and so on where missing.
  std::vector<std::string> names = {};
  /// Chooses coordinates and combinations of the outputs. The same seed gives the same report.
  std::uint64_t seed = 0;
  /// How many coordinates of each input to check; 0 means all. Chosen over the whole input, a
  /// quarter of them where the analytic gradient is 0.
  std::size_t samples = 0;
  /// An output that is not a single number is checked as this many random combinations of
  /// its elements.
  std::size_t combinations = 2;
  /// Check d(every output element)/d(every checked coordinate) instead of combinations; costs a
  /// backward pass for every output element.
  bool jacobian = false;
  /// 1: the gradient. 2: also the gradient of the gradient, its adjoint identity and the symmetry
  /// of the Hessian.
  int order = 1;
  Meant meant = {};
  /// Generators the function draws from. They, and always the default generator, start every
  /// evaluation in the same state, and are left as if the check had not been there.
  std::vector<Generator*> generators = {};
};

/// One input as it was checked.
struct CheckedInput {
  std::string name;             ///< as given, or "input 0"
  Shape shape;                  ///< of the input
  std::size_t checked = 0;      ///< how many coordinates
  std::size_t informative = 0;  ///< how many of them have a gradient other than 0
  double norm = 0;  ///< Euclidean norm of the analytic gradient, all coordinates and outputs
};

/// What a check found. `elements` holds first order, `second_order` the gradient of the gradient.
class GradientReport {
 public:
  std::vector<CheckedInput> inputs;  ///< in the order given
  std::vector<GradientElement> elements;
  std::vector<GradientElement> second_order;
  std::vector<GradientProblem> problems;  ///< fatal ones fail the check
  std::uint64_t seed = 0;                 ///< that chose the coordinates
  std::size_t evaluations = 0;            ///< how often the function was evaluated
  /// |<J v, u> - <v, J' u>| and |<H v, w> - <v, H w>| for random vectors and the Hessian H of a
  /// combination of the outputs, relative to the size of their terms: rounding, without
  /// differences. Order 2 only.
  double adjoint_gap = 0, symmetry_gap = 0;

  /// True when every element is `pass` or `kink` and there is no fatal problem.
  bool passed() const;
  explicit operator bool() const { return passed(); }

  /// How many elements of both orders have this verdict.
  std::size_t count(Verdict verdict) const;
  bool has(Problem problem) const;
  /// "encoder.fc2.weight[3, 17]".
  std::string name_of(const GradientElement& element) const;
  /// The elements, worst first: by verdict, then by relative error.
  std::vector<GradientElement> worst_first() const;

  /// For people: a summary, the problems, and the worst `rows` elements.
  std::string table(std::size_t rows = 12) const;
  /// The whole report as JSON.
  std::string json() const;

  // Internal: a report whose kink_not_a_subgradient verdicts are meant.
  bool kinks_meant = false;
};

namespace detail {
/// Checks d(f)/d(inputs), writing to the numbers of `inputs` themselves and putting them back.
GradientReport check_in_place(const TensorFunction<double>& f,
                              const std::vector<Tensor<double>>& inputs,
                              const GradientCheckOptions& options);
/// Copies of the inputs that require gradients.
std::vector<Tensor<double>> as_leaves(const std::vector<Tensor<double>>& inputs);
}  // namespace detail

/// Checks the gradient of `f` at `inputs`, which are not changed. `f` takes as many tensors as
/// there are inputs (or one std::vector of them) and returns a tensor or a std::vector of tensors
/// of any shape; tensors that it captures are constants to the check.
///
/// **Throws** std::invalid_argument when `f` takes another number of tensors, and what `f` throws.
/// **Complexity** about 15 to 30 evaluations of `f` for each checked coordinate where it is smooth,
/// up to 130 at kinks, and some 300 more, a third of them with a backward pass, where one is about to
/// fail.
template <class F>
GradientReport check_gradients(F f, const std::vector<Tensor<double>>& inputs,
                               const GradientCheckOptions& options = {}) {
  return detail::check_in_place(as_tensor_function<double>(std::move(f), "check_gradients"),
                                detail::as_leaves(inputs), options);
}

/// Not in float: differences cannot tell 1e-2 from rounding there.
template <class F, class T>
requires(!std::same_as<T, double>) GradientReport
    check_gradients(F, std::initializer_list<Tensor<T>>, const GradientCheckOptions& = {}) {
  static_assert(std::same_as<T, double>,
                "xgrad: gradients are checked in double: give inputs of Tensor<double>");
  return {};
}
template <class F, class T>
requires(!std::same_as<T, double>) GradientReport
    check_gradients(F, const std::vector<Tensor<T>>&, const GradientCheckOptions& = {}) {
  static_assert(std::same_as<T, double>,
                "xgrad: gradients are checked in double: give inputs of Tensor<double>");
  return {};
}

/// What checking a regularised loss found, term by term.
struct RegularizedReport {
  GradientReport data, penalty, sum;  ///< each by itself, and together
  bool passed() const { return data.passed() && penalty.passed() && sum.passed(); }
  explicit operator bool() const { return passed(); }
  std::string table(std::size_t rows = 12) const;
};

namespace detail {
/// As check_in_place.
RegularizedReport check_terms(const TensorFunction<double>& data,
                              const TensorFunction<double>& penalty,
                              const std::vector<Tensor<double>>& inputs,
                              const GradientCheckOptions& options);
}  // namespace detail

/// Checks the data term of a loss, its penalty, and their sum, each a single number: a penalty
/// with a large and simple gradient would hide a wrong gradient of the data term. That a term uses
/// only some of the inputs is no problem; `sum.problems` warns with `penalty_dominates` for every
/// input whose gradient from the penalty is more than 10 times (in the Euclidean norm) that from
/// the data.
template <class Data, class Penalty>
RegularizedReport check_regularized_gradients(Data data, Penalty penalty,
                                              const std::vector<Tensor<double>>& inputs,
                                              const GradientCheckOptions& options = {}) {
  constexpr const char* name = "check_regularized_gradients";
  return detail::check_terms(as_tensor_function<double>(std::move(data), name),
                             as_tensor_function<double>(std::move(penalty), name),
                             detail::as_leaves(inputs), options);
}

/// For test frameworks other than Boost.Test: whether the check passes, and the table to show when
/// it does not.
///   auto [ok, text] = gradients_agree(f, inputs);
///   EXPECT_TRUE(ok) << text;                    // GoogleTest
///   INFO(text); CHECK(ok);                      // Catch2
template <class F>
std::pair<bool, std::string> gradients_agree(F f, const std::vector<Tensor<double>>& inputs,
                                             const GradientCheckOptions& options = {}) {
  const GradientReport report = check_gradients(std::move(f), inputs, options);
  return {report.passed(), report.table()};
}

}  // namespace xgrad
