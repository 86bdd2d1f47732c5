// One thread that waits for everything at once: the sockets of shims, their ends, timers, changed
// files, and work that other threads post. A node with hundreds of replicas needs no thread for
// any of them.
#pragma once

#include "base/descriptor.hpp"
#include "base/error.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace troupe::runtime {

class reactor {
public:
  static result<std::unique_ptr<reactor>> create();
  /// Work that was posted and not begun is dropped. Attempts must be destroyed before.
  ~reactor();
  reactor(const reactor&) = delete;

  /// From any thread: runs `work` soon on the reactor's thread, in the order of posting.
  void post(std::function<void()> work);
  /// From any thread: runs `work` there and waits for it.
  void run(std::function<void()> work);

  // The rest is for the reactor's thread only.
  using ticket = uint64_t; // 0: none

  /// Calls `ready` whenever `fd` can be read or is closed by its peer.
  ticket watch(int fd, std::function<void()> ready);
  ticket after(std::chrono::milliseconds delay, std::function<void()> due);
  /// Calls `changed` whenever a file in `directory` is written, made or renamed. 0 if the system's
  /// watches are used up.
  ticket watch_files(const std::filesystem::path& directory, std::function<void()> changed);
  /// The callback of the ticket is never called again. Harmless for a ticket that is over.
  void drop(ticket);

private:
  using clock = std::chrono::steady_clock;
  using callback = std::shared_ptr<std::function<void()>>;

  reactor() = default;
  void loop();
  void run_posted();
  void run_timers();
  void read_file_events();
  int wait_ms() const;

  unique_fd epoll_, wake_, inotify_;
  std::thread thread_;
  std::atomic<bool> ending_ = false;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  ticket last_ = 0;
  std::unordered_map<ticket, std::pair<int, callback>> descriptors_;
  std::unordered_map<ticket, std::pair<int, callback>> files_;
  std::unordered_map<int, ticket> file_tickets_;
  std::map<std::pair<clock::time_point, ticket>, callback> timers_;
  std::unordered_map<ticket, clock::time_point> due_;
};

} // namespace troupe::runtime
