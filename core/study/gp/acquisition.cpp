#include "core/study/gp/acquisition.hpp"

#include <cmath>
#include <numbers>

namespace troupe::core::gp {

namespace {

double log_density(double z) { return -0.5 * z * z - 0.5 * std::log(2 * std::numbers::pi); }
double cumulative(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

/// log(phi(z) + z Phi(z)) and its derivative.
std::pair<double, double> log_gain(double z) {
  if (z > -6) {
    const auto below = cumulative(z);
    const auto gain = std::exp(log_density(z)) + z * below;
    return {std::log(gain), below / gain};
  }
  // The leading terms of the asymptotic series; the sum above would cancel.
  const auto u = 1 / (z * z);
  const auto gain = 1 - u * (3 - u * (15 - u * 105));
  const auto below = 1 - u * (1 - u * (3 - u * 15));
  return {log_density(z) + std::log(u * gain), -z * below / gain};
}

} // namespace

double log_expected_improvement::at(const vector& point) const {
  const auto p = model_.at(point);
  return std::log(p.deviation) + log_gain((best_ - p.mean) / p.deviation).first;
}

double log_expected_improvement::at(const vector& point, vector& slope) const {
  vector mean;
  vector deviation;
  const auto p = model_.at(point, mean, deviation);
  const auto z = (best_ - p.mean) / p.deviation;
  const auto [value, by_z] = log_gain(z);
  slope = (deviation * (1 - by_z * z) - by_z * mean) / p.deviation;
  return std::log(p.deviation) + value;
}

double confidence_bound::at(const vector& point) const {
  return width_ * deviation_.at(point).deviation - mean_.at(point).mean;
}

double confidence_bound::at(const vector& point, vector& slope) const {
  vector mean;
  vector unused;
  vector deviation;
  const auto p = mean_.at(point, mean, deviation);
  if (&mean_ == &deviation_) {
    slope = width_ * deviation - mean;
    return width_ * p.deviation - p.mean;
  }
  const auto q = deviation_.at(point, unused, deviation);
  slope = width_ * deviation - mean;
  return width_ * q.deviation - p.mean;
}

} // namespace troupe::core::gp
