// Whether a submitted resource can be accepted: every rule of the API that the resource alone can
// break, checked at once, so that the submitter mends all of it in one go. The schema (unknown
// fields, types, enum names) is the codec's business and comes earlier; whether the cluster has
// room is the scheduler's and comes later.
//
// A problem is one sentence: "<field path>: <what is there>; expected <what>". At most
// `problems_max` are listed.
#pragma once

#include "core/machines/machine.hpp"
#include "wire/custom_job.capnp.h"
#include "wire/study.capnp.h"
#include "wire/tuning_job.capnp.h"

#include <string>
#include <vector>

namespace troupe::core {

inline constexpr size_t problems_max = 100;
inline constexpr int64_t replicas_of_pool_max = 10'000;
inline constexpr size_t parameters_max = 1000; // of a study, conditional ones included
inline constexpr size_t priors_max = 10;       // earlier studies that one learns from

/// Empty if the job can be accepted. Output-only fields are not looked at.
std::vector<std::string> problems_of(wire::CustomJob::Reader job, const machine_table& machines);
std::vector<std::string> problems_of(wire::HyperparameterTuningJob::Reader job,
                                     const machine_table& machines);

/// The new counts of a job that has ended and is to go on; 0 leaves a count as it is.
std::vector<std::string> problems_of(wire::ResumeTuningJobRequest::Reader wanted,
                                     wire::HyperparameterTuningJob::Reader job, size_t trials_made);

std::vector<std::string> problems_of(wire::Study::Reader study);

/// A study on its own. Unlike in a tuning job, its parameters may have default values.
std::vector<std::string> problems_of(wire::StudySpec::Reader study);

} // namespace troupe::core
