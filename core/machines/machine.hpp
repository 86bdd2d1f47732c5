// What a worker pool asks of a node. Vertex names machines; on your own metal a machine type is a
// named slice of a node.
#pragma once

#include "base/error.hpp"
#include "wire/control.capnp.h"

#include <cstdint>
#include <map>
#include <string>

namespace troupe::core {

/// Amounts of one node, or of one replica. Plain values, so placement can add and compare them.
struct amounts {
  uint64_t cpu_millis = 0;
  uint64_t memory_bytes = 0;
  uint32_t gpus = 0;
  wire::AcceleratorType gpu_type = wire::AcceleratorType::UNSPECIFIED;

  bool operator==(const amounts&) const = default;
};

amounts amounts_of(wire::Resources::Reader);
void set_amounts(wire::Resources::Builder, const amounts&);

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
