// --wait: follows a job to its end. On a terminal it redraws a table in place; elsewhere it prints
// one line for every change.
#pragma once

#include "cli/client/invocation.hpp"
#include "cli/client/names.hpp"
#include "cli/jobs/views.hpp"

#include <map>
#include <string>

namespace troupe::cli {

/// The changes since the last call, as lines to append.
class change_log {
public:
  lines custom_job(json_value job, json_value status);
  lines tuning_job(json_value job, const std::vector<trial_wait>& waiting);

private:
  void job_line(lines& news, json_value job, const std::string& reason);

  std::string state_;
  std::string reason_;
  std::string best_;
  std::map<std::string, std::string> trials_; // id to state
  std::map<std::string, std::string> waits_;
};

/// Follows the job at `path` until its end and prints its result. Returns the exit code: 0 for
/// SUCCEEDED, 1 otherwise, 130 after Ctrl-C, which leaves the job alone.
int wait_for_job(const invocation&, const job_kind&, const std::string& path);

/// Requests the status of the trials that have no measurement yet, and returns the reasons of those
/// that wait.
std::vector<trial_wait>
waits_of(const std::function<result<json_document>(const std::string&)>& get, json_value job);

/// "/v1/" and the resource name, escaped for a URL.
std::string path_of(std::string_view resource_name);

} // namespace troupe::cli
