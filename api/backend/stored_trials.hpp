// Trials are stored one by one beside the study or tuning job that they belong to. Here they come
// together again, with which of them are best.
#pragma once

#include "store/store.hpp"
#include "wire/frame.hpp"
#include "wire/tuning_job.capnp.h"

#include <vector>

namespace troupe::api {

/// The trials of a study or tuning job, in the order of their numbers.
result<std::vector<wire::frame<wire::Trial>>> stored_trials(const store::database&, uint64_t study);

/// Indices of those that no other dominates.
std::vector<size_t> optimal_of(wire::StudySpec::Reader,
                               const std::vector<wire::frame<wire::Trial>>& trials);

/// A tuning job's record as a client sees it: with its trials, and the best of them.
result<wire::frame<wire::HyperparameterTuningJob>>
with_trials(const store::database&, const wire::frame<wire::HyperparameterTuningJob>& record);

} // namespace troupe::api
