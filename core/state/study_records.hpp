// Tuning jobs and client studies between the state and what is stored and shown. Their trials have
// records of their own (trial_records.hpp).
#pragma once

#include "core/state/studies.hpp"

namespace troupe::core {

// The resources as submitted: named, and free of output fields that the submitter may have sent.
wire::frame<wire::HyperparameterTuningJob> named_job(wire::HyperparameterTuningJob::Reader,
                                                     const std::string& name, int64_t now);
wire::frame<wire::Study> named_study(wire::Study::Reader, const std::string& name, int64_t now);

/// Without its trials.
wire::frame<wire::HyperparameterTuningJob> resource_of(const tuning_job&);
wire::frame<wire::HyperparameterTuningJob> whole_of(const tuning_job&);
wire::frame<wire::Study> resource_of(const client_study&);
wire::frame<wire::StudyRecord> record_of(const client_study&);
wire::frame<wire::TuningJobRecord> record_of(const tuning_job&);

void read(tuning_job&, wire::frame<wire::HyperparameterTuningJob>);
void read(tuning_job&, wire::TuningJobRecord::Reader);
/// As version 0.1 stored it.
void read(tuning_job&, wire::AttemptRecord::Reader);
void read(client_study&, wire::frame<wire::Study>);
void read(client_study&, wire::StudyRecord::Reader);

} // namespace troupe::core
