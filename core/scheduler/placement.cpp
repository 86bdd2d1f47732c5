#include "core/scheduler/placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <tuple>

namespace troupe::core {

namespace {

/// How many replicas with this demand fit in what is left.
uint64_t times(const amounts& demand, const capacity& node, uint64_t wanted) {
  if (!node.open || !fits(demand, node.free)) return 0;
  uint64_t most = std::min(wanted, node.ports);
  if (demand.cpu_millis > 0) most = std::min(most, node.free.cpu_millis / demand.cpu_millis);
  if (demand.memory_bytes > 0) most = std::min(most, node.free.memory_bytes / demand.memory_bytes);
  if (demand.gpus > 0) most = std::min<uint64_t>(most, node.free.gpus / demand.gpus);
  return most;
}

/// Scarce things first: who needs GPUs must not find the node full of those who need none.
std::vector<size_t> by_size(std::span<const pool_demand> demands) {
  std::vector<size_t> order(demands.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::ranges::stable_sort(order, [&](size_t a, size_t b) {
    auto weight = [&](size_t i) {
      const amounts& each = demands[i].each;
      return std::tuple(each.gpus, each.cpu_millis, each.memory_bytes);
    };
    return weight(a) > weight(b);
  });
  return order;
}

struct search {
  std::span<const pool_demand> demands;
  std::vector<size_t> order;
  std::vector<capacity> capacities;
  std::vector<uint64_t> left; // replicas still to assign, by demand
  std::vector<assignment> assignments;

  search(std::span<const pool_demand> wanted, std::span<const capacity> given)
      : demands(wanted), order(by_size(wanted)), capacities(given.begin(), given.end()) {
    for (const pool_demand& demand : demands)
      left.push_back(demand.count);
  }

  uint64_t missing() const {
    uint64_t sum = 0;
    for (uint64_t count : left)
      sum += count;
    return sum;
  }

  /// How many of the missing replicas the node takes, the large ones first; `keep` makes it
  /// so.
  uint64_t fill(size_t node, bool keep) {
    capacity kept = capacities[node];
    uint64_t taken = 0;
    for (size_t d : order) {
      uint64_t count = times(demands[d].each, kept, left[d]);
      for (uint64_t i = 0; i < count; ++i)
        subtract(kept.free, demands[d].each);
      kept.ports -= count;
      taken += count;
      if (keep) assign_to(d, node, count);
    }
    if (keep) capacities[node] = kept;
    return taken;
  }

  void assign_to(size_t d, size_t node, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      auto index = static_cast<uint32_t>(demands[d].count - left[d]);
      assignments.push_back({demands[d].pool, index, node});
      --left[d];
    }
  }

  auto tightness(size_t node) const {
    const amounts& free = capacities[node].free;
    return std::tuple(free.gpus, free.cpu_millis, free.memory_bytes);
  }

  /// Node after node, each time the one that takes most of what is missing.
  bool pack() {
    while (missing() > 0) {
      uint64_t most = 0;
      size_t best = 0;
      for (size_t i = 0; i < capacities.size(); ++i) {
        uint64_t taken = fill(i, false);
        if (taken == 0 || taken < most) continue;
        if (taken > most || tightness(i) < tightness(best)) most = taken, best = i;
      }
      if (most == 0) return false;
      fill(best, true);
    }
    return true;
  }

  /// Replica after replica, each on the tightest node: finds some mixed gangs that pack() misses.
  bool spread() {
    for (size_t d : order)
      while (left[d] > 0) {
        std::optional<size_t> best;
        for (size_t i = 0; i < capacities.size(); ++i)
          if (times(demands[d].each, capacities[i], 1) > 0
              && (!best || tightness(i) < tightness(*best)))
            best = i;
        if (!best) return false;
        subtract(capacities[*best].free, demands[d].each);
        --capacities[*best].ports;
        assign_to(d, *best, 1);
      }
    return true;
  }
};

} // namespace

std::optional<std::vector<assignment>> place(std::span<const pool_demand> demands,
                                             std::span<const capacity> capacities) {
  search packed(demands, capacities);
  search* found = &packed;
  std::optional<search> spread;
  if (!packed.pack()) {
    spread.emplace(demands, capacities);
    if (!spread->spread()) return std::nullopt;
    found = &*spread;
  }
  std::ranges::sort(found->assignments, {},
                    [](const assignment& s) { return std::pair(s.pool, s.index); });
  return std::move(found->assignments);
}

std::string shape_of(std::span<const pool_demand> demands) {
  std::string shape;
  for (const pool_demand& demand : demands)
    fmt::format_to(std::back_inserter(shape), "{}*{}c{}m{}g{};", demand.count,
                   demand.each.cpu_millis, demand.each.memory_bytes, demand.each.gpus,
                   static_cast<int>(demand.each.gpu_type));
  return shape;
}

} // namespace troupe::core
