// The hyper-parameters of a Gaussian process that explain trials best.
#pragma once

#include "tuner/gp/kernel.hpp"
#include "tuner/gp/options.hpp"

namespace troupe::tuner::gp {

/// What is known: one point per row, and its loss (smaller is better).
struct observations {
  std::vector<axis> axes;
  matrix points;
  vector losses;
  std::vector<Eigen::Index> sizes =
      {}; // how many each study has of them, one after the other; empty: there is only one
};

struct fitted {
  hyperparameters at;
  double bend;
  vector losses; // warped
  double score;  // log posterior
};

/// The most probable hyper-parameters and bend (MAP); without an additive part if `additive` is
/// false.
fitted fit(const observations& seen, bool additive, const options& with);

} // namespace troupe::tuner::gp
