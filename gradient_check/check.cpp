#include "xgrad/gradient_check/check.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/base/text.hpp"
#include "xgrad/gradient_check/analytic.hpp"
#include "xgrad/gradient_check/judge.hpp"
#include "xgrad/gradient_check/second_order.hpp"
#include "xgrad/gradient_check/tape.hpp"

namespace xgrad {
namespace detail {
namespace {

using Tensors = std::vector<Tensor<double>>;

constexpr double kFirstStep =
    0.1545084971874737;          // of the scale; irrational: no step is a period of the function
constexpr double kAgain = 0.37;  // what the first step is multiplied by to repeat a measurement
constexpr int kLonger = 2;       // how often the first step is lengthened
constexpr double kTimesLonger = 0x1p10;
constexpr double kKinkStep = 1e-6;
constexpr double kIdentityTolerance = 1e-11;
constexpr double kDominates = 10;

// The coordinates of one input, one after the other.
class InputChecker {
 public:
  InputChecker(Probe& probe, const AnalyticGradients& analytic, std::size_t input);

  void check(std::size_t position, std::vector<GradientElement>& elements);

 private:
  std::vector<NumericDerivative> differences(std::size_t position, double first_step);
  std::vector<GradientElement> judge_all(std::size_t position, double first_step);
  std::size_t kinks(std::size_t position);

  Probe& probe_;
  const AnalyticGradients& analytic_;
  std::size_t input_;
  Tensor<double> x_;
  std::vector<double> scales_;
  std::vector<double> magnitudes_, noise_;  // of each number
};

InputChecker::InputChecker(Probe& probe, const AnalyticGradients& analytic, std::size_t input)
    : probe_(probe),
      analytic_(analytic),
      input_(input),
      x_(probe.inputs()[input]),
      scales_(coordinate_scales(x_)) {
  probe.measure_noise_of(input);
  magnitudes_ = probe.magnitudes();
  noise_ = probe.noise();
}

std::vector<NumericDerivative> InputChecker::differences(std::size_t position, double first_step) {
  const KeepElement keep(x_, position);
  probe_.forget_changes();
  const Line line = [&](double v) {
    x_.mutable_data()[position] = v;
    return probe_.sample();
  };
  return differentiate(line, probe_.count(), x_.data()[position], first_step);
}

std::size_t InputChecker::kinks(std::size_t position) {
  const KeepElement keep(x_, position);
  const double x = x_.data()[position];
  const auto outputs_at = [&](double t) {
    x_.mutable_data()[position] = x + t;
    return probe_.outputs();
  };
  return count_kinks(outputs_at, kKinkStep * scales_[position]);
}

std::vector<GradientElement> InputChecker::judge_all(std::size_t position, double first_step) {
  const double s = scales_[position];
  const std::vector<NumericDerivative> numeric = differences(position, first_step);
  std::vector<GradientElement> elements;
  for (std::size_t k = 0; k < numeric.size(); ++k) {
    const double largest = analytic_.largest(k, input_);
    const Evidence evidence = {analytic_.values[k][input_].data()[position], numeric[k], largest,
                               natural_scale(largest, magnitudes_[k], noise_[k], s)};
    elements.push_back(judge(
        evidence, [&] { return differences(position, kAgain * first_step)[k]; },
        [&] { return kinks(position); }));
    elements.back().input = input_;
    elements.back().position = position;
    elements.back().output = k;
  }
  return elements;
}

bool is_open(const GradientElement& e) { return e.verdict == Verdict::inconclusive; }

// From afar a plateau looks like a jump.
bool shows_right(const GradientElement& e) {
  return e.verdict == Verdict::pass ||
         (e.verdict == Verdict::kink && std::isfinite(e.left) && std::isfinite(e.right));
}

// Steps that start at the size of the coordinate may all drown in rounding, of a small coordinate
// in a large sum for instance. Longer ones can then show that the value is right; they cannot show
// that it is wrong, because the function may vary on the scale that they jump over.
void InputChecker::check(std::size_t position, std::vector<GradientElement>& elements) {
  double step = kFirstStep * scales_[position];
  std::vector<GradientElement> best = judge_all(position, step);
  for (int i = 0; i < kLonger && std::any_of(best.begin(), best.end(), is_open); ++i) {
    const std::vector<GradientElement> longer = judge_all(position, step *= kTimesLonger);
    for (std::size_t k = 0; k < best.size(); ++k) {
      if (is_open(best[k]) && shows_right(longer[k])) best[k] = longer[k];
    }
  }
  elements.insert(elements.end(), best.begin(), best.end());
}

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

bool same_numbers(const Tensors& a, const Tensors& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Tensor<double>& s, const Tensor<double>& t) {
                      return s.shape() == t.shape() &&
                             std::memcmp(s.data(), t.data(), s.size() * sizeof(double)) == 0;
                    });
}

// Fills a report.
class Check {
 public:
  Check(const TensorFunction<double>& f, const Tensors& inputs, const GradientCheckOptions& options)
      : f_(f), inputs_(inputs), options_(options) {}

  GradientReport run();

 private:
  void add(Problem kind, std::string text, bool meant = false) {
    r_.problems.push_back({kind, std::move(text), !meant});
  }
  std::string describe(std::size_t input) const;
  bool inspect_inputs();
  bool inspect_outputs(const Probe& probe, const Tensors& outputs);
  void check_elements(Probe& probe, const AnalyticGradients& analytic,
                      std::vector<GradientElement>& elements);
  void inspect_gradient(const AnalyticGradients& analytic, std::size_t input);
  void check_second_order();

  const TensorFunction<double>& f_;
  const Tensors& inputs_;
  const GradientCheckOptions& options_;
  GradientReport r_;
};

std::string Check::describe(std::size_t input) const {
  return r_.inputs[input].name + " " + to_string(r_.inputs[input].shape);
}

bool Check::inspect_inputs() {
  r_.seed = options_.seed;
  r_.kinks_meant = options_.meant.kink_not_a_subgradient;
  if (inputs_.empty())
    add(Problem::no_inputs, "there are no inputs to check", options_.meant.empty);
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const bool named = i < options_.names.size();
    r_.inputs.push_back(
        {named ? options_.names[i] : "input " + detail::text(i), inputs_[i].shape()});
    if (inputs_[i].size() > 0) continue;
    add(Problem::empty_input, describe(i) + " has no elements", options_.meant.empty);
  }
  return !inputs_.empty();
}

bool Check::inspect_outputs(const Probe& probe, const Tensors& outputs) {
  if (probe.output_elements() == 0) {
    add(Problem::empty_output, "the function returns no numbers", options_.meant.empty);
    return false;
  }
  if (!same_numbers(outputs, probe.outputs())) {
    add(Problem::nondeterministic,
        "two evaluations at the same inputs differ: the function depends on something else");
    return false;
  }
  if (!all_finite(probe.values())) {
    add(Problem::not_finite, "the function is not finite at the inputs");
    return false;
  }
  if (std::none_of(outputs.begin(), outputs.end(),
                   [](const auto& y) { return y.requires_grad(); })) {
    add(Problem::no_gradient, "no output depends on an input as far as the tape knows",
        options_.meant.unused_input);
  }
  for (const std::string& text : constant_masks(outputs))
    add(Problem::constant_mask, text, options_.meant.constant_mask);
  return true;
}

void Check::check_elements(Probe& probe, const AnalyticGradients& analytic,
                           std::vector<GradientElement>& elements) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const auto positions = choose_positions(analytic, i, options_.samples, probe.generator());
    if (positions.empty()) continue;
    InputChecker checker(probe, analytic, i);
    for (const std::size_t p : positions) checker.check(p, elements);
    r_.inputs[i].checked = positions.size();
  }
}

// 0 = 0 up to rounding, in all that was checked.
void Check::inspect_gradient(const AnalyticGradients& analytic, std::size_t input) {
  CheckedInput& in = r_.inputs[input];
  in.norm = analytic.norm(input);
  bool zero = true;
  std::size_t last = inputs_[input].size();
  for (const GradientElement& e : r_.elements) {
    if (e.input != input) continue;
    const bool rounded = std::abs(e.analytic) <= e.bound && std::abs(e.numeric) <= e.bound;
    if (rounded || (e.analytic == 0 && e.numeric == 0)) continue;
    zero = false;
    if (e.position != last) ++in.informative;
    last = e.position;
  }
  if (!analytic.reached[input]) {
    add(Problem::unused_input, describe(input) + " does not reach the outputs",
        options_.meant.unused_input);
  } else if (zero && in.checked > 0) {
    add(Problem::zero_gradient,
        "the gradient of " + describe(input) + " is 0 everywhere: 0 = 0 proves nothing",
        options_.meant.zero_gradient);
  }
}

void Check::check_second_order() {
  const GradientCheckOptions options = {
      .seed = options_.seed, .combinations = 1, .generators = options_.generators};
  const Probe first(f_, inputs_, options);
  const TensorFunction<double> gradient = gradient_function(first);
  Probe second(gradient, inputs_, options, gradient_noise(first));
  check_elements(second, analytic_gradients(second, second.outputs()), r_.second_order);
  r_.adjoint_gap = adjoint_gap(first);
  r_.symmetry_gap = symmetry_gap(first);
  r_.evaluations += first.evaluations();
  const auto text = [](const char* identity, double gap) {
    return std::string(identity) + " is violated by " + detail::rounded(gap) + " of its terms";
  };
  if (!(r_.adjoint_gap <= kIdentityTolerance))
    add(Problem::not_adjoint, text("<J v, u> = <v, J' u>", r_.adjoint_gap));
  if (!(r_.symmetry_gap <= kIdentityTolerance))
    add(Problem::not_symmetric, text("<H v, w> = <v, H w>", r_.symmetry_gap));
}

GradientReport Check::run() {
  if (!inspect_inputs()) return std::move(r_);
  Probe probe(f_, inputs_, options_);
  {
    const Tensors outputs = probe.outputs();
    if (inspect_outputs(probe, outputs)) {
      const AnalyticGradients analytic = analytic_gradients(probe, outputs);
      check_elements(probe, analytic, r_.elements);
      for (std::size_t i = 0; i < inputs_.size(); ++i) inspect_gradient(analytic, i);
      if (options_.order >= 2) check_second_order();
    }
  }
  r_.evaluations += probe.evaluations();
  return std::move(r_);
}

}  // namespace

GradientReport check_in_place(const TensorFunction<double>& f, const Tensors& inputs,
                              const GradientCheckOptions& options) {
  const EnableGrad guard;
  return Check(f, inputs, options).run();
}

Tensors as_leaves(const Tensors& inputs) {
  Tensors leaves;
  for (const Tensor<double>& x : inputs) leaves.push_back(parameter(x));
  return leaves;
}

RegularizedReport check_terms(const TensorFunction<double>& data,
                              const TensorFunction<double>& penalty, const Tensors& inputs,
                              const GradientCheckOptions& options) {
  GradientCheckOptions of_a_term = options;
  of_a_term.meant.unused_input = true;
  const TensorFunction<double> sum = [&](const Tensors& x) {
    return Tensors{add(data(x).at(0), penalty(x).at(0))};
  };
  RegularizedReport r;
  r.data = check_in_place(data, inputs, of_a_term);
  r.penalty = check_in_place(penalty, inputs, of_a_term);
  r.sum = check_in_place(sum, inputs, options);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const double of_penalty = r.penalty.inputs[i].norm, of_data = r.data.inputs[i].norm;
    if (of_data == 0 || of_penalty <= kDominates * of_data) continue;
    r.sum.problems.push_back({Problem::penalty_dominates,
                              r.sum.inputs[i].name + ": the gradient of the penalty is " +
                                  detail::rounded(of_penalty / of_data) + " times that of the data",
                              false});
  }
  return r;
}

}  // namespace detail
}  // namespace xgrad
