// What a Gaussian process predicts, given points with their losses.
#pragma once

#include "tuner/gp/kernel.hpp"

namespace troupe::tuner::gp {

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

  /// How many times further than expected a loss is from what the others predict, as a root mean
  /// square; at least 1. Each is left out once (Rasmussen and Williams, 2006, 5.4.2); two more that
  /// came as expected are assumed.
  double surprise() const;

  const hyperparameters& parameters() const { return at_; }

private:
  hyperparameters at_;
  cross_kernel kernel_;
  matrix factor_; // Cholesky's, in the lower half
  vector weights_;
};

} // namespace troupe::tuner::gp
