// What a link takes from its peer, in bytes and in time. Every wait and every buffer of link/ has
// its bound here.
#pragma once

#include <chrono>
#include <cstddef>

namespace troupe::link {

struct limits {
  /// The largest frame sent or taken, and the largest hello and welcome.
  size_t frame_bytes_max = size_t{64} << 20;
  /// What may wait for one peer's acknowledgement before the session is given up.
  size_t outgoing_bytes_max = size_t{128} << 20;
  /// How often each side shows that it lives.
  std::chrono::milliseconds heartbeat{1000};
  /// A peer from which not one byte came for so long is gone.
  std::chrono::milliseconds silence{5000};
  /// From the connection to the welcome.
  std::chrono::milliseconds handshake{5000};
  /// Between two dials: the first wait, doubled up to the last.
  std::chrono::milliseconds redial_first{100};
  std::chrono::milliseconds redial_last{5000};
  /// Peers that a server serves at a time.
  size_t sessions_max = 10'000;
  /// Connections that have not joined yet; one more turns the oldest of them away.
  size_t strangers_max = 64;
};

} // namespace troupe::link
