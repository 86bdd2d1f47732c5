// A log entry as Cloud Logging shows it, made from a line that a replica wrote or from a platform
// message; and the fields that a filter can compare.
#pragma once

#include "api/query/filter.hpp"
#include "api/query/json_writer.hpp"
#include "wire/control.capnp.h"

#include <string>

namespace troupe::api {

/// The job that an entry belongs to.
struct log_origin {
  uint64_t job = 0;
  uint64_t tuning_job = 0; // 0 outside tuning
  std::string project;
  std::string trial_id;
};

struct log_entry {
  log_origin origin;
  std::string task; // "workerpool0-0"; "service" for platform messages
  int64_t nanos = 0;
  std::string severity;
  std::string text;   // empty if there is a payload
  wire::tree payload; // the line, if it was a JSON object; else null
  std::string insert_id;
};

/// A line that is one JSON object becomes the payload, without its `severity`, which becomes the
/// entry's. Other lines are texts: of severity ERROR if they came from stderr, else INFO.
log_entry entry_of(const log_origin& origin, wire::LogEntry::Reader line);
log_entry entry_of(const log_origin& origin, uint64_t number, wire::ServiceLog::Reader message);

std::string json_of(const log_entry& entry);

result<filter> log_filter(std::string_view text);
bool matches(const filter& wanted, const log_entry& entry);

} // namespace troupe::api
