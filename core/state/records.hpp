// Between the state and what is stored, shown and ordered: the only place that knows both the plain
// values of state.hpp and the schemas of wire/.
#pragma once

#include "core/state/state.hpp"

namespace troupe::core {

// -- resources as submitted: named, and free of output fields that the submitter may have sent --

wire::frame<wire::CustomJob> named_job(wire::CustomJob::Reader, const std::string& name,
                                       int64_t now);
wire::frame<wire::HyperparameterTuningJob> named_job(wire::HyperparameterTuningJob::Reader,
                                                     const std::string& name, int64_t now);

wire::frame<wire::Study> named_study(wire::Study::Reader, const std::string& name, int64_t now);

/// The custom job that runs a trial: the parameters appended to the args of all pools but the
/// reducers, the trial's number to the output directory.
wire::frame<wire::CustomJob> trial_custom_job(const tuning_job&, uint32_t number,
                                              wire::Suggestions::ParameterSet::Reader,
                                              const std::string& name, int64_t now);

/// Fills what custom_job keeps of its spec. What stands in the way of placing it, or nothing.
std::string read_spec(custom_job&, const machine_table&);

// -- what is stored --

wire::frame<wire::CustomJob> resource_of(const custom_job&);
/// Without its trials, which have records of their own (trial_records.hpp).
wire::frame<wire::HyperparameterTuningJob> resource_of(const tuning_job&);
wire::frame<wire::HyperparameterTuningJob> whole_of(const tuning_job&);
wire::frame<wire::Study> resource_of(const client_study&);
wire::frame<wire::StudyRecord> record_of(const client_study&);
wire::frame<wire::AttemptRecord> record_of(const custom_job&);
wire::frame<wire::AttemptRecord> record_of(const tuning_job&);
wire::frame<wire::NodeRecord> record_of(const node&);

// -- and read back --

void read(custom_job&, wire::frame<wire::CustomJob>);
void read(custom_job&, wire::AttemptRecord::Reader);
void read(tuning_job&, wire::frame<wire::HyperparameterTuningJob>);
void read(tuning_job&, wire::AttemptRecord::Reader);
void read(client_study&, wire::frame<wire::Study>);
void read(client_study&, wire::StudyRecord::Reader);
void read(node&, wire::NodeRecord::Reader);

// -- orders --

void fill_launch(wire::Launch::Builder, const custom_job&, const std::vector<replica*>& start,
                 const std::vector<std::string>& metric_tags);

} // namespace troupe::core
