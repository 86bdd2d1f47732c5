#include "bench/peers/counters.hpp"

#include <fstream>
#include <sstream>
#include <string>

namespace troupe::bench {

namespace {

// /proc/self/net, not /sys: it is always that of this process's own namespace.
uint64_t sent_over_eth0() {
  std::ifstream table("/proc/self/net/dev");
  std::string line;
  while (std::getline(table, line)) {
    auto colon = line.find(':');
    if (colon == std::string::npos || line.find("eth0") >= colon) continue;
    std::istringstream fields(line.substr(colon + 1));
    uint64_t value = 0;
    for (int field = 0; field < 9; ++field)
      fields >> value;
    return value;
  }
  return 0;
}

} // namespace

counters read_counters() {
  counters seen;
  std::ifstream stat("/proc/stat");
  std::string label;
  uint64_t ticks = 0;
  stat >> label;
  for (int field = 0; field < 8 && stat >> ticks; ++field) {
    constexpr int idle = 3, waiting = 4;
    seen.all_ticks += ticks;
    if (field == idle || field == waiting) seen.idle_ticks += ticks;
  }
  seen.sent_bytes = sent_over_eth0();
  return seen;
}

std::optional<double> idle_share(const counters& before, const counters& after) {
  constexpr uint64_t enough_ticks = 20;
  uint64_t ticks = after.all_ticks - before.all_ticks;
  if (ticks < enough_ticks) return std::nullopt;
  return static_cast<double>(after.idle_ticks - before.idle_ticks) / static_cast<double>(ticks);
}

} // namespace troupe::bench
