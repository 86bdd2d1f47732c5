// The version of this build, as `troupe --version` prints it and agents report it.
#pragma once

namespace troupe {

extern const char* const version; // "0.1.0"

} // namespace troupe
