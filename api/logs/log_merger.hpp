// Reads the log of one job, or of all trials of a tuning job, from the nodes that hold its parts
// and from the store, merged by time and exactly once.
#pragma once

#include "api/logs/log_position.hpp"
#include "api/logs/log_sources.hpp"

#include <vector>

namespace troupe::api {

struct log_page {
  std::vector<log_entry> entries;
  bool more = false; // there is or there may come more; `position`, which was moved on, leads there
};

/// The next entries that match, at most `size`.
result<log_page> read_log_page(const context&, const std::vector<log_source>&, const filter& wanted,
                               size_t size, log_position& position);

} // namespace troupe::api
