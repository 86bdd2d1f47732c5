// One parameter: from the unit interval to a value and back, under its scale.
#include "tuner/space.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::tuner {

namespace {

/// log(a / b), also where a / b would overflow.
double log_ratio(double a, double b) {
  const auto ratio = a / b;
  return std::isnormal(ratio) ? std::log(ratio) : std::log(a) - std::log(b);
}

/// b exp(x), also where exp(x) alone would overflow.
double times_exp(double b, double x) {
  const auto half = std::exp(0.5 * x);
  return std::isfinite(half * half) ? b * std::exp(x) : b * half * half;
}

double scaled(scale_type scale, double x, double low, double high) {
  if (!(low < high)) return 0.5;
  switch (scale) {
  case scale_type::UNIT_LOG_SCALE:
    return log_ratio(x, low) / log_ratio(high, low);
  case scale_type::UNIT_REVERSE_LOG_SCALE:
    return 1 - log_ratio(low + (high - x), low) / log_ratio(high, low);
  case scale_type::UNSPECIFIED:
  case scale_type::UNIT_LINEAR_SCALE:
    break;
  }
  return (x - low) / (high - low);
}

double unscaled(scale_type scale, double unit, double low, double high) {
  switch (scale) {
  case scale_type::UNIT_LOG_SCALE:
    return times_exp(low, unit * log_ratio(high, low));
  case scale_type::UNIT_REVERSE_LOG_SCALE:
    return low + (high - times_exp(low, (1 - unit) * log_ratio(high, low)));
  case scale_type::UNSPECIFIED:
  case scale_type::UNIT_LINEAR_SCALE:
    break;
  }
  return low + unit * (high - low);
}

bool is_log(scale_type scale) {
  return scale == scale_type::UNIT_LOG_SCALE || scale == scale_type::UNIT_REVERSE_LOG_SCALE;
}

double nearest(const std::vector<double>& sorted, double x) {
  const auto above = std::ranges::lower_bound(sorted, x);
  if (above == sorted.begin()) return sorted.front();
  if (above == sorted.end()) return sorted.back();
  const auto below = above - 1;
  return x - *below <= *above - x ? *below : *above;
}

/// The level that owns `unit` when all have the same share.
uint64_t equal_share(double unit, uint64_t levels) {
  return std::min(static_cast<uint64_t>(unit * static_cast<double>(levels)), levels - 1);
}

double drawn_integer(const parameter& p, double unit) {
  if (!is_log(p.scale)) return p.coordinate_at(equal_share(unit, p.levels()));
  const auto x = unscaled(p.scale, unit, p.low - 0.5, p.high + 0.5);
  return std::clamp(std::round(x), p.low, p.high);
}

} // namespace

uint64_t parameter::levels() const {
  switch (type) {
  case parameter_type::real:
    return low < high ? 0 : 1;
  case parameter_type::integer:
    return static_cast<uint64_t>(int64_t(high) - int64_t(low)) + 1;
  case parameter_type::discrete:
    return numbers.size();
  case parameter_type::categorical:
    break;
  }
  return categories.size();
}

double parameter::coordinate_at(uint64_t level) const {
  switch (type) {
  case parameter_type::real:
    return low;
  case parameter_type::integer:
    return static_cast<double>(int64_t(low) + static_cast<int64_t>(level));
  case parameter_type::discrete:
    return numbers[level];
  case parameter_type::categorical:
    break;
  }
  return static_cast<double>(level);
}

uint64_t parameter::level_of(double coordinate) const {
  switch (type) {
  case parameter_type::real:
    return 0;
  case parameter_type::integer:
    return static_cast<uint64_t>(int64_t(coordinate) - int64_t(low));
  case parameter_type::discrete:
    return static_cast<uint64_t>(std::ranges::lower_bound(numbers, coordinate) - numbers.begin());
  case parameter_type::categorical:
    break;
  }
  return static_cast<uint64_t>(coordinate);
}

double parameter::nearest_at(double unit) const {
  const auto x = std::clamp(unscaled(scale, unit, low, high), low, high);
  switch (type) {
  case parameter_type::real:
    return x;
  case parameter_type::integer:
    return std::clamp(std::round(x) + 0.0, low, high);
  case parameter_type::discrete:
    return nearest(numbers, x);
  case parameter_type::categorical:
    break;
  }
  return static_cast<double>(equal_share(unit, categories.size()));
}

double parameter::unit_of(double coordinate) const {
  // Rounding of the scale may put a value beyond its end.
  return std::clamp(scaled(scale, coordinate, low, high), 0.0, 1.0);
}

double parameter::drawn_at(double unit) const {
  switch (type) {
  case parameter_type::real:
    return nearest_at(unit);
  case parameter_type::integer:
    return drawn_integer(*this, unit);
  case parameter_type::discrete:
    if (scale == scale_type::UNSPECIFIED) return numbers[equal_share(unit, numbers.size())];
    return nearest_at(unit);
  case parameter_type::categorical:
    break;
  }
  return static_cast<double>(equal_share(unit, categories.size()));
}

} // namespace troupe::tuner
