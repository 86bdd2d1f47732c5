// What the worker pools of a job spec mean: which are skipped, which run the reduction server, how
// many replicas each has and what these are called. One place, so that validation, placement and
// launching never disagree.
#pragma once

#include "core/machines/amounts.hpp"
#include "wire/custom_job.capnp.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::core {

/// What one worker pool asks for: `count` replicas that hold `each`.
struct pool_demand {
  uint32_t pool = 0;
  uint64_t count = 0;
  amounts each;
};

inline constexpr uint32_t pools_max = 4;
inline constexpr uint32_t reducer_pool = 2; // the only position that may run the reduction server

/// `troupe/reductionserver` or any path that ends in `/training/reductionserver`, with or without a
/// tag or a digest.
bool is_reducer_image(std::string_view image_uri);

/// The pool's container is the reduction server.
bool is_reducer_pool(wire::WorkerPoolSpec::Reader pool);

/// The pool is skipped: `{}`, with neither a task, a machine nor a count.
bool is_empty_pool(wire::WorkerPoolSpec::Reader pool);

/// Replicas of the pool: none for an empty pool; one where `replicaCount` is absent, as gcloud has
/// it (0 on the wire is the same as absent). Only for a validated spec: a negative count gives
/// none.
uint32_t replica_count(wire::WorkerPoolSpec::Reader pool);

} // namespace troupe::core
