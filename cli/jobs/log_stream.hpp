// stream-logs: prints the output of a job's replicas, and the service's own messages about the job,
// until the job has ended and its logs are read to their end.
#pragma once

#include "cli/client/invocation.hpp"
#include "cli/client/json.hpp"
#include "cli/client/names.hpp"
#include "cli/client/retrying_client.hpp"

#include <string>
#include <vector>

namespace troupe::cli {

struct log_flags {
  std::string task_name;        // only this task; empty: all
  bool allow_multiline = false; // a message of several lines stays one entry
  double polling_interval_s = 0.2;
};

/// An entry as lines: "SEVERITY  YYYY-mm-dd HH:MM:SS +zzzz  task_name  message". `trial` goes
/// before the task.
std::vector<std::string> log_lines(const console&, json_value entry, bool allow_multiline,
                                   const std::string& trial = {});

/// Reads one job's entries from the first to the last, page by page.
class log_tail {
public:
  log_tail(std::string project, std::string job_id, std::string trial)
      : project_(std::move(project)), job_id_(std::move(job_id)), trial_(std::move(trial)) {}

  /// The next page. An empty page does not mean the end of the logs; at_end() does.
  result<json_document> next(retrying_client&);
  bool at_end() const { return at_end_; }
  const std::string& job_id() const { return job_id_; }
  const std::string& trial() const { return trial_; }

private:
  std::string project_;
  std::string job_id_;
  std::string trial_;
  std::string page_token_;
  bool at_end_ = false;
};

/// Follows the job at `path`. Gives the exit code.
int stream_logs(const invocation&, const job_kind&, const std::string& path, const log_flags&);

} // namespace troupe::cli
