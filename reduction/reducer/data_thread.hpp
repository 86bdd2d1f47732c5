// A thread of a reducer: drives the UCX workers of all jobs that the reducer serves, each with its
// shards. A chunk is received, combined and sent back by one thread, without handing it on.
//
// It spins for a moment after something happened and then sleeps, so an idle reducer takes no CPU.
#pragma once

#include "base/thread_annotations.hpp"
#include "reduction/reducer/shard_host.hpp"

#include <atomic>
#include <list>
#include <memory>
#include <thread>

namespace troupe::reduction {

/// One job's share of one thread. Made by the control thread, then the data thread's own.
struct data_unit {
  std::unique_ptr<shard_host> host; // outlives the worker, whose last messages it may still get
  std::unique_ptr<am_worker> data;

  checked_mutex mutex;
  std::optional<waiting_chunk> waiting TROUPE_GUARDED_BY(mutex); // the control thread reads it
};

class data_thread {
public:
  data_thread(uint32_t index, uint32_t spin_us);
  ~data_thread();
  data_thread(const data_thread&) = delete;
  data_thread& operator=(const data_thread&) = delete;

  /// From now on it sleeps at once, because others on this machine need the cores.
  void stop_spinning() { spin_us_ = 0; }
  void add(std::shared_ptr<data_unit> unit);
  /// Blocks until the thread has released the unit and closed its connections; `abandoned` leaves
  /// them to the end of the process, see am_worker.
  void remove(const std::shared_ptr<data_unit>& unit, bool abandoned);

private:
  void post(std::function<void()> task);
  void run();
  void run_tasks();
  bool drive();
  void sleep();
  void publish_waiting();

  std::atomic<uint32_t> spin_us_;
  unique_fd wake_fd_;
  std::vector<std::shared_ptr<data_unit>> units_; // the thread's

  checked_mutex mutex_;
  std::list<std::function<void()>> tasks_ TROUPE_GUARDED_BY(mutex_);
  std::atomic<bool> has_tasks_ = false;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

} // namespace troupe::reduction
