// The groups of ranks that this rank belongs to: which ranks they have, how their arrays are shared
// out over the lanes, and the number of the next operation in each. Group 0 is all ranks.
#pragma once

#include "base/thread_annotations.hpp"
#include "reduction/rank/environment.hpp"
#include "reduction/rank/lane_layout.hpp"
#include "reduction/rank/operation.hpp"

#include <functional>
#include <map>
#include <set>

namespace troupe::reduction {

class group_table {
public:
  /// `chunk_bytes`: the longest chunk.
  group_table(const communicator_options& options, const lane_layout& layout, uint32_t chunk_bytes);

  /// All ranks, with arrays shared out for reducers whose bandwidth together is `kappa` links.
  std::shared_ptr<const group> world_for(double kappa) const;
  /// Makes it group 0. A later world takes the place of the one before, and the numbers go on.
  void install_world(std::shared_ptr<const group> world, double kappa);

  /// Errors: invalid_argument for an id or a list of ranks that cannot name a group; already_exists.
  result<std::shared_ptr<const group>> add(uint32_t id, std::vector<uint32_t> ranks);
  void end(uint32_t id);
  /// Nothing where this rank has no such group, or no longer.
  std::shared_ptr<const group> find(uint32_t id) const;
  /// Groups that have ended here, for the hub.
  std::vector<uint32_t> ended() const;

  /// From now on only `leave` operations are numbered. False where it was closed already.
  bool close();
  /// Completes the operation, whose form says what the caller wants: its group, plan, chunks and
  /// number. Then calls `submit`, before any other operation gets its number: operations reach the
  /// data path in the order of their numbers. Errors: failed_precondition, where the group or the
  /// communicator has ended; those of `submit`.
  result<> number(uint32_t group_id, operation& op, const std::function<result<>()>& submit);

  /// Everything through the reducers; everything among the ranks.
  lane_plan reducers_only() const;
  lane_plan ranks_only() const;
  double kappa() const;
  double reducer_share() const;

private:
  struct record {
    std::shared_ptr<const group> info;
    uint64_t operations = 0;
  };
  std::shared_ptr<const group> make(uint32_t id, std::vector<uint32_t> ranks,
                                    double reducer_share) const;
  double share_for(double kappa) const;
  std::vector<double> reducer_weights() const;
  void describe(const group& of, operation& op) const;

  const communicator_options& options_;
  const lane_layout& layout_;
  const uint32_t chunk_bytes_;

  mutable checked_mutex mutex_;
  std::map<uint32_t, record> groups_ TROUPE_GUARDED_BY(mutex_);
  std::set<uint32_t> ended_ TROUPE_GUARDED_BY(mutex_);
  bool closed_ TROUPE_GUARDED_BY(mutex_) = false;
  double kappa_ TROUPE_GUARDED_BY(mutex_) = 0;
  double reducer_share_ TROUPE_GUARDED_BY(mutex_) = 1;
};

} // namespace troupe::reduction
