// Reads the log of one job, or of all trials of a tuning job, from the nodes that hold its parts
// and from the store, merged by time and exactly once.
#pragma once

#include "api/backend/context.hpp"
#include "api/logs/log_entries.hpp"
#include "api/logs/log_position.hpp"

#include <vector>

namespace troupe::api {

/// One custom job to read, or the tuning job itself, which has platform messages only.
struct log_source {
  log_origin from;
  bool over = false;              // it has ended, and no replica of it writes any more
  std::vector<std::string> nodes; // which hold logs of it
};

/// What a job id, as filters have it, stands for. not_found: no job has it.
result<std::vector<log_source>> log_sources(const context&, std::string_view job_id);

struct log_page {
  std::vector<log_entry> entries;
  bool more = false; // there is or there may come more; `position`, which was moved on, leads there
};

/// The next entries that match, at most `size`.
result<log_page> read_log_page(const context&, const std::vector<log_source>&, const filter& wanted,
                               size_t size, log_position& position);

} // namespace troupe::api
