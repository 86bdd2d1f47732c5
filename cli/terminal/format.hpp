// Times, spans, amounts and states as texts for people.
#pragma once

#include "base/instant.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::cli {

/// RFC 3339 in UTC, as the API writes it; nothing for anything else.
std::optional<instant> parse_time(std::string_view text);

/// A span as the API writes it ("1.5s").
std::optional<micros> parse_span(std::string_view text);

/// "2026-11-23 05:30:22" in local time; "-" for nothing.
std::string local_time(std::optional<instant> at);

/// "2026-11-23 05:30:22 +0000" in local time, as a log line carries it.
std::string log_time(std::optional<instant> at);

/// "05:30:22" in local time.
std::string clock_time(instant at);

/// Two units at most: "0.4s", "42s", "3m12s", "2h05m", "3d04h".
std::string span(micros length);

/// How long ago, in one unit: "just now", "42s ago", "3m ago", "2h ago", "3d ago".
std::string age(instant then, instant now);

/// "512 MiB", "1.5 GiB".
std::string byte_amount(uint64_t bytes);

/// "0.5", "16": processors from thousandths.
std::string cpu_amount(uint64_t millis);

/// "JOB_STATE_RUNNING" as people say it: "RUNNING".
std::string short_state(std::string_view state);

/// Up to six significant digits; "NaN" and "Infinity" by name.
std::string metric(double value);

/// "1 trial", "2 trials".
std::string counted(uint64_t count, std::string_view noun);

/// True for a job state that is never left.
bool is_final(std::string_view state);

} // namespace troupe::cli
