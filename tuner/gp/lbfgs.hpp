// Minimises a smooth function over a box, by LBFGS++ (L-BFGS-B). That library throws if a line
// search fails, which happens at every minimum that is flat within the precision of doubles; here
// such a search has ended normally, at the best point that it saw.
#pragma once

#include <Eigen/Dense>

#include <functional>

namespace troupe::tuner::gp {

using vector = Eigen::VectorXd;

struct box {
  vector low;
  vector high;
};

struct search_limits {
  int iterations = 50;
  double gradient_tolerance = 1e-5; // largest entry of the projected gradient
  double value_tolerance = 1e-9;    // relative gain of an iteration
};

struct minimum {
  vector at;
  double value = 0;
};

/// Fills the gradient and returns the value; infinite where it cannot be evaluated, which ends the
/// search.
using smooth_function = std::function<double(const vector& at, vector& gradient)>;

/// `start` is moved into the box first. The result is never worse than the start.
minimum minimise(const smooth_function& function, const vector& start, const box& within,
                 const search_limits& limits);

} // namespace troupe::tuner::gp
