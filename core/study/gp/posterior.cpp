#include "core/study/gp/posterior.hpp"

#include "core/study/gp/dense.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::core::gp {

namespace {

// Every one adds ten times the noise of the last to a covariance that is not positive.
constexpr int attempts_max = 10;

constexpr double variance_min = 1e-14;

} // namespace

posterior::posterior(std::vector<axis> axes, const matrix& points, const vector& losses,
                     const hyperparameters& at)
    : at_(at), kernel_(axes, points, at), losses_(losses) {
  auto covariance = pair_kernel(axes, points).covariance(at);
  auto added = at.noise_variance();
  for (int i = 0; i < attempts_max; ++i) {
    factor_ = covariance;
    if (factorise(factor_)) break;
    covariance.diagonal().array() += 9 * added;
    added *= 10;
  }
  weights_ = factor_.triangularView<Eigen::Lower>().solve(losses);
  factor_.triangularView<Eigen::Lower>().transpose().solveInPlace(weights_);
}

predictions posterior::at_all(const matrix& points) const {
  matrix cross = kernel_.with_all(points);
  predictions made{cross.transpose() * weights_, vector(points.rows())};
  solve_lower(factor_, cross);
  const array known = cross.colwise().squaredNorm().transpose().array();
  made.deviations = (kernel_.variance() - known).max(variance_min).sqrt().matrix();
  return made;
}

prediction posterior::at(const vector& point, vector& mean_slope, vector& deviation_slope) const {
  matrix slopes;
  const vector cross = kernel_.with(point, slopes);
  const auto mean = cross.dot(weights_);
  vector half = cross;
  factor_.triangularView<Eigen::Lower>().solveInPlace(half);
  const auto variance = std::max(kernel_.variance() - half.squaredNorm(), variance_min);
  const auto deviation = std::sqrt(variance);
  factor_.triangularView<Eigen::Lower>().transpose().solveInPlace(half);
  mean_slope = slopes.transpose() * weights_;
  deviation_slope = slopes.transpose() * half * (-1 / deviation);
  return {mean, deviation};
}

vector posterior::means_at(const matrix& points) const {
  return kernel_.with_all(points).transpose() * weights_;
}

posterior posterior::believing(const matrix& points) const {
  matrix all(kernel_.points().rows() + points.rows(), points.cols());
  all << kernel_.points(), points;
  vector losses(all.rows());
  losses << losses_, means_at(points);
  return {kernel_.axes(), all, losses, at_};
}

} // namespace troupe::core::gp
