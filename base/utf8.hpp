// Programs print what they like; what we pass on is UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace troupe::runtime {

/// `text` with U+FFFD for every byte that is not part of valid UTF-8, and for NUL, at which readers
/// of our texts may stop.
std::string valid_utf8(std::string_view text);

} // namespace troupe::runtime
