// A few threads that do what the event loop must not wait for: reading the store, parsing bodies,
// waiting for nodes.
#pragma once

#include "base/thread_annotations.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

namespace troupe::api {

class worker_pool {
public:
  explicit worker_pool(size_t threads);
  /// Finishes all posted work.
  ~worker_pool();

  void post(std::function<void()> work);

private:
  void run();
  /// The next work; empty when the pool is stopping and all work is done.
  std::function<void()> next() TROUPE_EXCLUDES(mutex_);

  checked_mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_ TROUPE_GUARDED_BY(mutex_);
  bool stopping_ TROUPE_GUARDED_BY(mutex_) = false;
  std::vector<std::jthread> threads_;
};

} // namespace troupe::api
