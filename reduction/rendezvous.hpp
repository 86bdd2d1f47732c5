// How a worker meets its reducers: resolves, connects, proves itself and waits for the welcome of
// every one of them, all against one deadline. All or nothing.
#pragma once

#include "reduction/am_worker.hpp"
#include "reduction/socket.hpp"

#include <memory>
#include <string>
#include <vector>

namespace troupe::reduction {

struct communicator_options {
  std::vector<host_port> reducers; // in the same order on every rank
  std::string job;
  std::string token;
  uint32_t attempt = 0;
  uint32_t rank = 0;
  uint32_t world_size = 1;
  uint32_t timeout_ms = 10'000;         // a reducer that is silent for longer is lost
  uint32_t connect_timeout_ms = 60'000; // for all of init
};

/// Reads TROUPE_REDUCERS, TROUPE_JOB, TROUPE_TOKEN, TROUPE_ATTEMPT, RANK, WORLD_SIZE,
/// TROUPE_TIMEOUT_MS and TROUPE_CONNECT_TIMEOUT_MS. Errors: invalid_argument, naming the variable
/// and what it should hold.
result<communicator_options> communicator_options_from_env();

/// One reducer that has welcomed us.
struct met_reducer {
  frame_socket control;
  welcome terms;
};

struct meeting {
  std::unique_ptr<am_worker> data;
  std::vector<met_reducer> reducers; // in the order of the options
};

/// "reducer 1 (10.0.0.7:4242)"
std::string reducer_name(const communicator_options& options, size_t index);

/// Blocks until every reducer has welcomed this rank, at most connect_timeout_ms. Errors:
/// deadline_exceeded, naming the reducer that could not be reached and why, or the ranks that did
/// not come; unauthenticated for a wrong token; failed_precondition where job, attempt, world size
/// or the reducers' own settings differ.
result<meeting> meet_reducers(const communicator_options& options);

} // namespace troupe::reduction
