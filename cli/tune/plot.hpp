// The chart of a local study: each objective over trials, with the best so far, the stopped and
// the failed trials; and for two objectives the Pareto front. Text is for terminals, SVG for files.
#pragma once

#include "cli/terminal/chart.hpp"
#include "wire/tuning_job.capnp.h"

#include <vector>

namespace troupe::cli {

std::vector<chart> charts_of(wire::HyperparameterTuningJob::Reader job);

} // namespace troupe::cli
