#include "xgrad/optimizers/line_search.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace xgrad::detail {
namespace {

template <class T>
class Search {
 public:
  Search(const std::function<LinePoint<T>(double)>& evaluate, const LinePoint<T>& start,
         const WolfeOptions& options)
      : evaluate_(evaluate), start_(start), options_(options) {}

  LinePoint<T> run(double first_step, double direction_size) {
    bracket(first_step);
    while (!done_ && spent_ < options_.max_evaluations &&
           std::abs(high_.step - low_.step) * direction_size >= options_.smallest_move) {
      narrow();
    }
    return low_;
  }
  int evaluations() const { return spent_ + 1; }

 private:
  static bool usable(const LinePoint<T>& p) {
    return std::isfinite(p.value) && std::isfinite(p.slope);
  }
  bool too_high(const LinePoint<T>& p) const {
    const double allowed = start_.value + options_.sufficient_decrease * p.step * start_.slope;
    return !usable(p) || p.value > allowed;
  }
  bool is_flat(const LinePoint<T>& p) const {
    return std::abs(p.slope) <= -options_.curvature * start_.slope;
  }

  void set_bracket(const LinePoint<T>& a, const LinePoint<T>& b) {
    const bool ordered = a.value <= b.value || !usable(b);
    low_ = ordered ? a : b;
    high_ = ordered ? b : a;
  }

  // Longer and longer steps, until one goes too far or is right.
  void bracket(double first_step) {
    LinePoint<T> before = start_, now = evaluate_(first_step);
    for (; spent_ < options_.max_evaluations; ++spent_) {
      if (too_high(now) || (spent_ > 1 && now.value >= before.value))
        return set_bracket(before, now);
      if (is_flat(now)) {
        low_ = now;
        done_ = true;
        return;
      }
      if (now.slope >= 0) return set_bracket(before, now);
      const double step =
          cubic_minimum(before.step, before.value, before.slope, now.step, now.value, now.slope,
                        now.step + 0.01 * (now.step - before.step), 10 * now.step);
      before = std::exchange(now, evaluate_(step));
    }
    set_bracket(start_, now);
  }

  // The next point to try inside the bracket, kept off its ends.
  double inside() {
    const double least = std::min(low_.step, high_.step), most = std::max(low_.step, high_.step);
    double t = cubic_minimum(low_.step, low_.value, low_.slope, high_.step, high_.value,
                             high_.slope, least, most);
    const double margin = 0.1 * (most - least);
    if (std::min(most - t, t - least) >= margin) {
      near_end_ = false;
    } else if (!near_end_ && t < most && t > least) {
      near_end_ = true;
    } else {
      t = std::abs(t - most) < std::abs(t - least) ? most - margin : least + margin;
      near_end_ = false;
    }
    return t;
  }

  void narrow() {
    const LinePoint<T> now = evaluate_(inside());
    ++spent_;
    if (too_high(now) || now.value >= low_.value) {
      high_ = now;
      if (usable(high_) && high_.value < low_.value) std::swap(low_, high_);
      return;
    }
    if (is_flat(now)) {
      done_ = true;
    } else if (now.slope * (high_.step - low_.step) >= 0) {
      high_ = low_;
    }
    low_ = now;
  }

  const std::function<LinePoint<T>(double)>& evaluate_;
  const LinePoint<T>& start_;
  const WolfeOptions& options_;
  LinePoint<T> low_, high_;  // the ends of the bracket, by loss
  bool near_end_ = false, done_ = false;
  int spent_ = 0;
};

}  // namespace

double cubic_minimum(double xa, double fa, double ga, double xb, double fb, double gb, double low,
                     double high) {
  const double d1 = ga + gb - 3 * (fa - fb) / (xa - xb);
  const double square = d1 * d1 - ga * gb;
  if (!(square >= 0) || !std::isfinite(square)) return (low + high) / 2;
  const double d2 = std::sqrt(square);
  const double x = xa <= xb ? xb - (xb - xa) * ((gb + d2 - d1) / (gb - ga + 2 * d2))
                            : xa - (xa - xb) * ((ga + d2 - d1) / (ga - gb + 2 * d2));
  return std::isfinite(x) ? std::min(std::max(x, low), high) : (low + high) / 2;
}

template <class T>
LinePoint<T> strong_wolfe(const std::function<LinePoint<T>(double)>& evaluate,
                          const LinePoint<T>& start, double first_step, double direction_size,
                          const WolfeOptions& options, int& evaluations) {
  Search<T> search(evaluate, start, options);
  LinePoint<T> r = search.run(first_step, direction_size);
  evaluations += search.evaluations();
  return r;
}

#define XGRAD_INSTANTIATE(T)                                                                   \
  template LinePoint<T> strong_wolfe(const std::function<LinePoint<T>(double)>&,               \
                                     const LinePoint<T>&, double, double, const WolfeOptions&, \
                                     int&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
