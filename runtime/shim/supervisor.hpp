// One shim: runs the steps of one replica, keeps its log, ends everything it started, and leaves
// the end in the file `status`. It needs no agent; agents connect to its socket, receive
// its state, and may order it to stop.
#pragma once

#include "runtime/shim/log_writer.hpp"
#include "runtime/shim/order.hpp"
#include "runtime/shim/status.hpp"

#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace troupe::runtime::shim {

/// The descriptor at which a shim finds its listening socket.
inline constexpr int listener_fd = 3;

class supervisor {
public:
  explicit supervisor(std::string directory);
  /// Returns when the replica's end is on disk and reported.
  int run();

private:
  bool claim();
  bool prepare();
  void start_step();
  void loop();
  void reap();
  void read_output(bool is_stderr, bool to_the_end);
  void accept_agent();
  void hear_agent(int fd);
  void stop(int64_t grace_ms);
  void kill_if_due();
  void end(status how);
  void store_end();
  void tell(int fd, const status&);
  int wait_ms() const;
  std::string stderr_tail() const;
  std::string path(const char* name) const { return directory_ + '/' + name; }

  std::string directory_;
  order order_;
  std::unique_ptr<log_writer> log_;
  size_t step_ = 0;
  pid_t child_ = 0;
  int pipes_[2][2] = {{-1, -1}, {-1, -1}}; // [is_stderr][0: our end, 1: the replica's]
  int epoll_ = -1;
  int signals_ = -1;
  int reserved_ = -1;
  std::vector<int> agents_;
  std::vector<char> buffer_;
  std::string stderr_end_;
  std::optional<status> running_;
  std::optional<status> ended_;
  std::optional<uint64_t> memory_kills_; // before the program ran
  int64_t kill_at_ms_ = -1;
  bool stopping_ = false;
};

} // namespace troupe::runtime::shim
