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

struct predictions {
  vector means;
  vector deviations;
};

class posterior {
public:
  posterior(std::vector<axis> axes, const matrix& points, const vector& losses,
            const hyperparameters& at);

  /// One point per row.
  predictions at_all(const matrix& points) const;
  prediction at(const vector& point, vector& mean_slope, vector& deviation_slope) const;

  vector means_at(const matrix& points) const;

  /// The same beliefs, more certain: as if each of these points were known to have its mean.
  posterior believing(const matrix& points) const;

  double variance() const { return kernel_.variance(); }

  const hyperparameters& parameters() const { return at_; }

private:
  hyperparameters at_;
  cross_kernel kernel_;
  vector losses_;
  Eigen::LLT<matrix> factor_;
  vector weights_;
};

} // namespace troupe::core::gp
