// From the job id in a filter to the logs that have to be read: which jobs, on which nodes.
#pragma once

#include "api/backend/context.hpp"
#include "api/logs/log_entries.hpp"

#include <vector>

namespace troupe::api {

/// One custom job to read; or the tuning job itself, which has platform messages only.
struct log_source {
  log_origin origin;
  bool over = false;              // it has ended, and no replica of it writes any more
  std::vector<std::string> nodes; // these hold logs of it
};

/// A custom job is one source. A tuning job is one source, and each of its trials' jobs is another.
/// not_found: no job has this id.
result<std::vector<log_source>> log_sources(const context&, std::string_view job_id);

} // namespace troupe::api
