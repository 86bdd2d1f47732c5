// The order that starts replicas on a node. It carries all that the node needs to know of the job
// and of the places of the whole gang.
#pragma once

#include "core/state/jobs.hpp"

namespace troupe::core {

void fill_launch(wire::Launch::Builder, const custom_job&, const std::vector<replica*>& start,
                 const std::vector<std::string>& metric_tags);

} // namespace troupe::core
