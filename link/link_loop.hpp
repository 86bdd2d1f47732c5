// The door to a link's thread. Tasks posted from any thread run on it one by one, outside every
// promise, so that a task may destroy whatever belongs to the thread.
#pragma once

#include "base/error.hpp"

#include <kj/async-io.h>

#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace troupe::link {

/// Outlives the thread that serves it: a task posted after the end is dropped.
class link_loop {
public:
  link_loop();
  link_loop(const link_loop&) = delete;
  ~link_loop();

  void post(std::function<void()> task);

  /// Runs tasks and events until stop().
  void serve(kj::AsyncIoContext& io);
  void stop();

private:
  std::vector<std::function<void()>> collect();

  int wake_fd_;
  std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;
  bool stopped_ = false;
};

/// What lives on the thread: made, run and destroyed there.
class resident {
public:
  virtual ~resident() noexcept(false) = default; // kj objects may throw at their end
  /// Ends politely; the thread waits for it before it destroys the resident.
  virtual kj::Promise<void> wind_down() = 0;
};

/// A thread with a kj event loop and one resident.
class link_thread {
public:
  using factory = std::function<result<std::unique_ptr<resident>>(kj::AsyncIoContext&,
                                                                  std::shared_ptr<link_loop>)>;

  /// Returns when the resident is made, with its error where it could not be.
  static result<std::unique_ptr<link_thread>> start(factory make);
  ~link_thread();

private:
  link_thread() : loop_(std::make_shared<link_loop>()) {}

  std::shared_ptr<link_loop> loop_;
  std::thread thread_;
};

} // namespace troupe::link
