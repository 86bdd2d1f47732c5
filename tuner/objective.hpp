// What "better" means in a study: goals, safety thresholds, which measurement counts for a trial,
// and which trials are best. Only finite values count; a trial is judged by its final measurement.
#pragma once

#include "wire/tuning_job.capnp.h"

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace troupe::tuner {

/// An unspecified goal is to maximise.
bool is_better(wire::MetricSpec::GoalType goal, double a, double b);

/// The metric's value; nothing if it was not measured or is not finite.
std::optional<double> metric_value(wire::Measurement::Reader measurement, std::string_view metric);

/// Every safety metric is measured and not beyond its threshold (the threshold itself is safe).
bool is_safe(wire::StudySpec::Reader study, wire::Measurement::Reader measurement);

/// Index of the measurement that becomes a trial's final one. LAST_MEASUREMENT, the default: the
/// last that reports every metric of the study; nothing, so the trial is infeasible, if one of its
/// values is not finite. BEST_MEASUREMENT: the best finite one, safe ones before others, the
/// earliest of equals; with several objectives, by the first of them.
std::optional<size_t> select_measurement(wire::StudySpec::Reader study,
                                         capnp::List<wire::Measurement>::Reader measurements);

/// Indices of the trials that no other trial dominates, in trial order, among those that SUCCEEDED
/// and are safe. With one objective: the best trial alone, the earliest of equals.
std::vector<size_t> optimal_trials(wire::StudySpec::Reader study,
                                   capnp::List<wire::Trial>::Reader trials);

/// The best trial of a study with one objective; nothing with several, or while no safe trial has
/// succeeded.
std::optional<size_t> best_trial(wire::StudySpec::Reader study,
                                 capnp::List<wire::Trial>::Reader trials);
std::optional<size_t> best_trial(wire::HyperparameterTuningJob::Reader job);

} // namespace troupe::tuner
