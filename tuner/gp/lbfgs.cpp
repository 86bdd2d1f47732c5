#include "tuner/gp/lbfgs.hpp"

#include <LBFGSB.h>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace troupe::tuner::gp {

minimum minimise(const smooth_function& function, const vector& start, const box& within,
                 const search_limits& limits) {
  LBFGSpp::LBFGSBParam<double> param;
  param.m = 10;
  param.max_iterations = limits.iterations;
  param.epsilon = limits.gradient_tolerance;
  param.epsilon_rel = 0;
  param.past = 1;
  param.delta = limits.value_tolerance;
  param.max_linesearch = 12;
  minimum best{start.cwiseMax(within.low).cwiseMin(within.high),
               std::numeric_limits<double>::infinity()};
  const auto watched = [&](const vector& at, vector& gradient) {
    const auto value = function(at, gradient);
    if (!std::isfinite(value)) throw std::domain_error("the function has no value here");
    if (value < best.value) best = {at, value};
    return value;
  };
  try {
    vector at = best.at;
    double value = 0;
    LBFGSpp::LBFGSBSolver<double>(param).minimize(watched, at, value, within.low, within.high);
  } catch (const std::runtime_error&) { // a line search without a step
  } catch (const std::logic_error&) {   // a direction that does not descend; the error above
  }
  return best;
}

} // namespace troupe::tuner::gp
