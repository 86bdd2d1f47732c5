#include "tuner/gp/normal.hpp"

#include <cmath>
#include <numbers>

namespace troupe::tuner::gp {

namespace {

// Below this, sums of the two terms cancel, and a few terms of the asymptotic series have all the
// digits that are needed.
constexpr double tail = -6;

double log_density(double z) { return -0.5 * z * z - 0.5 * std::log(2 * std::numbers::pi); }

/// Phi(z) |z| / phi(z), for z in the tail.
double mills(double z) {
  const auto u = 1 / (z * z);
  return 1 - u * (1 - u * (3 - u * (15 - u * 105)));
}

} // namespace

double cumulative(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

value_and_slope log_cumulative(double z) {
  if (z > tail) {
    const auto below = cumulative(z);
    return {std::log(below), std::exp(log_density(z)) / below};
  }
  return {log_density(z) + std::log(mills(z) / -z), -z / mills(z)};
}

value_and_slope log_gain(double z) {
  if (z > tail) {
    const auto below = cumulative(z);
    const auto gain = std::exp(log_density(z)) + z * below;
    return {std::log(gain), below / gain};
  }
  const auto u = 1 / (z * z);
  const auto gain = 1 - u * (3 - u * (15 - u * 105));
  return {log_density(z) + std::log(u * gain), -z * mills(z) / gain};
}

double quantile(double probability) {
  // Bisection to a bracket, then Newton: exact, and its time does not matter.
  double low = -40;
  double high = 40;
  double z = 0;
  for (int i = 0; i < 80 && high - low > 1e-14; ++i) {
    (cumulative(z) < probability ? low : high) = z;
    const auto slope = std::exp(log_density(z));
    const auto newton = z - (cumulative(z) - probability) / slope;
    z = slope > 0 && newton > low && newton < high ? newton : 0.5 * (low + high);
  }
  return z;
}

} // namespace troupe::tuner::gp
