// Amounts of what a node has and a replica holds, as plain values: compared, added, subtracted.
#pragma once

#include "wire/control.capnp.h"

#include <cstdint>

namespace troupe::core {

struct amounts {
  uint64_t cpu_millis = 0;
  uint64_t memory_bytes = 0;
  uint32_t gpus = 0;
  wire::AcceleratorType gpu_type = wire::AcceleratorType::UNSPECIFIED;

  bool operator==(const amounts&) const = default;
};

/// Whether `demand` can be taken from `free`. A demand for GPUs of no given type fits any.
bool fits(const amounts& demand, const amounts& free);

void add(amounts& to, const amounts& part);
/// Only where `part` fits.
void subtract(amounts& from, const amounts& part);

amounts amounts_of(wire::Resources::Reader);
void set_amounts(wire::Resources::Builder, const amounts&);

} // namespace troupe::core
