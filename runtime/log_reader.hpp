// Reading the logs that shims write; shim/log_writer.hpp describes their form on disk.
#pragma once

#include "runtime/settings.hpp"
#include "wire/control.capnp.h"
#include "wire/frame.hpp"

namespace troupe::runtime {

/// The most entries and bytes in one reply, even if the query asks for more.
inline constexpr uint32_t log_entries_max = 10'000;
inline constexpr uint64_t log_bytes_max = 4 << 20;

/// The next entries of all replicas of the job that ever logged on this node, ordered by time, from
/// the positions on. May be called from any thread, while replicas run and after they ended. An
/// unknown job has no entries. Reading on from each replica's last nextOffset misses nothing
/// and repeats nothing; a gap that the log's limit made is reported as an entry.
result<wire::frame<wire::LogChunk>> read_logs(const node_settings&, wire::LogQuery::Reader);

} // namespace troupe::runtime
