// What a worker pool asks of a node. Vertex names machines; on your own metal a machine type is a
// named slice of a node.
#pragma once

#include "base/error.hpp"
#include "core/machines/amounts.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace troupe::core {

/// Machine types by name. The admin's own come first; then `custom-<cpus>-<memory MiB>` (cpus may
/// be a decimal, as `custom-0.5-512`), then Google's families (n1-standard-4, a2-highgpu-8g, ...)
/// at their published sizes; then the entry "*" if the admin gave one.
struct machine_table {
  std::map<std::string, amounts> types;
};

/// What one replica of a pool with this spec holds. An absent machine type takes "*", or 1 cpu and
/// 1 GiB without one. Errors: invalid_argument, naming the type and the known ones.
result<amounts> demand_of(const machine_table&, wire::MachineSpec::Reader);

} // namespace troupe::core
