#include "core/scheduler/plan.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace troupe::core {

namespace {

/// Closes every node that could hold a replica of one of the pools.
void reserve(std::vector<capacity>& free, const std::vector<capacity>& total,
             const std::vector<pool_demand>& pools) {
  for (size_t i = 0; i < free.size(); ++i)
    if (std::ranges::any_of(
            pools, [&](const pool_demand& demand) { return fits(demand.each, total[i].free); }))
      free[i].open = false;
}

void take(std::vector<capacity>& free, const std::vector<pool_demand>& pools,
          const std::vector<assignment>& assignments) {
  for (const assignment& a : assignments) {
    capacity& left = free[a.node];
    --left.ports;
    for (const pool_demand& demand : pools)
      if (demand.pool == a.pool) subtract(left.free, demand.each);
  }
}

} // namespace

std::vector<placement> plan(job_queue& queue, plan_view view) {
  std::vector<placement> placements;
  std::map<uint64_t, job_queue::shape*> heads; // the first waiting job of each shape
  for (auto& [name, group] : queue.shapes())
    if (!group.pools.empty()) heads.emplace(*group.jobs.begin(), &group);

  bool reserved = false;
  while (!heads.empty()) {
    auto [id, group] = *heads.begin();
    heads.erase(heads.begin());
    std::optional<std::vector<assignment>> assignments;
    if (!group->blocked) assignments = place(group->pools, view.free);
    if (!assignments) {
      group->blocked = true;
      if (reserved || view.now_micros - view.create_micros(id) <= reservation_after_micros
          || !place(group->pools, view.total))
        continue;
      reserved = true;
      reserve(view.free, view.total, group->pools);
      continue;
    }
    auto next = group->jobs.upper_bound(id);
    if (next != group->jobs.end()) heads.emplace(*next, group);
    take(view.free, group->pools, *assignments);
    placements.push_back({id, std::move(*assignments)});
  }
  return placements;
}

} // namespace troupe::core
