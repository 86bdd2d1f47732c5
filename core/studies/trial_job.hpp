// The custom job that runs one trial of a tuning job.
#pragma once

#include "core/state/studies.hpp"

namespace troupe::core {

/// The parameters are appended to the args of all pools but the reducers, the trial's number to the
/// output directory.
wire::frame<wire::CustomJob> trial_custom_job(const tuning_job&, uint32_t number,
                                              wire::Suggestions::ParameterSet::Reader,
                                              const std::string& name, int64_t now);

/// What its replicas are to look for in their metric files.
std::vector<std::string> metric_tags_of(wire::StudySpec::Reader);

} // namespace troupe::core
