// Why a job waits, as a sentence for the person who submitted it. Pure, so each sentence has its
// test.
#pragma once

#include "core/scheduler/placement.hpp"

#include <span>
#include <string>
#include <string_view>

namespace troupe::core {

struct node_view {
  std::string_view name;
  amounts total;
  capacity left;
  bool connected = false;
};

/// `ahead` jobs wait before it. From `far` on, the text depends on the nodes' totals alone, so that
/// a long queue does not change its texts each time a replica ends.
std::string waiting_reason(std::span<const pool_demand>, std::span<const node_view>, size_t ahead,
                           size_t far);

} // namespace troupe::core
