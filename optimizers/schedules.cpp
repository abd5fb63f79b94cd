#include "xgrad/optimizers/schedules.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

#include "xgrad/optimizers/text.hpp"

namespace xgrad {
namespace {

double half_cosine(double from, double to, double share) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

// t / duration, from 0 to 1.
double share_of(double t, double duration) { return std::clamp(t / duration, 0.0, 1.0); }

}  // namespace

double Constant::at(double) const { return factor; }
void Constant::check() const { detail::require_not_negative("Constant", "factor", factor); }

double StepDecay::at(double t) const { return std::pow(factor, std::floor(t / interval)); }
void StepDecay::check() const {
  detail::require_positive("StepDecay", "interval", interval);
  detail::require_not_negative("StepDecay", "factor", factor);
}

double MultiStep::at(double t) const {
  const auto passed = [&](double milestone) { return milestone <= t; };
  return std::pow(factor, std::count_if(milestones.begin(), milestones.end(), passed));
}
void MultiStep::check() const { detail::require_not_negative("MultiStep", "factor", factor); }

double Exponential::at(double t) const { return std::exp(-k * t); }
void Exponential::check() const { detail::require_not_negative("Exponential", "k", k); }

double InverseTime::at(double t) const { return 1 / (1 + k * t); }
void InverseTime::check() const { detail::require_not_negative("InverseTime", "k", k); }

double InverseSqrt::at(double t) const { return 1 / std::sqrt(1 + t / scale); }
void InverseSqrt::check() const { detail::require_positive("InverseSqrt", "scale", scale); }

double Linear::at(double t) const { return 1 - (1 - end) * share_of(t, duration); }
void Linear::check() const {
  detail::require_positive("Linear", "duration", duration);
  detail::require_not_negative("Linear", "end", end);
}

double Cosine::at(double t) const { return half_cosine(1, end, share_of(t, duration)); }
void Cosine::check() const {
  detail::require_positive("Cosine", "duration", duration);
  detail::require_not_negative("Cosine", "end", end);
}

// The cycles before number n take duration (growth^n - 1) / (growth - 1).
double CosineRestarts::at(double t) const {
  if (growth == 1) return half_cosine(1, end, std::fmod(t, duration) / duration);
  const double n = std::floor(std::log1p(t / duration * (growth - 1)) / std::log(growth) + 1e-12);
  const double length = duration * std::pow(growth, n);
  const double begin = (length - duration) / (growth - 1);
  return half_cosine(1, end, share_of(t - begin, length));
}
void CosineRestarts::check() const {
  detail::require_positive("CosineRestarts", "duration", duration);
  detail::require_not_negative("CosineRestarts", "end", end);
  if (!(growth >= 1)) {
    throw std::invalid_argument("CosineRestarts: growth " + detail::text(growth) +
                                " is not at least 1");
  }
}

double Polynomial::at(double t) const {
  return end + (1 - end) * std::pow(1 - share_of(t, duration), power);
}
void Polynomial::check() const {
  detail::require_positive("Polynomial", "duration", duration);
  detail::require_positive("Polynomial", "power", power);
  detail::require_not_negative("Polynomial", "end", end);
}

double OneCycle::at(double t) const {
  const double peak = rise * duration;
  if (t < peak) return half_cosine(start, 1, t / peak);
  return half_cosine(1, end, peak < duration ? share_of(t - peak, duration - peak) : 0);
}
void OneCycle::check() const {
  detail::require_positive("OneCycle", "duration", duration);
  detail::require_not_negative("OneCycle", "start", start);
  detail::require_not_negative("OneCycle", "end", end);
  if (!(rise >= 0 && rise <= 1)) {
    throw std::invalid_argument("OneCycle: rise " + detail::text(rise) + " is not in [0, 1]");
  }
}

double WarmUp::at(double t) const { return start + (1 - start) * share_of(t, duration); }
void WarmUp::check() const {
  detail::require_positive("WarmUp", "duration", duration);
  detail::require_not_negative("WarmUp", "start", start);
}

}  // namespace xgrad
