// A few threads that do what the event loop must not wait for: reading the store, parsing bodies,
// waiting for nodes.
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
  /// Finishes all posted work.
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
