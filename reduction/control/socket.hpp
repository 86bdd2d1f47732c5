// The control channel's plumbing: addresses, a listener, and a non-blocking TCP connection that
// carries length-checked frames. The meaning of the frames is unknown here.
#pragma once

#include "base/descriptor.hpp"
#include "base/thread_annotations.hpp"
#include "reduction/control/protocol.hpp"

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::reduction {

using steady_clock = std::chrono::steady_clock;
using time_point = steady_clock::time_point;
using std::chrono::milliseconds;

struct host_port {
  std::string host; // a name, an IPv4 address, or an IPv6 address without brackets
  uint16_t port = 0;

  std::string text() const;
  bool operator==(const host_port&) const = default;
};

/// Reads "host:port" or "[v6 address]:port".
result<host_port> parse_host_port(std::string_view text);

/// Reads "host:port,host:port".
result<std::vector<host_port>> parse_host_ports(std::string_view list);

/// A socket address as the kernel takes it.
struct socket_address {
  alignas(8) std::array<std::byte, 128> storage{};
  uint32_t length = 0;

  std::string text() const; // "192.0.2.7:4242"
  uint16_t port() const;
};

/// Errors: unavailable, if the name does not resolve now.
result<socket_address> resolve(const host_port& address);
/// The name of the network interface from which this machine would send to `target`. Nothing is
/// sent.
result<std::string> interface_toward(const socket_address& target);
/// The name of the network interface that owns this connection's local address.
result<std::string> interface_of(int connected_fd);

/// The other side's IPv4 address in network order; nothing where it has none.
std::optional<uint32_t> peer_ipv4(int connected_fd);
/// This side's.
std::optional<uint32_t> own_ipv4(int connected_fd);

/// Held while a listener of this process is opened: am_worker, which looks for UCX's new listener,
/// must not find one of ours meanwhile.
checked_mutex& listening_mutex();

/// Listens on the address, port 0 for any. Errors: unavailable, naming the address.
result<unique_fd> listen_on(const host_port& address);
socket_address local_address(int fd);
/// One waiting connection, or nothing.
std::optional<std::pair<unique_fd, socket_address>> accept_one(int listener);

struct frame {
  frame_type type{};
  byte_vector payload;
};

/// A non-blocking connection. It never blocks and never throws; once lost() is true it stays so.
class frame_socket {
public:
  frame_socket() = default;
  explicit frame_socket(unique_fd fd);
  /// Starts to connect; if that fails, the next send or receive loses the connection.
  static result<frame_socket> connect_to(const socket_address& target);

  int fd() const { return fd_.value(); }
  bool is_open() const { return static_cast<bool>(fd_); }
  bool lost() const { return !lost_.empty(); }
  /// Why it was lost, in words: "the connection was closed", "Connection reset by peer".
  const std::string& lost_reason() const { return lost_; }
  bool has_output() const { return !out_.empty(); }

  /// Queues the frame and writes as much as the kernel takes at once.
  void send(frame_type type, byte_span payload = {});
  void flush();
  /// Reads the bytes that have arrived and returns the complete frames. A frame that is too long
  /// loses the connection. `limit_bytes` bounds a frame's length.
  std::vector<frame> receive(uint32_t limit_bytes = max_frame_bytes);
  /// Announces that nothing more will be sent, so that the other side reads everything before the
  /// end.
  void finish_sending();
  void close() { fd_ = unique_fd(); }

private:
  void lose(std::string reason);

  unique_fd fd_;
  byte_vector in_;
  byte_vector out_;
  std::string lost_;
};

} // namespace troupe::reduction
