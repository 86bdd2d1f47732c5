// How a rank meets its reducers and the other ranks: resolves, connects, proves itself and waits
// for the welcome of every reducer and of the hub, all against one deadline. All or nothing.
#pragma once

#include "reduction/control/hub.hpp"
#include "reduction/control/socket.hpp"
#include "reduction/rank/environment.hpp"
#include "reduction/transport/am_worker.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::reduction {

/// One reducer that has welcomed us.
struct met_reducer {
  frame_socket control;
  welcome terms;
};

struct meeting {
  std::vector<std::unique_ptr<am_worker>> data; // one per thread
  std::vector<met_reducer> reducers;            // in the order of the options
  frame_socket hub;
  roster everyone;
  std::unique_ptr<class hub> own_hub; // rank 0's
};

/// "reducer 1 (10.0.0.7:4242)"
std::string reducer_name(const communicator_options& options, size_t index);

/// Blocks until every reducer and the hub have welcomed this rank, at most connect_timeout_ms.
/// Errors: deadline_exceeded, naming the reducer that could not be reached and why, or the ranks
/// that did not come; unauthenticated for a wrong token; failed_precondition where job, attempt,
/// world size or the reducers' own settings differ.
result<meeting> meet(const communicator_options& options);

} // namespace troupe::reduction
