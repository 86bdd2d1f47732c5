// How the bytes of an operation are shared out: the share that dedicated reducers take, which lane
// (a thread of a reducer, or a worker itself) gets which chunk, and how long a chunk is. Pure
// arithmetic, so every rank computes the same without messages, and a test can check it against
// brute force.
#pragma once

#include "reduction/control/collective.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace troupe::reduction {

enum class bottleneck : uint8_t {
  workers,  // their links are full; more reducers do not help
  reducers, // more of them, or faster ones, shorten the operation
};

/// The theory of an all-reduce of S bytes by workers whose links carry B bytes per second
/// each way. Factors are times in units of S/B.
struct split {
  double reducer_share = 0;        // of each array's bytes that goes to the dedicated reducers: f
  double time_factor = 0;          // the best split's: no way of moving the bytes is faster
  double ring_factor = 0;          // without reducers
  double reducers_only_factor = 0; // everything through the reducers; infinite without any
  double speedup_over_ring = 1;
  double speedup_over_reducers_only = 1;
  bottleneck limited_by = bottleneck::workers;
};

/// `kappa` is the bandwidth of all dedicated reducers together, in links of one worker. One worker
/// alone sends nothing. With two, a ring is as fast as any split.
split best_split(uint32_t workers, double kappa);

/// The time factor where `reducer_share` of the bytes goes to reducers and the workers reduce the
/// rest among themselves.
double time_factor_of(double reducer_share, uint32_t workers, double kappa);

/// How many reducers with links of `reducer_bandwidth` let everything go through them at the
/// workers' full rate. 0 where a bandwidth is not positive.
uint64_t reducers_for_full_rate(uint32_t workers, double worker_bandwidth,
                                double reducer_bandwidth);

/// Deals chunks out to lanes. Lanes 0 to D-1 are the dedicated ones, D to D+n-1 those in the
/// workers. Each run of consecutive chunks, from whichever on, is within two chunks of its lanes'
/// shares; all workers' lanes have the same share. Weights are rounded to 1/65536 before anything
/// is computed from them, and integers follow, so all machines get the same pattern.
class lane_plan {
public:
  static constexpr uint64_t never = std::numeric_limits<uint64_t>::max();

  lane_plan() : lane_plan({1.0}, 0, 1.0) {}

  /// Dedicated lanes share `reducer_share` in proportion to their weights, `colocated` lanes the
  /// rest in equal parts. Without lanes of one kind those of the other take all. A weight that is
  /// not a positive number counts as 0; dedicated lanes that all have 0 are not used, or share
  /// equally where there are no others.
  lane_plan(std::vector<double> dedicated_weights, uint32_t colocated, double reducer_share);

  uint32_t lanes() const { return lanes_; }
  /// Chunks after which the pattern repeats.
  uint32_t period() const { return static_cast<uint32_t>(pattern_.size()); }
  bool uses_colocated() const { return uses_colocated_; }

  /// Operations start at different places of the pattern, so that short ones load all lanes.
  uint32_t lane_of(uint64_t operation, uint64_t chunk) const {
    return pattern_[position(operation, chunk)];
  }
  /// The first chunk from `chunk` on that is `lane`'s; `never` where it gets none.
  uint64_t next(uint32_t lane, uint64_t operation, uint64_t chunk) const {
    const auto ahead = ahead_[lane * pattern_.size() + position(operation, chunk)];
    return ahead == none ? never : chunk + ahead;
  }

  /// The lane's part of the chunks, relative to the mean of the lanes that have any: 1 where all
  /// have the same.
  double weight(uint32_t lane) const { return weights_[lane]; }

private:
  static constexpr uint16_t none = std::numeric_limits<uint16_t>::max();

  size_t position(uint64_t operation, uint64_t chunk) const {
    return (operation + chunk) % pattern_.size();
  }

  uint32_t lanes_ = 0;
  bool uses_colocated_ = false;
  std::vector<double> weights_; // by lane
  std::vector<uint16_t> pattern_;
  std::vector<uint16_t> ahead_; // by lane and position: chunks until the lane's next one
};

/// How many chunks a lane should have under way at least. Two keep the links busy if nothing ever
/// stalls; a third makes up for scheduling. But an operation ends only when all that is under way
/// has come back: where a chunk on each of `lanes` is more than a hundredth of it, that costs more.
constexpr uint32_t least_window(uint64_t bytes, uint64_t chunk_bytes, uint32_t lanes) {
  return chunk_bytes * lanes * 100 > bytes ? 2 : 3;
}

/// The size of the chunks of an operation over `bytes` bytes. At most `limit_bytes`, which is a
/// multiple of 8; otherwise a multiple of 64. The last chunk of an array may be shorter.
uint64_t chunk_bytes_for(uint64_t bytes, uint32_t world_size, uint32_t limit_bytes);

} // namespace troupe::reduction
