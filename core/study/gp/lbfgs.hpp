// Minimises a smooth function over a box: limited-memory BFGS on the coordinates that are free to
// move, steps projected onto the box. Small on purpose: the functions here have at most a few
// hundred coordinates, and a search that ends early is as good as one that fails.
#pragma once

#include <Eigen/Dense>

#include <functional>

namespace troupe::core::gp {

using vector = Eigen::VectorXd;

struct box {
  vector low;
  vector high;
};

struct search_limits {
  int iterations = 50;
  double gradient_tolerance = 1e-5; // largest entry of the projected gradient
  double value_tolerance = 1e-9;    // relative gain of an iteration
  double first_step = 0.1;          // longest first step along any coordinate
};

struct minimum {
  vector at;
  double value = 0;
  int evaluations = 0;
  int iterations = 0;
};

/// Fills the gradient and returns the value; infinite where it cannot be evaluated.
using smooth_function = std::function<double(const vector& at, vector& gradient)>;

/// `start` is moved into the box first. The result is never worse than the start.
minimum minimise(const smooth_function& function, const vector& start, const box& within,
                 const search_limits& limits);

} // namespace troupe::core::gp
