// Counts the requests that the server has answered, for /metrics.
#pragma once

#include "base/thread_annotations.hpp"

#include <cstdint>
#include <map>

namespace troupe::api {

/// Safe to use from any thread.
class request_counts {
public:
  void add(int status);
  std::map<int, uint64_t> by_status() const;

private:
  mutable checked_mutex mutex_;
  std::map<int, uint64_t> by_status_ TROUPE_GUARDED_BY(mutex_);
};

} // namespace troupe::api
