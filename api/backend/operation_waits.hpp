// Requests that wait until an operation is done. One thread serves all of them, and it sleeps while
// there are none.
#pragma once

#include "api/query/message.hpp"
#include "store/store.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
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
  /// Answers if the operation is done, if the wait is over, or if there is nothing to wait for.
  bool try_to_answer(const wait&) const;

  const store::database& database_;
  const std::atomic<bool>& stopping_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<wait> added_;
  bool ending_ = false;
  std::thread thread_;
};

} // namespace troupe::api
