#include "tuner/gp/warp.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace troupe::tuner::gp {

namespace {

double median(const vector& values) {
  std::vector<double> sorted(values.begin(), values.end());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::ranges::nth_element(sorted, middle);
  return *middle;
}

} // namespace

warping::warping(const vector& losses, double bend) : best_(losses.minCoeff()), bend_(bend) {
  unit_ = median(losses) - best_;
  if (!(unit_ > 0)) unit_ = losses.mean() - best_;
  // Otherwise the worst loss would overflow.
  unit_ = std::max(unit_, 1e-100 * (losses.maxCoeff() - best_));
  if (!(unit_ > 0)) {
    unit_ = 0;
    return;
  }
  const auto all = bent(losses);
  mean_ = all.mean();
  deviation_ = std::sqrt((all - mean_).square().mean());
  if (!(deviation_ > 0 && std::isfinite(deviation_))) unit_ = 0;
}

Eigen::ArrayXd warping::units(const vector& losses) const {
  return (losses.array() - best_) / unit_;
}

Eigen::ArrayXd warping::bent(const vector& losses) const {
  const auto t = units(losses);
  return std::isfinite(bend_) ? Eigen::ArrayXd((t / bend_).log1p()) : t;
}

vector warping::of(const vector& losses) const {
  if (!tells()) return vector::Zero(losses.size());
  return ((bent(losses) - mean_) / deviation_).matrix();
}

double warping::loss(double warped) const {
  const auto t = mean_ + deviation_ * warped;
  return best_ + unit_ * (std::isfinite(bend_) ? bend_ * std::expm1(t) : t);
}

double warping::log_jacobian(const vector& losses) const {
  if (!tells()) return 0;
  double made = -static_cast<double>(losses.size()) * std::log(deviation_);
  if (std::isfinite(bend_)) made -= (bend_ + units(losses)).log().sum();
  return made;
}

warped warp(const vector& losses, double bend) {
  const warping by(losses, bend);
  return {by.of(losses), by.log_jacobian(losses)};
}

warped warp(const vector& losses, const std::vector<Eigen::Index>& sizes, double bend) {
  if (sizes.size() < 2) return warp(losses, bend);
  warped all{vector(losses.size())};
  Eigen::Index first = 0;
  for (auto size : sizes) {
    if (size == 0) continue;
    const auto part = warp(losses.segment(first, size), bend);
    all.losses.segment(first, size) = part.losses;
    all.log_jacobian += part.log_jacobian;
    first += size;
  }
  return all;
}

} // namespace troupe::tuner::gp
