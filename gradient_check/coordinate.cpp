#include "xgrad/gradient_check/coordinate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "xgrad/autograd/observe.hpp"
#include "xgrad/gradient_check/judge.hpp"
#include "xgrad/gradient_check/tape.hpp"
#include "xgrad/gradient_check/witness.hpp"

namespace xgrad::detail {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kFirstStep =
    0.1545084971874737;          // of the scale; irrational: no step is a period of the function
constexpr double kAgain = 0.37;  // what the first step is multiplied by to repeat a measurement
constexpr int kLonger = 2;       // how often the first step is lengthened
constexpr double kTimesLonger = 0x1p10, kTimesShorter = 0x1p-10;
constexpr double kKinkStep = 1e-6;
// Steps relative to the coordinate: shorter ones are rounded too much; those of few digits less so.
constexpr double kShortest = 4096 * kEpsilon, kShortestOfFewDigits = 32 * kEpsilon;
constexpr double kFewestRows = 32;
constexpr double kTelling = 1e-4;  // noise of a telling quotient, relative to what it tells of
constexpr double kMuchShorter = 1.0 / 4;
constexpr double kStands = 0.01;  // what is left of truncation and rounding at that step
constexpr double kFar = 0x1p20, kNotSoFar = 8;
constexpr double kGolden = 0.6180339887498949;
constexpr const char* kNoStepTells = "no step tells";
constexpr double kRoundings = 4;  // of an operation, in those of its result

// With six digits, so that halves are exact down to few units in the last place of a coordinate.
double with_few_digits(double step) {
  int exponent = 0;
  const double digits = std::frexp(step, &exponent);
  return std::ldexp(std::round(digits * 64) / 64, exponent);
}

bool is_finite(const Sample& s) {
  return std::all_of(s.changes.begin(), s.changes.end(),
                     [](long double v) { return std::isfinite(v); });
}

struct Quotients {
  double right, left, middle, step;

  // Whether they are what `d` says they should be, to `room`.
  bool stand_by(const NumericDerivative& d, double room) const {
    const auto near = [room](double q, double v) { return std::abs(q - v) <= room; };
    const auto leaps = [&](double q, double change) {
      return std::abs(q) * step >= std::abs(change) / 2;
    };
    const auto is_side = [&](double q, double v, double change) {
      return std::isinf(v) ? leaps(q, change) : near(q, v);
    };
    if (d.is_kink())
      return is_side(right, d.right, d.right_change) && is_side(left, d.left, d.left_change);
    if (d.beside_kink) return near(right, d.value) || near(left, d.value);
    if (!std::isfinite(right) || !std::isfinite(left))
      return near(std::isfinite(right) ? right : left, d.value);
    return near(middle, d.value);
  }
};

double size_of(const NumericDerivative& d) {
  double size = std::abs(d.value);
  if (!d.is_kink()) return size;
  for (const double side : {d.left, d.right}) {
    if (std::isfinite(side)) size = std::max(size, std::abs(side));
  }
  return size;
}

// At a kink, from the nearer side.
double difference(double analytic, const NumericDerivative& d) {
  if (!d.is_kink()) return std::abs(analytic - d.value);
  const double sides = std::min(std::abs(analytic - d.left), std::abs(analytic - d.right));
  return std::isfinite(sides) ? sides : std::abs(analytic - d.value);
}

bool is_open(const GradientElement& e) { return e.verdict == Verdict::inconclusive; }

// From afar a plateau looks like a jump.
bool shows_right(const GradientElement& e) {
  return e.verdict == Verdict::pass ||
         (e.verdict == Verdict::kink && std::isfinite(e.left) && std::isfinite(e.right));
}

}  // namespace

InputChecker::InputChecker(Probe& probe, const AnalyticGradients& analytic, std::size_t input)
    : probe_(probe),
      analytic_(analytic),
      input_(input),
      x_(probe.inputs()[input]),
      scales_(coordinate_scales(x_)) {}

double InputChecker::analytic(std::size_t k) const {
  return analytic_.values[k][input_].data()[position_];
}

Sample InputChecker::sample(double x) {
  x_.mutable_data()[position_] = x;
  return probe_.sample();
}

std::vector<NumericDerivative> InputChecker::search(double first, double shortest) {
  std::vector<NumericDerivative> found =
      differentiate([&](double x) { return sample(x); }, probe_.count(), centre_, first, shortest);
  const std::vector<double> magnitudes = probe_.magnitudes();
  for (std::size_t k = 0; k < found.size(); ++k) {
    if (found[k].noise > 0 || far_ == 0) continue;  // no output ever changed
    found[k].bound = std::max(found[k].bound, kEpsilon * magnitudes[k] / far_);
  }
  return found;
}

// Which outputs depend on the coordinate at all, and whether long steps see what short ones do not.
void InputChecker::look_far(double first) {
  const KeepElement keep(x_, position_);
  probe_.forget_changes();
  far_slopes_.assign(probe_.count(), 0);
  const double far = std::max(kFar * first, 1.0), near = kNotSoFar * first;
  for (const double distance : {far, -far, near, -near}) {
    const Sample s = sample(centre_ + distance);
    if (!is_finite(s)) continue;
    far_ = std::abs(distance);
    for (std::size_t k = 0; k < far_slopes_.size(); ++k)
      far_slopes_[k] =
          static_cast<double>(std::max(std::abs(s.changes[k]) - s.noise[k], 0.0L)) / far_;
    return;
  }
  far_ = 0;
  probe_.expect_changes();
}

// The step at which rounding leaves enough digits of the derivative; 0 where no step that is much
// shorter than those of the search does.
double InputChecker::telling_step(std::size_t k, const NumericDerivative& d) const {
  const double size = std::max(size_of(d), std::abs(analytic(k)));
  if (!d.defined || !(size > 0) || !std::isfinite(size)) return 0;
  const double step =
      std::max(2 * d.noise / (kTelling * size), 2 * kShortestOfFewDigits * std::abs(centre_));
  return step < kMuchShorter * d.shortest ? step : 0;
}

std::vector<std::size_t> InputChecker::not_standing(const std::vector<NumericDerivative>& found) {
  std::vector<std::size_t> open;
  double step = 0;
  for (std::size_t k = 0; k < found.size(); ++k) step = std::max(step, telling_step(k, found[k]));
  if (step == 0) return open;
  const double right_x = centre_ + step, left_x = centre_ - step;
  const double right_step = right_x - centre_, left_step = centre_ - left_x;
  const Sample right = sample(right_x), left = sample(left_x);
  for (std::size_t k = 0; k < found.size(); ++k) {
    if (telling_step(k, found[k]) == 0 || step >= found[k].shortest) continue;
    const auto r = static_cast<double>(right.changes[k]), l = static_cast<double>(left.changes[k]);
    const Quotients q = {r / right_step, -l / left_step, (r - l) / (right_step + left_step), step};
    const double size = std::max(size_of(found[k]), std::abs(analytic(k)));
    const double room = 2 * found[k].noise / step + kStands * size;
    if (!q.stand_by(found[k], room)) open.push_back(k);
  }
  return open;
}

std::vector<NumericDerivative> InputChecker::derivatives(double first) {
  const KeepElement keep(x_, position_);
  std::vector<NumericDerivative> found = search(first, kShortest * std::abs(centre_));
  const double shortest = kShortestOfFewDigits * std::abs(centre_);
  std::vector<std::size_t> open = not_standing(found);
  while (!open.empty()) {
    first = with_few_digits(kTimesShorter * first);
    if (!(first > kFewestRows * shortest)) break;
    const std::vector<NumericDerivative> nearer = search(first, shortest);
    for (const std::size_t k : open) found[k] = nearer[k];
    open = not_standing(found);
  }
  for (const std::size_t k : open) found[k].settled = false;
  return found;
}

NumericDerivative InputChecker::again(std::size_t k, double first, const NumericDerivative& d,
                                      double difference) {
  const KeepElement keep(x_, position_);
  const double shortest = kShortestOfFewDigits * std::abs(centre_);
  const double visible = std::isfinite(difference) ? 0x1p15 * d.noise / difference : first;
  const double from = std::max(std::min(kAgain * first, visible), 2 * kFewestRows * shortest);
  return search(with_few_digits(from), shortest)[k];
}

std::size_t InputChecker::kinks() {
  const KeepElement keep(x_, position_);
  const KeepEntryValues values;
  const auto outputs_at = [&](double t) {
    x_.mutable_data()[position_] = centre_ + t;
    return probe_.outputs();
  };
  return count_kinks(outputs_at, kKinkStep * scales_[position_]);
}

GradientElement InputChecker::judge_one(std::size_t k, const NumericDerivative& d, double first) {
  const bool constant = d.slope <= 0 && far_ > 0 && far_slopes_[k] == 0;
  Evidence evidence = {analytic(k), d, analytic_.largest(k, input_), constant, far_slopes_[k]};
  const auto repeat = [&](double difference) { return again(k, first, d, difference); };
  GradientElement e = judge(evidence, repeat, [&] { return kinks(); });
  const bool agreed = e.verdict == Verdict::pass || e.verdict == Verdict::kink;
  if (!agreed && analytic_.not_linear.empty()) {
    if (!rounding_) rounding_ = analytic_rounding(probe_, input_);
    evidence.rounding = (*rounding_)[k][position_];
    if (evidence.rounding > 0) e = judge(evidence, repeat, [&] { return kinks(); });
  }
  if (e.verdict == Verdict::fail && std::isfinite(e.analytic) && analytic_.not_linear.empty())
    confirm(e, k, d);
  e.input = input_;
  e.position = position_;
  e.output = k;
  return e;
}

void InputChecker::confirm(GradientElement& e, std::size_t k, const NumericDerivative& d) {
  const KeepElement keep(x_, position_);
  const double rounding = rounding_of_function(probe_, k, input_);
  const Question question = {.k = k,
                             .x = centre_,
                             .analytic = e.analytic,
                             .difference = difference(e.analytic, d),
                             .noise = std::max(d.noise, kRoundings * rounding),
                             .largest = std::max({std::abs(e.analytic), std::abs(d.value), d.slope,
                                                  analytic_.largest(k, input_)}),
                             .scale = scales_[position_]};
  double factor = 1;
  const auto slope = [&](double x) {
    x_.mutable_data()[position_] = x;
    factor = 1 + std::fmod(factor + kGolden, 1.0);
    return gradient_here(probe_, k, input_, position_, factor);
  };
  if (rules_out([&](double x) { return sample(x); }, slope, question)) return;
  x_.mutable_data()[position_] = centre_;
  if (!coarse_) coarse_ = rounds_coarsely(probe_.outputs());
  if (*coarse_) return;
  e.verdict = Verdict::inconclusive;
  e.note = kNoStepTells;
}

std::vector<GradientElement> InputChecker::judge_all(double first) {
  const std::vector<NumericDerivative> found = derivatives(first);
  std::vector<GradientElement> elements;
  for (std::size_t k = 0; k < found.size(); ++k) elements.push_back(judge_one(k, found[k], first));
  return elements;
}

// Steps that start at the size of the coordinate may all drown in rounding, of a small coordinate
// in a large sum for instance. Longer ones can then show that the value is right; they cannot show
// that it is wrong, because the function may vary on the scale that they jump over.
void InputChecker::check(std::size_t position, std::vector<GradientElement>& elements) {
  const KeepElement keep(x_, position);
  position_ = position;
  centre_ = x_.data()[position];
  double first = kFirstStep * scales_[position];
  look_far(first);
  std::vector<GradientElement> best = judge_all(first);
  for (int i = 0; i < kLonger && std::any_of(best.begin(), best.end(), is_open); ++i) {
    const std::vector<GradientElement> longer = judge_all(first *= kTimesLonger);
    for (std::size_t k = 0; k < best.size(); ++k) {
      if (is_open(best[k]) && best[k].note != kNoStepTells && shows_right(longer[k]))
        best[k] = longer[k];
    }
  }
  elements.insert(elements.end(), best.begin(), best.end());
}

}  // namespace xgrad::detail
