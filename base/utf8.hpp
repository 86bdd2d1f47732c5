// Programs print what they like; what Troupe passes on is UTF-8. The one place that knows which
// bytes are (Unicode 15, table 3-7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// The length of the UTF-8 sequence that starts at `at`; 0 if there is none.
size_t utf8_length(std::string_view text, size_t at);

bool is_utf8(std::string_view text);

/// Appends the character `code`, which must be below 0x110000.
void append_utf8(std::string& out, uint32_t code);

/// `text` with U+FFFD for every byte that is not part of valid UTF-8, and for NUL, at which readers
/// of our texts may stop.
std::string valid_utf8(std::string_view text);

} // namespace troupe
