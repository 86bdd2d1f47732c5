// A rank's membership in a job, as the C API and the tests use it: opens, starts operations, waits
// for them, and leaves. The work is done by its parts: rank_session.hpp has the control
// connections, rank_data.hpp the data path, group_table.hpp the groups and how arrays are shared
// out.
#pragma once

#include "reduction/rank/rank_session.hpp"

namespace troupe::reduction {

/// A collective as the caller wants it. Counts as in troupe.h.
struct operation_call {
  collective kind = collective::barrier;
  const void* input = nullptr;
  void* output = nullptr;
  uint64_t count = 0;
  dtype type = dtype::uint8;
  reduce_op op = reduce_op::sum;
  uint32_t root = 0;
  const lane_plan* plan = nullptr; // none: chosen by the size; lives as long as the operation
};

struct communicator_stats {
  uint64_t operations = 0;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint32_t reducers = 0;
  uint32_t reducers_alive = 0;
  double kappa = 0;
  double reducer_share = 0;
  std::string waiting_for;
};

class communicator {
public:
  /// Meets all reducers and ranks; see meet for the errors.
  static result<std::unique_ptr<communicator>> open(communicator_options options);
  ~communicator();
  communicator(const communicator&) = delete;
  communicator& operator=(const communicator&) = delete;

  /// Starts an operation of a group (0: all ranks). Arrays stay valid and untouched until it is
  /// finished. Every rank of the group must start the same operations in the same order. Fails at
  /// once when the communicator has failed or was finalized. `soon`: wait() follows at once.
  result<operation_ptr> start(uint32_t group_id, const operation_call& call, bool soon = false);
  result<> wait(operation& op) { return data_.wait(op); }
  bool finished(const operation& op) const { return op.finished.load(std::memory_order_acquire); }

  /// See troupe_group.
  result<> add_group(uint32_t id, std::vector<uint32_t> ranks);
  /// Waits until all members have come here, at most the timeout, and ends the group.
  result<> end_group(uint32_t id);
  /// Of a group that has not ended.
  uint32_t group_rank(uint32_t id) { return groups_.find(id)->rank; }
  uint32_t group_size(uint32_t id) { return groups_.find(id)->size(); }

  void use_wire(std::optional<dtype> wire) { wire_ = wire; }

  /// Leaves in good order: waits until all ranks have come here, at most the timeout. Errors:
  /// failed_precondition where operations are still under way (they fail, and so does the job).
  /// After a failure it returns success. The second call does nothing.
  result<> finalize();

  const communicator_options& options() const { return options_; }
  /// Why the communicator can no longer be used, if so.
  result<> health() { return data_.health(); }
  communicator_stats stats();

  /// In a forked child: lets go of the control connections, so that the parent's death is noticed
  /// by its peers even while the child lives. The child cannot use the communicator any more.
  void abandon_after_fork() { session_.abandon_after_fork(); }

private:
  communicator(communicator_options options, meeting& met);
  result<> begin();
  result<> connect_ranks(bool every_rank);
  result<> measure_kappa();
  result<double> time_of(const lane_plan& plan, std::vector<float>& array);
  result<> run(const operation_call& call);
  void install_world(double kappa);

  const communicator_options options_;
  const lane_layout layout_;
  const double kappa_setting_; // rank 0's, see roster
  std::atomic<std::optional<dtype>> wire_{std::optional<dtype>()};
  group_table groups_;
  rank_data data_;
  rank_session session_;
};

} // namespace troupe::reduction
