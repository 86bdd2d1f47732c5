// The reducer: one process of the reduction tier. It waits for all ranks of one attempt of one job,
// sums what they send, watches that they live, and ends when they have all said goodbye, when one
// is lost, or when it is told to stop.
#pragma once

#include "wire/error.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace troupe::reduction {

struct reducer_options {
  std::string bind_address = "0.0.0.0"; // a name or an address of this machine
  uint16_t port = 0;                    // 0: any free one, see on_listening
  std::string job;                      // must equal the workers'
  std::string token;       // the job's secret; must equal the workers', must not be empty
  uint32_t attempt = 0;    // must equal the workers'
  uint32_t world_size = 1; // how many ranks take part

  uint32_t timeout_ms = 10'000;         // a rank that is silent for longer is lost
  uint32_t connect_timeout_ms = 60'000; // from the first rank's arrival to the last one's
  uint32_t handshake_timeout_ms =
      5'000;                         // a connection that has not proved itself by then is dropped
  uint32_t chunk_bytes = 256 * 1024; // all reducers of a job must have the same; a multiple of 8
  uint32_t slots = 16;          // chunks a worker may have under way here; all reducers the same
  uint32_t spin_us = 50;        // how long to poll before sleeping
  uint32_t late_log_ms = 5'000; // a rank this late is named in the log (again at 2, 4, ... times)

  // Called once, when workers can connect, with the port.
  std::function<void(uint16_t port)> on_listening = {};
};

/// Reads TROUPE_LISTEN ("host:port"), TROUPE_JOB, TROUPE_TOKEN, TROUPE_ATTEMPT (default 0),
/// TROUPE_WORLD_SIZE, and where set TROUPE_TIMEOUT_MS, TROUPE_CONNECT_TIMEOUT_MS,
/// TROUPE_CHUNK_BYTES, TROUPE_SLOTS. Errors: invalid_argument, naming the variable and what it
/// should hold.
result<reducer_options> reducer_options_from_env();

/// Runs until one of: every rank has said goodbye (success); `stop_fd` becomes readable (cancelled;
/// -1 for none; an eventfd, a signalfd or a pipe; it is not read); a rank is lost (unavailable,
/// deadline_exceeded); the ranks disagree (failed_precondition); not every rank came in time
/// (deadline_exceeded). Every rank that is still there is told the reason before this returns.
/// Needs about (world_size + 4) * slots * chunk_bytes of memory at most. Writes its events to
/// stdout, and those that are warnings or errors to stderr, one line each.
result<> run_reducer(const reducer_options& options, int stop_fd = -1);

} // namespace troupe::reduction
