// Reading the logs that shims write; see shim/log_writer.hpp for how they lie on disk.
#pragma once

#include "runtime/settings.hpp"
#include "wire/control.capnp.h"
#include "wire/frame.hpp"

namespace troupe::runtime {

/// At most this many entries and bytes come back at once, whatever the query asks for.
inline constexpr uint32_t log_entries_max = 10'000;
inline constexpr uint64_t log_bytes_max = 4 << 20;

/// The next entries of all replicas of the job that ever logged on this node, ordered by time, from
/// the positions on. May be called from any thread, while replicas run and after they ended. A job
/// that is not known has no entries. Reading on from each replica's last nextOffset misses nothing
/// and repeats nothing; a gap that the limit of the log made is told as an entry.
result<wire::frame<wire::LogChunk>> read_logs(const node_settings&, wire::LogQuery::Reader);

} // namespace troupe::runtime
