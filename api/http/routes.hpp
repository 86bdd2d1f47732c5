// From a request's method and path to the handler that answers it.
#pragma once

#include "api/backend/context.hpp"

namespace troupe::api {

/// Everything but /healthz and the token, which are checked before. Runs on a worker thread.
void dispatch(const context&, const request&, answer);

/// Whether the request may wait for nodes, so belongs on the threads that are there for it.
bool waits_for_nodes(const request&);

} // namespace troupe::api
