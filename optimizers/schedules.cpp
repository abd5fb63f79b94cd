#include "xgrad/optimizers/schedules.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

double half_cosine(double from, double to, double share) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

// t / duration, from 0 to 1.
double share_of(double t, double duration) { return std::clamp(t / duration, 0.0, 1.0); }

}  // namespace

double ConstantRate::at(double) const { return factor; }
void ConstantRate::check() const {
  detail::require_in("ConstantRate", "factor", factor, "[0, inf)");
}

double StepDecay::at(double t) const { return std::pow(factor, std::floor(t / interval)); }
void StepDecay::check() const {
  detail::require_in("StepDecay", "interval", interval, "(0, inf)");
  detail::require_in("StepDecay", "factor", factor, "[0, inf)");
}

double MultiStepDecay::at(double t) const {
  const auto passed = [&](double milestone) { return milestone <= t; };
  return std::pow(factor, std::count_if(milestones.begin(), milestones.end(), passed));
}
void MultiStepDecay::check() const {
  detail::require_in("MultiStepDecay", "factor", factor, "[0, inf)");
}

double ExponentialDecay::at(double t) const { return std::exp(-k * t); }
void ExponentialDecay::check() const { detail::require_in("ExponentialDecay", "k", k, "[0, inf)"); }

double InverseTimeDecay::at(double t) const { return 1 / (1 + k * t); }
void InverseTimeDecay::check() const { detail::require_in("InverseTimeDecay", "k", k, "[0, inf)"); }

double InverseSqrtDecay::at(double t) const { return 1 / std::sqrt(1 + t / scale); }
void InverseSqrtDecay::check() const {
  detail::require_in("InverseSqrtDecay", "scale", scale, "(0, inf)");
}

double LinearDecay::at(double t) const { return 1 - (1 - end) * share_of(t, duration); }
void LinearDecay::check() const {
  detail::require_in("LinearDecay", "duration", duration, "(0, inf)");
  detail::require_in("LinearDecay", "end", end, "[0, inf)");
}

double CosineDecay::at(double t) const {
  const double share = periodic ? std::fmod(t / duration, 2.0) : share_of(t, duration);
  return half_cosine(1, end, share);
}
void CosineDecay::check() const {
  detail::require_in("CosineDecay", "duration", duration, "(0, inf)");
  detail::require_in("CosineDecay", "end", end, "[0, inf)");
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
  detail::require_in("CosineRestarts", "duration", duration, "(0, inf)");
  detail::require_in("CosineRestarts", "end", end, "[0, inf)");
  detail::require_in("CosineRestarts", "growth", growth, "[1, inf]");
}

double PolynomialDecay::at(double t) const {
  return end + (1 - end) * std::pow(1 - share_of(t, duration), power);
}
void PolynomialDecay::check() const {
  detail::require_in("PolynomialDecay", "duration", duration, "(0, inf)");
  detail::require_in("PolynomialDecay", "power", power, "(0, inf)");
  detail::require_in("PolynomialDecay", "end", end, "[0, inf)");
}

double OneCycle::at(double t) const {
  const double peak = rise * duration;
  if (t < peak) return half_cosine(start, 1, t / peak);
  return half_cosine(1, end, peak < duration ? share_of(t - peak, duration - peak) : 0);
}
void OneCycle::check() const {
  detail::require_in("OneCycle", "duration", duration, "(0, inf)");
  detail::require_in("OneCycle", "start", start, "[0, inf)");
  detail::require_in("OneCycle", "end", end, "[0, inf)");
  detail::require_in("OneCycle", "rise", rise, "[0, 1]");
}

double WarmUp::at(double t) const { return start + (1 - start) * share_of(t, duration); }
void WarmUp::check() const {
  detail::require_in("WarmUp", "duration", duration, "(0, inf)");
  detail::require_in("WarmUp", "start", start, "[0, inf)");
}

}  // namespace xgrad
