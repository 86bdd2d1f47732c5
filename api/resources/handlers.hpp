// The handlers of the REST resources, one function for each method. A handler gets a request and
// the path that was parsed from it, and gives one answer.
#pragma once

#include "api/backend/context.hpp"
#include "api/query/message.hpp"
#include "api/query/resource_path.hpp"

namespace troupe::api {

// Custom jobs and tuning jobs: one implementation for both collections; `Kind` says which it is
// (see job_kinds.hpp).
template <class Kind>
void create_job(const context&, const request&, const resource_path&, answer);
template <class Kind>
void list_jobs(const context&, const request&, const resource_path&, answer);
template <class Kind>
void show_job(const context&, const request&, const resource_path&, answer);
template <class Kind>
void cancel_job(const context&, const request&, const resource_path&, answer);
template <class Kind>
void delete_job(const context&, const request&, const resource_path&, answer);

/// Troupe's own method: continues a tuning job that has ended, with its trials.
void resume_tuning_job(const context&, const request&, const resource_path&, answer);

// What the controller knows of a job beside the resource: why it waits, on which nodes it runs.
void show_custom_job_status(const context&, const request&, const resource_path&, answer);
void show_tuning_job_status(const context&, const request&, const resource_path&, answer);

// Vizier: studies, and trials that run wherever their clients like.
void create_study(const context&, const request&, const resource_path&, answer);
void list_studies(const context&, const request&, const resource_path&, answer);
void show_study(const context&, const request&, const resource_path&, answer);
void delete_study(const context&, const request&, const resource_path&, answer);
void lookup_study(const context&, const request&, const resource_path&, answer);

void create_trial(const context&, const request&, const resource_path&, answer);
void list_trials(const context&, const request&, const resource_path&, answer);
void show_trial(const context&, const request&, const resource_path&, answer);
void delete_trial(const context&, const request&, const resource_path&, answer);
void suggest_trials(const context&, const request&, const resource_path&, answer);
void list_optimal_trials(const context&, const request&, const resource_path&, answer);
void add_trial_measurement(const context&, const request&, const resource_path&, answer);
void complete_trial(const context&, const request&, const resource_path&, answer);
void check_trial_early_stopping(const context&, const request&, const resource_path&, answer);
void stop_trial(const context&, const request&, const resource_path&, answer);

void list_operations(const context&, const request&, const resource_path&, answer);
void show_operation(const context&, const request&, const resource_path&, answer);
void cancel_operation(const context&, const request&, const resource_path&, answer);
void delete_operation(const context&, const request&, const resource_path&, answer);
void wait_operation(const context&, const request&, const resource_path&, answer);

void list_nodes(const context&, const request&, const resource_path&, answer);

} // namespace troupe::api
