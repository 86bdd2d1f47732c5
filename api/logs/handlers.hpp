// The handler of Cloud Logging's entries:list.
#pragma once

#include "api/backend/context.hpp"
#include "api/query/message.hpp"

namespace troupe::api {

/// Waits for nodes, so it runs on worker threads that are kept for it.
void list_log_entries(const context&, const request&, answer);

} // namespace troupe::api
