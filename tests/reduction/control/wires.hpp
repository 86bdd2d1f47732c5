// Control connections for tests of the control parts: a pair of connected frame_sockets, and a
// caller that goes through the handshake. Everything is served from the test's own thread.
#pragma once

#include "reduction/control/socket.hpp"

#include <deque>
#include <functional>

namespace troupe::reduction::test {

/// Two ends of one TCP connection over the loopback.
struct wire {
  wire();
  frame_socket here;
  frame_socket there;
};

/// One side of a control connection. While it waits for a frame it calls `serve` again and again.
class caller {
public:
  explicit caller(
      frame_socket control, std::function<void()> serve = [] {});
  static caller to(
      const socket_address& address, std::function<void()> serve = [] {});

  /// The next frame that is no heartbeat; nothing where the connection is lost or stays silent for
  /// ten seconds.
  std::optional<frame> next();
  void send(frame_type type, byte_span payload = {}) { control_.send(type, payload); }
  /// Answers the challenge with this hello, proven by the token.
  void introduce(hello identity, std::string_view token);
  void close() { control_.close(); }
  const nonce& own_nonce() const { return own_nonce_; }

private:
  frame_socket control_;
  std::function<void()> serve_;
  std::deque<frame> received_;
  nonce own_nonce_{};
};

/// A hello of the job "job-1".
hello hello_of(uint32_t rank, uint32_t world_size);

} // namespace troupe::reduction::test
