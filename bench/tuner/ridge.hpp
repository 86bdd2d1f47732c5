// Training for real, without a data set: kernel ridge regression on Friedman's first function.
#pragma once

#include "bench/tuner/parameters.hpp"
#include "bench/tuner/tasks.hpp"

namespace troupe::bench {

/// Only the polynomial kernel has a degree.
std::vector<parameter> ridge_parameters();

/// The mean squared error on 200 other points; the noise alone is 1.
regret ridge_error(uint64_t seed);

} // namespace troupe::bench
