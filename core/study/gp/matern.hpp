// The Matern-5/2 function of many distances at once. Nearly all of a suggestion's time would go
// into its exponentials, so these loops use the widest vectors that the machine has, whatever the
// rest of the program was compiled for.
#pragma once

#include <cstddef>

namespace troupe::core::gp {

/// With s = scale * apart: adds (1 + s + s^2/3) exp(-s) to `sum`.
void add_matern(size_t count, const double* apart, double scale, double* sum);

/// The same, and (1 + s) exp(-s) as `decay`, of which all derivatives are multiples.
void add_matern(size_t count, const double* apart, double scale, double* sum, double* decay);

/// Of squared scaled distances: `value` becomes (1 + s + s^2/3) exp(-s), `decay` as above.
void matern_of_squares(size_t count, const double* squared, double* value, double* decay);

} // namespace troupe::core::gp
