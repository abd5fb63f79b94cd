#include "xgrad/gradient_check/judge.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace xgrad::detail {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
// Rounding of the analytic value itself, relative to it and to the natural scale.
constexpr double kAnalyticRounding = 1e-9;
constexpr double kNaturalRounding = 64 * kEpsilon;
// An element passes when the numeric value is this good: two errors of it are below 1e-6, so that
// an analytic value that is off by 1e-6 cannot pass.
constexpr double kTight = 4e-7;
// The same for elements so small that rounding of the function hides their relative error: they
// pass when it cannot matter beside the largest element of the same gradient.
constexpr double kTightBesideLargest = 1e-9;
// An element that is 0 passes when its numeric value is 0 to this, relative to the natural scale.
constexpr double kTightZero = 1e-7;
// Elements as small as rounding leaves of a 0.
constexpr double kRoundedZero = 1e-11;
// Analytic values below this may belong to a function that is rounded to a constant, as 1 + erf(x)
// is for x < -6.
constexpr double kLost = 1e-14;
// A numeric value worse than this cannot prove anything wrong.
constexpr double kTooWide = 0.01;

double larger(double a, double b) { return std::max(std::abs(a), std::abs(b)); }

double slack(const Evidence& e, double bound) {
  return bound + kAnalyticRounding * larger(e.analytic, e.numeric.value) +
         kNaturalRounding * e.natural;
}

bool agrees(const Evidence& e) {
  return std::abs(e.analytic - e.numeric.value) <= slack(e, e.numeric.bound);
}

bool is_tight(const Evidence& e) {
  const double bound = e.numeric.bound;
  if (bound <= kTight * larger(e.analytic, e.numeric.value)) return true;
  if (bound <= kTightBesideLargest * e.largest) return true;
  if (e.analytic == 0)
    return bound <= kTightZero * std::max(e.natural, larger(e.numeric.left, e.numeric.right));
  return larger(e.analytic, e.numeric.value) <= slack(e, bound) &&
         bound <= kRoundedZero * e.natural;
}

bool proves_wrong(const Evidence& e) {
  const double size = std::max(larger(e.analytic, e.numeric.value), kRoundedZero * e.natural);
  return e.numeric.defined && e.numeric.bound <= kTooWide * size && !agrees(e);
}

bool is_lost(const Evidence& e) {
  return e.numeric.value == 0 && e.numeric.bound == 0 && std::abs(e.analytic) < kLost;
}

bool is_between_sides(const Evidence& e) {
  const auto [low, high] = std::minmax(e.numeric.left, e.numeric.right);
  const double room = slack(e, e.numeric.side_bound);
  return e.analytic >= low - room && e.analytic <= high + room;
}

GradientElement with(const Evidence& e, Verdict verdict, const char* note = "") {
  GradientElement r;
  r.analytic = e.analytic;
  r.numeric = e.numeric.value;
  r.bound = e.numeric.bound;
  r.left = e.numeric.left;
  r.right = e.numeric.right;
  r.step = e.numeric.step;
  r.verdict = verdict;
  r.note = note;
  return r;
}

GradientElement judge_wrong(const Evidence& e, const std::function<std::size_t()>& kinks,
                            const char* note) {
  if (kinks() >= 2)
    return with(e, Verdict::kink_not_a_subgradient, "several operations are at a kink");
  return with(e, Verdict::fail, note);
}

GradientElement judge_kink(const Evidence& e, const std::function<NumericDerivative()>& again,
                           const std::function<std::size_t()>& kinks) {
  if (is_between_sides(e)) return with(e, Verdict::kink);
  const Evidence second = {e.analytic, again(), e.largest, e.natural};
  if (!second.numeric.is_kink() || is_between_sides(second))
    return with(e, Verdict::inconclusive, "differences disagree");
  return judge_wrong(e, kinks, "not between the one-sided derivatives");
}

}  // namespace

double natural_scale(double largest, double magnitude, double noise, double coordinate) {
  return std::max(largest, std::max(magnitude, noise / kEpsilon) / coordinate);
}

GradientElement judge(const Evidence& e, const std::function<NumericDerivative()>& again,
                      const std::function<std::size_t()>& kinks) {
  if (!e.numeric.defined) return with(e, Verdict::inconclusive, "not finite on either side");
  if (!std::isfinite(e.analytic)) {
    const bool finite = e.numeric.bound <= kTooWide * larger(e.numeric.value, e.natural);
    return with(e, finite ? Verdict::fail : Verdict::inconclusive,
                "the analytic value is not finite");
  }
  const bool tight = is_tight(e);
  if (e.numeric.is_kink() && (!tight || std::isinf(e.numeric.jump())))
    return judge_kink(e, again, kinks);
  const char* side = e.numeric.one_sided     ? "at the end of the domain"
                     : e.numeric.beside_kink ? "beside a kink"
                                             : "";
  if (agrees(e)) return with(e, tight ? Verdict::pass : Verdict::inconclusive, side);
  if (is_lost(e)) return with(e, Verdict::inconclusive, "the function is rounded to a constant");
  if (!proves_wrong(e)) return with(e, Verdict::inconclusive, side);
  if (!proves_wrong({e.analytic, again(), e.largest, e.natural}))
    return with(e, Verdict::inconclusive, "differences disagree");
  return judge_wrong(e, kinks, side);
}

}  // namespace xgrad::detail
