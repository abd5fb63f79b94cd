#include "xgrad/gradient_check/witness.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace xgrad::detail {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr std::size_t kPoints = 13;  // of an interval
constexpr double kMargin = 12;       // between the deviation and what it may hide
constexpr int kIntervals = 12;       // of each side
constexpr double kLonger = 8;        // an interval than the one before
// Of a quotient, in parts of the difference, that begins to tell.
constexpr double kLeastNoise = 16;
constexpr double kShortest = 0x1p-46, kLongest = 0x1p30;  // relative to x, and to its scale
constexpr double kTelling = 0.25;                         // of the difference: error of what tells
constexpr double kVaries = 4;              // of the difference: longer intervals will not tell
constexpr std::size_t kFewestAgainst = 3;  // intervals
constexpr double kRelativeRounding = 1e-13;
constexpr double kRoundings = 16;  // what is left of a smooth curve
// Of the largest number of the gradient: cancelling terms leave more rounding than is measured.
constexpr double kRoundedGradient = 1e-12;
constexpr std::size_t kMoves = kPoints / 2;  // neighbours that differ in a function that moves
constexpr int kBeside = 8;                   // places of the gradient next to x
constexpr double kNextBeside = 1.5;
constexpr double kScatter = 2;  // of the gradient, in what its mean may be off by

// Of the rules of Gauss and Kronrod for 0 to 1, by three and seven points.
struct Node {
  double place, gauss, kronrod;
};
constexpr std::array<Node, 7> kNodes = {{{0.0197543656459899, 0, 0.0523281130132336},
                                         {0.1127016653792583, 5.0 / 18, 0.1342440449341667},
                                         {0.2828781253265987, 0, 0.2006987073879811},
                                         {0.5, 8.0 / 18, 0.2254582693292371},
                                         {0.7171218746734013, 0, 0.2006987073879811},
                                         {0.8872983346207417, 5.0 / 18, 0.1342440449341667},
                                         {0.9802456343540101, 0, 0.0523281130132336}}};
constexpr long double kSpread = 0.6180339887498949L;  // irrational: the points meet no grid

template <std::size_t n>
using Column = std::array<long double, n>;

template <std::size_t n>
long double dot(const Column<n>& a, const Column<n>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0L);
}

template <std::size_t n>
void subtract_projection(Column<n>& y, const Column<n>& unit) {
  const long double factor = dot(y, unit);
  for (std::size_t j = 0; j < n; ++j) y[j] -= factor * unit[j];
}

template <std::size_t n>
bool normalize(Column<n>& c) {
  const long double size = std::sqrt(dot(c, c));
  if (!(size > 0)) return false;
  for (long double& v : c) v /= size;
  return true;
}

// The deviation of y from the best polynomial of `terms` terms in t.
template <std::size_t terms, std::size_t n>
double deviation(const Column<n>& t, Column<n> y) {
  std::array<Column<n>, terms> basis;
  Column<n> power;
  power.fill(1);
  for (std::size_t i = 0; i < terms; ++i) {
    basis[i] = power;
    for (std::size_t j = 0; j < i; ++j) subtract_projection(basis[i], basis[j]);
    if (normalize(basis[i])) subtract_projection(y, basis[i]);
    for (std::size_t j = 0; j < n; ++j) power[j] *= t[j];
  }
  return static_cast<double>(std::sqrt(dot(y, y) / (n - terms)));
}

// The function over an interval that begins or ends at x.
struct Values {
  double length = 0;                       // signed
  double quotient = 0, noise = kInfinity;  // of the quotient, as the values scatter
  std::size_t moves = 0;
};

Values look(const Line& line, std::size_t k, double x, double step) {
  Column<kPoints> t, y;
  Values v;
  for (std::size_t j = 0; j < kPoints; ++j) {
    const auto n = static_cast<long double>(j);
    const long double place = (n - std::fmod(kSpread * n, 1.0L) / 2) / (kPoints - 1);
    const double at = x + static_cast<double>(place) * step;
    y[j] = line(at).changes[k];
    if (!std::isfinite(y[j])) return {};
    t[j] = (static_cast<long double>(at) - x) / step;
    if (j > 0 && y[j] != y[j - 1]) ++v.moves;
  }
  if (t.back() == 0) return {};
  v.length = static_cast<double>(t.back() * step);
  v.quotient = static_cast<double>(y.back() / (t.back() * step));
  v.noise = kMargin * deviation<4>(t, y) / std::abs(step);
  return v;
}

// The mean of the gradient over an interval. Its error is how far a rule of three points is off it,
// and how the gradient scatters.
struct Mean {
  double value = 0, error = kInfinity;
};

Mean mean_slope(const Slope& slope, double x, double length) {
  Column<kNodes.size()> places, slopes;
  double coarse = 0, fine = 0;
  for (std::size_t j = 0; j < kNodes.size(); ++j) {
    const double v = slope(x + kNodes[j].place * length);
    if (!std::isfinite(v)) return {};
    coarse += kNodes[j].gauss * v;
    fine += kNodes[j].kronrod * v;
    places[j] = kNodes[j].place;
    slopes[j] = v;
  }
  return {fine, std::abs(fine - coarse) + kScatter * deviation<3>(places, slopes)};
}

// The gradient as near to x as it goes: what differs there is rounding.
struct Range {
  double low = kInfinity, high = -kInfinity;

  void take(double v) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  double spread() const { return high - low; }
  double distance(double v) const { return std::max({low - v, v - high, 0.0}); }
};

Range slopes_beside(const Slope& slope, double x, double nearest) {
  Range range;
  for (int i = 0; i < kBeside; ++i, nearest *= kNextBeside) {
    const double v = slope(x + nearest);
    if (!std::isfinite(v)) return {};
    range.take(v);
  }
  return range;
}

// One side of x.
class Side {
 public:
  Side(const Line& line, const Slope& slope, const Question& q, double sign)
      : line_(line), slope_(slope), q_(q), sign_(sign) {}

  void hear();
  bool is_against() const { return (moves_ ? against_ : still_) >= kFewestAgainst && !agrees_; }
  bool agrees() const { return agrees_; }
  bool ends() const { return ends_; }
  const Range& near() const { return near_; }

 private:
  double shortest() const { return kShortest * std::max(std::abs(q_.x), q_.scale); }
  void weigh(const Values& v, const Mean& mean, double step);

  const Line& line_;
  const Slope& slope_;
  const Question& q_;
  double sign_;
  Range near_;
  std::size_t against_ = 0, still_ = 0;
  bool agrees_ = false, moves_ = false, ends_ = false;
};

void Side::weigh(const Values& v, const Mean& mean, double step) {
  moves_ = moves_ || v.moves > 0;
  const double error = v.noise + q_.noise / step + kScatter * near_.spread() + mean.error +
                       kRelativeRounding * std::abs(mean.value);
  if (error > kTelling * q_.difference) return;
  const double off = std::abs(v.quotient - mean.value);
  if (off > error + kTelling * q_.difference) {
    if (v.moves >= kMoves) ++against_;
    if (v.moves == 0) ++still_;
  }
  const double least = q_.noise / step + kEpsilon * std::abs(v.quotient);
  const bool smooth = v.noise <= kMargin * kRoundings * least;
  agrees_ = off <= error && smooth;
}

void Side::hear() {
  near_ = slopes_beside(slope_, q_.x, sign_ * shortest());
  ends_ = near_.low > near_.high;
  double step = std::max(kLeastNoise * q_.noise / q_.difference, shortest());
  const double longest = std::max(kLongest * q_.scale, 1.0);
  for (int i = 0; i < kIntervals && step <= longest && !agrees_ && !ends_; ++i, step *= kLonger) {
    const Values v = look(line_, q_.k, q_.x, sign_ * step);
    const Mean mean = std::isfinite(v.noise) ? mean_slope(slope_, q_.x, v.length) : Mean();
    if (!std::isfinite(mean.error)) {
      ends_ = i == 0;
      return;
    }
    if (mean.error > kVaries * q_.difference) return;
    weigh(v, mean, step);
  }
}

// A gradient that is wrong at x alone: the values bear out what it is beside x.
bool stands_alone(const Question& q, const Side& right, const Side& left) {
  double spread = 0;
  Range all;
  for (const Side* side : {&right, &left}) {
    if (side->ends()) continue;
    if (!side->agrees()) return false;
    all.take(side->near().low);
    all.take(side->near().high);
    spread = std::max(spread, side->near().spread());
  }
  const double off = all.distance(q.analytic);
  return std::isfinite(off) && off > kTelling * q.difference + kScatter * spread;
}

}  // namespace

bool rules_out(const Line& line, const Slope& slope, const Question& question) {
  if (question.difference <= kRoundedGradient * question.largest) return false;
  Side right(line, slope, question, 1), left(line, slope, question, -1);
  right.hear();
  if (right.is_against()) return true;
  left.hear();
  return left.is_against() || stands_alone(question, right, left);
}

}  // namespace xgrad::detail
