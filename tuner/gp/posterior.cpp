#include "tuner/gp/posterior.hpp"

#include "tuner/gp/dense.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::tuner::gp {

namespace {

// Each attempt adds ten times the noise of the last to a covariance that is not positive definite.
constexpr int attempts_max = 10;

constexpr double variance_min = 1e-14;

} // namespace

namespace {

/// The Cholesky factor, in the lower half.
matrix factor_of(const matrix& covariance, double noise_variance) {
  auto factor = covariance;
  auto added = noise_variance;
  double extra = 0;
  for (int i = 0; i < attempts_max && !factorise(factor); ++i) {
    extra += 9 * added;
    added *= 10;
    factor = covariance;
    factor.diagonal().array() += extra;
  }
  return factor;
}

} // namespace

posterior::posterior(std::vector<axis> axes, const matrix& points, const vector& losses,
                     const hyperparameters& at)
    : at_(at), kernel_(std::move(axes), points, at),
      factor_(factor_of(kernel_.covariance(at.noise_variance()), at.noise_variance())),
      weights_(losses) {
  factor_.triangularView<Eigen::Lower>().solveInPlace(weights_);
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

double posterior::surprise() const {
  const auto n = factor_.rows();
  matrix inverse = matrix::Identity(n, n);
  factor_.triangularView<Eigen::Lower>().solveInPlace(inverse);
  const array precision = inverse.colwise().squaredNorm().transpose().array();
  const auto squares = (weights_.array().square() / precision).sum();
  return std::sqrt(std::max(1.0, (squares + 2) / (static_cast<double>(n) + 2)));
}

posterior posterior::believing(const matrix& points) const {
  const auto n = kernel_.points().rows();
  const auto more = points.rows();
  matrix all(n + more, points.cols());
  all << kernel_.points(), points;
  auto made = *this;
  made.kernel_ = cross_kernel(kernel_.axes(), all, at_);
  // Rows are added to the factor. A loss that equals its expectation has no weight.
  matrix half = kernel_.with_all(points);
  solve_lower(factor_, half);
  matrix inner = cross_kernel(kernel_.axes(), points, at_).covariance(at_.noise_variance());
  inner.triangularView<Eigen::Lower>() -= half.transpose() * half;
  made.factor_.setZero(n + more, n + more);
  made.factor_.topLeftCorner(n, n) = factor_;
  made.factor_.bottomLeftCorner(more, n) = half.transpose();
  made.factor_.bottomRightCorner(more, more) = factor_of(inner, at_.noise_variance());
  made.weights_.setZero(n + more);
  made.weights_.head(n) = weights_;
  return made;
}

} // namespace troupe::tuner::gp
