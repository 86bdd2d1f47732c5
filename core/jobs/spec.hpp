// What a custom job keeps of its spec: its demands, its time limits and its restart policy.
#pragma once

#include "core/machines/machine.hpp"
#include "core/state/jobs.hpp"

namespace troupe::core {

/// Reads `submitted` into the fields of the job. Returns the reason why the job cannot be placed, or
/// nothing.
std::string read_spec(custom_job&, const machine_table&);

} // namespace troupe::core
