// Counts the requests that the server has answered, for /metrics.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>

namespace troupe::api {

/// Safe to use from any thread.
class request_counts {
public:
  void add(int status);
  std::map<int, uint64_t> by_status() const;

private:
  mutable std::mutex mutex_;
  std::map<int, uint64_t> by_status_;
};

} // namespace troupe::api
