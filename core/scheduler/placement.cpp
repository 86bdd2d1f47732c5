#include "core/scheduler/placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <tuple>

namespace troupe::core {

bool fits(const amounts& demand, const amounts& free) {
  if (demand.cpu_millis > free.cpu_millis || demand.memory_bytes > free.memory_bytes
      || demand.gpus > free.gpus)
    return false;
  return demand.gpus == 0 || demand.gpu_type == wire::AcceleratorType::UNSPECIFIED
         || demand.gpu_type == free.gpu_type;
}

void take(amounts& free, const amounts& demand) {
  free.cpu_millis -= demand.cpu_millis;
  free.memory_bytes -= demand.memory_bytes;
  free.gpus -= demand.gpus;
}

void give(amounts& free, const amounts& demand) {
  free.cpu_millis += demand.cpu_millis;
  free.memory_bytes += demand.memory_bytes;
  free.gpus += demand.gpus;
}

namespace {

/// How many replicas with this demand fit in what is left.
uint64_t times(const amounts& demand, const room& where, uint64_t wanted) {
  if (!where.open || !fits(demand, where.free)) return 0;
  uint64_t most = std::min(wanted, where.ports);
  if (demand.cpu_millis > 0) most = std::min(most, where.free.cpu_millis / demand.cpu_millis);
  if (demand.memory_bytes > 0) most = std::min(most, where.free.memory_bytes / demand.memory_bytes);
  if (demand.gpus > 0) most = std::min<uint64_t>(most, where.free.gpus / demand.gpus);
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
  std::vector<room> rooms;
  std::vector<uint64_t> left; // replicas still to seat, by demand
  std::vector<seat> seats;

  search(std::span<const pool_demand> wanted, std::span<const room> given)
      : demands(wanted), order(by_size(wanted)), rooms(given.begin(), given.end()) {
    for (const pool_demand& demand : demands)
      left.push_back(demand.count);
  }

  uint64_t missing() const {
    uint64_t sum = 0;
    for (uint64_t count : left)
      sum += count;
    return sum;
  }

  /// How many of the missing replicas the room takes, the large ones first; `seat_them` makes it
  /// so.
  uint64_t fill(size_t where, bool seat_them) {
    room kept = rooms[where];
    uint64_t taken = 0;
    for (size_t d : order) {
      uint64_t count = times(demands[d].each, kept, left[d]);
      for (uint64_t i = 0; i < count; ++i)
        take(kept.free, demands[d].each);
      kept.ports -= count;
      taken += count;
      if (seat_them) sit(d, where, count);
    }
    if (seat_them) rooms[where] = kept;
    return taken;
  }

  void sit(size_t d, size_t where, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      auto index = static_cast<uint32_t>(demands[d].count - left[d]);
      seats.push_back({demands[d].pool, index, where});
      --left[d];
    }
  }

  auto tightness(size_t where) const {
    const amounts& free = rooms[where].free;
    return std::tuple(free.gpus, free.cpu_millis, free.memory_bytes);
  }

  /// Node after node, each time the one that takes most of what is missing.
  bool pack() {
    while (missing() > 0) {
      uint64_t most = 0;
      size_t best = 0;
      for (size_t i = 0; i < rooms.size(); ++i) {
        uint64_t taken = fill(i, false);
        if (taken == 0 || taken < most) continue;
        if (taken > most || tightness(i) < tightness(best)) most = taken, best = i;
      }
      if (most == 0) return false;
      fill(best, true);
    }
    return true;
  }

  /// Replica after replica, each in the tightest room: finds some mixed gangs that pack() misses.
  bool spread() {
    for (size_t d : order)
      while (left[d] > 0) {
        std::optional<size_t> best;
        for (size_t i = 0; i < rooms.size(); ++i)
          if (times(demands[d].each, rooms[i], 1) > 0 && (!best || tightness(i) < tightness(*best)))
            best = i;
        if (!best) return false;
        take(rooms[*best].free, demands[d].each);
        --rooms[*best].ports;
        sit(d, *best, 1);
      }
    return true;
  }
};

} // namespace

std::optional<std::vector<seat>> place(std::span<const pool_demand> demands,
                                       std::span<const room> rooms) {
  search packed(demands, rooms);
  search* found = &packed;
  std::optional<search> spread;
  if (!packed.pack()) {
    spread.emplace(demands, rooms);
    if (!spread->spread()) return std::nullopt;
    found = &*spread;
  }
  std::ranges::sort(found->seats, {}, [](const seat& s) { return std::pair(s.pool, s.index); });
  return std::move(found->seats);
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
