// The API's methods, one function each: a request and what its path named come in, one answer goes
// out. Handlers run on worker threads, so they may read the store; they never touch the event loop.
#pragma once

#include "api/backend/backend.hpp"
#include "api/backend/settings.hpp"
#include "api/query/message.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <vector>

namespace troupe::api {

/// Requests answered so far, by HTTP status.
class request_counts {
public:
  void add(int status);
  std::map<int, uint64_t> all() const;

private:
  mutable std::mutex mutex_;
  std::map<int, uint64_t> by_status_;
};

class operation_waits;

struct context {
  backend& cluster;
  const server_settings& settings;
  request_counts& counts;
  const std::atomic<bool>& stopping;
  operation_waits& waits;

  const store::database& database() const { return cluster.database(); }
};

/// The projects/{project}/locations/{location} of a path.
struct scope {
  std::string project;
  std::string location;

  std::string name() const;
  /// Whether a resource's name lies here; "-" stands for every project or location.
  bool holds(std::string_view resource_name) const;
};

/// What a path says: `projects/p/locations/l/customJobs/7`, `.../studies/3/trials/1`.
struct place {
  scope parent;
  std::string id;                      // the last segment; empty for a collection
  std::vector<std::string> above = {}; // ids of the resources that hold this one, outermost first
};

// Custom jobs and tuning jobs; each handles both collections, told apart by `Kind` (see
// job_kinds.hpp).
template <class Kind>
void create_job(const context&, const request&, const place&, answer);
template <class Kind>
void list_jobs(const context&, const request&, const place&, answer);
template <class Kind>
void show_job(const context&, const request&, const place&, answer);
template <class Kind>
void cancel_job(const context&, const request&, const place&, answer);
template <class Kind>
void delete_job(const context&, const request&, const place&, answer);

/// Ours: a tuning job that has ended goes on, with its trials.
void resume_tuning_job(const context&, const request&, const place&, answer);

// What the controller knows of a job beside the resource: why it waits, where its replicas are.
void show_custom_job_status(const context&, const request&, const place&, answer);
void show_tuning_job_status(const context&, const request&, const place&, answer);

// Vizier: studies, and trials that run wherever their clients like.
void create_study(const context&, const request&, const place&, answer);
void list_studies(const context&, const request&, const place&, answer);
void show_study(const context&, const request&, const place&, answer);
void delete_study(const context&, const request&, const place&, answer);
void lookup_study(const context&, const request&, const place&, answer);

void create_trial(const context&, const request&, const place&, answer);
void list_trials(const context&, const request&, const place&, answer);
void show_trial(const context&, const request&, const place&, answer);
void delete_trial(const context&, const request&, const place&, answer);
void suggest_trials(const context&, const request&, const place&, answer);
void list_optimal_trials(const context&, const request&, const place&, answer);
void add_trial_measurement(const context&, const request&, const place&, answer);
void complete_trial(const context&, const request&, const place&, answer);
void check_trial_early_stopping(const context&, const request&, const place&, answer);
void stop_trial(const context&, const request&, const place&, answer);

void list_operations(const context&, const request&, const place&, answer);
void show_operation(const context&, const request&, const place&, answer);
void cancel_operation(const context&, const request&, const place&, answer);
void delete_operation(const context&, const request&, const place&, answer);
void wait_operation(const context&, const request&, const place&, answer);

void list_nodes(const context&, const request&, const place&, answer);

/// Cloud Logging's entries:list. Waits for nodes, so it has worker threads of its own.
void list_log_entries(const context&, const request&, answer);

void show_metrics(const context&, answer);

} // namespace troupe::api
