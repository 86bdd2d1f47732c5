// One live peer, as the rest of the program sees it: a handle that any thread may use and keep. It
// never blocks and never throws; once the session is closed, it does nothing.
#pragma once

#include "base/error.hpp"
#include "link/frame.hpp"
#include "link/limits.hpp"

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace troupe::link {

class connection;
class link_loop;

class session : public std::enable_shared_from_this<session> {
public:
  session(std::string peer_name, const limits& bounds, std::shared_ptr<link_loop> loop);

  /// In order. A frame beyond frame_bytes_max, or one too many for outgoing_bytes_max, closes the
  /// session.
  void send(frame next);

  /// The peer gets what was sent before, and the reason. `closed` is called soon after, on the
  /// link's thread.
  void close(std::string reason);

  /// The name in the peer's certificate.
  const std::string& peer_name() const { return peer_name_; }

private:
  friend class connection;

  struct ending {
    error reason;
    bool flush; // the peer is thought to be alive, and is owed what is still queued
  };

  // For the connection, on the link's thread.
  std::vector<frame> take(size_t bytes_max);
  std::optional<ending> take_ending();
  void acknowledge(size_t frame_bytes);
  void shut();

  void end(error reason, bool flush);
  void wake();

  const std::string peer_name_;
  const size_t frame_bytes_max_;
  const size_t outgoing_bytes_max_;
  const std::shared_ptr<link_loop> loop_;
  connection* line_ = nullptr; // only touched on the link's thread

  std::mutex mutex_;
  bool open_ = true;
  bool waking_ = false;
  std::deque<frame> outgoing_;
  size_t unacknowledged_bytes_ = 0;
  std::optional<ending> ending_;
};

} // namespace troupe::link
