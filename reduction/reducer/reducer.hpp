// The reducer: one process of the reduction tier. It waits for all ranks of one attempt of one job,
// combines what they send, and ends when they have all left, when the job has failed, or when it is
// asked to stop. A shared one serves any number of jobs, one beside the other, until it is asked to
// stop.
#pragma once

#include "reduction/reducer/environment.hpp"

namespace troupe::reduction {

/// Runs until one of: every rank has said goodbye (success); `stop_fd` becomes readable (cancelled;
/// -1 for none; an eventfd, a signalfd or a pipe; it is not read); a rank is lost (unavailable,
/// deadline_exceeded); the ranks disagree (failed_precondition); not every rank came in time
/// (deadline_exceeded). Every rank that is still connected receives the reason before this returns.
/// Needs about (world_size + 4) * slots * chunk_bytes of memory at most. Writes its events to
/// stdout, and those that are warnings or errors to stderr, one line each.
result<> run_reducer(const reducer_options& options, int stop_fd = -1);

} // namespace troupe::reduction
