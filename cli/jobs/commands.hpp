// The commands for jobs and nodes. Each function adds its commands to the parser; a command that
// the parser finds on the command line stores its work in invocation.action.
#pragma once

#include "cli/client/command_groups.hpp"
#include "cli/client/invocation.hpp"
#include "cli/client/names.hpp"

#include <CLI/CLI.hpp>

namespace troupe::cli {

void add_custom_jobs(CLI::App&, invocation&);
void add_tuning_jobs(CLI::App&, invocation&);
void add_nodes(CLI::App&, invocation&);

/// list, describe, cancel, delete and stream-logs, which custom jobs and tuning jobs share.
void add_job_commands(CLI::App& group, invocation&, const job_kind&);

/// Posts a job, prints the server's answer, and follows the job if `wait`.
int submit_job(const invocation&, const job_kind&, const std::string& body, bool wait);

} // namespace troupe::cli
