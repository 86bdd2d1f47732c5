// GET /metrics: the cluster's numbers in Prometheus' text format. These are not the metrics that
// trials report.
#pragma once

#include "api/backend/context.hpp"
#include "api/http/request_counts.hpp"
#include "api/query/message.hpp"

namespace troupe::api {

/// Counts jobs, studies and nodes by scanning the store, so it belongs on a worker thread.
void show_prometheus_metrics(const context&, const request_counts&, answer);

} // namespace troupe::api
