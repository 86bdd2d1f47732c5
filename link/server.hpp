// The listening end of links: agents dial in, show a certificate of our authority, and join with a
// hello.
#pragma once

#include "link/identity.hpp"
#include "link/session.hpp"

#include <cstdint>
#include <functional>

namespace troupe::link {

class link_thread;

/// All are called on the server's own thread, one at a time. They must not block, and not destroy
/// the server.
struct server_events {
  /// A verified peer wants in: answer with the welcome, or with the error that it will see. The
  /// same peer may join again before its old session is known to be dead; which of the two counts
  /// is the callee's choice (session::close).
  std::function<result<shared_bytes>(std::shared_ptr<session>, shared_bytes hello)> joined;
  std::function<void(session&, frame)> received;
  /// Exactly once for each session that `joined` let in; nothing follows it. Also when the server
  /// is destroyed.
  std::function<void(session&, error)> closed;
  /// A connection that never joined, in one line. Unset: a warning in the log. A flood is summed
  /// up.
  std::function<void(std::string line)> turned_away = {};
};

class server {
public:
  /// `address` is host:port; * is every interface, port 0 a free one.
  static result<std::unique_ptr<server>> listen(std::string address, identity self,
                                                server_events on, limits bounds = {});
  /// Tells the peers, and waits a moment for those that live.
  ~server();

  uint16_t port() const { return port_; }

private:
  server(std::unique_ptr<link_thread> thread, uint16_t port);

  std::unique_ptr<link_thread> thread_;
  uint16_t port_;
};

} // namespace troupe::link
