// A Gaussian process over learning curves that lie on one grid of places: how likely is it that a
// curve, given its first part, ends below 0? Less is better here.
//
// All curves share an unknown mean curve; each curve adds its own level, a decay that slows down
// (the kernel of freeze-thaw Bayesian optimisation, Swersky et al., 2014), a smooth wander, and
// noise. A curve that was stopped early just has a shorter first part, so the choice of which
// trials were stopped does not mislead the model. As curves share the grid, one factor serves all
// of them: that of a shorter curve is its leading part.
#pragma once

#include <Eigen/Dense>

namespace troupe::tuner::curves {

/// Places as parts of the way, increasing, the last 1; and over how many measurements the value at
/// each is a mean.
struct grid {
  Eigen::VectorXd at;
  Eigen::VectorXd counts;
  Eigen::Index size() const { return at.size(); }
};

struct curve_table {
  Eigen::MatrixXd values;            // a column per curve; 0 beyond what is seen of it
  std::vector<Eigen::Index> lengths; // how many of its values are seen
};

struct forecast {
  double mean;
  double deviation;
};

class curve_model {
public:
  /// Its parameters are those that fit the curves best, under weak priors.
  curve_model(grid places, curve_table seen);

  /// Of the value at place `of`, from the first `length` values of a curve.
  forecast predict(const Eigen::VectorXd& values, Eigen::Index length, Eigen::Index of) const;

private:
  grid places_;
  Eigen::MatrixXd covariance_; // of what each curve adds to the mean, with noise
  Eigen::MatrixXd factor_;
  Eigen::VectorXd mean_;
  Eigen::MatrixXd mean_covariance_;
};

} // namespace troupe::tuner::curves
