// Requests that wait for an operation to be done. They hold no thread each: one thread looks after
// all of them, and it sleeps while there are none.
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
    answer done;
  };

  /// Answers with the operation once it is done, or with what it is at the deadline.
  void add(wait);

private:
  void run();
  bool answered(const wait&) const;

  const store::database& database_;
  const std::atomic<bool>& stopping_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<wait> added_;
  bool ending_ = false;
  std::thread thread_;
};

} // namespace troupe::api
