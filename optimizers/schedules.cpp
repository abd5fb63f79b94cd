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

double ConstantRate::at(double) const { return factor; }
void ConstantRate::check() const { detail::require_not_negative("ConstantRate", "factor", factor); }

double StepDecay::at(double t) const { return std::pow(factor, std::floor(t / interval)); }
void StepDecay::check() const {
  detail::require_positive("StepDecay", "interval", interval);
  detail::require_not_negative("StepDecay", "factor", factor);
}

double MultiStepDecay::at(double t) const {
  const auto passed = [&](double milestone) { return milestone <= t; };
  return std::pow(factor, std::count_if(milestones.begin(), milestones.end(), passed));
}
void MultiStepDecay::check() const {
  detail::require_not_negative("MultiStepDecay", "factor", factor);
}

double ExponentialDecay::at(double t) const { return std::exp(-k * t); }
void ExponentialDecay::check() const { detail::require_not_negative("ExponentialDecay", "k", k); }

double InverseTimeDecay::at(double t) const { return 1 / (1 + k * t); }
void InverseTimeDecay::check() const { detail::require_not_negative("InverseTimeDecay", "k", k); }

double InverseSqrtDecay::at(double t) const { return 1 / std::sqrt(1 + t / scale); }
void InverseSqrtDecay::check() const {
  detail::require_positive("InverseSqrtDecay", "scale", scale);
}

double LinearDecay::at(double t) const { return 1 - (1 - end) * share_of(t, duration); }
void LinearDecay::check() const {
  detail::require_positive("LinearDecay", "duration", duration);
  detail::require_not_negative("LinearDecay", "end", end);
}

double CosineDecay::at(double t) const {
  const double share = periodic ? std::fmod(t / duration, 2.0) : share_of(t, duration);
  return half_cosine(1, end, share);
}
void CosineDecay::check() const {
  detail::require_positive("CosineDecay", "duration", duration);
  detail::require_not_negative("CosineDecay", "end", end);
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

double PolynomialDecay::at(double t) const {
  return end + (1 - end) * std::pow(1 - share_of(t, duration), power);
}
void PolynomialDecay::check() const {
  detail::require_positive("PolynomialDecay", "duration", duration);
  detail::require_positive("PolynomialDecay", "power", power);
  detail::require_not_negative("PolynomialDecay", "end", end);
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
