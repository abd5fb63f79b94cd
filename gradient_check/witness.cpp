#include "xgrad/gradient_check/witness.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace xgrad::detail {
namespace {

constexpr std::size_t kPoints = 13, kTerms = 4;  // of each side, and of the curve through them
constexpr double kMargin = 12;                   // between the deviation and what it may hide
constexpr double kShorter = 1.0 / 8, kLonger = 4;
constexpr double kUnexplained = 0.1;  // of the spread of the values: what is left of a smooth curve
constexpr double kRoundings = 1000;   // a spread that rounding alone does not make
constexpr double kTelling = 0.25;     // of the difference: noise of a quotient that tells
// Of the largest number of the gradient: cancelling terms leave more rounding than is measured.
constexpr double kRoundedGradient = 1e-8;
constexpr double kInvisible = 64;          // roundings of the function, along the whole coordinate
constexpr double kFewestDigits = 0x1p-46;  // of the coordinate: the shortest step
constexpr std::size_t kMoves = kPoints / 2;  // neighbours that differ in a function that moves
constexpr long double kSpread = 0.6180339887498949L;  // irrational: the points meet no grid

using Column = std::array<long double, kPoints>;

long double dot(const Column& a, const Column& b) {
  long double sum = 0;
  for (std::size_t j = 0; j < kPoints; ++j) sum += a[j] * b[j];
  return sum;
}

void subtract_projection(Column& y, const Column& unit) {
  const long double factor = dot(y, unit);
  for (std::size_t j = 0; j < kPoints; ++j) y[j] -= factor * unit[j];
}

bool normalize(Column& c) {
  const long double size = std::sqrt(dot(c, c));
  if (!(size > 0)) return false;
  for (long double& v : c) v /= size;
  return true;
}

// The deviations of y from its mean and from the best cubic in t.
struct Deviations {
  double spread, left;
};

Deviations deviations(const Column& t, Column y) {
  Deviations d{};
  std::array<Column, kTerms> basis;
  Column power;
  power.fill(1);
  for (std::size_t n = 0; n < kTerms; ++n) {
    basis[n] = power;
    for (std::size_t m = 0; m < n; ++m) subtract_projection(basis[n], basis[m]);
    if (normalize(basis[n])) subtract_projection(y, basis[n]);
    for (std::size_t j = 0; j < kPoints; ++j) power[j] *= t[j];
    if (n == 0) d.spread = static_cast<double>(std::sqrt(dot(y, y) / (kPoints - 1)));
  }
  d.left = static_cast<double>(std::sqrt(dot(y, y) / (kPoints - kTerms)));
  return d;
}

// The values on one side of x.
struct Side {
  double slope = 0, noise = kInfinity;  // of the values, over the step
  double spread = 0, left = 0;
  std::size_t moves = 0;
  double open() const { return kMargin * noise; }  // what the slope may be wrong by
  bool is_smooth(double rounding) const {
    return left <= kUnexplained * spread || spread <= kRoundings * rounding;
  }
};

Side look(const Line& line, std::size_t k, double x, double step) {
  Column t, y;
  Side side;
  for (std::size_t j = 0; j < kPoints; ++j) {
    const auto n = static_cast<long double>(j);
    const long double place = (n - std::fmod(kSpread * n, 1.0L) / 2) / (kPoints - 1);
    const double at = x + static_cast<double>(place) * step;
    y[j] = line(at).changes[k];
    if (!std::isfinite(y[j])) return {};
    t[j] = (static_cast<long double>(at) - x) / step;
    if (j > 0 && y[j] != y[j - 1]) ++side.moves;
  }
  if (t.back() == 0) return {};
  side.slope = static_cast<double>(y.back() / (t.back() * step));
  const Deviations d = deviations(t, y);
  side.spread = d.spread;
  side.left = d.left;
  side.noise = d.left / std::abs(step);
  return side;
}

struct Sides {
  Side right, left;
  std::size_t moves() const { return std::max(right.moves, left.moves); }
  std::vector<Side> finite() const {
    std::vector<Side> all;
    for (const Side& side : {right, left}) {
      if (std::isfinite(side.noise)) all.push_back(side);
    }
    return all;
  }
  template <class Condition>
  bool all(Condition c) const {
    const std::vector<Side> sides = finite();
    return std::all_of(sides.begin(), sides.end(), c);
  }
};

class Witness {
 public:
  Witness(const Line& line, const Question& q) : line_(line), q_(q) {}
  bool rules_out() const;

 private:
  Sides look_around(double step) const {
    return {look(line_, q_.k, q_.x, step), look(line_, q_.k, q_.x, -step)};
  }
  bool stands_at(double step) const;
  bool stands_from_afar(double step) const;
  bool stands_at_shorter(double step) const;

  const Line& line_;
  const Question& q_;
};

// Whether the values are near enough to a smooth curve.
bool Witness::stands_at(double step) const {
  return look_around(step).all(
      [&](const Side& s) { return s.is_smooth(q_.rounding) && q_.difference > s.open(); });
}

// A function that does not move at `step`, or leaps: what it does where it first moves.
bool Witness::stands_from_afar(double step) const {
  for (step *= kLonger; step <= q_.far; step *= kLonger) {
    const Sides s = look_around(step);
    if (s.finite().empty() || s.moves() < kMoves) continue;
    return s.all(
        [&](const Side& side) { return std::abs(side.slope - q_.analytic) > side.open(); });
  }
  return true;
}

// Whether no shorter steps, as far as they tell, show the slope that is to be ruled out: two
// neighbours would, where the error of one quotient may make it look so by chance.
bool Witness::stands_at_shorter(double step) const {
  int agree = 0;
  for (; step > kFewestDigits * std::abs(q_.x) && step > 0; step /= 2) {
    const Sides s = look_around(step);
    if (s.moves() == 0) break;
    const bool near = !s.finite().empty() && s.all([&](const Side& side) {
      return side.noise <= kTelling * q_.difference &&
             std::abs(side.slope - q_.analytic) <= q_.difference / 2;
    });
    agree = near ? agree + 1 : 0;
    if (agree == 2) return false;
  }
  return true;
}

bool Witness::rules_out() const {
  if (q_.difference <= kRoundedGradient * q_.largest) return false;
  if (q_.still && q_.difference * q_.scale <= kInvisible * q_.rounding) return false;
  for (const double step : {q_.step, kShorter * q_.step}) {
    if (look_around(step).moves() < kMoves) return stands_from_afar(step);
    if (!q_.kink && !stands_at(step)) return false;
  }
  return q_.kink || stands_at_shorter(q_.step);
}

}  // namespace

bool rules_out(const Line& line, const Question& question) {
  return Witness(line, question).rules_out();
}

}  // namespace xgrad::detail
