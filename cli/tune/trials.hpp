// The life of a trial of `troupe tune`: its suggested values, its reports, its final state. Pure:
// times and exit statuses are arguments.
#pragma once

#include "cli/tune/store.hpp"
#include "core/state/jobs.hpp"
#include "tuner/space.hpp"

#include <string>
#include <vector>

namespace troupe::cli {

trial_frame new_trial(size_t number, const std::vector<tuner::parameter_value>& values);

/// The reports of an earlier start are dropped: the program begins again.
trial_frame started(const trial_frame& trial, int64_t now_micros);

trial_frame with_points(const trial_frame& trial, std::span<const wire::metric_point> points);

/// The end of a trial's program.
struct program_end {
  int status = 0;              // as waitpid() gives it
  std::string complaint;       // the last line that it wrote to stderr
  std::string not_run;         // the reason if it could not be run at all
  std::string overdue;         // the time limit, if it took longer
  std::string stopping_reason; // the rule that stopped it early
};

/// SUCCEEDED with its final measurement, or INFEASIBLE with the reason.
trial_frame judged(const trial_frame& trial, wire::StudySpec::Reader study,
                   std::span<const wire::metric_point> points, const program_end& end,
                   int64_t now_micros);

std::vector<tuner::parameter_value> values_of(wire::StudySpec::Reader study,
                                              wire::Trial::Reader trial);
std::vector<std::string> metric_ids(wire::StudySpec::Reader study);

bool has_ended(wire::Trial::Reader trial);

} // namespace troupe::cli
