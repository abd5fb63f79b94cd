#include "xgrad/gradient_check/check.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/base/text.hpp"
#include "xgrad/gradient_check/analytic.hpp"
#include "xgrad/gradient_check/coordinate.hpp"
#include "xgrad/gradient_check/probe.hpp"
#include "xgrad/gradient_check/second_order.hpp"
#include "xgrad/gradient_check/tape.hpp"

namespace xgrad {
namespace detail {
namespace {

using Tensors = std::vector<Tensor<double>>;

constexpr double kIdentityTolerance = 1e-11;
constexpr double kDominates = 10;

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

bool same_numbers(const Tensors& a, const Tensors& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Tensor<double>& s, const Tensor<double>& t) {
                      return s.shape() == t.shape() && same_bits(s.data(), t.data(), s.size());
                    });
}

bool same_numbers(const Tensors& outputs, const std::vector<double>& list) {
  std::size_t at = 0;
  for (const Tensor<double>& y : outputs) {
    if (list.size() - at < y.size() || !same_bits(y.data(), list.data() + at, y.size()))
      return false;
    at += y.size();
  }
  return at == list.size();
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
  std::vector<std::string> names() const;
  bool inspect_inputs();
  bool inspect_outputs(Probe& probe, const Tensors& outputs);
  void inspect_masks(const Probe& probe, const Tensors& outputs);
  bool stays(const Probe& probe, const char* when);
  AnalyticGradients differentiate(const Probe& probe, const Tensors& outputs);
  void check_elements(Probe& probe, const AnalyticGradients& analytic,
                      std::vector<GradientElement>& elements);
  void inspect_gradient(const AnalyticGradients& analytic, std::size_t input);
  void check_second_order();
  void check_all(Probe& probe, const Tensors& outputs);

  const TensorFunction<double>& f_;
  const Tensors& inputs_;
  const GradientCheckOptions& options_;
  GradientReport r_;
  std::vector<KeepValue> keep_;  // of the inputs
};

std::string Check::describe(std::size_t input) const {
  return r_.inputs[input].name + " " + to_string(r_.inputs[input].shape);
}

std::vector<std::string> Check::names() const {
  std::vector<std::string> all;
  for (const CheckedInput& in : r_.inputs) all.push_back(in.name);
  return all;
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
    keep_.emplace_back(inputs_[i]);
    if (inputs_[i].size() > 0) continue;
    add(Problem::empty_input, describe(i) + " has no elements", options_.meant.empty);
  }
  return !inputs_.empty();
}

bool Check::inspect_outputs(Probe& probe, const Tensors& outputs) {
  if (probe.output_elements() == 0) {
    add(Problem::empty_output, "the function returns no numbers", options_.meant.empty);
    return false;
  }
  if (!same_numbers(outputs, probe.outputs())) {
    add(Problem::nondeterministic,
        "two evaluations at the same inputs differ: the function depends on something else");
    return false;
  }
  if (!same_numbers(outputs, probe.centre())) probe.record_always();
  if (!all_finite(probe.centre())) {
    add(Problem::not_finite, "the function is not finite at the inputs");
    return false;
  }
  if (std::none_of(outputs.begin(), outputs.end(),
                   [](const auto& y) { return y.requires_grad(); })) {
    add(Problem::no_gradient, "no output depends on an input as far as the tape knows",
        options_.meant.unused_input);
  }
  inspect_masks(probe, outputs);
  return true;
}

// A function that differentiates inside multiplies by the gradient it starts that with: often 1.
void Check::inspect_masks(const Probe& probe, const Tensors& outputs) {
  for (const ConstantMask& mask : constant_masks(outputs)) {
    const bool harmless = mask.is_factor && (mask.is_leaf || probe.differentiates());
    add(Problem::constant_mask, mask.text, options_.meant.constant_mask || harmless);
  }
}

// Whether inputs and function are what they were.
bool Check::stays(const Probe& probe, const char* when) {
  bool same = true;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (!keep_[i].is_changed()) continue;
    keep_[i].put_back();
    same = false;
    add(Problem::changes_inputs,
        describe(i) + " has other numbers " + when + ": something writes to what it is given");
  }
  const std::vector<double> now = probe.values(), &before = probe.centre();
  const auto equal = [](double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; };
  const auto [a, b] = std::mismatch(before.begin(), before.end(), now.begin(), now.end(), equal);
  if (a == before.end() && b == now.end()) return same;
  std::string text = "the function has changed " + std::string(when);
  if (a != before.end() && b != now.end())
    text += ": element " + detail::text(a - before.begin()) + " was " + detail::text(*a) + ", is " +
            detail::text(*b);
  add(Problem::nondeterministic, text);
  return false;
}

AnalyticGradients Check::differentiate(const Probe& probe, const Tensors& outputs) {
  AnalyticGradients analytic = analytic_gradients(probe, outputs, names());
  for (const std::string& text : analytic.not_linear) add(Problem::not_linear, text);
  return analytic;
}

void Check::check_elements(Probe& probe, const AnalyticGradients& analytic,
                           std::vector<GradientElement>& elements) {
  bool measured = false;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const auto positions = choose_positions(analytic, i, options_.samples, probe.generator());
    if (positions.empty()) continue;
    if (!measured) probe.measure_noise_here();
    measured = true;
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
    const bool nothing = rounded || (e.analytic == 0 && e.numeric == 0);
    if (nothing && e.verdict != Verdict::inconclusive) continue;
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
  check_elements(second, differentiate(second, second.outputs()), r_.second_order);
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

void Check::check_all(Probe& probe, const Tensors& outputs) {
  const AnalyticGradients analytic = differentiate(probe, outputs);
  bool same = stays(probe, "after the backward passes");
  if (same) {
    check_elements(probe, analytic, r_.elements);
    same = stays(probe, "at the end of the check");
  }
  if (same && options_.order >= 2) {
    check_second_order();
    same = stays(probe, "at the end of the check");
  }
  for (GradientElement& e : r_.elements) {
    if (!same) e.verdict = Verdict::inconclusive, e.note = "the function changed";
  }
  for (std::size_t i = 0; same && i < inputs_.size(); ++i) inspect_gradient(analytic, i);
}

GradientReport Check::run() {
  if (!inspect_inputs()) return std::move(r_);
  Probe probe(f_, inputs_, options_);
  const Tensors outputs = probe.outputs();
  if (inspect_outputs(probe, outputs)) check_all(probe, outputs);
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
