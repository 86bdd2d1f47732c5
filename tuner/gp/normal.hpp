// The normal distribution in logarithms: exact far into its tail, where doubles lose all digits.
#pragma once

namespace troupe::tuner::gp {

struct value_and_slope {
  double value;
  double slope;
};

double cumulative(double z);

/// log Phi(z).
value_and_slope log_cumulative(double z);

/// log(phi(z) + z Phi(z)): of the expected positive part of z plus a standard normal variable.
value_and_slope log_gain(double z);

/// The inverse of cumulative(), for probabilities inside (0, 1).
double quantile(double probability);

} // namespace troupe::tuner::gp
