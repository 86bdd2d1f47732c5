// Time as core/ sees it: microseconds since the Unix epoch, handed in from outside. Nothing below
// actors/ reads a clock.
#pragma once

#include <chrono>
#include <cstdint>

namespace troupe {

using micros = std::chrono::duration<int64_t, std::micro>;
using instant = std::chrono::time_point<std::chrono::system_clock, micros>;

inline instant instant_of(int64_t micros_since_epoch) {
  return instant(micros(micros_since_epoch));
}
inline int64_t micros_of(instant at) { return at.time_since_epoch().count(); }

} // namespace troupe
