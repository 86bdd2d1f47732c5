// How a rank numbers its lanes, alike on all ranks: first the reducers' threads, reducer by reducer,
// then the ranks. And which lane's place serves a lane when reducers are lost.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace troupe::reduction {

struct lane_layout {
  uint32_t reducers = 0;
  uint32_t lanes_per_reducer = 1; // threads of each reducer
  uint32_t world_size = 1;

  uint32_t reducer_lanes() const { return reducers * lanes_per_reducer; }
  uint32_t lanes() const { return reducer_lanes() + world_size; }
  uint32_t rank_lane(uint32_t rank) const { return reducer_lanes() + rank; }
  /// The lanes of one reducer, or of all.
  std::vector<uint32_t> lanes_of(uint32_t reducer) const;
  std::vector<uint32_t> all_reducer_lanes() const;
  /// The reducer that the lane leads to; nothing where it leads to a rank.
  std::optional<uint32_t> reducer_of(uint32_t lane) const;

  /// By lane: the lane whose place serves it. While its reducer is alive, the lane itself;
  /// otherwise the next reducer that is alive, counted from the lane's own; without any, the ranks
  /// in turn. The answer depends only on which reducers are lost, not on when they were lost, so
  /// that ranks agree which open a group at different times.
  std::vector<uint32_t> hosts(const std::vector<bool>& reducer_alive) const;
};

} // namespace troupe::reduction
