// The settings of a rank, and the environment variables that it reads them from.
#pragma once

#include "reduction/control/socket.hpp"

#include <optional>
#include <string>
#include <vector>

namespace troupe::reduction {

struct communicator_options {
  std::vector<host_port> reducers; // in the same order on every rank; may be empty, with a hub
  std::string job;
  std::string token;
  uint32_t attempt = 0;
  uint32_t rank = 0;
  uint32_t world_size = 1;
  uint32_t timeout_ms = 10'000;         // a rank or reducer that is silent for longer is lost
  uint32_t connect_timeout_ms = 60'000; // for all of init
  uint32_t threads = 1;                 // that serve the data path of this rank
  uint32_t spin_us = 50;                // how long to poll before sleeping
  std::optional<host_port> hub; // where rank 0 listens; none: any port, passed on by reducers
  double kappa = -1; // the reducers' bandwidth together in links of one worker; rank 0's counts.
                     // Negative: one link each; NaN: measured at the start
};

/// Reads TROUPE_REDUCERS, TROUPE_JOB, TROUPE_TOKEN, TROUPE_ATTEMPT, RANK, WORLD_SIZE, and where set
/// TROUPE_TIMEOUT_MS, TROUPE_CONNECT_TIMEOUT_MS, TROUPE_THREADS, TROUPE_SPIN_US, TROUPE_HUB
/// (host:port) and TROUPE_KAPPA (a number, or "measure"). Errors: invalid_argument, naming the
/// variable and what it should hold.
result<communicator_options> communicator_options_from_env();

} // namespace troupe::reduction
