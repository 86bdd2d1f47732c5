// From the points that a trial reports to the measurements that the study shows, and to the final
// one. Pure.
#pragma once

#include "core/state.hpp"

#include <span>

namespace troupe::core {

/// Points of one step form one measurement; a metric that repeats within a step (a program that
/// counts no steps reports all at step 0) starts the next one. Ordered by (step, elapsed). Values
/// that are not finite are left out.
std::vector<measurement> measurements_of(std::span<const metric_point>, int64_t start_micros);

/// The last measurement, or the best one, that holds the study's first metric; nothing if none
/// does.
std::optional<measurement> final_of(std::span<const measurement>, wire::StudySpec::Reader);

/// Keeps the newest `most` points, and the best one of the study's first metric whatever its age.
void trim(std::vector<metric_point>&, size_t most, wire::StudySpec::Reader);

} // namespace troupe::core
