#pragma once

// One coordinate of one input: which steps its differences are taken with, and what they say.
// Internal to the gradient check.
//
// Long steps may jump over what a function does: a wave whose period they are a multiple of, a bend
// beside the point, the end of the domain. So what a search for the derivative finds is held
// against a quotient at the shortest step that still sees it above the rounding, and a search that
// does not stand is made again from shorter steps.

#include <cstddef>
#include <optional>
#include <vector>

#include "xgrad/gradient_check/analytic.hpp"
#include "xgrad/gradient_check/check.hpp"
#include "xgrad/gradient_check/numeric.hpp"
#include "xgrad/gradient_check/probe.hpp"

namespace xgrad::detail {

/// The coordinates of one input, one after the other.
class InputChecker {
 public:
  InputChecker(Probe& probe, const AnalyticGradients& analytic, std::size_t input);

  void check(std::size_t position, std::vector<GradientElement>& elements);

 private:
  Sample sample(double x);
  std::vector<NumericDerivative> search(double first, double shortest);
  std::vector<NumericDerivative> derivatives(double first);
  std::vector<std::size_t> not_standing(const std::vector<NumericDerivative>& found);
  double telling_step(std::size_t k, const NumericDerivative& d) const;
  double analytic(std::size_t k) const;
  void look_far(double first);
  NumericDerivative again(std::size_t k, double first, const NumericDerivative& d,
                          double difference);
  GradientElement judge_one(std::size_t k, const NumericDerivative& d, double first);
  void confirm(GradientElement& e, std::size_t k, const NumericDerivative& d);
  std::vector<GradientElement> judge_all(double first);
  std::size_t kinks();

  Probe& probe_;
  const AnalyticGradients& analytic_;
  std::size_t input_;
  Tensor<double> x_;
  std::vector<double> scales_;
  std::size_t position_ = 0;
  double centre_ = 0;               // the coordinate
  std::vector<double> far_slopes_;  // of each number
  double far_ = 0;  // the distance they were seen at; 0: the function is nowhere finite
  std::optional<std::vector<std::vector<double>>>
      rounding_;                // of the analytic values: [number][position]
  std::optional<bool> coarse_;  // a rule rounds by more than double does
};

}  // namespace xgrad::detail
