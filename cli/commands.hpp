// The commands of `troupe`, one function each: it adds the command to the parser and, when the line
// asks for it, leaves what is to be done in invocation.action. The ones that serve (up, controller,
// agent, reducer, ca) register in the same way, from their own serve_*.cpp.
#pragma once

#include "cli/client/invocation.hpp"
#include "cli/client/names.hpp"

#include <CLI/CLI.hpp>

namespace troupe::cli {

void add_custom_jobs(CLI::App&, invocation&);
void add_tuning_jobs(CLI::App&, invocation&);
void add_nodes(CLI::App&, invocation&);
void add_reducer(CLI::App&, invocation&);
void add_bench(CLI::App&, invocation&);

// Of the library that runs a cluster.
void add_up(CLI::App&, invocation&);
void add_controller(CLI::App&, invocation&);
void add_agent(CLI::App&, invocation&);
void add_ca(CLI::App&, invocation&);
void add_tune(CLI::App&, invocation&);

/// list, describe, cancel, delete and stream-logs, which custom jobs and tuning jobs share.
void add_job_commands(CLI::App& group, invocation&, const job_kind&);

/// Posts a job, says so, and follows it if asked to.
int submit_job(const invocation&, const job_kind&, const std::string& body, bool wait);

// Headings of `troupe --help`.
inline constexpr const char* jobs_group = "Train and tune";
inline constexpr const char* cluster_group = "Look at the cluster";
inline constexpr const char* serve_group = "Run a cluster";

} // namespace troupe::cli
