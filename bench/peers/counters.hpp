// The load of the machine and of this rank's network interface between two moments: the share of
// CPU that was idle, and the bytes that were sent. Both show whether a time was bound by the links.
#pragma once

#include <cstdint>
#include <optional>

namespace troupe::bench {

struct counters {
  uint64_t idle_ticks = 0; // of all CPUs; niced processes count as busy
  uint64_t all_ticks = 0;
  uint64_t sent_bytes = 0; // over this namespace's eth0, headers included
};

counters read_counters();

/// 0 to 1; nothing if the time between is too short.
std::optional<double> idle_share(const counters& before, const counters& after);

} // namespace troupe::bench
