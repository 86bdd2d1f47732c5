// A Gaussian process over the points of a search space: its fit to trials and its predictions.
#pragma once

#include "core/study/gp/kernel.hpp"
#include "core/study/gp/options.hpp"

#include <Eigen/Cholesky>

namespace troupe::core::gp {

/// What is known: one point per row, and its loss (smaller is better).
struct observations {
  std::vector<axis> axes;
  matrix points;
  vector losses;
};

struct fitted {
  hyperparameters at;
  double bend;
  vector losses; // warped
  double score;  // log posterior
};

/// The most probable hyper-parameters and bend (MAP), best first; one for every start that led to
/// another maximum.
std::vector<fitted> fit(const observations& seen, const options& with);

struct prediction {
  double mean;
  double deviation;
};

class posterior {
public:
  posterior(std::vector<axis> axes, const matrix& points, const vector& losses,
            const hyperparameters& at);

  prediction at(const vector& point) const;
  prediction at(const vector& point, vector& mean_slope, vector& deviation_slope) const;

  /// Of the points it was made from.
  vector fitted_means() const;

  const hyperparameters& parameters() const { return at_; }

private:
  hyperparameters at_;
  cross_kernel kernel_;
  matrix covariance_;
  Eigen::LLT<matrix> factor_;
  vector weights_;
};

} // namespace troupe::core::gp
