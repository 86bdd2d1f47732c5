// Reads the log of one job, or of all trials of a tuning job: lines from the nodes that hold them
// and platform messages from the store, merged by time. Page after page, each entry comes exactly
// once.
#pragma once

#include "api/logs/log_position.hpp"
#include "api/logs/log_sources.hpp"

#include <vector>

namespace troupe::api {

struct log_page {
  std::vector<log_entry> entries;
  bool more = false; // there are more entries, or there may be more later
};

/// The next entries that match, at most `size`. Moves `position` to the end of the page.
result<log_page> read_log_page(const context&, const std::vector<log_source>&, const filter& wanted,
                               size_t size, log_position& position);

} // namespace troupe::api
