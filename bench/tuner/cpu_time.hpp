// What a call costs on one core, whatever else the machine does meanwhile: CPU time of all of the
// process's threads.
#pragma once

#include <ctime>

namespace troupe::bench {

inline double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

} // namespace troupe::bench
