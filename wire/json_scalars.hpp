// How proto3 JSON writes what is not a plain JSON value: numbers that survive a round
// trip, RFC 3339 times and durations in seconds. Apart from the codec because list filters and
// config files use them as well.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::wire {

/// The shortest decimal that reads back as exactly `value`; "NaN", "Infinity" and "-Infinity"
/// (without quotes) otherwise.
std::string number_text(double value);

/// A JSON number, or one in YAML's spelling (+1, .5, 5., .inf, -.inf, .nan); nothing if it is no
/// number or too large.
std::optional<double> number_of(std::string_view literal);

/// The value if `literal` is a whole number that fits, also when written as 1.0 or 2e3.
std::optional<int64_t> integer_of(std::string_view literal);
std::optional<uint64_t> unsigned_of(std::string_view literal);

/// "2026-01-31T12:00:00Z" with 0, 3 or 6 digits of a second, from microseconds since the epoch.
std::string timestamp_text(int64_t micros);

/// RFC 3339 with any offset and up to 9 digits of a second (those past the sixth are dropped),
/// years 1 to 9999.
std::optional<int64_t> timestamp_of(std::string_view text);

/// "604800s", "1.5s", from microseconds.
std::string duration_text(int64_t micros);

/// Seconds with up to 9 decimals and an 's', at most 10,000 years either way.
std::optional<int64_t> duration_of(std::string_view text);

} // namespace troupe::wire
