// One job at a reducer: its ranks, and its share of every data thread. Jobs share the threads and
// nothing else: each has UCX workers, shards, buffers and secrets that no other job has, so one
// that ends badly does not disturb another.
#pragma once

#include "reduction/control/membership.hpp"
#include "reduction/reducer/data_thread.hpp"
#include "reduction/reducer/reducer.hpp"

namespace troupe::reduction {

class reducer_job {
public:
  reducer_job(membership::rules chosen, std::string token, const reducer_options& options,
              std::vector<std::unique_ptr<data_thread>>& threads, int wake_fd, event_log& log);
  ~reducer_job();
  reducer_job(const reducer_job&) = delete;
  reducer_job& operator=(const reducer_job&) = delete;

  membership& members() { return members_; }
  const std::string& token() const { return token_; }
  bool is(const hello& identity) const {
    return identity.job == job_ && identity.attempt == attempt_;
  }
  /// Serves the control connections, and judges what the data threads have noted.
  void serve(time_point now);
  void tick(time_point now);
  bool ended() const;
  /// Gives the ranks time to read the last frames, frees everything, and returns how the job went.
  result<> end();

private:
  void begin();
  result<> begin_data();
  shard_host::callbacks make_callbacks();
  void take_notes(time_point now);
  void log_late_ranks(time_point now);
  std::string hub_address() const;

  std::string job_;
  uint32_t attempt_;
  std::string token_;
  const reducer_options& options_;
  std::vector<std::unique_ptr<data_thread>>& threads_;
  int wake_fd_;
  event_log& log_;
  membership members_;
  std::vector<uint64_t> secrets_;                 // by rank
  std::vector<std::shared_ptr<data_unit>> units_; // by thread
  uint32_t attached_ = 0;
  uint32_t expected_ = 0;     // attachments
  std::optional<error> lost_; // the first rank that was lost
  bool over_ = false;
  uint32_t late_operation_ = UINT32_MAX;
  milliseconds next_late_log_{0};
  time_point next_waiting_words_;
  size_t peak_bytes_ = 0;

  bool stranger_logged_ = false;

  // What the data threads report.
  checked_mutex mutex_;
  std::vector<std::pair<uint32_t, std::string>> broken_ TROUPE_GUARDED_BY(mutex_);
  std::optional<error> trouble_ TROUPE_GUARDED_BY(mutex_);
  uint32_t newly_attached_ TROUPE_GUARDED_BY(mutex_) = 0;
  uint64_t strangers_ TROUPE_GUARDED_BY(mutex_) = 0; // messages without the job's secret
};

} // namespace troupe::reduction
