// An operation under way, and the group of ranks that it belongs to.
#pragma once

#include "base/error.hpp"
#include "reduction/control/collective.hpp"
#include "reduction/rank/plan.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace troupe::reduction {

/// Some ranks of the job, in an order that the group defines.
struct group {
  uint32_t id = 0;               // 0: all ranks
  std::vector<uint32_t> members; // the job's ranks
  uint32_t rank = 0;             // this process's place among them
  lane_plan bulk;                // how long arrays are shared out over the lanes
  lane_plan brief;               // short ones

  uint32_t size() const { return static_cast<uint32_t>(members.size()); }
};

struct operation {
  std::shared_ptr<const group> of;
  uint64_t number = 0; // among the group's
  shape form;
  dtype type = dtype::uint8; // in memory; form.type is that on the way
  const std::byte* input = nullptr;
  std::byte* output = nullptr;
  const lane_plan* plan = nullptr;
  uint64_t phase = 0; // where in the plan's pattern it starts
  uint64_t chunks = 0;
  uint32_t least_window = 2; // see plan.hpp

  std::atomic<uint32_t> shares_missing = 0; // engines that are not done
  std::atomic<bool> finished = false;       // written under rank_data's mutex
  result<> outcome;                         // likewise; read after `finished`
};
using operation_ptr = std::shared_ptr<operation>;

} // namespace troupe::reduction
