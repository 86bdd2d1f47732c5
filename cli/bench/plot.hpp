// A chart of a run: enough to see where the time goes over sizes.
#pragma once

#include "cli/bench/report.hpp"
#include "cli/terminal/chart.hpp"

#include <vector>

namespace troupe::cli {

/// Times and algorithm bandwidth over sizes.
std::vector<chart> charts_of(const bench_report& report);

} // namespace troupe::cli
