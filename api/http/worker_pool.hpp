// A few threads that take work off the event loop: reading the store, parsing bodies, waiting for
// nodes.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace troupe::api {

class worker_pool {
public:
  explicit worker_pool(size_t threads);
  /// Finishes what was posted.
  ~worker_pool();

  void post(std::function<void()> work);

private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

} // namespace troupe::api
