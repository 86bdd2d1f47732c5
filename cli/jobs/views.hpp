// Texts about jobs, trials and nodes for people. Pure functions from an answer of the API and the
// time to lines, so that the live display, `describe` and the tests show the same.
#pragma once

#include "base/instant.hpp"
#include "cli/client/json.hpp"
#include "cli/client/names.hpp"
#include "cli/terminal/console.hpp"

#include <optional>
#include <string>
#include <vector>

namespace troupe::cli {

using lines = std::vector<std::string>;

/// Tables of `... list`.
lines job_list(const console&, const std::vector<json_value>& jobs, const job_kind&, instant now);
lines node_list(const console&, const std::vector<json_value>& nodes, instant now);

/// `... describe`. `status` is the answer to {job}:status, null where the server has none.
lines custom_job_view(const console&, json_value job, json_value status, instant now);
/// `waiting` has the reason of each trial that waits.
struct trial_wait {
  std::string trial;
  std::string reason;
};
lines tuning_job_view(const console&, json_value job, const std::vector<trial_wait>& waiting,
                      instant now);

/// The live display of --wait: a few lines, redrawn often.
lines custom_job_progress(const console&, json_value job, json_value status, instant now);
lines tuning_job_progress(const console&, json_value job, const std::vector<trial_wait>& waiting,
                          instant now);

/// The last lines about a tuning job that has ended: the best trial and its model; with several
/// objectives a table of the trials that no other trial beats. Empty if no trial succeeded.
lines best_trial_view(const console&, json_value job);

/// One row for each of these trials of the job.
lines trials_table(const console&, json_value job, const std::vector<json_value>& trials,
                   const std::vector<trial_wait>& waiting, instant now, std::string_view indent);

/// One line: "RUNNING for 3m12s", with the error or the reason where there is one.
std::string headline(const console&, json_value job, json_value status, instant now);

// -- the pieces, shared by the above --

/// From start to end, or to now while it runs; "-" before it starts.
std::string duration_of(json_value resource, instant now);

/// "lr=0.01 units=64"
std::string parameters_of(json_value trial);

/// "  name       value"; nothing for an empty value.
void field(lines& out, const console&, std::string_view name, const std::string& value);

/// The metrics to optimize, in order; a safety metric is not one: it only has to stay safe.
std::vector<json_value> objectives_of(json_value job);

/// The trial's final or latest measurement of the study's first objective, or of a metric.
struct measured {
  double value = 0;
  int64_t step = 0;
};
std::optional<measured> measurement_of(json_value job, json_value trial);
std::optional<measured> measurement_of(json_value trial, const std::string& metric_id);

/// The best trial so far among those that succeeded; null if none did, or with several
/// objectives.
json_value best_trial(json_value job);

/// The trials that no other trial beats in every objective: with one objective the best one.
std::vector<json_value> optimal_trials(json_value job);

/// Why the trial was stopped or is infeasible, on one line; empty if it is neither.
std::string reason_of(json_value trial);

/// The rule that stops trials early, as "median rule"; empty if there is none.
std::string stopping_rule_of(json_value study);

/// "<baseOutputDirectory>/<trial>/model/"; empty where the job has no output directory.
std::string model_directory(json_value job, json_value trial);

/// The program of a pool: "host: python3 train.py --lr=1".
std::string task_of(json_value pool);

/// "0", "SIGSEGV"; "" while it runs.
std::string exit_of(json_value replica);

} // namespace troupe::cli
