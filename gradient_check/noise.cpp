#include "xgrad/gradient_check/noise.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace xgrad::detail {
namespace {

constexpr std::size_t kPoints = 12, kLeastOrder = 5;
constexpr std::array<long double, 9> kBinomial = {1,   2,   6,    20,   70,
                                                  252, 924, 3432, 12870};  // of 2k over k
constexpr double kMargin = 6;  // between the measured deviation and the largest error
constexpr double kLevel = 5;   // the deviations of noise in several orders agree to this factor
constexpr double kClearlyMore = 4;
constexpr double kFiner = 32;
constexpr double kFlat = 0.1, kStep = 0.5;  // of the deviation: treads and risers of stairs
constexpr std::size_t kTreads = 6;          // among the eleven differences

// The deviation of the noise that would explain the differences of each order, least and most.
struct Fit {
  double least = 0, most = 0;
  bool looks_like_noise() const { return most > 0 && most <= kLevel * least; }
  double noise() const { return kMargin * least; }
};

using Column = std::array<long double, kPoints>;

Fit fit(Column d) {
  Fit f;
  for (std::size_t order = 1; order < kBinomial.size(); ++order) {
    const std::size_t count = kPoints - order;
    long double sum = 0;
    for (std::size_t j = 0; j < count; ++j) {
      d[j] = d[j + 1] - d[j];
      sum += d[j] * d[j];
    }
    if (order < kLeastOrder) continue;
    const auto deviation =
        static_cast<double>(std::sqrt(sum / static_cast<long double>(count) / kBinomial[order]));
    if (!std::isfinite(deviation)) return {};
    f.least = order == kLeastOrder ? deviation : std::min(f.least, deviation);
    f.most = std::max(f.most, deviation);
  }
  return f;
}

// Most neighbours keep the slope of the others, and a few leap; or none moves at all.
bool is_staircase(const Column& y, double deviation) {
  std::array<long double, kPoints - 1> d;
  for (std::size_t j = 0; j < d.size(); ++j) d[j] = y[j + 1] - y[j];
  if (std::all_of(d.begin(), d.end(), [](long double v) { return v == 0; })) return true;
  auto sorted = d;
  std::sort(sorted.begin(), sorted.end());
  const long double middle = sorted[d.size() / 2];
  const auto is_tread = [&](long double v) { return std::abs(v - middle) <= kFlat * deviation; };
  const auto is_riser = [&](long double v) { return std::abs(v - middle) >= kStep * deviation; };
  return static_cast<std::size_t>(std::count_if(d.begin(), d.end(), is_tread)) >= kTreads &&
         std::any_of(d.begin(), d.end(), is_riser);
}

// One side of the point.
class Side {
 public:
  Side(const Beside& evaluate, double sign) : evaluate_(evaluate), sign_(sign) {}
  std::vector<double> measure();

 private:
  std::vector<Column> sample(double spacing) const;
  void follow(std::vector<std::size_t> open, const std::vector<double>& level);

  const Beside& evaluate_;
  double sign_;
  std::vector<double> noise_;
};

std::vector<Column> Side::sample(double spacing) const {
  std::vector<Column> columns;
  for (std::size_t j = 0; j < kPoints; ++j) {
    const std::vector<double> y = evaluate_(spacing, sign_ * (static_cast<double>(j) + 0.5));
    columns.resize(y.size());
    for (std::size_t k = 0; k < y.size(); ++k) columns[k][j] = y[k];
  }
  return columns;
}

// What the functions `open` show at far spacing, and not near, is noise of `level` if stairs are
// found on the way down where it stops to look like noise.
void Side::follow(std::vector<std::size_t> open, const std::vector<double>& level) {
  for (double spacing = kFarSpacing / kFiner; spacing > kNearSpacing && !open.empty();
       spacing /= kFiner) {
    const std::vector<Column> finest = sample(spacing);
    const auto is_noise = [&](std::size_t k, const Column& y) {
      const Fit f = fit(y);
      return f.looks_like_noise() && f.noise() > level[k] / kFiner;
    };
    const auto resolved = std::partition(open.begin(), open.end(),
                                         [&](std::size_t k) { return is_noise(k, finest[k]); });
    if (resolved == open.end()) continue;
    const std::vector<Column> coarse = sample(spacing * 8), finer = sample(spacing * 2);
    for (auto k = resolved; k != open.end(); ++k) {
      for (const Column* y : {&coarse[*k], &finer[*k], &finest[*k]}) {
        if (!is_noise(*k, *y) && is_staircase(*y, level[*k] / kMargin)) noise_[*k] = level[*k];
      }
    }
    open.erase(resolved, open.end());
  }
}

std::vector<double> Side::measure() {
  for (const Column& y : sample(kNearSpacing)) noise_.push_back(fit(y).noise());
  std::vector<double> level;
  std::vector<std::size_t> open;
  for (const Column& y : sample(kFarSpacing)) {
    const Fit f = fit(y);
    if (f.looks_like_noise() && f.noise() > kClearlyMore * noise_[level.size()])
      open.push_back(level.size());
    level.push_back(f.noise());
  }
  follow(std::move(open), level);
  return std::move(noise_);
}

}  // namespace

std::vector<double> measure_noise(const Beside& evaluate) {
  std::vector<double> right = Side(evaluate, 1).measure();
  const std::vector<double> left = Side(evaluate, -1).measure();
  for (std::size_t k = 0; k < right.size(); ++k) right[k] = std::min(right[k], left[k]);
  return right;
}

}  // namespace xgrad::detail
