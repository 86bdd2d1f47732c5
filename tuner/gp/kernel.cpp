#include "tuner/gp/kernel.hpp"

#include "tuner/gp/matern.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::tuner::gp {

namespace {

const double sqrt5 = std::sqrt(5.0);

Eigen::Index pairs_of(Eigen::Index n) { return n * (n - 1) / 2; }

} // namespace

array distances(axis kind, Eigen::Ref<const array> column, double from) {
  if (std::isnan(from)) return column.isNaN().select(array::Zero(column.size()), 1.0);
  if (kind == axis::category) return (column == from).select(array::Zero(column.size()), 1.0);
  array apart = (column - from).abs();
  // The sum is NaN if one of them is.
  if (std::isnan(apart.sum())) apart = apart.isNaN().select(1.0, apart);
  return apart;
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
  const auto pairs = apart_.rows();
  joint_.resize(pairs);
  joint_decay_.resize(pairs);
  additive_.setZero(pairs);
  additive_decay_.setZero(pairs, apart_.cols());
}

matrix pair_kernel::covariance(const hyperparameters& at) {
  const array joint_scales = sqrt5 / at.joint_lengths();
  const array additive_scales = sqrt5 / at.additive_lengths();
  // In pieces that fit the cache, as every piece is read several times.
  constexpr Eigen::Index piece = 512;
  array squared(piece);
  for (Eigen::Index begin = 0; begin < apart_.rows(); begin += piece) {
    const auto length = std::min(piece, apart_.rows() - begin);
    const auto count = static_cast<size_t>(length);
    squared.head(length).setZero();
    additive_.segment(begin, length).setZero();
    for (Eigen::Index k = 0; k < apart_.cols(); ++k) {
      const auto* apart = &apart_(begin, k);
      add_squares(count, apart, joint_scales[k], squared.data());
      if (at.has_additive())
        add_matern(count, apart, additive_scales[k], &additive_[begin], &additive_decay_(begin, k));
    }
    matern_of_squares(count, squared.data(), &joint_[begin], &joint_decay_[begin]);
  }
  const auto share = at.additive_variance() / static_cast<double>(apart_.cols());
  const array sum = at.joint_variance() * joint_ + share * additive_;
  matrix covariance(size_, size_);
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
  const auto features = apart_.cols();
  array pairs(apart_.rows());
  Eigen::Index pair = 0;
  for (Eigen::Index j = 0; j < size_; ++j) {
    const auto below = size_ - j - 1;
    pairs.segment(pair, below) = 2 * weights.col(j).tail(below).array();
    pair += below;
  }
  const auto diagonal = weights.trace();
  const array joint_scales = sqrt5 / at.joint_lengths();
  const array additive_scales = sqrt5 / at.additive_lengths();
  const auto share = at.additive_variance() / static_cast<double>(features);
  vector gradient = vector::Zero(at.logs().size());
  gradient[0] = at.joint_variance() * ((pairs * joint_).sum() + diagonal);
  gradient[1] = share * (pairs * additive_).sum() + at.additive_variance() * diagonal;
  gradient[2] = at.noise_variance() * diagonal;
  const array joint = pairs * joint_decay_ * (at.joint_variance() / 3);
  for (Eigen::Index k = 0; k < features; ++k) {
    const auto* decay = at.has_additive() ? additive_decay_.col(k).data() : nullptr;
    const auto sums = weighted_squares(static_cast<size_t>(pairs.size()), apart_.col(k).data(),
                                       joint.data(), pairs.data(), decay);
    gradient[3 + k] = joint_scales[k] * joint_scales[k] * sums.a;
    gradient[3 + features + k] = share / 3 * additive_scales[k] * additive_scales[k] * sums.bc;
  }
  return gradient;
}

cross_kernel::cross_kernel(std::vector<axis> axes, matrix points, const hyperparameters& at)
    : axes_(std::move(axes)), points_(std::move(points)), joint_variance_(at.joint_variance()),
      additive_variance_(at.additive_variance()), joint_scales_(sqrt5 / at.joint_lengths()),
      additive_scales_(sqrt5 / at.additive_lengths()) {}

vector cross_kernel::with(const vector& point, Eigen::Index first) const {
  const auto n = points_.rows() - first;
  const auto count = static_cast<size_t>(n);
  array squared = array::Zero(n);
  array additive = array::Zero(n);
  for (Eigen::Index k = 0; k < points_.cols(); ++k) {
    const array apart =
        distances(axes_[static_cast<size_t>(k)], points_.col(k).tail(n).array(), point[k]);
    add_squares(count, apart.data(), joint_scales_[k], squared.data());
    if (additive_variance_ > 0)
      add_matern(count, apart.data(), additive_scales_[k], additive.data());
  }
  array joint(n);
  array unused(n);
  matern_of_squares(count, squared.data(), joint.data(), unused.data());
  return (joint_variance_ * joint + share() * additive).matrix();
}

matrix cross_kernel::covariance(double noise_variance) const {
  const auto n = points_.rows();
  matrix made(n, n);
  for (Eigen::Index j = 0; j < n; ++j) {
    made.col(j).tail(n - j) = with(points_.row(j).transpose(), j);
    made(j, j) += noise_variance;
  }
  return made;
}

matrix cross_kernel::with_all(const matrix& points) const {
  matrix all(points_.rows(), points.rows());
  for (Eigen::Index i = 0; i < points.rows(); ++i)
    all.col(i) = with(points.row(i).transpose());
  return all;
}

vector cross_kernel::with(const vector& point, matrix& slopes) const {
  const auto n = points_.rows();
  const auto count = static_cast<size_t>(n);
  array squared = array::Zero(n);
  array additive = array::Zero(n);
  array decay(n);
  slopes.setZero(n, points_.cols());
  for (Eigen::Index k = 0; k < points_.cols(); ++k) {
    const array apart = distances(axes_[static_cast<size_t>(k)], points_.col(k).array(), point[k]);
    add_squares(count, apart.data(), joint_scales_[k], squared.data());
    if (!(additive_variance_ > 0)) continue;
    add_matern(count, apart.data(), additive_scales_[k], additive.data(), decay.data());
    const auto scale = -additive_scales_[k] * additive_scales_[k] / 3 * share();
    if (is_smooth(point, k)) slopes.col(k) = (scale * away(point, k) * decay).matrix();
  }
  array joint(n);
  matern_of_squares(count, squared.data(), joint.data(), decay.data());
  for (Eigen::Index k = 0; k < points_.cols(); ++k) {
    const auto scale = -joint_scales_[k] * joint_scales_[k] / 3 * joint_variance_;
    if (is_smooth(point, k)) slopes.col(k).array() += scale * away(point, k) * decay;
  }
  return (joint_variance_ * joint + share() * additive).matrix();
}

double cross_kernel::share() const {
  return additive_variance_ / static_cast<double>(points_.cols());
}

bool cross_kernel::is_smooth(const vector& point, Eigen::Index k) const {
  return axes_[static_cast<size_t>(k)] == axis::number && !std::isnan(point[k]);
}

array cross_kernel::away(const vector& point, Eigen::Index k) const {
  array apart = point[k] - points_.col(k).array();
  if (std::isnan(apart.sum())) apart = apart.isNaN().select(0.0, apart);
  return apart;
}

} // namespace troupe::tuner::gp
