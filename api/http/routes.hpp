// From a request's method and path to the handler that answers it.
#pragma once

#include "api/backend/context.hpp"
#include "api/http/request_counts.hpp"
#include "api/query/message.hpp"

namespace troupe::api {

/// Calls the handler of the request. /healthz and the token are checked before. Runs on a worker
/// thread.
void dispatch(const context&, const request_counts&, const request&, answer);

/// Whether the request may wait for nodes. Such requests run on worker threads that are kept for
/// them, so that they never delay others.
bool waits_for_nodes(const request&);

} // namespace troupe::api
