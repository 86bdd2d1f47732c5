// Bayesian optimisation: the next points of a study by a Gaussian process.
#pragma once

#include "tuner/algorithm.hpp"
#include "tuner/gp/options.hpp"

namespace troupe::tuner {

/// With other constants than the defaults, which measured best: for benchmarks.
chosen_points bayesian_search(const study_view& study, uint32_t count, const gp::options& with);

} // namespace troupe::tuner
