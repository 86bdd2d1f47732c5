// Builds the request body from the command line: flags and --config become the resource that the
// API takes. A flag wins over the file. Nothing here uses the network, so every mistake is found
// before a job exists.
#pragma once

#include "base/error.hpp"
#include "wire/custom_job.capnp.h"
#include "wire/frame.hpp"
#include "wire/study.capnp.h"
#include "wire/tuning_job.capnp.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::cli {

struct custom_job_flags {
  std::string display_name;
  std::string config;                  // a file; "-" for standard input
  std::vector<std::string> pool_specs; // the values of --worker-pool-spec
  std::optional<std::string> args;     // comma lists, for every pool that has a task
  std::optional<std::string> command;
  std::optional<std::string> python_package_uris;
  std::vector<std::string> env; // NAME=value
  std::string labels;           // key=value,...
  std::string base_output_dir;
  std::string timeout;
  std::string service_account;
  std::string network;
  std::string persistent_resource_id;
  bool enable_web_access = false;
  bool enable_dashboard_access = false;
  bool disable_retries = false;
  bool restart_job_on_worker_restart = false;

  // The short form: one program, on this many machines.
  std::optional<std::vector<std::string>> program; // everything after "--"
  std::string machine_type;
  std::string accelerator_type;
  std::optional<int32_t> accelerator_count;
  std::string image;                    // empty: host
  std::optional<int64_t> replica_count; // the first is pool 0, the others pool 1
  std::optional<int64_t> reducer_count; // pool 2, the reduction servers
};

struct tuning_job_flags {
  std::string display_name;
  std::string config;
  std::optional<int32_t> max_trial_count;
  std::optional<int32_t> parallel_trial_count;
  std::optional<int32_t> max_failed_trial_count;
  // grid-search, random-search or algorithm-unspecified; Vertex's names are accepted too.
  std::string algorithm;
  std::string labels;
  std::string base_output_dir;
  std::string timeout;
};

struct resume_flags {
  std::optional<int32_t> max_trial_count;
  std::optional<int32_t> parallel_trial_count;
  std::optional<int32_t> max_failed_trial_count;
};

/// Errors: invalid_argument, in gcloud's words where gcloud has the same check; not_found for a
/// missing --config.
result<wire::frame<wire::CustomJob>> custom_job_of(const custom_job_flags& flags);
result<wire::frame<wire::HyperparameterTuningJob>> tuning_job_of(const tuning_job_flags& flags);
result<wire::frame<wire::ResumeTuningJobRequest>> resume_request_of(const resume_flags& flags);

} // namespace troupe::cli
