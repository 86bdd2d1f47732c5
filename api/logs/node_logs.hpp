// Reads log lines from several nodes at once. The nodes answer on other threads, and some never do,
// so every read has a deadline.
#pragma once

#include "api/backend/backend.hpp"

#include <atomic>
#include <chrono>
#include <optional>
#include <vector>

namespace troupe::api {

struct node_query {
  std::string node;
  wire::frame<wire::LogQuery> query;
};

/// What a node answered; nullopt if it did not answer in time.
using node_answer = std::optional<result<wire::frame<wire::LogChunk>>>;

/// One answer for each query, in the same order. Returns at the deadline at the latest, and soon
/// after `stopping` becomes true.
std::vector<node_answer> read_nodes(backend&, const std::vector<node_query>&,
                                    std::chrono::steady_clock::time_point deadline,
                                    const std::atomic<bool>& stopping);

} // namespace troupe::api
