// The dialling end of a link: one peer, dialled again and again until the client is destroyed.
#pragma once

#include "link/identity.hpp"
#include "link/session.hpp"

#include <functional>

namespace troupe::link {

class link_thread;

/// All are called on the client's own thread, one at a time. They must not block, and not destroy
/// the client.
struct client_events {
  std::function<void(std::shared_ptr<session>, shared_bytes welcome)> welcome;
  std::function<void(session&, frame)> received;
  /// Exactly once for each welcome; nothing of that session follows it. Also when the client is
  /// destroyed.
  std::function<void(session&, error)> closed;
  /// A dial that came to nothing; another follows. Unset: a warning in the log whenever the reason
  /// changes.
  std::function<void(const error&)> failed = {};
};

class client {
public:
  /// Fails only where the files of the identity are no good. `make_hello` is asked, on the client's
  /// thread, at each dial.
  static result<std::unique_ptr<client>> dial(std::string address, std::string expected_peer_name,
                                              identity self,
                                              std::function<shared_bytes()> make_hello,
                                              client_events on, limits bounds = {});
  /// Tells the peer, and waits a moment for it.
  ~client();

private:
  explicit client(std::unique_ptr<link_thread> thread);

  std::unique_ptr<link_thread> thread_;
};

} // namespace troupe::link
