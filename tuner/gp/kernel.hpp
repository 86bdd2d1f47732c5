// The covariance of two points of a search space, and its hyper-parameters.
//
// It is the sum of two parts. The joint part is a Matern-5/2 kernel over all dimensions at once,
// with a length per dimension (ARD): it can learn any interaction, slowly. The additive part is the
// mean of one-dimensional Matern-5/2 kernels with lengths of their own: what parameters do
// independently of each other, which is most of what they do in practice, it learns from few
// trials even in many dimensions. The data determine how much variance each part has.
//
// The distance along a dimension is that of unit coordinates for numbers, and 0 or 1 for
// categories. A conditional parameter that is active in one point only is at distance 1, as if
// its activity were a category; where it is inactive in both it adds nothing.
#pragma once

#include "tuner/gp/lbfgs.hpp"

#include <Eigen/Dense>

#include <vector>

namespace troupe::tuner::gp {

using matrix = Eigen::MatrixXd;
using array = Eigen::ArrayXd;

/// In logarithms, in one vector so that they can be optimised together.
class hyperparameters {
public:
  explicit hyperparameters(Eigen::Index dimensions) : logs_(vector::Zero(3 + 2 * dimensions)) {}
  explicit hyperparameters(vector logs) : logs_(std::move(logs)) {}

  Eigen::Index dimensions() const { return (logs_.size() - 3) / 2; }
  double joint_variance() const { return std::exp(logs_[0]); }
  double additive_variance() const { return has_additive() ? std::exp(logs_[1]) : 0; }
  bool has_additive() const { return logs_[1] > log_variance_min; }
  double noise_variance() const { return std::exp(logs_[2]); }
  array joint_lengths() const { return logs_.segment(3, dimensions()).array().exp(); }
  array additive_lengths() const { return logs_.tail(dimensions()).array().exp(); }
  double variance() const { return joint_variance() + additive_variance(); }

  const vector& logs() const { return logs_; }
  vector& logs() { return logs_; }

private:
  // With a variance as small as this, the additive part is left out.
  static constexpr double log_variance_min = -13.8;

  vector logs_;
};

/// How the model treats a dimension.
enum class axis { number, category };

/// Distance of `from` along an axis, for every entry of a column of coordinates.
array distances(axis kind, Eigen::Ref<const array> column, double from);

/// The covariances of points with each other, as functions of the hyper-parameters.
class pair_kernel {
public:
  /// One point per row of `points`; NaN: inactive.
  pair_kernel(const std::vector<axis>& axes, const matrix& points);

  Eigen::Index size() const { return size_; }

  /// With the noise on the diagonal. Keeps what gradient() needs.
  matrix covariance(const hyperparameters& at);

  /// Of a function of the covariances: `weights` are its derivatives by the entries of the last
  /// covariance() (symmetric; the lower half is read).
  vector gradient(const hyperparameters& at, const matrix& weights);

private:
  Eigen::Index size_;
  matrix apart_; // distances: a row per pair, a column per feature
  // Of the last covariance(), per pair: the joint kernel, the sum of the additive ones, and what
  // their slopes are multiples of.
  array joint_;
  array joint_decay_;
  array additive_;
  matrix additive_decay_;
};

/// The covariances of one new point with all others.
class cross_kernel {
public:
  cross_kernel(std::vector<axis> axes, matrix points, const hyperparameters& at);

  const matrix& points() const { return points_; }
  const std::vector<axis>& axes() const { return axes_; }
  double variance() const { return joint_variance_ + additive_variance_; }

  vector with(const vector& point) const { return with(point, 0); }

  /// Of the points with each other, the noise on the diagonal; the lower half.
  matrix covariance(double noise_variance) const;

  /// A column per row of `points`.
  matrix with_all(const matrix& points) const;

  /// The derivatives by the coordinates of the point as well, a column per dimension; zero for
  /// categories and where inactive.
  vector with(const vector& point, matrix& slopes) const;

private:
  vector with(const vector& point, Eigen::Index first) const; // with all points from `first`
  double share() const; // of one feature in the additive variance
  bool is_smooth(const vector& point, Eigen::Index k) const;
  array away(const vector& point, Eigen::Index k) const;

  std::vector<axis> axes_;
  matrix points_;
  double joint_variance_;
  double additive_variance_;
  array joint_scales_; // sqrt(5) / length
  array additive_scales_;
};

} // namespace troupe::tuner::gp
