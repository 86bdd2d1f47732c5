// The version of this build, as `troupe --version` prints it and agents report it.
#pragma once

namespace troupe::cli {

inline constexpr const char* version = TROUPE_VERSION;

} // namespace troupe::cli
