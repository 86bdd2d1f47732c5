// From the points that a trial reports to the measurements that the study shows, and to the final
// one. Pure.
#pragma once

#include "core/state/jobs.hpp"
#include "core/state/studies.hpp"

#include <span>

namespace troupe::core {

enum class non_finite { left_out, kept };

/// Points of one step form one measurement; a metric that repeats within a step (a program that
/// counts no steps reports all at step 0) starts the next one. Ordered by (step, elapsed),
/// strictly.
std::vector<measurement> measurements_of(std::span<const wire::metric_point>, int64_t start_micros,
                                         non_finite = non_finite::left_out);

/// The one that speaks for its trial, by the study's measurementSelectionType (see
/// select_measurement in tuner/objective.hpp); nothing if none can.
std::optional<measurement> final_of(std::span<const measurement>, wire::StudySpec::Reader);

/// Keeps the newest `most` points, and the best one of the study's first objective whatever its
/// age, with what the other metrics were at its step.
void trim(std::vector<wire::metric_point>&, size_t most, wire::StudySpec::Reader);

} // namespace troupe::core
