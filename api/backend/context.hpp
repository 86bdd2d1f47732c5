// What every handler gets beside its request: the cluster, the settings, and the state that
// handlers share. Handlers run on worker threads: they may read the store, and they never touch the
// event loop.
#pragma once

#include "api/backend/backend.hpp"
#include "api/backend/settings.hpp"

#include <atomic>

namespace troupe::api {

class operation_waits;

struct context {
  backend& cluster;
  const server_settings& settings;
  const std::atomic<bool>& stopping; // the server is shutting down
  operation_waits& waits;

  const store::database& database() const { return cluster.database(); }
};

} // namespace troupe::api
