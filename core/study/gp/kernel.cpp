#include "core/study/gp/kernel.hpp"

#include <cmath>

namespace troupe::core::gp {

namespace {

const double sqrt5 = std::sqrt(5.0);

Eigen::Index pairs_of(Eigen::Index n) { return n * (n - 1) / 2; }

} // namespace

array distances(axis kind, Eigen::Ref<const array> column, double from) {
  if (std::isnan(from)) return column.isNaN().select(array::Zero(column.size()), 1.0);
  if (kind == axis::category) return (column == from).select(array::Zero(column.size()), 1.0);
  const array apart = (column - from).abs();
  return apart.isNaN().select(1.0, apart);
}

pair_kernel::pair_kernel(const std::vector<axis>& axes, const matrix& points)
    : size_(points.rows()), apart_(pairs_of(points.rows()), points.cols()) {
  for (Eigen::Index k = 0; k < points.cols(); ++k) {
    Eigen::Index pair = 0;
    for (Eigen::Index j = 0; j + 1 < size_; ++j) {
      const auto below = size_ - j - 1;
      apart_.col(k).segment(pair, below) =
          distances(axes[static_cast<size_t>(k)], points.col(k).tail(below).array(), points(j, k))
              .matrix();
      pair += below;
    }
  }
  slopes_.resize(apart_.rows(), apart_.cols());
}

matrix pair_kernel::covariance(const hyperparameters& at) {
  const auto dimensions = apart_.cols();
  const array joint_scales = sqrt5 / at.joint_lengths();
  const array additive_scales = sqrt5 / at.additive_lengths();
  const auto share = at.additive_variance() / static_cast<double>(dimensions);
  joint_.resize(apart_.rows());
  slope_.resize(apart_.rows());
  additive_.resize(apart_.rows());
  matrix covariance(size_, size_);
  // In pieces that fit the cache, as every piece is read several times.
  constexpr Eigen::Index piece = 512;
  array sum(apart_.rows());
  for (Eigen::Index begin = 0; begin < apart_.rows(); begin += piece) {
    const auto length = std::min(piece, apart_.rows() - begin);
    array squared = array::Zero(length);
    array additive = array::Zero(length);
    for (Eigen::Index k = 0; k < dimensions; ++k) {
      const auto apart = apart_.col(k).segment(begin, length).array();
      squared += (apart * joint_scales[k]).square();
      const array s = apart * additive_scales[k];
      const array e = (-s).exp();
      const array third = s.square() * (1.0 / 3);
      additive += (1 + s + third) * e;
      slopes_.col(k).segment(begin, length) = (third * (1 + s) * e).matrix();
    }
    const array s = squared.sqrt();
    const array e = (-s).exp();
    joint_.segment(begin, length) = at.joint_variance() * (1 + s + squared * (1.0 / 3)) * e;
    slope_.segment(begin, length) = at.joint_variance() * (-5.0 / 6) * (1 + s) * e;
    sum.segment(begin, length) = joint_.segment(begin, length) + share * additive;
    additive_.segment(begin, length) = additive;
  }
  Eigen::Index pair = 0;
  for (Eigen::Index j = 0; j < size_; ++j) {
    const auto below = size_ - j - 1;
    covariance(j, j) = at.variance() + at.noise_variance();
    covariance.col(j).tail(below) = sum.segment(pair, below).matrix();
    covariance.row(j).tail(below) = covariance.col(j).tail(below).transpose();
    pair += below;
  }
  return covariance;
}

vector pair_kernel::gradient(const hyperparameters& at, const matrix& weights) {
  const auto dimensions = apart_.cols();
  vector packed(apart_.rows());
  Eigen::Index pair = 0;
  for (Eigen::Index j = 0; j < size_; ++j) {
    const auto below = size_ - j - 1;
    packed.segment(pair, below) = 2 * weights.col(j).tail(below);
    pair += below;
  }
  const auto trace = weights.trace();
  vector gradient(at.logs().size());
  const array joint_scales = at.joint_lengths().inverse();
  const array weighted = packed.array() * slope_;
  const auto joint = packed.dot(joint_.matrix()) + trace * at.joint_variance();
  gradient[0] = joint;
  const auto share = at.additive_variance() / static_cast<double>(dimensions);
  gradient[2] = trace * at.noise_variance();
  for (Eigen::Index k = 0; k < dimensions; ++k) {
    const auto apart = apart_.col(k).array();
    gradient[3 + k] =
        -2 * joint_scales[k] * joint_scales[k] * (weighted * apart.square()).sum();
    gradient[3 + dimensions + k] = share * packed.dot(slopes_.col(k));
  }
  gradient[1] = trace * at.additive_variance() + share * packed.dot(additive_.matrix());
  return gradient;
}

cross_kernel::cross_kernel(std::vector<axis> axes, matrix points, const hyperparameters& at)
    : axes_(std::move(axes)), points_(std::move(points)), joint_variance_(at.joint_variance()),
      additive_variance_(at.additive_variance()), joint_scales_(sqrt5 / at.joint_lengths()),
      additive_scales_(sqrt5 / at.additive_lengths()) {}

vector cross_kernel::with(const vector& point) const {
  const auto share = additive_variance_ / static_cast<double>(points_.cols());
  array squared = array::Zero(points_.rows());
  array additive = array::Zero(points_.rows());
  for (Eigen::Index k = 0; k < points_.cols(); ++k) {
    const array apart = distances(axes_[static_cast<size_t>(k)], points_.col(k).array(), point[k]);
    squared += (apart * joint_scales_[k]).square();
    const array s = apart * additive_scales_[k];
    additive += (1 + s + s.square() * (1.0 / 3)) * (-s).exp();
  }
  const array s = squared.sqrt();
  return (joint_variance_ * (1 + s + squared * (1.0 / 3)) * (-s).exp() + share * additive).matrix();
}

vector cross_kernel::with(const vector& point, matrix& slopes) const {
  const auto share = additive_variance_ / static_cast<double>(points_.cols());
  array squared = array::Zero(points_.rows());
  array additive = array::Zero(points_.rows());
  slopes.setZero(points_.rows(), points_.cols());
  for (Eigen::Index k = 0; k < points_.cols(); ++k) {
    const auto kind = axes_[static_cast<size_t>(k)];
    const array apart = distances(kind, points_.col(k).array(), point[k]);
    squared += (apart * joint_scales_[k]).square();
    const array s = apart * additive_scales_[k];
    const array e = (-s).exp();
    additive += (1 + s + s.square() * (1.0 / 3)) * e;
    if (kind == axis::number && !std::isnan(point[k])) {
      const array away = point[k] - points_.col(k).array();
      const auto scale = -additive_scales_[k] * additive_scales_[k] / 3 * share;
      slopes.col(k) = away.isNaN().select(0.0, scale * away * (1 + s) * e).matrix();
    }
  }
  const array s = squared.sqrt();
  const array e = (-s).exp();
  const array slope = joint_variance_ * (-1.0 / 3) * (1 + s) * e; // by the scaled square, times 2
  for (Eigen::Index k = 0; k < points_.cols(); ++k) {
    if (axes_[static_cast<size_t>(k)] != axis::number || std::isnan(point[k])) continue;
    const array away = point[k] - points_.col(k).array();
    const auto scale = joint_scales_[k] * joint_scales_[k];
    slopes.col(k).array() += away.isNaN().select(0.0, scale * away * slope);
  }
  return (joint_variance_ * (1 + s + squared * (1.0 / 3)) * e + share * additive).matrix();
}

} // namespace troupe::core::gp
