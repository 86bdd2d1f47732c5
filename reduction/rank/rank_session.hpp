// A rank's part in its job: the control connections to the reducers and to the hub, heartbeats,
// silence, the loss of a reducer, and leaving. The background thread that runs it also drives the
// data path while nobody waits for an operation, see rank_data.hpp. What happens when a reducer is
// lost is told in control/hub.hpp.
//
// Everything without a mutex belongs to the background thread; once that has ended, to the thread
// that leaves.
#pragma once

#include "reduction/rank/group_table.hpp"
#include "reduction/rank/rank_data.hpp"

namespace troupe::reduction {

class rank_session {
public:
  rank_session(const communicator_options& options, const lane_layout& layout, meeting& met,
               rank_data& data, group_table& groups);
  rank_session(const rank_session&) = delete;
  rank_session& operator=(const rank_session&) = delete;

  /// Starts the background thread.
  void start();
  bool started() const { return thread_.joinable(); }
  /// All reducers have answered once: from now on the loss of one does not end the job.
  void mark_begun() { begun_ = true; }
  /// Ends all threads and leaves in good order, or fails the job where operations are under way.
  void leave();
  /// In a forked child: lets go of the connections.
  void abandon_after_fork();

  uint32_t reducers_alive() const;
  /// What a reducer says that it waits for; "" where none has said so of late.
  std::string waiting_for(time_point now) const;

private:
  struct reducer_link {
    frame_socket control;
    time_point last_heard;
    bool alive = true;
    bool reported = false; // to the hub
    std::optional<std::pair<time_point, std::string>> suspicion;
  };

  void run();
  void serve_control(bool sleep, time_point now);
  void receive_from_reducer(uint32_t index);
  void on_reducer_failure(uint32_t index, const frame& message);
  void receive_from_hub();
  void on_pause(const pause_order& order);
  void on_resume(const resume_order& order);
  std::vector<uint32_t> close_lost(const std::vector<missing>& lost);
  void judge_notes(time_point now);
  void report_missing(uint32_t index, const std::string& reason);
  void tick();
  void beat_and_flush(time_point now);
  void check_silence(time_point now);
  void check_attachment(time_point now);
  std::string silence_text() const;
  void fail_all(error why);
  void send_all(frame_type type, byte_span payload);
  uint32_t count_alive() const;
  std::vector<bool> alive_flags() const;

  const communicator_options& options_;
  const lane_layout& layout_;
  rank_data& data_;
  group_table& groups_;
  std::vector<reducer_link> reducers_;
  frame_socket hub_;
  std::unique_ptr<class hub> own_hub_;
  std::string hub_place_; // rank 0's, for people
  std::atomic<bool> begun_ = false;
  bool failed_ = false;
  uint32_t round_ = 0;
  time_point last_event_, last_poll_, next_tick_, last_tick_, next_heartbeat_, hub_heard_;
  std::thread thread_;

  mutable checked_mutex mutex_;
  uint32_t alive_ TROUPE_GUARDED_BY(mutex_) = 0;
  std::string waiting_for_ TROUPE_GUARDED_BY(mutex_);
  time_point waiting_since_ TROUPE_GUARDED_BY(mutex_);
};

} // namespace troupe::reduction
