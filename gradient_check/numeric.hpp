#pragma once

// Numeric derivatives with a bound on their error. Internal to the gradient check.
//
// Along one coordinate, f is sampled at x and x +- h for h = h0, h0/2, h0/4 ... These are
// extrapolated to h = 0 (Richardson 1911; Ridders 1982 for growing the tableau until its error
// stops falling):
//
//   central  (f(x+h) - f(x-h)) / 2h          error h^2, h^4, ...  derivative, if f is smooth
//   right    (f(x+h) - f(x)) / h             error h, h^2, ...    one-sided derivative
//   left     (f(x) - f(x-h)) / h             error h, h^2, ...    the other one
//   jump     (f(x+h) - 2 f(x) + f(x-h)) / h  error h, h^3, ...    right - left: 0 but at kinks
//
// and, to tell a point at a kink from one 1e-9 beside it, the changes f(x+h) - f(x) and
// f(x-h) - f(x) themselves: seen from steps much longer than the distance to the kink, the
// change on its side does not go to 0.
//
// The error of an entry is bounded by its distance from the entries it was made of (truncation)
// plus the noise of the function values as the tableau amplifies it (rounding). A step that crosses
// a kink beside x makes the distances large, so the best entry is one whose steps are short enough.

#include <array>
#include <cstddef>
#include <functional>
#include <limits>
#include <vector>

namespace xgrad::detail {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Estimate {
  double value = 0;
  double bound = kInfinity;
};

/// One Richardson tableau for steps halved from row to row.
class Extrapolation {
 public:
  /// The error of a row is a series in h^first, h^(first + stride), ...
  Extrapolation(int first, int stride) : first_(first), stride_(stride) {}

  /// A row: the quotient at the next smaller step, and a bound on its rounding error.
  void add(long double quotient, long double noise);
  void restart() { columns_ = 0; }
  /// The entry of the latest row with the smallest bound; an infinite bound before the third row.
  Estimate best() const;
  long double last() const { return row_[0].value; }
  /// Growth of the quotient from the row before; 1 where it converges, 2 where it is like 1/h.
  long double growth() const { return growth_; }

 private:
  static constexpr int kColumns = 7;
  struct Entry {
    long double value = 0, noise = 0, error = 0;
  };
  int first_, stride_;
  int columns_ = 0;
  long double growth_ = 1;
  std::array<Entry, kColumns> row_;
};

/// K functions of one number, sampled together, as differences from their values at the point
/// of interest.
struct Sample {
  std::vector<long double> changes;
  std::vector<long double> noise;  ///< how wrong each change can be by rounding
};
using Line = std::function<Sample(double x)>;

/// What is known about a derivative after sampling.
struct NumericDerivative {
  double value = 0;
  double bound = kInfinity;  ///< |value - derivative| is at most this, as long as f is smooth at x
  double step = 0;           ///< the smallest step behind value
  double left = 0, right = 0;     ///< infinite where f jumps at x
  double side_bound = kInfinity;  ///< bound on the errors of left and right together
  bool beside_kink =
      false;  ///< a kink lies so near that value is the one-sided derivative away from it
  bool one_sided =
      false;  ///< f is not finite on one side of x, however near: value is the other side's
  bool defined = true;  ///< false: f is finite on neither side
  bool settled = true;  ///< false: still shorter steps show another function
  double noise = 0;     ///< how wrong a change of f can be by rounding, in the last row
  double slope = 0;     ///< the largest quotient |change| / h of all rows, less its rounding
  double shortest = 0;  ///< the step of the last row
  double right_change = 0, left_change = 0;  ///< of f, in the last row

  double jump() const;
  /// True when the one-sided derivatives differ by far more than their errors, or f jumps, at
  /// x itself.
  bool is_kink() const;
};

/// The derivatives of the `count` functions of `line` at x, with steps from `first` down to
/// `shortest`.
std::vector<NumericDerivative> differentiate(const Line& line, std::size_t count, double x,
                                             double first, double shortest);

}  // namespace xgrad::detail
