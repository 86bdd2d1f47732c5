// The headings under which `troupe --help` lists the commands.
#pragma once

namespace troupe::cli {

inline constexpr const char* jobs_group = "Train and tune";
inline constexpr const char* cluster_group = "Look at the cluster";
inline constexpr const char* serve_group = "Run a cluster";

} // namespace troupe::cli
