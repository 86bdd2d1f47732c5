#include "core/study/gp/warp.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace troupe::core::gp {

namespace {

double median(const vector& values) {
  std::vector<double> sorted(values.begin(), values.end());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::ranges::nth_element(sorted, middle);
  return *middle;
}

} // namespace

warped warp(const vector& losses, double bend) {
  const auto best = losses.minCoeff();
  auto unit = median(losses) - best;
  if (!(unit > 0)) unit = losses.mean() - best;
  // Or else the worst would be beyond the largest number.
  unit = std::max(unit, 1e-100 * (losses.maxCoeff() - best));
  if (!(unit > 0)) return {vector::Zero(losses.size())};
  warped made;
  Eigen::ArrayXd t = (losses.array() - best) / unit;
  if (std::isfinite(bend)) {
    made.log_jacobian = -(bend + t).log().sum();
    t = (t / bend).log1p();
  }
  t -= t.mean();
  const auto deviation = std::sqrt(t.square().mean());
  if (!(deviation > 0 && std::isfinite(deviation))) return {vector::Zero(losses.size())};
  made.log_jacobian -= static_cast<double>(losses.size()) * std::log(deviation);
  made.losses = (t / deviation).matrix();
  return made;
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

} // namespace troupe::core::gp
