// The settings of a reducer, and the environment variables that it reads them from.
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace troupe::reduction {

struct reducer_options {
  std::string bind_address = "0.0.0.0"; // a name or an address of this machine
  uint16_t port = 0;                    // 0: any free one, see on_listening
  std::string job;                      // must equal the ranks'
  std::string token;       // the job's secret; must equal the ranks', must not be empty
  std::string shared_key;  // not empty: a shared reducer; jobs' tokens are job_token(key, job)
  uint32_t max_jobs = 64;  // of a shared reducer
  uint32_t attempt = 0;    // must equal the ranks'
  uint32_t world_size = 1; // how many ranks take part

  uint32_t timeout_ms = 10'000;         // a rank that is silent for longer is lost
  uint32_t connect_timeout_ms = 60'000; // from the first rank's arrival to the last one's
  /// A connection that has not proved itself by then is dropped.
  uint32_t handshake_timeout_ms = 5'000;
  /// The longest chunk; all reducers of a job must have the same; a multiple of 64.
  uint32_t chunk_bytes = 256 * 1024;
  uint32_t slots = 16;          // chunks a rank may have under way here; all reducers the same
  uint32_t threads = 1;         // each combines its own chunks on its own connections
  uint32_t spin_us = 50;        // how long to poll before sleeping
  uint32_t late_log_ms = 5'000; // a rank this late is named in the log (again at 2, 4, ... times)

  // Called once, when ranks can connect, with the port.
  std::function<void(uint16_t port)> on_listening = {};
};

/// Reads TROUPE_LISTEN ("host:port"), TROUPE_JOB, TROUPE_TOKEN, TROUPE_ATTEMPT (default 0),
/// TROUPE_WORLD_SIZE, and where set TROUPE_TIMEOUT_MS, TROUPE_CONNECT_TIMEOUT_MS,
/// TROUPE_CHUNK_BYTES, TROUPE_SLOTS, TROUPE_THREADS, TROUPE_SPIN_US. TROUPE_SHARED_KEY makes it a
/// shared one, in place of job, token, attempt and world size; TROUPE_MAX_JOBS bounds it. Errors:
/// invalid_argument, naming the variable and what it should hold.
result<reducer_options> reducer_options_from_env();

} // namespace troupe::reduction
