// What an admin may set of the cluster's behaviour.
#pragma once

#include "base/instant.hpp"
#include "core/machines/machine.hpp"

#include <cstdint>

namespace troupe::core {

/// Times are how long to wait.
struct settings {
  /// What each machineType means.
  machine_table machines;
  /// A node that is away for longer loses its replicas; until then they may come back.
  micros node_lost_after = std::chrono::seconds(60);
  micros termination_grace = std::chrono::seconds(30);
  /// A replica that was ordered from a connected node and is not reported is ordered again.
  micros launch_deadline = std::chrono::seconds(60);
  uint32_t replica_restarts_max = 5; // as Vertex AI has it
  uint32_t job_retries_max = 3;
  uint64_t events_retained = 1'000'000;
};

} // namespace troupe::core
