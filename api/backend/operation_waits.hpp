// Requests that wait until an operation is done. One thread serves all of them, and it sleeps while
// there are none.
#pragma once

#include "api/query/message.hpp"
#include "base/thread_annotations.hpp"
#include "store/store.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <thread>
#include <vector>

namespace troupe::api {

class operation_waits {
public:
  /// `stopping` ends every wait.
  operation_waits(const store::database&, const std::atomic<bool>& stopping);
  ~operation_waits();

  struct wait {
    std::string key; // of the operation in its family
    std::chrono::steady_clock::time_point deadline;
    wire::json_options json;
    answer reply;
  };

  /// Answers with the operation when it is done, or as it is at the deadline.
  void add(wait);

private:
  void run();
  /// Moves the waits that were added into `waiting`. Sleeps before, until there is something to do.
  /// False when the owner is being destroyed.
  bool collect(std::vector<wait>& waiting) TROUPE_EXCLUDES(mutex_);
  /// Answers if the operation is done, if the wait is over, or if there is nothing to wait for.
  bool try_to_answer(const wait&) const;

  const store::database& database_;
  const std::atomic<bool>& stopping_;
  checked_mutex mutex_;
  std::condition_variable changed_;
  std::vector<wait> added_ TROUPE_GUARDED_BY(mutex_);
  bool ending_ TROUPE_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

} // namespace troupe::api
