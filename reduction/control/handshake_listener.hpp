// The listening side of the handshake: accepts connections, asks each caller for proof, and hands
// on those that know their job's token. Port scanners, silent callers and those with a wrong token
// are dropped; each costs a file descriptor for a few seconds, and nothing else.
#pragma once

#include "reduction/control/event_log.hpp"
#include "reduction/control/socket.hpp"

#include <functional>
#include <list>
#include <optional>

struct pollfd;

namespace troupe::reduction {

class handshake_listener {
public:
  struct candidate {
    hello identity;
    frame_socket control;
    std::string from; // its address
  };
  struct rules {
    uint32_t handshake_timeout_ms = 5'000;
    /// The token of a job; nothing if this process does not serve the job.
    std::function<std::optional<std::string>(const std::string& job)> token_of;
    /// Admits the candidate, or returns the objection; the candidate then receives it and is
    /// dropped.
    std::function<std::optional<rejection>(candidate& newcomer)> admit;
  };

  /// `log` may be null.
  handshake_listener(rules chosen, event_log* log) : rules_(std::move(chosen)), log_(log) {}
  result<> listen(const host_port& address);
  socket_address address() const { return local_address(listener_.value()); }
  void add_poll_fds(std::vector<pollfd>& out) const;
  void serve(time_point now);
  void close();

private:
  struct stranger {
    frame_socket control;
    nonce server_nonce;
    std::string from;
    time_point deadline;
  };
  void accept_strangers(time_point now);
  bool receive_hello(stranger& caller, time_point now);
  bool turn_away(stranger& caller, const rejection& why);
  void log_drop(std::string_view from, std::string_view reason);

  rules rules_;
  event_log* log_;
  unique_fd listener_;
  std::list<stranger> strangers_;
  uint64_t dropped_ = 0;
};

/// Text from a member of a job, made fit for a log line: without control characters and quotes, and
/// short.
std::string printable(std::string text);

} // namespace troupe::reduction
