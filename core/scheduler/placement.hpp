// Gang placement: which node takes which replica, or that the gang does not fit. A pure function of
// amounts, so that the scheduler's choices can be tested without a cluster.
#pragma once

#include "core/machines/pools.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace troupe::core {

/// What a node has left.
struct capacity {
  amounts free;
  uint64_t ports = 0; // each replica takes one
  bool open = true;   // false: nothing may be placed here
};

struct assignment {
  uint32_t pool;
  uint32_t index;
  size_t node; // into the span of capacities
};

/// An assignment for every replica of every pool, ordered by pool and index, or nothing. Prefers few nodes
/// (peers then talk through memory), then the tightest ones (large gaps stay for large jobs).
/// A greedy search: a gang of unequal replicas may be refused where an exhaustive one would fit it.
std::optional<std::vector<assignment>> place(std::span<const pool_demand>,
                                             std::span<const capacity>);

/// The same text for demands that place() cannot tell apart.
std::string shape_of(std::span<const pool_demand>);

} // namespace troupe::core
