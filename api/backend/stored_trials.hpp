// Reads the trials of a study or tuning job. They are stored one by one, apart from the record of
// the study, so that a new measurement does not rewrite all of them.
#pragma once

#include "store/store.hpp"
#include "wire/frame.hpp"
#include "wire/tuning_job.capnp.h"

#include <vector>

namespace troupe::api {

/// The trials of a study or tuning job, in the order of their numbers.
result<std::vector<wire::frame<wire::Trial>>> stored_trials(const store::database&, uint64_t study);

/// Indices of the trials that no other trial dominates.
std::vector<size_t> optimal_of(wire::StudySpec::Reader,
                               const std::vector<wire::frame<wire::Trial>>& trials);

/// A tuning job as a client sees it: its record, joined with its trials and the best of them.
result<wire::frame<wire::HyperparameterTuningJob>>
with_trials(const store::database&, const wire::frame<wire::HyperparameterTuningJob>& record);

} // namespace troupe::api
