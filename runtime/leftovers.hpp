// Leftover processes: those that outlived their shim. Every process of a replica has the replica's
// directory in its environment, so it is found in spite of double forks, new sessions and
// reused pids.
#pragma once

#include <filesystem>
#include <string>

namespace troupe::runtime {

/// The variable that marks the processes of a replica.
inline constexpr const char* replica_mark = "TROUPE_REPLICA_DIRECTORY";

/// Kills every process with that mark and returns their number. 0: none is left.
size_t kill_leftovers(const std::filesystem::path& replica_directory);

} // namespace troupe::runtime
