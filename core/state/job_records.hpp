// Custom jobs between the state and what is stored and shown: the resource, and the controller's own
// record of the attempt.
#pragma once

#include "core/state/jobs.hpp"

namespace troupe::core {

/// The resource as submitted: named, and free of output fields that the submitter may have sent.
wire::frame<wire::CustomJob> named_job(wire::CustomJob::Reader, const std::string& name,
                                       int64_t now);

wire::frame<wire::CustomJob> resource_of(const custom_job&);
wire::frame<wire::AttemptRecord> record_of(const custom_job&);

void read(custom_job&, wire::frame<wire::CustomJob>);
void read(custom_job&, wire::AttemptRecord::Reader);

void set_replica_id(wire::ReplicaId::Builder, const custom_job&, const replica&);

} // namespace troupe::core
