// The Matern-5/2 function of many distances at once. Nearly all of a suggestion's time would go
// into its exponentials, so these loops use the widest vectors that the machine has, whatever the
// rest of the program was compiled for.
#pragma once

#include <cstddef>

namespace troupe::tuner::gp {

/// With s = scale * apart: adds (1 + s + s^2/3) exp(-s) to `sum`.
void add_matern(size_t count, const double* apart, double scale, double* sum);

/// The same, and (1 + s) exp(-s) as `decay`, of which all derivatives are multiples.
void add_matern(size_t count, const double* apart, double scale, double* sum, double* decay);

/// Of squared scaled distances: `value` becomes (1 + s + s^2/3) exp(-s), `decay` as above.
void matern_of_squares(size_t count, const double* squared, double* value, double* decay);

/// Adds (scale * apart)^2 to `squared`.
void add_squares(size_t count, const double* apart, double scale, double* squared);

/// Sums over all i of a[i] * apart[i]^2 and of b[i] * c[i] * apart[i]^2; `c` may be null.
struct square_sums {
  double a;
  double bc;
};
square_sums weighted_squares(size_t count, const double* apart, const double* a, const double* b,
                             const double* c);

} // namespace troupe::tuner::gp
