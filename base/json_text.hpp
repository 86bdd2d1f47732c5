// JSON strings as text. Trees and typed values are wire/'s; this is what everything that writes a
// line of JSON needs.
#pragma once

#include <string>
#include <string_view>

namespace troupe {

/// Appends `text` as a JSON string, quotes included. A byte that is not part of valid UTF-8 becomes
/// U+FFFD: a log line may hold any bytes, a JSON text may not.
void append_json_quoted(std::string& out, std::string_view text);

/// `text` as a JSON string, quotes included.
std::string json_quoted(std::string_view text);

} // namespace troupe
