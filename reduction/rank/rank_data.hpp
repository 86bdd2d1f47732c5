// The data path of a rank: its engines, the threads that drive them, and the operations under way.
//
// One engine: rank_session's background thread drives it while nobody waits, and a caller that
// waits for an operation drives it itself, which saves handing over between threads. Several: each
// serves its part of the lanes from a thread (the first from the background thread), and callers
// only wait.
//
// Locks: an engine's mutex is taken before mutex_, never the other way round.
#pragma once

#include "base/thread_annotations.hpp"
#include "reduction/rank/lane_layout.hpp"
#include "reduction/rank/rank_engine.hpp"
#include "reduction/rank/rendezvous.hpp"

#include <condition_variable>
#include <set>
#include <thread>

struct pollfd;

namespace troupe::reduction {

class rank_data {
public:
  /// What the engines have noticed since the last look, for the session to judge.
  struct notes {
    std::vector<std::pair<uint32_t, std::string>> lost_lanes; // and the reasons
    std::optional<error> trouble; // ranks disagree, or one broke the protocol
  };

  rank_data(const communicator_options& options, const lane_layout& layout, meeting& met);
  rank_data(const rank_data&) = delete;
  rank_data& operator=(const rank_data&) = delete;

  /// Opens the connections to all reducers. Errors: unavailable.
  result<> connect_reducers();
  /// Starts the threads of the engines beyond the first.
  void start_threads();
  /// Opens the connections to these lanes and waits until they are attached. Errors: unavailable,
  /// or what the communicator failed with meanwhile.
  result<> connect_lanes(const std::vector<uint32_t>& lanes);
  result<> await_attached();
  /// Lets the ranks connect to this one, until all have.
  void admit_ranks();

  /// Errors: unavailable, where a connection cannot be made.
  result<> add_group(const std::shared_ptr<const group>& info);
  void remove_group(uint32_t id);

  /// Hands the operation to the engines; wake() follows. Errors: what the communicator failed with.
  result<> submit(const operation_ptr& op);
  /// Wakes the threads that drive the engines. `soon`: the caller waits at once and drives itself.
  void wake(bool soon);
  result<> wait(operation& op);
  /// Only waits, at most until the deadline.
  void wait_until(const operation& op, time_point deadline);
  /// What the communicator failed with, if so.
  result<> health() const;
  /// Operations are under way, and have not failed.
  bool busy() const;
  uint64_t operations_done() const;
  uint64_t bytes_sent();
  uint64_t bytes_received();

  // For the background thread.

  /// Whether it is this thread that drives the first engine now.
  bool drives_in_background(time_point now) const;
  bool drive_first();
  /// Adds the descriptors to sleep on, and shortens `until`; false where there is work at once.
  bool prepare_sleep(std::vector<pollfd>& fds, bool sleep, time_point now, time_point& until);
  int background_fd() const { return background_fd_.value(); }
  std::chrono::microseconds spin() const { return spin_; }
  notes take_notes();
  /// Looks whether all lanes are attached by now.
  void update_attached();
  /// A lane that is not attached though connect_timeout_ms have passed.
  std::optional<uint32_t> overdue_lane(time_point now);

  /// A reducer is lost: lets go of its lanes and holds the streams on them. `hosts` as
  /// lane_layout::hosts gives them. How far each held stream has come.
  std::vector<stream_state> hold_lanes(const std::vector<uint32_t>& lost,
                                       const std::vector<uint32_t>& hosts);
  /// Sets held streams going again at their new hosts, after concluding the groups that have ended
  /// elsewhere. Errors: unavailable.
  result<> resume(const std::vector<uint32_t>& ended_groups, const std::vector<stream_move>& moves);
  /// Ends all traffic, then fails all operations. The callers may free their arrays when they learn
  /// of the failure, so no send is under way then.
  void fail(const error& why);

  /// Asks all threads to end; join() waits for those of this class.
  void stop();
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  void join();
  /// Frees the engines. No thread drives them any more.
  void close() { engines_.clear(); }

private:
  struct engine_thread {
    uint32_t index = 0;
    std::unique_ptr<rank_engine> path;
    unique_fd wake_fd;
    std::atomic<bool> has_submissions = false;
    std::thread thread; // none for the first, which the background thread drives
  };

  std::vector<lane_place> places(const meeting& met) const;
  void make_engines(meeting& met);
  void host_shards(const roster& everyone);
  void note_lost_lane(uint32_t lane, const std::string& reason) TROUPE_EXCLUDES(mutex_);
  template <class Task>
  void on_each_engine(const Task& task);
  bool drive(engine_thread& driven);
  void take_submissions(engine_thread& driven);
  void run_engine(engine_thread& driven);
  void drive_until_finished(operation& op);
  bool become_driver(const operation& op) TROUPE_EXCLUDES(mutex_);
  void release_driver() TROUPE_EXCLUDES(mutex_);
  bool arm(engine_thread& driven);
  void on_finished(const operation_ptr& op) TROUPE_EXCLUDES(mutex_);

  const communicator_options& options_;
  const lane_layout& layout_;
  uint32_t chunk_bytes_ = 256 * 1024;
  uint32_t slots_ = 16;
  std::vector<uint32_t> rank_hosts_; // IPv4 addresses of the ranks, in network order
  std::chrono::microseconds spin_;
  std::vector<std::unique_ptr<engine_thread>> engines_;
  unique_fd background_fd_; // wakes the background thread
  std::atomic<time_point> opened_;
  std::atomic<bool> control_wants_engines_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> caller_drives_ = false;
  std::atomic<bool> attached_ = false;
  std::atomic<bool> drive_requested_ = true;
  std::atomic<time_point::rep> last_call_ = 0;

  mutable checked_mutex mutex_;
  std::condition_variable changed_;
  std::set<operation_ptr> unfinished_ TROUPE_GUARDED_BY(mutex_);
  std::vector<std::deque<operation_ptr>> submitted_ TROUPE_GUARDED_BY(mutex_); // by engine
  uint64_t operations_done_ TROUPE_GUARDED_BY(mutex_) = 0;
  uint32_t waiters_ TROUPE_GUARDED_BY(mutex_) = 0;
  std::optional<error> failure_ TROUPE_GUARDED_BY(mutex_);
  notes notes_ TROUPE_GUARDED_BY(mutex_);
  uint32_t ranks_attached_ TROUPE_GUARDED_BY(mutex_) = 0; // to this rank's own shards
  bool sealed_ TROUPE_GUARDED_BY(mutex_) = true;          // nobody new can reach the data path
};

} // namespace troupe::reduction
