// What the machine and this rank's network interface did between two moments: the share of CPU that
// was idle, and the bytes that were sent. Both tell whether a time was bound by the links.
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

/// 0 to 1; nothing where the time between is too short to tell.
std::optional<double> idle_share(const counters& before, const counters& after);

} // namespace troupe::bench
