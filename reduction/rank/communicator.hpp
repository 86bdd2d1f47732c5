// A rank's side of the reduction tier. A background thread keeps the control connections to the
// reducers and to the hub, and drives the data path while nobody waits; who waits for an operation
// drives it itself, which saves handing over. With several threads, each serves its part of the
// lanes, and callers only wait.
//
// Lanes are numbered alike on all ranks: first the reducers' threads, reducer by reducer, then the
// ranks. What goes where is decided by plan.hpp; how chunks travel by engine.hpp; what happens when
// a reducer is lost by hub.hpp.
#pragma once

#include "reduction/rank/rank_engine.hpp"
#include "reduction/rank/rendezvous.hpp"

#include <condition_variable>
#include <set>
#include <thread>

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
  /// done. Every rank of the group must start the same operations in the same order. Fails at once
  /// when the communicator has failed or was finalized. `soon` says that wait() follows at once.
  result<operation_ptr> start(uint32_t group_id, const operation_call& call, bool soon = false);
  result<> wait(operation& op);
  bool finished(const operation& op) const { return op.finished.load(std::memory_order_acquire); }

  /// See troupe_group.
  result<> add_group(uint32_t id, std::vector<uint32_t> ranks);
  /// Waits until all members have come here, at most the timeout, and ends the group.
  result<> end_group(uint32_t id);
  uint32_t group_rank(uint32_t id);
  uint32_t group_size(uint32_t id);

  void use_wire(std::optional<dtype> wire) { wire_ = wire; }

  /// Leaves in good order: waits until all ranks have come here, at most the timeout. Errors:
  /// failed_precondition where operations are still under way (they fail, and so does the job).
  /// After a failure it returns success. The second call does nothing.
  result<> finalize();

  const communicator_options& options() const { return options_; }
  /// Why the communicator can no longer be used, if so.
  result<> health();
  communicator_stats stats();

  /// In a forked child: lets go of the control connections, so that the parent's death is noticed
  /// by its peers even while the child lives. The child can use the communicator no more.
  void abandon_after_fork();

private:
  struct reducer_link {
    frame_socket control;
    time_point last_heard;
    bool alive = true;
    bool reported = false; // to the hub
    std::optional<std::pair<time_point, std::string>> suspicion;
  };
  struct engine_thread {
    std::unique_ptr<rank_engine> path;
    unique_fd wake_fd;
    std::atomic<bool> has_submissions = false;
    std::deque<operation_ptr> submitted; // under mutex_
    std::thread thread;                  // none for the first, which the background thread drives
  };
  struct group_record {
    std::shared_ptr<const group> info;
    uint64_t operations = 0;
  };

  communicator(communicator_options options, meeting met);
  std::vector<lane_place> places(const meeting& met) const;
  void make_engines(meeting& met);
  result<> begin();
  result<> connect_reducers();
  result<> connect_ranks(bool every_rank = false);
  result<> connect_lanes(const std::vector<uint32_t>& lanes);
  result<> measure_kappa();
  result<double> time_of(const lane_plan& plan, std::vector<float>& array);
  void install_world(double kappa);
  std::shared_ptr<const group> make_group(uint32_t id, std::vector<uint32_t> ranks,
                                          double reducer_share) const;
  result<> await_attached();
  uint32_t rank_lane(uint32_t rank) const {
    return static_cast<uint32_t>(reducers_.size()) * lanes_per_reducer_ + rank;
  }
  std::vector<double> reducer_weights() const;
  lane_plan reducers_only() const;

  bool drive(engine_thread& thread);
  void take_submissions(engine_thread& thread);
  void run_engine(engine_thread& thread);
  void drive_until_done(operation& op);
  void poke(bool soon);
  void on_done(const operation_ptr& op);
  void release_driver();

  // The background thread's.
  void run();
  bool drives_here(time_point now) const;
  void serve_control(bool sleep, time_point now);
  void receive_reducer(size_t index);
  void receive_hub();
  void on_failed_reducer(size_t index, const frame& message);
  void on_pause(const pause_order& order);
  void on_resume(const resume_order& order);
  void take_notes(time_point now);
  void lose_reducer(size_t index, const std::string& reason);
  void tick();
  void check_silence(time_point now);
  void fail_all(error why);
  void leave();
  std::vector<uint32_t> hosts() const;
  std::vector<uint32_t> lanes_of(size_t reducer) const;
  size_t reducers_alive() const;
  void with_each_engine(const std::function<void(rank_engine&)>& task);
  void admit_ranks();

  communicator_options options_;
  uint32_t lanes_per_reducer_ = 1;
  uint32_t chunk_bytes_ = 256 * 1024;
  uint32_t slots_ = 16;
  roster everyone_;
  std::vector<reducer_link> reducers_;
  frame_socket hub_;
  std::unique_ptr<class hub> own_hub_;
  std::vector<std::unique_ptr<engine_thread>> engines_;
  unique_fd control_fd_; // wakes the background thread
  std::atomic<time_point> opened_;
  time_point last_event_, last_poll_, next_tick_, last_tick_, next_heartbeat_, hub_heard_;
  std::chrono::microseconds spin_;
  uint32_t round_ = 0;
  std::atomic<std::optional<dtype>> wire_{std::optional<dtype>()};
  std::atomic<bool> control_wants_engines_ = false;
  std::atomic<bool> engines_stop_ = false;
  std::atomic<bool> caller_drives_ = false;
  std::atomic<bool> attached_ = false;
  std::atomic<bool> begun_ = false; // all reducers have answered once
  std::atomic<bool> drive_requested_ = true;
  std::atomic<time_point::rep> last_call_ = 0;

  std::mutex mutex_; // guards what follows
  std::condition_variable changed_;
  std::map<uint32_t, group_record> groups_;
  std::set<operation_ptr> unfinished_;
  std::set<uint32_t> ended_groups_;
  uint64_t operations_done_ = 0;
  uint32_t waiters_ = 0;
  std::optional<error> failure_;
  bool leaving_ = false;
  double kappa_ = 0;
  double reducer_share_ = 1;
  size_t alive_ = 0;
  std::string waiting_for_;
  time_point waiting_since_;
  // What engines noted while someone drove them.
  std::vector<std::pair<uint32_t, std::string>> lost_lanes_;
  std::optional<error> trouble_;
  uint32_t ranks_attached_ = 0; // to this rank's own shards

  bool failed_ = false; // the background thread's copy
  bool sealed_ = true;  // nobody new can reach the data path
  std::thread thread_;
};

} // namespace troupe::reduction
