// What a custom job gets where its spec leaves a time open.
#pragma once

#include <cstdint>

namespace troupe::core {

/// scheduling.timeout: seven days.
inline constexpr int64_t default_timeout_micros = 604'800'000'000;

/// scheduling.maxWaitDuration of a job with the strategy FLEX_START: one day.
inline constexpr int64_t default_max_wait_micros = 86'400'000'000;

} // namespace troupe::core
