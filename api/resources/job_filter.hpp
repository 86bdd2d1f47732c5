// The filter of job lists. Custom jobs and tuning jobs have the same fields.
#pragma once

#include "api/query/filter.hpp"
#include "wire/custom_job.capnp.h"
#include "wire/tuning_job.capnp.h"

namespace troupe::api {

result<filter> job_filter(std::string_view text);

bool matches(const filter& wanted, wire::CustomJob::Reader job);
bool matches(const filter& wanted, wire::HyperparameterTuningJob::Reader job);

} // namespace troupe::api
