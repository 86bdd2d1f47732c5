#include "api/http/worker_pool.hpp"

namespace troupe::api {

worker_pool::worker_pool(size_t threads) {
  for (size_t index = 0; index < threads; ++index)
    threads_.emplace_back([this] { run(); });
}

worker_pool::~worker_pool() {
  {
    mutex_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  threads_.clear();
}

void worker_pool::post(std::function<void()> work) {
  {
    mutex_lock lock(mutex_);
    queue_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void worker_pool::run() {
  while (auto work = next())
    work();
}

std::function<void()> worker_pool::next() {
  mutex_lock lock(mutex_);
  while (!stopping_ && queue_.empty())
    lock.wait(changed_);
  if (queue_.empty()) return {};
  auto work = std::move(queue_.front());
  queue_.pop_front();
  return work;
}

} // namespace troupe::api
