#include "core/study/gp/lbfgs.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <vector>

namespace troupe::core::gp {

namespace {

constexpr size_t memory = 10;
constexpr int halvings_max = 12;

struct correction {
  vector step;
  vector change;
  double inverse_curvature;
};

vector projected(const vector& at, const box& within) {
  return at.cwiseMax(within.low).cwiseMin(within.high);
}

/// The gradient without the coordinates that rest on a bound and would leave the box.
vector free_part(const vector& at, const vector& gradient, const box& within) {
  vector part = gradient;
  for (Eigen::Index i = 0; i < at.size(); ++i) {
    if ((at[i] <= within.low[i] && gradient[i] > 0) || (at[i] >= within.high[i] && gradient[i] < 0))
      part[i] = 0;
  }
  return part;
}

vector direction(const std::deque<correction>& corrections, const vector& gradient,
                 double first_step) {
  const auto steepest = gradient.cwiseAbs().maxCoeff();
  vector q = gradient;
  if (corrections.empty()) return -q * std::min(1.0, first_step / steepest);
  std::vector<double> weights(corrections.size());
  for (size_t i = corrections.size(); i-- > 0;) {
    weights[i] = corrections[i].inverse_curvature * corrections[i].step.dot(q);
    q -= weights[i] * corrections[i].change;
  }
  const auto& last = corrections.back();
  q *= 1 / (last.inverse_curvature * last.change.squaredNorm());
  for (size_t i = 0; i < corrections.size(); ++i) {
    const auto back = corrections[i].inverse_curvature * corrections[i].change.dot(q);
    q += (weights[i] - back) * corrections[i].step;
  }
  return -q;
}

} // namespace

minimum minimise(const smooth_function& function, const vector& start, const box& within,
                 const search_limits& limits) {
  minimum found{projected(start, within)};
  vector gradient(start.size());
  found.value = function(found.at, gradient);
  found.evaluations = 1;
  if (!std::isfinite(found.value)) return found;
  std::deque<correction> corrections;
  vector next_gradient(start.size());
  for (int iteration = 0; iteration < limits.iterations; ++iteration) {

    const auto slope = free_part(found.at, gradient, within);
    if (slope.cwiseAbs().maxCoeff() < limits.gradient_tolerance) break;
    auto way = direction(corrections, slope, limits.first_step);
    // A coordinate held by its bound stays there, whatever the curvature says.
    way = (slope.array() == 0).select(0.0, way);
    if (!(way.dot(slope) < 0)) {
      corrections.clear();
      way = direction(corrections, slope, limits.first_step);
    }
    double length = 1;
    bool moved = false;
    vector next;
    double value = 0;
    for (int i = 0; i < halvings_max && !moved; ++i, length *= 0.4) {
      next = projected(found.at + length * way, within);
      value = function(next, next_gradient);
      ++found.evaluations;
      moved = std::isfinite(value) && value <= found.value + 1e-4 * gradient.dot(next - found.at);
    }
    if (!moved) {
      if (corrections.empty()) break;
      corrections.clear();
      continue;
    }
    const vector step = next - found.at;
    const vector change = next_gradient - gradient;
    const auto curvature = step.dot(change);
    if (curvature > 1e-10 * step.norm() * change.norm()) {
      if (corrections.size() == memory) corrections.pop_front();
      corrections.push_back({step, change, 1 / curvature});
    }
    const auto gain = found.value - value;
    found.at = next;
    found.value = value;
    gradient = next_gradient;
    found.iterations = iteration + 1;
    if (gain <= limits.value_tolerance * (1 + std::abs(value))) return found;
  }
  return found;
}

} // namespace troupe::core::gp
