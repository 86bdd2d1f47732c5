// Which waiting jobs start now, and on which nodes. Jobs are placed in submit order; one that does not
// fit now lets smaller ones behind it pass, but not forever: once the first one that could run has
// waited ten minutes, the nodes that it could use take nobody else. A pure function of the queue, of
// what the nodes have, and of the time.
#pragma once

#include "core/scheduler/placement.hpp"
#include "core/scheduler/queue.hpp"

#include <functional>
#include <vector>

namespace troupe::core {

inline constexpr int64_t reservation_after_micros = 600'000'000;

struct placement {
  uint64_t job;
  std::vector<assignment> assignments;
};

/// What plan() sees beside the queue.
struct plan_view {
  std::vector<capacity> free;                     // what each node has left
  std::vector<capacity> total;                    // what each would have if nothing ran there
  std::function<int64_t(uint64_t)> create_micros; // of a job
  int64_t now_micros = 0;
};

/// In the order in which they start. Takes nothing out of the queue; shapes that do not fit are marked
/// there as blocked, so that they are not tried again before something is freed.
std::vector<placement> plan(job_queue&, plan_view);

} // namespace troupe::core
