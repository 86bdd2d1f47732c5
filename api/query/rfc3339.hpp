// Times in RFC 3339, as the API reads and writes them. To the nanosecond, because log entries have
// nanoseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::api {

/// Nanoseconds since the epoch of an RFC 3339 time; a bare date is its midnight in UTC. nullopt if
/// the text is neither, or the year is not between 1678 and 2261.
std::optional<int64_t> nanos_of_rfc3339(std::string_view text);

/// "2026-01-31T12:00:00.123456789Z", with 0, 3, 6 or 9 digits after the point: the fewest that are
/// exact.
std::string rfc3339_of_nanos(int64_t nanos);

} // namespace troupe::api
