#include "reduction/rank/lane_layout.hpp"

#include <numeric>

namespace troupe::reduction {

std::vector<uint32_t> lane_layout::lanes_of(uint32_t reducer) const {
  std::vector<uint32_t> out(lanes_per_reducer);
  std::iota(out.begin(), out.end(), reducer * lanes_per_reducer);
  return out;
}

std::vector<uint32_t> lane_layout::all_reducer_lanes() const {
  std::vector<uint32_t> out(reducer_lanes());
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

std::optional<uint32_t> lane_layout::reducer_of(uint32_t lane) const {
  if (lane >= reducer_lanes()) return std::nullopt;
  return lane / lanes_per_reducer;
}

std::vector<uint32_t> lane_layout::hosts(const std::vector<bool>& reducer_alive) const {
  std::vector<uint32_t> out;
  for (uint32_t lane = 0; lane < lanes(); ++lane) {
    out.push_back(lane);
    const auto home = reducer_of(lane);
    if (!home || reducer_alive[*home]) continue;
    out.back() = rank_lane(lane % world_size);
    for (uint32_t step = 1; step < reducers; ++step)
      if (const auto next = (*home + step) % reducers; reducer_alive[next]) {
        out.back() = next * lanes_per_reducer + lane % lanes_per_reducer;
        break;
      }
  }
  return out;
}

} // namespace troupe::reduction
