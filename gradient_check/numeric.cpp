#include "xgrad/gradient_check/numeric.hpp"

#include <algorithm>
#include <cmath>

namespace xgrad::detail {
namespace {

constexpr long double kTruncationMargin =
    4;  // covers errors down to sqrt(h), which the tableau does not remove
constexpr long double kMostGain =
    0.01;  // of one column over the one before: more may be a coincidence at a kink
constexpr int kFirstColumn = 2;  // an entry is trusted when three rows agree
constexpr int kMinRows = 5;
constexpr int kMaxRows = 64;
constexpr double kGoodEnough =
    1e-11;  // relative bound at which shorter steps are not worth their cost
constexpr double kClearKink =
    1e-8;  // the same for one-sided derivatives, relative to their difference
constexpr double kClearSides = 1e-3;      // one-sided derivatives this good show a kink
constexpr long double kClearChange = 16;  // a change this many times its noise is no noise
constexpr double kClearJump = 1000;       // a change this many times its bound is a jump
constexpr long double kLocated =
    32;  // rounding errors that the limits of both changes may be off by

// One coordinate, one function: the four tableaus and the best they gave.
class Search {
 public:
  struct Row {
    long double right_step, left_step;
    long double right, left;  // f(x + step) - f(x), f(x - step) - f(x)
    long double noise;
  };

  void add(const Row& r);
  bool done() const { return done_; }
  NumericDerivative result() const;

 private:
  void add_right(const Row& r);
  void add_left(const Row& r);
  void add_both(const Row& r);
  void note(long double change, long double step, long double noise);
  void keep(double value, double bound, double step);
  void judge(double step, double noise);
  void locate_kink(bool clear, long double noise);
  void use_side(NumericDerivative& d, bool right) const;

  Extrapolation central_{2, 2}, right_{1, 1}, left_{1, 1}, jump_{1, 2}, right_change_{1, 1},
      left_change_{1, 1};
  NumericDerivative best_;
  // The change on that side does not go to 0, as far as steps longer than the distance show.
  bool kink_right_ = false, kink_left_ = false, jump_right_ = false, jump_left_ = false;
  bool located_ = false;  // shorter steps would not show more
  Estimate best_right_, best_left_;
  bool right_finite_ = false, left_finite_ = false, done_ = false;
  int right_divergence_ = 0, left_divergence_ = 0;
  int rows_ = 0;
};

bool is_not_zero(const Estimate& e, double margin) { return std::abs(e.value) > margin * e.bound; }

// Rows in which a change stayed the same, and its quotient grew like 1/h: the function jumps.
int count_divergence(int count, const Extrapolation& quotient, long double change,
                     long double noise) {
  return std::abs(quotient.growth() - 2) < 0.02L && std::abs(change) > kClearChange * noise
             ? count + 1
             : 0;
}

void Search::keep(double value, double bound, double step) {
  if (!(bound < best_.bound)) return;
  best_.value = value;
  best_.bound = bound;
  best_.step = step;
}

void Search::add_right(const Row& r) {
  right_finite_ = std::isfinite(r.right);
  if (!right_finite_) return right_.restart();
  right_.add(r.right / r.right_step, 2 * r.noise / r.right_step);
  right_divergence_ = count_divergence(right_divergence_, right_, r.right, r.noise);
  if (const Estimate e = right_.best(); e.bound < best_right_.bound) best_right_ = e;
}

void Search::add_left(const Row& r) {
  left_finite_ = std::isfinite(r.left);
  if (!left_finite_) return left_.restart();
  left_.add(-r.left / r.left_step, 2 * r.noise / r.left_step);
  left_divergence_ = count_divergence(left_divergence_, left_, r.left, r.noise);
  if (const Estimate e = left_.best(); e.bound < best_left_.bound) best_left_ = e;
}

void Search::add_both(const Row& r) {
  const long double both = r.right_step + r.left_step;
  central_.add((r.right - r.left) / both, 2 * r.noise / both);
  jump_.add(r.right / r.right_step + r.left / r.left_step, 8 * r.noise / both);
  const double step = static_cast<double>(both / 2);
  const Estimate middle = central_.best(), jump = jump_.best();
  keep(middle.value, middle.bound + (std::abs(jump.value) + jump.bound) / 2, step);
  const Estimate right = right_.best(), left = left_.best();
  const double sides = right.bound + left.bound;
  keep((right.value + left.value) / 2, (sides + std::abs(right.value - left.value)) / 2, step);
  right_change_.add(r.right, r.noise);
  left_change_.add(r.left, r.noise);
  if (sides < best_.side_bound) {
    best_.left = left.value;
    best_.right = right.value;
    best_.side_bound = sides;
  }
  locate_kink(sides <= kClearSides * std::abs(right.value - left.value), r.noise);
}

// Whether a kink or jump that shows in this row is at x: then both changes go to 0.
void Search::locate_kink(bool clear, long double noise) {
  const Estimate right = right_change_.best(), left = left_change_.best();
  if (clear && is_not_zero(right, 1)) kink_right_ = true;
  if (clear && is_not_zero(left, 1)) kink_left_ = true;
  if (is_not_zero(right, kClearJump)) jump_right_ = true;
  if (is_not_zero(left, kClearJump)) jump_left_ = true;
  located_ = clear && right.bound + left.bound <= static_cast<double>(kLocated * noise);
}

void Search::judge(double step, double noise) {
  if (++rows_ < kMinRows) return;
  const bool both = right_finite_ && left_finite_;
  const double value = both ? best_.value : right_finite_ ? best_right_.value : best_left_.value;
  const double bound = both ? best_.bound : right_finite_ ? best_right_.bound : best_left_.bound;
  done_ = bound <= kGoodEnough * std::abs(value) || 2 * noise / step > bound ||
          (both && located_ && best_.is_kink() &&
           best_.side_bound <= kClearKink * std::abs(best_.jump()));
}

void Search::note(long double change, long double step, long double noise) {
  if (!std::isfinite(change)) return;
  best_.slope = std::max(best_.slope, static_cast<double>((std::abs(change) - noise) / step));
}

void Search::add(const Row& r) {
  best_.noise = static_cast<double>(r.noise);
  best_.shortest = static_cast<double>(std::min(r.right_step, r.left_step));
  best_.right_change = static_cast<double>(r.right);
  best_.left_change = static_cast<double>(r.left);
  note(r.right, r.right_step, r.noise);
  note(r.left, r.left_step, r.noise);
  add_right(r);
  add_left(r);
  if (right_finite_ && left_finite_) {
    add_both(r);
  } else {
    for (Extrapolation* t : {&central_, &jump_, &right_change_, &left_change_}) t->restart();
  }
  if (right_finite_ || left_finite_) {
    judge(static_cast<double>(right_finite_ ? r.right_step : r.left_step),
          static_cast<double>(r.noise));
  }
}

void Search::use_side(NumericDerivative& d, bool right) const {
  d.value = (right ? best_right_ : best_left_).value;
  d.bound = (right ? best_right_ : best_left_).bound;
}

NumericDerivative Search::result() const {
  NumericDerivative d = best_;
  const bool right_jumps = right_divergence_ >= kMinRows, left_jumps = left_divergence_ >= kMinRows;
  d.defined = right_finite_ || left_finite_;
  d.one_sided = right_finite_ != left_finite_;
  const bool beside_jump = jump_right_ != jump_left_ && !right_jumps && !left_jumps;
  if (kink_right_ != kink_left_ || beside_jump) {
    const bool right = kink_right_ != kink_left_ ? kink_left_ : jump_left_;
    d.beside_kink = (right ? best_right_ : best_left_).bound < d.bound;
    if (d.beside_kink) use_side(d, right);
    if (d.beside_kink) return d;
  }
  if (d.one_sided || right_jumps != left_jumps) {
    use_side(d, right_finite_ && !right_jumps);
    d.left = d.right = d.value;
    d.side_bound = d.bound;
  }
  if (right_jumps) d.right = std::copysign(kInfinity, static_cast<double>(right_.last()));
  if (left_jumps) d.left = std::copysign(kInfinity, static_cast<double>(left_.last()));
  return d;
}

bool all_done(const std::vector<Search>& searches) {
  return std::all_of(searches.begin(), searches.end(), [](const Search& s) { return s.done(); });
}

}  // namespace

void Extrapolation::add(long double quotient, long double noise) {
  std::array<Entry, kColumns> next;
  next[0] = {quotient, noise, std::numeric_limits<long double>::infinity()};
  const auto columns = static_cast<std::size_t>(std::min(columns_ + 1, kColumns));
  for (std::size_t m = 1; m < columns; ++m) {
    const Entry &finer = next[m - 1], &coarser = row_[m - 1];
    const long double factor = std::ldexp(1.0L, first_ + static_cast<int>(m - 1) * stride_);
    Entry& e = next[m];
    e.value = (factor * finer.value - coarser.value) / (factor - 1);
    e.noise = (factor * finer.noise + coarser.noise) / (factor - 1);
    e.error = std::max(std::abs(e.value - finer.value), std::abs(e.value - coarser.value));
    if (m > 1) e.error = std::max(e.error, kMostGain * finer.error);
  }
  growth_ = columns_ > 0 && row_[0].value != 0 ? quotient / row_[0].value : 1;
  row_ = next;
  columns_ = static_cast<int>(columns);
}

Estimate Extrapolation::best() const {
  Estimate best;
  for (std::size_t m = kFirstColumn; m < static_cast<std::size_t>(columns_); ++m) {
    const double bound = static_cast<double>(kTruncationMargin * row_[m].error + row_[m].noise);
    if (bound < best.bound) best = {static_cast<double>(row_[m].value), bound};
  }
  return best;
}

double NumericDerivative::jump() const { return right - left; }

bool NumericDerivative::is_kink() const {
  if (std::isinf(left) || std::isinf(right)) return true;
  return !one_sided && !beside_kink && side_bound < kInfinity &&
         std::abs(jump()) > 100 * side_bound;
}

std::vector<NumericDerivative> differentiate(const Line& line, std::size_t count, double x,
                                             double first, double shortest) {
  std::vector<Search> searches(count);
  double h = first;
  for (int row = 0; row < kMaxRows && h > shortest && !all_done(searches); ++row, h /= 2) {
    const double right_x = x + h, left_x = x - h;
    const Sample right = line(right_x), left = line(left_x);
    for (std::size_t k = 0; k < count; ++k) {
      if (searches[k].done()) continue;
      searches[k].add({static_cast<long double>(right_x) - x, static_cast<long double>(x) - left_x,
                       right.changes[k], left.changes[k], std::max(right.noise[k], left.noise[k])});
    }
  }
  std::vector<NumericDerivative> results;
  for (const Search& s : searches) results.push_back(s.result());
  return results;
}

}  // namespace xgrad::detail
