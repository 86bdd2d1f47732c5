// What a tuning job shows as its best: bestTrial and optimalTrials. Controller, API and `troupe
// tune` all fill them in here; which trials are best is the business of objective.hpp.
#pragma once

#include "wire/tuning_job.capnp.h"

namespace troupe::tuner {

/// Sets both by the job's study and its own trials. Without safe trials that SUCCEEDED, both are
/// removed; with several objectives, bestTrial is. A bestTrial carries no measurements but its final
/// one: the job's list of trials has them.
void mark_best(wire::HyperparameterTuningJob::Builder job);

/// The same, from trials that the job need not hold.
void mark_best(wire::HyperparameterTuningJob::Builder job, capnp::List<wire::Trial>::Reader trials);

} // namespace troupe::tuner
