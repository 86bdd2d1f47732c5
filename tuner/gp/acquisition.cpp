#include "tuner/gp/acquisition.hpp"

#include "tuner/gp/normal.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::tuner::gp {

vector log_expected_improvement::at_all(const matrix& points) const {
  const auto [means, deviations] = model_.at_all(points);
  const auto gain = [](double z) { return log_gain(z).value; };
  return deviations.array().log() + ((best_ - means.array()) / deviations.array()).unaryExpr(gain);
}

double log_expected_improvement::at(const vector& point, vector& slope) const {
  vector mean;
  vector deviation;
  const auto p = model_.at(point, mean, deviation);
  const auto z = (best_ - p.mean) / p.deviation;
  const auto gain = log_gain(z);
  slope = (deviation * (1 - gain.slope * z) - gain.slope * mean) / p.deviation;
  return std::log(p.deviation) + gain.value;
}

vector confidence_bound::at_all(const matrix& points) const {
  const auto [means, deviations] = model_.at_all(points);
  return width_ * deviations - means;
}

double confidence_bound::at(const vector& point, vector& slope) const {
  vector mean;
  vector deviation;
  const auto p = model_.at(point, mean, deviation);
  slope = width_ * deviation - mean;
  return width_ * p.deviation - p.mean;
}

vector log_probability_below::at_all(const matrix& points) const {
  const auto [means, deviations] = model_.at_all(points);
  const auto below = [](double z) { return log_cumulative(z).value; };
  return ((limit_ - means.array()) / deviations.array()).unaryExpr(below);
}

double log_probability_below::at(const vector& point, vector& slope) const {
  vector mean;
  vector deviation;
  const auto p = model_.at(point, mean, deviation);
  const auto z = (limit_ - p.mean) / p.deviation;
  const auto below = log_cumulative(z);
  slope = -below.slope / p.deviation * (mean + z * deviation);
  return below.value;
}

vector all_of::at_all(const matrix& points) const {
  vector sum = vector::Zero(points.rows());
  for (const auto& part : parts_)
    sum += part->at_all(points);
  return sum;
}

double all_of::at(const vector& point, vector& slope) const {
  double sum = 0;
  vector part_slope;
  slope.setZero(point.size());
  for (const auto& part : parts_) {
    sum += part->at(point, part_slope);
    slope += part_slope;
  }
  return sum;
}

} // namespace troupe::tuner::gp
