#include "xgrad/gradient_check/judge.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace xgrad::detail {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
// Rounding of the analytic value, relative to it and to the largest of the same gradient.
constexpr double kAnalyticRounding = 1e-11;
constexpr double kRoundingOfLargest = 64 * kEpsilon;
// What is measured of that rounding excuses no more than this, beside the slopes nearby.
constexpr double kMostRounding = 1e-9;
// An element passes when the bound is this small: two of it are below 1e-6, so that an analytic
// value that is off by 1e-6 cannot pass.
constexpr double kTight = 4e-7;
// The same for elements so small that rounding of the function hides their relative error: they
// pass when it cannot matter beside the largest element of the same gradient.
constexpr double kTightBesideLargest = 1e-9;
// An element that is 0 passes when its numeric value is 0 to this, relative to the slopes nearby.
constexpr double kTightZero = 1e-7;
// Slopes of a long step that are only rounding, beside the bound.
constexpr double kStill = 1e-3;
// Elements as small as rounding leaves of a 0.
constexpr double kRoundedZero = 1e-11;
// Analytic values below this may belong to a function that is rounded to a constant, as 1 + erf(x)
// is for x < -6.
constexpr double kLost = 1e-14;
// A numeric value worse than this cannot prove anything wrong.
constexpr double kTooWide = 0.01;

double larger(double a, double b) { return std::max(std::abs(a), std::abs(b)); }

// How far the two values may be apart.
double room(const Evidence& e, double bound) {
  return bound + kAnalyticRounding * larger(e.analytic, e.numeric.value) +
         kRoundingOfLargest * e.largest +
         std::min(e.rounding, kMostRounding * std::max(e.largest, e.numeric.slope));
}

double room(const Evidence& e) { return room(e, e.numeric.bound); }

bool agrees(const Evidence& e) { return std::abs(e.analytic - e.numeric.value) <= room(e); }

bool is_tight_zero(const Evidence& e) {
  const double far = e.numeric.value == 0 ? e.far_slope : 0;
  const double slope = std::max({e.numeric.slope, far, larger(e.numeric.left, e.numeric.right)});
  if (e.analytic != 0 && e.numeric.slope <= 0 && e.far_slope <= kStill * room(e)) return true;
  return e.constant || room(e) <= kTightZero * slope;
}

bool is_tight(const Evidence& e) {
  const double bound = room(e);
  if (bound <= kTight * larger(e.analytic, e.numeric.value)) return true;
  if (bound <= kTightBesideLargest * e.largest) return true;
  if (std::abs(e.analytic) <= e.rounding && is_tight_zero(e)) return true;
  return larger(e.analytic, e.numeric.value) <= bound && bound <= kRoundedZero * e.numeric.slope;
}

bool proves_wrong(const Evidence& e) {
  const double size = std::max(larger(e.analytic, e.numeric.value), kRoundedZero * e.numeric.slope);
  return e.numeric.defined && e.numeric.settled && e.numeric.bound <= kTooWide * size && !agrees(e);
}

bool is_lost(const Evidence& e) {
  return e.numeric.value == 0 && e.numeric.bound == 0 && std::abs(e.analytic) < kLost;
}

bool is_between_sides(const Evidence& e) {
  const auto [low, high] = std::minmax(e.numeric.left, e.numeric.right);
  const double more = room(e, e.numeric.side_bound);
  return e.analytic >= low - more && e.analytic <= high + more;
}

GradientElement with(const Evidence& e, Verdict verdict, const char* note = "") {
  GradientElement r;
  r.analytic = e.analytic;
  r.numeric = e.numeric.value;
  r.bound = room(e);
  r.left = e.numeric.left;
  r.right = e.numeric.right;
  r.step = e.numeric.step;
  r.verdict = verdict;
  r.note = note;
  return r;
}

Evidence with(Evidence e, const NumericDerivative& numeric) {
  e.numeric = numeric;
  return e;
}

GradientElement judge_wrong(const Evidence& e, const std::function<std::size_t()>& kinks,
                            const char* note) {
  if (kinks() >= 2)
    return with(e, Verdict::kink_not_a_subgradient, "several operations are at a kink");
  return with(e, Verdict::fail, note);
}

GradientElement judge_kink(const Evidence& e, const std::function<NumericDerivative(double)>& again,
                           const std::function<std::size_t()>& kinks) {
  if (is_between_sides(e)) return with(e, Verdict::kink);
  const Evidence second = with(e, again(std::numeric_limits<double>::infinity()));
  if (!second.numeric.is_kink() || is_between_sides(second))
    return with(e, Verdict::inconclusive, "differences disagree");
  return judge_wrong(e, kinks, "not between the one-sided derivatives");
}

}  // namespace

GradientElement judge(const Evidence& e, const std::function<NumericDerivative(double)>& again,
                      const std::function<std::size_t()>& kinks) {
  if (!e.numeric.defined) return with(e, Verdict::inconclusive, "not finite on either side");
  if (!std::isfinite(e.analytic)) {
    const bool finite =
        e.numeric.settled && e.numeric.bound <= kTooWide * std::max({std::abs(e.numeric.value),
                                                                     e.numeric.slope, e.far_slope});
    return with(e, finite ? Verdict::fail : Verdict::inconclusive,
                "the analytic value is not finite");
  }
  if (!e.numeric.settled)
    return with(e, Verdict::inconclusive, "shorter steps show another function");
  const bool tight = is_tight(e);
  if (e.numeric.is_kink() && (!tight || std::isinf(e.numeric.jump())))
    return judge_kink(e, again, kinks);
  const char* side = e.numeric.one_sided     ? "at the end of the domain"
                     : e.numeric.beside_kink ? "beside a kink"
                                             : "";
  if (agrees(e)) return with(e, tight ? Verdict::pass : Verdict::inconclusive, side);
  if (is_lost(e)) return with(e, Verdict::inconclusive, "the function is rounded to a constant");
  if (!proves_wrong(e)) return with(e, Verdict::inconclusive, side);
  if (!proves_wrong(with(e, again(std::abs(e.analytic - e.numeric.value)))))
    return with(e, Verdict::inconclusive, "differences disagree");
  return judge_wrong(e, kinks, side);
}

}  // namespace xgrad::detail
